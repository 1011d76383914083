import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { signStandardWebhooks, signTerra } from 'firma-receiver'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { judgeClock } from '../../src/cli/doctor/checks.ts'
import { startProduction } from '../../src/cli/production.ts'
import { createLog } from '../../src/system.ts'
import { createFolder, refusalOf, runCommand } from './run-command.ts'

const BODY = '{"type":"auth","user":{"user_id":"u-1"}}'
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const AT = 1_732_330_000

async function verify(options: {
  body?: string
  secret?: string
  header?: string
  args?: string[]
}) {
  const { body = BODY, secret = SECRET, args = [] } = options
  const signature = await signTerra({ secret: SECRET, timestampSeconds: AT, body: BODY })
  const header = options.header ?? `X-Terra-Signature: ${signature}`
  const result = await runCommand(['verify', '-H', header, ...args], {
    input: body,
    variables: { FIRMA_SIGNING_SECRET: secret },
  })
  return { ...result, answer: result.stdout === '' ? undefined : JSON.parse(result.stdout) }
}

describe('firma verify', () => {
  it('says that a signature is right, and how old', async () => {
    const { exitCode, answer } = await verify({ args: ['--at', String(AT + 20)] })
    expect(exitCode).toBe(0)
    expect(answer).toMatchObject({ valid: true, scheme: 'terra', age_seconds: 20 })
  })

  it('knows Standard Webhooks too', async () => {
    const signature = await signStandardWebhooks({
      secret: SECRET,
      id: 'e-1',
      timestampSeconds: AT,
      body: BODY,
    })
    const { answer } = await verify({
      header: 'webhook-id: e-1',
      args: ['-H', `webhook-timestamp: ${AT}`, '-H', `Webhook-Signature: ${signature}`],
    })
    expect(answer).toMatchObject({ valid: true, scheme: 'standard-webhooks' })
  })

  it.each([
    [{ body: `${BODY}\n` }, 'a line break at its end'],
    [{ body: `\uFEFF${BODY}` }, 'byte order mark'],
    [{ body: JSON.stringify(JSON.parse(BODY), null, 2) }, 'written again with indentation'],
    [{ secret: `"${SECRET}"` }, 'quotation marks'],
    [{ secret: SECRET.slice('whsec_'.length) }, 'lacks its beginning'],
  ])('finds out what happened to %j', async (options, cause) => {
    const { exitCode, answer } = await verify(options)
    expect(exitCode).toBe(1)
    expect(answer).toMatchObject({ valid: false, reason: 'signature_mismatch' })
    expect(answer.found).toContain(cause)
  })

  it('names every other reason', async () => {
    const { answer } = await verify({ body: 'something else' })
    expect(answer.found).toBeUndefined()
    expect(answer.message).toContain('matches none')
    const old = await verify({ args: ['--tolerance', '300'] })
    expect(old.answer).toMatchObject({ valid: false, reason: 'timestamp_too_old' })
    const none = await verify({ header: 'content-type: application/json' })
    expect(none.answer).toMatchObject({ valid: false, reason: 'header_missing' })
    const odd = await verify({ header: 'x-terra-signature: nonsense' })
    expect(odd.answer).toMatchObject({ valid: false, reason: 'header_malformed' })
  })

  it('refuses wrong calls', async () => {
    const header = ['-H', 'x-terra-signature: t=1']
    expect(await refusalOf(['verify'], 2)).toContain("required option '-H, --header <header>'")
    expect(await refusalOf(['verify', ...header], 2)).toContain('no signing secret: set')
    expect(await refusalOf(['verify', '-H', 'nonsense', '--secret', 'x'], 2)).toContain(
      'must be like',
    )
    const more = ['--secret', 'x']
    expect(await refusalOf(['verify', 'gone.json', ...header, ...more], 2)).toContain(
      'cannot be read',
    )
    expect(await refusalOf(['verify', ...header, ...more, '--tolerance', '0'], 2)).toContain(
      'or off',
    )
    expect(await refusalOf(['verify', ...header, ...more, '--at', 'now'], 2)).toContain(
      'unix seconds',
    )
  })
})

describe('firma init, then start --production', () => {
  it('writes what production needs, and says what else is missing', async () => {
    const folder = await createFolder()
    const args = ['init', '--base-url', 'http://127.0.0.1:4000', '--environment', 'acme-prod']
    const destination = ['--destination', 'http://127.0.0.1:1/webhook']
    const dry = await runCommand([...args, '--dry-run'], { folder, terminal: 80 })
    expect(dry.stdout).toContain('nothing was written')
    expect(await readdir(folder)).toEqual([])
    const { exitCode, stdout } = await runCommand([...args, ...destination], { folder })
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout).files).toContain('secrets/acme-prod.api-key')
    const secret = await stat(join(folder, 'secrets/acme-prod.api-key'))
    expect(secret.mode & 0o777).toBe(0o600)
    expect(await refusalOf(args, 2, { folder })).toContain('exists already')

    const config = await readConfig({ port: '0' }, { variables: {}, folder })
    const hub = await startProduction(config, createLog('silent'))
    expect(hub.added).toEqual([
      'environment acme-prod',
      'destination http://127.0.0.1:1/webhook of acme-prod',
    ])
    const apiKey = (await readFile(join(folder, 'secrets/acme-prod.api-key'), 'utf8')).trim()
    const headers = { 'dev-id': 'acme-prod', 'x-api-key': apiKey }
    const response = await fetch(`${hub.url}/v2/subscriptions`, { headers })
    expect(response.status).toBe(200)
    for (const path of ['/healthz', '/readyz']) {
      expect((await fetch(hub.url + path)).status).toBe(200)
    }
    await hub.close()
    const again = await startProduction(config, createLog('silent'))
    expect(again.added).toEqual([])
    await again.close()
  })

  it.each([
    [
      [],
      'production mode needs a base URL (--base-url, FIRMA_BASE_URL or baseUrl in the configuration file) and encryption keys (FIRMA_ENCRYPTION_KEYS',
    ],
    [['--base-url', 'https://a.example'], 'production mode needs encryption keys'],
  ])('refuses to start with %j alone', async (args, message) => {
    const data = await createFolder()
    const line = await refusalOf(['start', '--production', '--data', data, ...args], 2)
    expect(line).toContain(message)
    expect(await readdir(data)).toEqual([])
  })

  it('wants https where browsers do', async () => {
    const variables = { FIRMA_ENCRYPTION_KEYS: `k1:${'0f'.repeat(32)}` }
    const args = ['start', '--production', '--base-url', 'http://connect.example.com']
    expect(await refusalOf(args, 2, { variables })).toContain('must begin with https://')
  })
})

describe('firma migrate and firma backup', () => {
  it('list, migrate, copy while the hub runs, and check the copy', async () => {
    const folder = await createFolder()
    await runCommand(['init', '--base-url', 'http://127.0.0.1:4000'], { folder })
    const pending = JSON.parse((await runCommand(['migrate', '--dry-run'], { folder })).stdout)
    expect(pending.dry_run).toBe(true)
    expect(pending.migrations[0]).toBe('0001-init.sql')
    const ran = JSON.parse((await runCommand(['migrate'], { folder })).stdout)
    expect(ran.migrations).toEqual(pending.migrations)
    const nothing = await runCommand(['migrate'], { folder, terminal: 80 })
    expect(nothing.stdout).toContain('there is nothing to do')

    const config = await readConfig({ port: '0' }, { variables: {}, folder })
    const hub = await startProduction(config, createLog('silent'))
    const copy = join(folder, 'copy.sqlite')
    const { exitCode, stdout } = await runCommand(['backup', copy], { folder })
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ file: copy, checked: 'ok' })
    expect(await refusalOf(['migrate'], 2, { folder })).toContain('is in use by another Firma')
    await hub.close()
    const handle = await openSqlite(copy)
    const rows = await handle.exclusive((database) =>
      database.prepare('SELECT id FROM environment').all(),
    )
    await handle.close()
    expect(rows).toEqual([{ id: 'my-app-prod' }])
    expect((await stat(copy)).mode & 0o777).toBe(0o600)
    expect(await refusalOf(['backup', copy], 2, { folder })).toContain('exists; name another file')
    expect(await refusalOf(['backup', '/nowhere/x'], 1, { folder })).toContain(
      'nothing was left there',
    )
    const elsewhere = ['backup', 'x', '--data', join(folder, 'absent')]
    expect(await refusalOf(elsewhere, 2, { folder })).toContain('there is no database at')
  })
})

describe('firma doctor', () => {
  const findingsOf = (stdout: string): Record<string, string> =>
    Object.fromEntries(
      (JSON.parse(stdout) as { check: string; status: string }[]).map((each) => [
        each.check,
        each.status,
      ]),
    )

  it('finds nothing wrong with a demo that was never started', async () => {
    const { exitCode, stdout } = await runCommand(['doctor'])
    expect(findingsOf(stdout)).toEqual({
      configuration: 'ok',
      mode: 'ok',
      'encryption keys': 'ok',
      database: 'ok',
      'disk space': 'ok',
      hub: 'warn',
    })
    expect(exitCode).toBe(0)
  })

  it('examines a hub in production and its destinations', async () => {
    const folder = await createFolder()
    await runCommand(
      ['init', '--base-url', 'http://127.0.0.1:1', '--destination', 'http://127.0.0.1:1/webhook'],
      { folder },
    )
    const { exitCode, stdout } = await runCommand(['doctor'], { folder })
    expect(findingsOf(stdout)).toMatchObject({
      mode: 'ok',
      'providers of my-app-prod': 'warn',
      'destination 127.0.0.1:1': 'fail',
      hub: 'fail',
    })
    expect(stdout).toContain('its address is private, and not allowed')
    expect(exitCode).toBe(1)
    const variables = { FIRMA_ALLOWED_RANGES: '127.0.0.0/8' }
    const allowed = await runCommand(['doctor'], { folder, variables, terminal: 100 })
    expect(allowed.stdout).toMatch(
      /WRONG {5}destination 127\.0\.0\.1:1: cannot be reached from here/,
    )
    expect(allowed.stdout).toContain('checks failed.')
  })

  it('finds damage', async () => {
    const folder = await createFolder()
    await runCommand(['init', '--data', 'data'], { folder })
    await writeFile(
      join(folder, 'data/firma.sqlite'),
      'not a database, and long enough to be read as one',
    )
    await writeFile(join(folder, 'data/keys.json'), '{}')
    const damaged = await runCommand(['doctor'], { folder })
    expect(findingsOf(damaged.stdout)).toMatchObject({
      database: 'fail',
      'encryption keys': 'fail',
      mode: 'fail',
    })
    await writeFile(join(folder, 'firma.config.ts'), 'export default { prot: 1 }')
    const wrong = await runCommand(['doctor'], { folder })
    expect(findingsOf(wrong.stdout)).toEqual({ configuration: 'fail' })
    expect(wrong.exitCode).toBe(1)
  })

  it.each([
    [0, 'ok'],
    [-20_000, 'warn'],
    [20_000, 'warn'],
    [100_000, 'fail'],
  ])('judges a clock that is %i ms off', (offMs, status) => {
    const date = new Date(AT * 1_000).toUTCString()
    expect(judgeClock(date, AT * 1_000 + 500 + offMs).status).toBe(status)
    expect(judgeClock(null, 0).status).toBe('warn')
  })
})

describe('firma completion', () => {
  it.each(['bash', 'zsh', 'fish'])('knows every command for %s', async (shell) => {
    const { exitCode, stdout } = await runCommand(['completion', shell])
    expect(exitCode).toBe(0)
    for (const word of ['start', 'doctor', 'completion', 'production'])
      expect(stdout).toContain(word)
  })

  it('answers the first key in zsh, which only then loads it', async () => {
    const { stdout } = await runCommand(['completion', 'zsh'])
    expect(stdout).toMatch(/^#compdef firma\n/)
    expect(stdout).toMatch(/funcstack\[1\]} != _firma \]\] \|\| _bash_complete .*_firma\n$/)
  })

  it('refuses other shells', async () => {
    expect(await refusalOf(['completion', 'tcsh'], 2)).toContain(
      'Allowed choices are bash, zsh, fish',
    )
    expect(await refusalOf(['completion'], 2)).toContain("missing required argument 'shell'")
  })
})

describe('credentials', () => {
  it('are kept by login, in a file for the owner alone, and forgotten by logout', async () => {
    const folder = await createFolder()
    const args = ['login', '--url', 'http://127.0.0.1:1', '--dev-id', 'x']
    expect(await refusalOf(args, 5, { folder, input: 'key\n' })).toContain('does not answer')
    expect(await refusalOf(args, 2, { folder })).toContain('there is no key on standard input')
    expect(await refusalOf(['login', '--url', 'x'], 2, { folder, input: 'key' })).toContain(
      'must be an address',
    )
    expect(await refusalOf(['logout'], 2, { folder })).toContain('has no such profile')
  })

  it('that are damaged are told without quoting them', async () => {
    const folder = await createFolder()
    await mkdir(join(folder, '.config/firma'), { recursive: true })
    await writeFile(join(folder, '.config/firma/profiles.json'), 'sesame')
    const line = await refusalOf(['logout'], 2, { folder })
    expect(line).toContain('is damaged; remove it and run firma login again')
    expect(line).not.toContain('sesame')
  })
})
