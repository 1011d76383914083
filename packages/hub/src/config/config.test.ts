import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FirmaError } from '../errors.ts'
import { type Config, type Flags, readConfig } from './config.ts'

const HEX = 'ab'.repeat(32)
const SECRET = 'a-secret-that-nobody-guesses-1234'

async function createFolder(files: Record<string, string> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firma-config-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

async function read(
  flags: Flags,
  variables: Record<string, string> = {},
  files: Record<string, string> = {},
): Promise<Config> {
  return await readConfig(flags, { variables, folder: await createFolder(files) })
}

async function refusalOf(...args: Parameters<typeof read>): Promise<string> {
  const error = await read(...args).catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(FirmaError)
  expect((error as FirmaError).code).toBe('configuration_invalid')
  return (error as FirmaError).message
}

function json(content: object): Record<string, string> {
  return { 'firma.config.json': JSON.stringify(content) }
}

describe('readConfig', () => {
  it('has defaults that reach no network but this machine', async () => {
    expect(await read({})).toEqual({
      mode: 'demo',
      port: 4_000,
      host: '127.0.0.1',
      dataFolder: 'data',
      logLevel: 'warn',
      proxies: 0,
      allowedRanges: [],
      rateLimits: { perKey: 6_000, perAddress: 300 },
      metrics: 'operator',
      auditDays: 400,
      baseUrl: undefined,
      databaseUrl: undefined,
      encryptionKeys: undefined,
      operatorKey: undefined,
      senderThreads: undefined,
      environments: [],
      file: undefined,
    })
  })

  it('reads the variables', async () => {
    const config = await read(
      {},
      {
        FIRMA_MODE: 'production',
        FIRMA_PORT: '8080',
        FIRMA_HOST: '0.0.0.0',
        FIRMA_DATA: '/var/lib/firma',
        FIRMA_LOG_LEVEL: 'debug',
        FIRMA_BASE_URL: 'https://connect.example.com/',
        DATABASE_URL: 'postgres://u:p@db/firma',
        FIRMA_ENCRYPTION_KEYS: `k2:${HEX},k1:${HEX}`,
        FIRMA_ALLOWED_RANGES: '10.20.0.0/16, fd00::/8',
        FIRMA_RATE_LIMITS: 'perAddress:60',
        FIRMA_METRICS: 'loopback',
        FIRMA_AUDIT_DAYS: '30',
        FIRMA_SENDER_THREADS: '2',
        UNRELATED: 'x',
      },
    )
    expect(config).toMatchObject({
      mode: 'production',
      port: 8_080,
      host: '0.0.0.0',
      dataFolder: '/var/lib/firma',
      logLevel: 'debug',
      baseUrl: 'https://connect.example.com',
      allowedRanges: ['10.20.0.0/16', 'fd00::/8'],
      rateLimits: { perKey: 6_000, perAddress: 60 },
      metrics: 'loopback',
      auditDays: 30,
      senderThreads: 2,
    })
    expect(config.databaseUrl?.reveal()).toBe('postgres://u:p@db/firma')
    expect(config.encryptionKeys?.reveal().primaryId).toBe('k2')
    expect(JSON.stringify(config)).not.toContain(HEX)
  })

  it('lets a flag win over its variable, a variable over the file, the file over the default', async () => {
    const files = json({ port: 3, host: 'file', logLevel: 'error' })
    const config = await read({ port: '1' }, { FIRMA_PORT: '2', FIRMA_HOST: 'variable' }, files)
    expect(config).toMatchObject({ port: 1, host: 'variable', logLevel: 'error', mode: 'demo' })
  })

  it('takes a variable that is set to nothing for one that is not set', async () => {
    const variables = { FIRMA_PORT: '', FIRMA_HOST: '', FIRMA_DATA: '', FIRMA_LOG_LEVEL: '' }
    expect(await read({}, variables)).toEqual(await read({}))
  })

  it.each(['0', '1', '65533', '04000'])('accepts the port %s', async (port) => {
    expect((await read({ port })).port).toBe(Number(port))
  })

  it.each(['65534', '70000', '-1', '1.5', '1e3', '0x10', 'http', '', ' ', 'NaN', '4000 '])(
    'refuses the port %j and says what is allowed',
    async (port) => {
      expect(await refusalOf({ port })).toBe(
        `--port (FIRMA_PORT) is "${port}"; it must be a port number from 0 to 65533`,
      )
    },
  )

  it.each([
    [{ logLevel: 'loud' }, {}, '--log-level (FIRMA_LOG_LEVEL) is "loud"; it must be one of debug,'],
    [{}, { FIRMA_LOG_LEVEL: 'loud' }, '--log-level (FIRMA_LOG_LEVEL) is "loud"'],
    [{ host: '' }, {}, '--host (FIRMA_HOST) is ""; it must not be empty'],
    [{ data: '' }, {}, '--data (FIRMA_DATA) is ""; it must not be empty'],
    [
      { baseUrl: 'connect' },
      {},
      '--base-url (FIRMA_BASE_URL) is "connect"; it must be an address like',
    ],
    [{ baseUrl: 'https://a.example/x' }, {}, 'it must have nothing after host and port'],
    [
      {},
      { FIRMA_MODE: 'prod' },
      '--production (FIRMA_MODE) is "prod"; it must be demo or production',
    ],
    [
      {},
      { FIRMA_RATE_LIMITS: 'perKey=5' },
      'FIRMA_RATE_LIMITS is "perKey=5"; it must be like perKey:6000,perAddress:300',
    ],
    [{}, { FIRMA_RATE_LIMITS: 'perUser:5' }, 'it must be like perKey:6000'],
    [{}, { FIRMA_RATE_LIMITS: 'perKey:0' }, 'it must be like perKey:6000'],
    [{}, { FIRMA_AUDIT_DAYS: '0' }, 'it must be a whole number from 1 to 36500'],
    [{}, { FIRMA_SENDER_THREADS: '17' }, 'it must be a whole number from 0 to 16'],
    [{}, { FIRMA_METRICS: 'all' }, 'it must be operator or loopback'],
    [
      {},
      { FIRMA_ALLOWED_RANGES: '10.0.0.0' },
      'it must be ranges like 10.20.0.0/16; "10.0.0.0" is none',
    ],
    [{}, { FIRMA_ALLOWED_RANGES: '10.0.0.0/33' }, '"10.0.0.0/33" is none'],
    [
      {},
      { DATABASE_URL: 'mysql://secret@x' },
      'DATABASE_URL (its value is not shown); it must be postgres://',
    ],
    [
      {},
      { FIRMA_ENCRYPTION_KEYS: 'k1:abc' },
      'FIRMA_ENCRYPTION_KEYS (its value is not shown); it must be like k1:',
    ],
    [
      {},
      { FIRMA_OPERATOR_KEY: 'short' },
      'FIRMA_OPERATOR_KEY (its value is not shown); it must have at least 24',
    ],
    [
      {},
      { FIRMA_BASEURL: 'x' },
      'FIRMA_BASEURL is no setting of Firma (did you mean FIRMA_BASE_URL?)',
    ],
    [{ config: 'absent.json' }, {}, 'there is no configuration file at '],
  ])('refuses %j with %j', async (flags, variables, message) => {
    expect(await refusalOf(flags, variables)).toContain(message)
  })

  it('reads secrets from files, and refuses both ways at once', async () => {
    const folder = await createFolder({ key: `k1:${HEX}\n`, empty: '\n' })
    const FIRMA_ENCRYPTION_KEYS_FILE = join(folder, 'key')
    const config = await read({}, { FIRMA_ENCRYPTION_KEYS_FILE })
    expect(config.encryptionKeys?.reveal().primaryId).toBe('k1')
    const both = { FIRMA_ENCRYPTION_KEYS_FILE, FIRMA_ENCRYPTION_KEYS: 'x' }
    expect(await refusalOf({}, both)).toContain('are both set; leave one out')
    const empty = { FIRMA_ENCRYPTION_KEYS_FILE: join(folder, 'empty') }
    expect(await refusalOf({}, empty)).toContain('which is empty; write the secret')
    expect(await refusalOf({}, { FIRMA_PORT_FILE: 'x' })).toContain('FIRMA_PORT_FILE is no setting')
  })

  it('takes NODE_ENV=production for production unless told otherwise', async () => {
    expect((await read({}, { NODE_ENV: 'production' })).mode).toBe('production')
    expect((await read({}, { NODE_ENV: 'production', FIRMA_MODE: 'demo' })).mode).toBe('demo')
  })
})

describe('the configuration file', () => {
  const environment = { id: 'acme-prod', apiKey: SECRET }

  it('is TypeScript, a module or JSON, and its paths are its own', async () => {
    const ts = `interface X { port: number }
      const x: X = { port: 8123 }
      export default { ...x, data: 'here' } satisfies { port: number; data: string }`
    const folder = await createFolder({ 'firma.config.ts': ts })
    const config = await readConfig({}, { variables: {}, folder })
    expect(config).toMatchObject({ port: 8_123, dataFolder: join(folder, 'here') })
    expect(config.file).toBe(join(folder, 'firma.config.ts'))
    const module = { 'firma.config.mjs': 'export default { port: 8124 }' }
    expect((await read({}, {}, module)).port).toBe(8_124)
    const named = await read({}, { FIRMA_CONFIG: join(folder, 'firma.config.ts') })
    expect(named.port).toBe(8_123)
  })

  it.each([
    [{ 'firma.config.json': '{"port": secret' }, 'firma.config.json is not JSON'],
    [{ 'firma.config.json': '[]' }, 'must hold one object with settings'],
    [{ 'firma.config.ts': 'export default {' }, 'firma.config.ts cannot be loaded'],
    [
      { 'firma.config.ts': '', 'firma.config.json': '{}' },
      'has firma.config.ts and firma.config.json; keep one',
    ],
    [json({ prot: 1 }), 'firma.config.json: prot is no setting of Firma (did you mean port?)'],
    [json({ port: 'x' }), 'firma.config.json: port is "x"; it must be a port number'],
    [json({ logLevel: 3 }), 'logLevel is 3; it must be one of debug'],
    [json({ environments: {} }), 'environments is {}; it must be a list of environments'],
    [
      json({ environments: [{ ...environment, id: 'A B' }] }),
      'environments.0.id is "A B"; it must be 3 to 63',
    ],
    [
      json({ environments: [{ id: 'acme' }] }),
      'environments.0.apiKey is missing; it must be { "env": "NAME" }',
    ],
    [
      json({ environments: [{ ...environment, apikey: 1 }] }),
      'environments.0.apikey is no setting of Firma (did you mean apiKey?)',
    ],
    [
      json({ environments: [{ id: 'acme', apiKey: { env: 'NOT_SET' } }] }),
      'environments.0.apiKey names the variable NOT_SET, which is not set',
    ],
    [
      json({ environments: [{ id: 'acme', apiKey: { file: 'gone' } }] }),
      'environments.0.apiKey names the file',
    ],
    [
      json({ environments: [{ id: 'acme', apiKey: 'short' }] }),
      'is too short; it must have at least 24 characters',
    ],
    [json({ environments: [environment, environment] }), '"acme-prod" is declared twice'],
    [
      json({
        environments: [
          { ...environment, providers: { GARMN: { clientId: 'x', clientSecret: 'y' } } },
        ],
      }),
      'environments.0.providers.GARMN: the catalog has no such provider (did you mean GARMIN?)',
    ],
    [
      json({
        environments: [{ ...environment, destinations: [{ url: 'nowhere', secret: SECRET }] }],
      }),
      'environments.0.destinations.0.url is "nowhere"; it must be an address like',
    ],
  ])('is refused as %j', async (files, message) => {
    const refusal = await refusalOf({}, {}, files)
    expect(refusal).toContain(message)
    expect(refusal).not.toContain(SECRET)
  })

  it('declares environments with their secrets from variables and files', async () => {
    const files = {
      ...json({
        environments: [
          {
            ...environment,
            apiKey: { env: 'ACME_KEY' },
            providers: { GARMIN: { clientId: 'id', clientSecret: { file: 'garmin' } } },
            destinations: [{ url: 'https://app.example/webhook', secret: SECRET }],
          },
        ],
      }),
      garmin: 'tiny\n',
    }
    const { environments } = await read({}, { ACME_KEY: SECRET }, files)
    const [declared] = environments
    expect(declared?.apiKey.reveal()).toBe(SECRET)
    expect(declared?.providers[0]?.clientSecret.reveal()).toBe('tiny')
    expect(declared?.destinations[0]).toMatchObject({ url: 'https://app.example/webhook' })
    expect(JSON.stringify(environments)).not.toContain(SECRET)
  })
})
