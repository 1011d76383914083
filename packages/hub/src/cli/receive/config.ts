/** Reads the settings of `firma receive`. Each complaint names the variable, its value unless it is secret, and what is allowed. */
import { readFileSync } from 'node:fs'
import type { SigningSecret, Tolerance } from 'firma-receiver'
import { FirmaError } from '../../errors.ts'
import { Redacted } from '../../secret.ts'
import type { LogLevel } from '../../system.ts'
import { readSigningSecrets } from './signing-secrets.ts'
import { PREFIX, SETTINGS, type Setting, type SettingName } from './settings.ts'

export interface ReceiveConfig {
  readonly port: number
  readonly host: string
  readonly database: Database
  readonly tablePrefix: string
  readonly signingSecrets: Redacted<readonly SigningSecret[]>
  readonly tolerance: Tolerance
  /** Absent: the lookup API is closed. */
  readonly apiKey: Redacted<string> | undefined
  /** Absent: events are kept, and nobody is told. */
  readonly forward: ForwardConfig | undefined
  readonly reconcile: ReconcileConfig | undefined
  /** How long handled events are kept, in milliseconds; `undefined`: for ever. */
  readonly retentionMs: number | undefined
  readonly logLevel: LogLevel
}

export type Database =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: Redacted<string> }

export interface ForwardConfig {
  readonly url: string
  readonly secret: Redacted<string>
  readonly timeoutMs: number
  /** Calls at once. */
  readonly callsMax: number
}

export interface ReconcileConfig {
  /** Whose users to ask for; `undefined`: nobody's. */
  readonly url: string | undefined
  /** Whose events to fetch; `undefined`: nobody's. */
  readonly recoverUrl: string | undefined
  /** Whose secret these events are signed with; `undefined`: that of the oldest. */
  readonly recoverDestination: string | undefined
  readonly devId: string
  readonly apiKey: Redacted<string>
  readonly environment: string | undefined
  /** Pause between two, in milliseconds; `undefined`: only on demand. */
  readonly everyMs: number | undefined
}

const API_KEY_LENGTH_MIN = 16
/** A sender may repeat an event as long. */
const RETENTION_DAYS_MIN = 7
const SECONDS_MAX = 2_000_000
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/** @throws FirmaError `configuration_invalid`. */
export function readReceiveConfig(variables: NodeJS.ProcessEnv = process.env): ReceiveConfig {
  const source = new Source(variables)
  const signingSecrets = readSigningSecrets(
    source.need(
      'FIRMA_RECEIVE_SIGNING_SECRETS',
      'set it to the secret that events are signed with',
    ),
    source.isFromFile('FIRMA_RECEIVE_SIGNING_SECRETS'),
    (why) => source.wrong('FIRMA_RECEIVE_SIGNING_SECRETS', why),
  )
  return {
    port: source.number('FIRMA_RECEIVE_PORT', 0, 65_535),
    host: source.need('FIRMA_RECEIVE_HOST', ''),
    database: readDatabase(source),
    tablePrefix: readTablePrefix(source),
    signingSecrets: new Redacted(signingSecrets),
    tolerance: source.numberOrOff('FIRMA_RECEIVE_TOLERANCE_SECONDS', 1) ?? 'off',
    apiKey: readApiKey(source),
    forward: readForward(source),
    reconcile: readReconcile(source, signingSecrets),
    retentionMs: readRetentionMs(source),
    logLevel: readLogLevel(source),
  }
}

/** The variables, with files in place of secrets. */
class Source {
  readonly #variables: NodeJS.ProcessEnv

  constructor(variables: NodeJS.ProcessEnv) {
    this.#variables = variables
    for (const name of Object.keys(variables)) {
      if (!name.startsWith(PREFIX) || isKnown(name)) continue
      // Without this, a name with a typing error would leave its setting off without a word.
      throw invalid(`${name} is no setting of firma receive; see firma receive --help`)
    }
  }

  isFromFile(name: SettingName): boolean {
    return (this.#variables[`${name}_FILE`] ?? '') !== ''
  }

  /** The value, where there is one. `NAME=` in an environment file is how one says "not set". */
  find(name: SettingName): string | undefined {
    const { fallback }: Setting = SETTINGS[name]
    const given = this.#variables[name] || undefined
    if (!this.isFromFile(name)) return given ?? fallback
    if (given !== undefined) throw invalid(`${name} and ${name}_FILE are both set; leave one out`)
    const path = this.#variables[`${name}_FILE`] ?? ''
    let text: string
    try {
      text = readFileSync(path, 'utf8').trim()
    } catch (cause) {
      const what = `${name}_FILE is "${path}", which cannot be read; correct the path or its rights`
      throw new FirmaError('configuration_invalid', what, { cause })
    }
    if (text === '') throw invalid(`${name}_FILE is "${path}", which is empty; write the secret`)
    return text
  }

  need(name: SettingName, fix: string): string {
    const value = this.find(name)
    if (value === undefined) throw invalid(`${name} is not set; ${fix}`)
    return value
  }

  wrong(name: SettingName, must: string): FirmaError {
    const { isSecret }: Setting = SETTINGS[name]
    const found = isSecret === true ? '(its value is not shown)' : `is "${this.find(name) ?? ''}"`
    return invalid(`${name} ${found}; it must be ${must}`)
  }

  number(name: SettingName, min: number, max: number): number {
    const text = this.need(name, '')
    const value = Number(text)
    if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value
    throw this.wrong(name, `a whole number from ${min} to ${max}`)
  }

  /** @returns `undefined` for `off`. */
  numberOrOff(name: SettingName, min: number): number | undefined {
    const text = this.need(name, '')
    if (text === 'off') return undefined
    const value = Number(text)
    if (/^\d{1,9}$/.test(text) && value >= min && value <= SECONDS_MAX) return value
    throw this.wrong(name, `a whole number from ${min} to ${SECONDS_MAX}, or off`)
  }

  url(name: SettingName): string | undefined {
    const text = this.find(name)
    if (text === undefined) return undefined
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
      throw this.wrong(name, 'an address that begins with https:// or http://')
    }
    if (url.username !== '' || url.password !== '') {
      throw invalid(`${name} has a user or a password in it; take them out, calls are signed`)
    }
    return url.href
  }
}

function isKnown(name: string): boolean {
  if (Object.hasOwn(SETTINGS, name)) return true
  const base = name.replace(/_FILE$/, '')
  if (base === name || !Object.hasOwn(SETTINGS, base)) return false
  const { isSecret }: Setting = SETTINGS[base as SettingName]
  return isSecret === true
}

function readDatabase(source: Source): Database {
  const text = source.need('FIRMA_RECEIVE_DATABASE', '')
  if (/^postgres(ql)?:\/\//.test(text)) {
    if (!URL.canParse(text)) {
      throw source.wrong('FIRMA_RECEIVE_DATABASE', 'like postgres://user:password@host:5432/name')
    }
    return { kind: 'postgres', url: new Redacted(text) }
  }
  if (text.includes('://')) {
    throw source.wrong('FIRMA_RECEIVE_DATABASE', 'a path of an SQLite file, or postgres://…')
  }
  return { kind: 'sqlite', path: text }
}

function readTablePrefix(source: Source): string {
  const text = source.need('FIRMA_RECEIVE_TABLE_PREFIX', '')
  if (/^[a-zA-Z_][a-zA-Z0-9_]{0,31}$/.test(text)) return text
  const must = 'letters, digits and underscores, at most 32, without a digit first'
  throw source.wrong('FIRMA_RECEIVE_TABLE_PREFIX', must)
}

function readApiKey(source: Source): Redacted<string> | undefined {
  const text = source.find('FIRMA_RECEIVE_API_KEY')
  if (text === undefined) return undefined
  if (text.length >= API_KEY_LENGTH_MIN && /^[\x21-\x7e]+$/.test(text)) return new Redacted(text)
  const must = `at least ${API_KEY_LENGTH_MIN} characters of ASCII without spaces, for example from: openssl rand -hex 32`
  throw source.wrong('FIRMA_RECEIVE_API_KEY', must)
}

function readForward(source: Source): ForwardConfig | undefined {
  const url = source.url('FIRMA_RECEIVE_FORWARD_URL')
  const secret = source.find('FIRMA_RECEIVE_FORWARD_SECRET')
  const timeoutMs = source.number('FIRMA_RECEIVE_FORWARD_TIMEOUT_MS', 100, 50_000)
  const callsMax = source.number('FIRMA_RECEIVE_FORWARD_CONCURRENCY', 1, 256)
  if (url === undefined) {
    if (secret === undefined) return undefined
    throw invalid(
      'FIRMA_RECEIVE_FORWARD_SECRET is set and FIRMA_RECEIVE_FORWARD_URL is not; set both or none',
    )
  }
  if (secret === undefined) {
    throw invalid(
      'FIRMA_RECEIVE_FORWARD_URL is set and FIRMA_RECEIVE_FORWARD_SECRET is not; your app needs it to know who calls',
    )
  }
  // The key of Standard Webhooks is what follows the prefix, decoded.
  if (secret.startsWith('whsec_') && !/^whsec_[A-Za-z0-9+/]{4,}={0,2}$/.test(secret)) {
    throw source.wrong('FIRMA_RECEIVE_FORWARD_SECRET', 'base64 after whsec_, or any other text')
  }
  return { url, secret: new Redacted(secret), timeoutMs, callsMax }
}

function readReconcile(
  source: Source,
  secrets: readonly SigningSecret[],
): ReconcileConfig | undefined {
  const url = source.url('FIRMA_RECEIVE_RECONCILE_URL')
  const recoverUrl = source.url('FIRMA_RECEIVE_RECOVER_URL')
  const recoverDestination = source.find('FIRMA_RECEIVE_RECOVER_DESTINATION')
  if (recoverDestination !== undefined && recoverUrl === undefined) {
    throw invalid(
      'FIRMA_RECEIVE_RECOVER_DESTINATION is set and FIRMA_RECEIVE_RECOVER_URL is not; set the address of the hub, too',
    )
  }
  const devId = source.find('FIRMA_RECEIVE_RECONCILE_DEV_ID')
  const apiKey = source.find('FIRMA_RECEIVE_RECONCILE_API_KEY')
  const environment = source.find('FIRMA_RECEIVE_RECONCILE_ENVIRONMENT')
  const everySeconds = source.numberOrOff('FIRMA_RECEIVE_RECONCILE_EVERY_SECONDS', 60)
  const isOff = url === undefined && recoverUrl === undefined
  if (isOff && devId === undefined && apiKey === undefined) return undefined
  if (isOff || devId === undefined || apiKey === undefined) {
    throw invalid(
      'FIRMA_RECEIVE_RECONCILE_URL (or FIRMA_RECEIVE_RECOVER_URL), FIRMA_RECEIVE_RECONCILE_DEV_ID and FIRMA_RECEIVE_RECONCILE_API_KEY belong together; set all or none',
    )
  }
  const labels = new Set(secrets.map((secret) => secret.environment ?? ''))
  if (environment === undefined ? labels.size > 1 : !labels.has(environment)) {
    const known = [...labels].map((label) => `"${label}"`).join(', ')
    throw source.wrong(
      'FIRMA_RECEIVE_RECONCILE_ENVIRONMENT',
      `one of the environments of FIRMA_RECEIVE_SIGNING_SECRETS: ${known}`,
    )
  }
  const everyMs = everySeconds === undefined ? undefined : everySeconds * 1_000
  const key = new Redacted(apiKey)
  return { url, recoverUrl, recoverDestination, devId, apiKey: key, environment, everyMs }
}

function readRetentionMs(source: Source): number | undefined {
  const days = source.numberOrOff('FIRMA_RECEIVE_RETENTION_DAYS', RETENTION_DAYS_MIN)
  return days === undefined ? undefined : days * 86_400_000
}

function readLogLevel(source: Source): LogLevel {
  const text = source.need('FIRMA_RECEIVE_LOG_LEVEL', '')
  const level = LOG_LEVELS.find((each) => each === text)
  if (level === undefined) {
    throw source.wrong('FIRMA_RECEIVE_LOG_LEVEL', `one of ${LOG_LEVELS.join(', ')}`)
  }
  return level
}

function invalid(message: string): FirmaError {
  return new FirmaError('configuration_invalid', message)
}
