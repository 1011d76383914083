/**
 * Reads the hub's settings: flag before variable before configuration file before default. The only
 * reader of the environment's variables beside `cli/receive/config.ts`, for `firma receive`.
 */
import { isAbsolute, join } from 'node:path'
import { z } from 'zod'
import { RATE_LIMITS } from '../core/rate-limits.ts'
import { FirmaError } from '../errors.ts'
import {
  type DeclaredEnvironment,
  ENVIRONMENTS,
  type EnvironmentDeclaration,
  readDeclared,
  readSecretFile,
} from './declared.ts'
import { type ConfigFile, readConfigFile } from './file.ts'
import { suggest } from '../core/nearest.ts'
import { SETTINGS, type Setting, type SettingKey } from './settings.ts'

type Values = { readonly [K in SettingKey]: z.output<(typeof SETTINGS)[K]['schema']> }

/** Settings that have no default. */
type Optional = 'baseUrl' | 'databaseUrl' | 'encryptionKeys' | 'operatorKey' | 'senderThreads'

export interface Config extends Omit<Values, Optional | 'data'> {
  readonly dataFolder: string
  /** Absent in the demo, where the hub is reached at the address it listens on. */
  readonly baseUrl: Values['baseUrl'] | undefined
  readonly databaseUrl: Values['databaseUrl'] | undefined
  /** Absent: the key file of the data folder. */
  readonly encryptionKeys: Values['encryptionKeys'] | undefined
  readonly operatorKey: Values['operatorKey'] | undefined
  /** Absent: as many as the machine has processors for. */
  readonly senderThreads: Values['senderThreads'] | undefined
  readonly environments: readonly DeclaredEnvironment[]
  /** Path of the configuration file that was read. */
  readonly file: string | undefined
}

/** What `firma.config.ts` exports and `firma.config.json` holds. */
export type FirmaConfig = {
  readonly [K in SettingKey]?: z.input<(typeof SETTINGS)[K]['schema']> | undefined
} & { readonly environments?: readonly EnvironmentDeclaration[] }

/** The flags of commands that read the hub's settings; absent ones leave the variable or what follows. */
export interface Flags {
  readonly production?: boolean | undefined
  readonly port?: string | undefined
  readonly host?: string | undefined
  readonly data?: string | undefined
  readonly logLevel?: string | undefined
  readonly baseUrl?: string | undefined
  readonly config?: string | undefined
}

export interface ConfigSources {
  readonly variables?: NodeJS.ProcessEnv
  /** Where a configuration file is looked for. */
  readonly folder?: string
}

/** @throws FirmaError `configuration_invalid`, naming the setting, its value and what is allowed. */
export async function readConfig(flags: Flags, sources: ConfigSources = {}): Promise<Config> {
  const { variables = process.env, folder = process.cwd() } = sources
  checkVariables(variables)
  const file = await readConfigFile(
    flags.config ?? (variables['FIRMA_CONFIG'] || undefined),
    folder,
  )
  if (file !== undefined) checkKeys(file)
  const reader = new Reader(flags, variables, file)
  return {
    mode: reader.need('mode', 'demo'),
    port: reader.need('port', 4_000),
    host: reader.need('host', '127.0.0.1'),
    dataFolder: reader.need('data', 'data'),
    logLevel: reader.need('logLevel', 'warn'),
    proxies: reader.need('proxies', 0),
    allowedRanges: reader.need('allowedRanges', []),
    rateLimits: reader.need('rateLimits', RATE_LIMITS),
    metrics: reader.need('metrics', 'operator'),
    auditDays: reader.need('auditDays', 400),
    baseUrl: reader.find('baseUrl'),
    databaseUrl: reader.find('databaseUrl'),
    encryptionKeys: reader.find('encryptionKeys'),
    operatorKey: reader.find('operatorKey'),
    senderThreads: reader.find('senderThreads'),
    environments: file === undefined ? [] : readEnvironments(file, variables),
    file: file?.path,
  }
}

/** A value with how it is named in complaints. */
interface Given {
  readonly value: unknown
  readonly name: string
}

class Reader {
  readonly #flags: Readonly<Record<string, unknown>>
  readonly #variables: NodeJS.ProcessEnv
  readonly #file: ConfigFile | undefined

  constructor(flags: Flags, variables: NodeJS.ProcessEnv, file: ConfigFile | undefined) {
    this.#flags = { ...flags, mode: flags.production === true ? 'production' : undefined }
    this.#variables = variables
    this.#file = file
  }

  need<K extends SettingKey>(key: K, fallback: Values[K]): Values[K] {
    const found = this.find(key)
    return found === undefined ? fallback : found
  }

  find<K extends SettingKey>(key: K): Values[K] | undefined {
    const setting: Setting = SETTINGS[key]
    const given = this.#given(key, setting)
    if (given === undefined) return undefined
    const result = setting.schema.safeParse(given.value)
    // The schema is that of this key.
    if (result.success) return result.data as Values[K]
    const found = setting.isSecret ? '(its value is not shown)' : `is ${toText(given.value)}`
    throw invalid(`${given.name} ${found}; it ${result.error.issues[0]?.message}`)
  }

  #given(key: SettingKey, setting: Setting): Given | undefined {
    const { variable, flag } = setting
    const name = flag === undefined ? variable : `${flag} (${variable})`
    const value = this.#flags[key]
    if (value !== undefined) return { value, name }
    const text = readVariable(variable, setting, this.#variables)
    if (text !== undefined) return { value: text, name }
    if (key === 'mode' && this.#variables['NODE_ENV'] === 'production') {
      return { value: 'production', name: 'NODE_ENV' }
    }
    return this.#fromFile(key)
  }

  #fromFile(key: SettingKey): Given | undefined {
    if (this.#file === undefined) return undefined
    const { content, path, folder } = this.#file
    const value = content[key]
    if (value === undefined) return undefined
    const isPath = key === 'data' && typeof value === 'string' && value !== ''
    const absolute = isPath && !isAbsolute(value) ? join(folder, value) : value
    return { value: absolute, name: `${path}: ${key}` }
  }
}

/** The variable's text, or that of the file that it names. `NAME=` is how one says "not set". */
function readVariable(
  name: string,
  { isSecret }: Setting,
  variables: NodeJS.ProcessEnv,
): string | undefined {
  const given = variables[name] || undefined
  const path = isSecret ? variables[`${name}_FILE`] || undefined : undefined
  if (path === undefined) return given
  if (given !== undefined) throw invalid(`${name} and ${name}_FILE are both set; leave one out`)
  return readSecretFile(`${name}_FILE is`, path)
}

/** Variables of Firma that are not settings of the hub. */
const OTHER_VARIABLES = [
  'FIRMA_CONFIG',
  'FIRMA_URL',
  'FIRMA_DEV_ID',
  'FIRMA_API_KEY',
  'FIRMA_PROFILE',
]
/** Begins the names of variables that are read elsewhere. */
const OTHER_PREFIXES = /^FIRMA_(?:RECEIVE_|TEST_|BENCH_|PG_|POSTGRES_|CHROMIUM)/

/** Without this, a name with a typing error would leave its setting off without a word. */
function checkVariables(variables: NodeJS.ProcessEnv): void {
  const settings: Setting[] = Object.values(SETTINGS)
  const known = settings.flatMap(({ variable, isSecret }) =>
    isSecret === true ? [variable, `${variable}_FILE`] : [variable],
  )
  known.push(...OTHER_VARIABLES)
  for (const name of Object.keys(variables)) {
    if (!name.startsWith('FIRMA_') || OTHER_PREFIXES.test(name) || known.includes(name)) continue
    throw invalid(
      `${name} is no setting of Firma${suggest(name, known)}; see docs/configuration.md`,
    )
  }
}

function checkKeys({ content, path }: ConfigFile): void {
  const known = [...Object.keys(SETTINGS), 'environments']
  for (const key of Object.keys(content)) {
    if (known.includes(key)) continue
    throw invalid(`${path}: ${key} is no setting of Firma${suggest(key, known)}`)
  }
}

function readEnvironments(file: ConfigFile, variables: NodeJS.ProcessEnv): DeclaredEnvironment[] {
  const result = ENVIRONMENTS.safeParse(file.content['environments'] ?? [])
  if (!result.success) throw invalid(`${file.path}: ${explain(result.error, file.content)}`)
  try {
    return readDeclared(result.data, { variables, folder: file.folder })
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    const { cause } = error
    throw new FirmaError(error.code, `${file.path}: ${error.message}`, { cause })
  }
}

/** Keys of the declared objects, for suggestions. */
const DECLARED_KEYS =
  'id name apiKey matchPolicy failedAuthShape isProduction connect confirmation accountPolicy redirects providers destinations clientId clientSecret noticeKey secrets overrides url secret eventTypes wantsExtensions timeoutMs concurrency retries baseSeconds capSeconds windowHours headers schemes allowList env file'.split(
    ' ',
  )

function explain(error: z.ZodError, content: ConfigFile['content']): string {
  const [issue] = error.issues
  const place = ['environments', ...(issue?.path ?? [])].map(String).join('.')
  if (issue?.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    return `${place}.${key} is no setting of Firma${suggest(key, DECLARED_KEYS)}`
  }
  let value: unknown = content['environments']
  for (const step of issue?.path ?? []) value = (value as Record<PropertyKey, unknown>)?.[step]
  // A secret by mistake in the wrong place must not be quoted either.
  const isSecret = /secret|key$/i.test(place)
  const found =
    value === undefined
      ? 'is missing'
      : isSecret
        ? '(its value is not shown)'
        : `is ${toText(value)}`
  const must = issue?.message ?? 'is not allowed'
  return `${place} ${found}; it ${must.startsWith('must') ? must : `must be right: ${must}`}`
}

function toText(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : JSON.stringify(value)
}

function invalid(message: string): FirmaError {
  return new FirmaError('configuration_invalid', message)
}
