import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readReceiveConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'firma-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SIGNING = { FIRMA_RECEIVE_SIGNING_SECRETS: 'hush' }
const RECONCILE = {
  FIRMA_RECEIVE_RECONCILE_URL: 'https://api.tryterra.co/v2',
  FIRMA_RECEIVE_RECONCILE_DEV_ID: 'dev',
  FIRMA_RECEIVE_RECONCILE_API_KEY: 'hush',
}

function writeSecret(text: string): string {
  const path = join(folder, 'secret')
  writeFileSync(path, text)
  return path
}

describe('readReceiveConfig', () => {
  it('needs no more than a signing secret', () => {
    const config = readReceiveConfig({ ...SIGNING, PATH: '/bin' })
    expect(config).toMatchObject({
      port: 4100,
      host: '127.0.0.1',
      database: { kind: 'sqlite', path: 'data/receiver.sqlite' },
      tablePrefix: 'firma_',
      tolerance: 300,
      apiKey: undefined,
      forward: undefined,
      reconcile: undefined,
    })
    expect(config.signingSecrets.reveal()).toEqual([{ secret: 'hush' }])
    expect(JSON.stringify(config)).not.toContain('hush')
  })

  it.each([
    ['a==,whsec_b/c+=', [{ secret: 'a==' }, { secret: 'whsec_b/c+=' }]],
    [
      '[live]a=b:c, [test-1]d',
      [
        { environment: 'live', secret: 'a=b:c' },
        { environment: 'test-1', secret: 'd' },
      ],
    ],
    ['[][odd', [{ secret: '[odd' }]],
  ])('reads the signing secrets %s', (text, expected) => {
    const { signingSecrets } = readReceiveConfig({ FIRMA_RECEIVE_SIGNING_SECRETS: text })
    expect(signingSecrets.reveal()).toEqual(expected)
  })

  it('reads secrets from files, signing secrets one per line', () => {
    const path = writeSecret('[live]a,b\n[test]c\n')
    const { signingSecrets } = readReceiveConfig({ FIRMA_RECEIVE_SIGNING_SECRETS_FILE: path })
    expect(signingSecrets.reveal()).toEqual([
      { environment: 'live', secret: 'a,b' },
      { environment: 'test', secret: 'c' },
    ])
  })

  it('takes a database of PostgreSQL, no tolerance, and repairs on demand', () => {
    const config = readReceiveConfig({
      ...SIGNING,
      ...RECONCILE,
      FIRMA_RECEIVE_DATABASE: 'postgres://me:hush@db/app',
      FIRMA_RECEIVE_TOLERANCE_SECONDS: 'off',
      FIRMA_RECEIVE_RECONCILE_EVERY_SECONDS: 'off',
    })
    expect(config).toMatchObject({
      database: { kind: 'postgres' },
      tolerance: 'off',
      reconcile: { devId: 'dev', everyMs: undefined },
    })
    expect(JSON.stringify(config)).not.toContain('hush')
  })

  it.each<[NodeJS.ProcessEnv, RegExp]>([
    [{ FIRMA_RECEIVE_SIGNING_SECRETS: '' }, /FIRMA_RECEIVE_SIGNING_SECRETS is not set; set it/],
    [{ FIRMA_RECEIVE_SIGNING_SECRETS: ',' }, /SIGNING_SECRETS .*must be at least one secret/],
    [{ FIRMA_RECEIVE_SIGNING_SECRETS: '[live' }, /must be \[environment\]secret/],
    [{ FIRMA_RECEIVE_SIGNING_SECRETS: '[live]' }, /must be \[environment\]secret/],
    [{ FIRMA_RECEIVE_SIGNING_SECRETS: 'live=hush' }, /with square brackets/],
    [{ FIRMA_RECEIVE_SIGNING_SECRETS_FILE: '/nowhere' }, /both set; leave one out/],
    [{ FIRMA_RECEIVE_API_KEY_FILE: '/nowhere' }, /API_KEY_FILE is "\/nowhere", which cannot be/],
    [{ FIRMA_RECEIVE_PORT_FILE: '/nowhere' }, /FIRMA_RECEIVE_PORT_FILE is no setting/],
    [{ FIRMA_RECEIVE_SIGNING_SECRET: 'x' }, /FIRMA_RECEIVE_SIGNING_SECRET is no setting/],
    [{ FIRMA_RECEIVE_PORT: '65536' }, /PORT is "65536"; it must be a whole number from 0 to 65535/],
    [{ FIRMA_RECEIVE_PORT: '0x50' }, /PORT is "0x50"/],
    [{ FIRMA_RECEIVE_DATABASE: 'mysql://db' }, /DATABASE .*must be a path of an SQLite file/],
    [{ FIRMA_RECEIVE_DATABASE: 'postgres://a:b:c' }, /DATABASE .*must be like postgres:/],
    [{ FIRMA_RECEIVE_TABLE_PREFIX: 'a-b' }, /TABLE_PREFIX is "a-b"; it must be letters/],
    [{ FIRMA_RECEIVE_TOLERANCE_SECONDS: '0' }, /TOLERANCE_SECONDS is "0"; .* or off/],
    [{ FIRMA_RECEIVE_API_KEY: 'short' }, /API_KEY \(its value is not shown\); .*at least 16/],
    [{ FIRMA_RECEIVE_FORWARD_URL: 'app:3000' }, /FORWARD_URL is "app:3000"; it must be an addr/],
    [{ FIRMA_RECEIVE_FORWARD_URL: 'http://a:hush@b/' }, /has a user or a password in it/],
    [{ FIRMA_RECEIVE_FORWARD_URL: 'http://app/' }, /FORWARD_SECRET is not; your app needs it/],
    [{ FIRMA_RECEIVE_FORWARD_SECRET: 'x' }, /FORWARD_URL is not; set both or none/],
    [
      { FIRMA_RECEIVE_FORWARD_URL: 'http://app/', FIRMA_RECEIVE_FORWARD_SECRET: 'whsec_%' },
      /FORWARD_SECRET .*base64 after whsec_/,
    ],
    [{ FIRMA_RECEIVE_FORWARD_TIMEOUT_MS: '60000' }, /from 100 to 50000/],
    [{ FIRMA_RECEIVE_FORWARD_CONCURRENCY: '0' }, /from 1 to 256/],
    [{ FIRMA_RECEIVE_RECONCILE_DEV_ID: 'x' }, /belong together; set all or none/],
    [{ FIRMA_RECEIVE_RECOVER_DESTINATION: 'x' }, /FIRMA_RECEIVE_RECOVER_URL is not/],
    [{ ...RECONCILE, FIRMA_RECEIVE_RECONCILE_EVERY_SECONDS: '5' }, /from 60 to 2000000, or off/],
    [{ ...RECONCILE, FIRMA_RECEIVE_RECONCILE_ENVIRONMENT: 'live' }, /one of the environments/],
    [{ ...RECONCILE, FIRMA_RECEIVE_SIGNING_SECRETS: '[a]x,[b]y' }, /one of the environments.*"a"/],
    [{ FIRMA_RECEIVE_LOG_LEVEL: 'loud' }, /LOG_LEVEL is "loud"; it must be one of debug/],
  ])('refuses %o', (variables, message) => {
    const read = (): unknown => readReceiveConfig({ ...SIGNING, ...variables })
    expect(read).toThrow(message)
    expect(read).not.toThrow(/hush/)
  })
})
