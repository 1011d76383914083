/** What `firma doctor` looks at. Each check says what it found and, where something is wrong, what to do. */
import { statfs } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Config } from '../../config/config.ts'
import { ADDRESS_REFUSED, createUrlGuard } from '../../delivery/url-guard.ts'
import { FirmaError } from '../../errors.ts'
import { findKeyFile } from '../demo-files.ts'
import { checkProduction } from '../production.ts'
import { inspectDatabase } from './database.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Longest that another machine is waited for, in milliseconds. */
const ANSWER_MS_MAX = 5_000
const DISK_FREE_BYTES_MIN = 1_000_000_000
/** Signatures are judged by their age, so clocks must agree; receivers tolerate 300 s. */
const CLOCK_SECONDS_WARN = 5
const CLOCK_SECONDS_FAIL = 60

export function checkSettings(config: Config): Finding {
  const { mode, file, environments } = config
  const where = file ?? 'no file; variables, flags and defaults'
  return ok(
    'configuration',
    `${mode} mode, environments declared: ${environments.length} (${where})`,
  )
}

export async function checkNeeds(config: Config): Promise<Finding> {
  if (config.mode === 'demo') return ok('mode', 'the demo makes everything it needs')
  try {
    await checkProduction(config)
    return ok('mode', 'everything that production needs is set')
  } catch (error) {
    return fail('mode', messageOf(error), 'set what is missing; docs/configuration.md')
  }
}

export async function checkKeys(config: Config): Promise<Finding> {
  try {
    const keys = config.encryptionKeys?.reveal() ?? (await findKeyFile(config.dataFolder))
    if (keys !== undefined) {
      return ok('encryption keys', `${keys.keys.size}, of which ${keys.primaryId} encrypts`)
    }
    return config.mode === 'demo'
      ? ok('encryption keys', 'none yet; the first start makes them')
      : fail('encryption keys', 'none', 'run firma init, or set FIRMA_ENCRYPTION_KEYS_FILE')
  } catch (error) {
    return fail('encryption keys', messageOf(error), 'restore the key file')
  }
}

export async function checkDatabase(config: Config): Promise<Finding> {
  try {
    return await inspectDatabase(config)
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return fail('database', messageOf(cause), 'restore it from a backup; docs/operations.md')
  }
}

export async function checkDisk({ dataFolder }: Config): Promise<Finding> {
  try {
    const { bavail, bsize } = await statfs(dataFolder)
    const free = bavail * bsize
    const text = `${(free / 1e9).toFixed(1)} GB free at ${dataFolder}`
    return free < DISK_FREE_BYTES_MIN
      ? warn('disk space', text, 'make room, or shorten the retention')
      : ok('disk space', text)
  } catch {
    return ok('disk space', `${dataFolder} is not there yet; the first start makes it`)
  }
}

/** Whether the hub is reached where it says that it is, and whether its clock is ours. */
export async function checkHub(baseUrl: string): Promise<Finding[]> {
  const startedAtMs = Date.now()
  let response: Response
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX)
    response = await fetch(`${baseUrl}/healthz`, { signal, redirect: 'manual' })
  } catch (error) {
    const todo =
      'start the hub; check its base URL, DNS, the proxy in front of it and its certificate'
    return [fail('hub', `${baseUrl} does not answer (${causeOf(error)})`, todo)]
  }
  if (!response.ok) {
    const todo = 'send every path of this address to the hub'
    return [fail('hub', `${baseUrl}/healthz answers ${response.status}`, todo)]
  }
  const halfwayMs = (startedAtMs + Date.now()) / 2
  return [ok('hub', `${baseUrl} answers`), judgeClock(response.headers.get('date'), halfwayMs)]
}

/** @param nowMs Our time when the answer was made. */
export function judgeClock(date: string | null, nowMs: number): Finding {
  const theirsMs = date === null ? Number.NaN : Date.parse(date)
  if (Number.isNaN(theirsMs))
    return warn('clock', 'the hub sends no Date header', 'check the proxy')
  // The header has whole seconds, cut off.
  const aheadSeconds = Math.round((nowMs - theirsMs - 500) / 1_000)
  const text = `this machine is ${Math.abs(aheadSeconds)} s ${aheadSeconds < 0 ? 'behind' : 'ahead of'} the hub`
  const todo =
    'synchronise both clocks (chrony, systemd-timesyncd): signatures are judged by their age'
  if (Math.abs(aheadSeconds) >= CLOCK_SECONDS_FAIL) return fail('clock', text, todo)
  if (Math.abs(aheadSeconds) >= CLOCK_SECONDS_WARN) return warn('clock', text, todo)
  return ok('clock', `within ${CLOCK_SECONDS_WARN} s of the hub's`)
}

/** Asks a destination for its headers, from here and under the rules that deliveries obey. */
export async function checkDestination(
  url: string,
  allowedRanges: readonly string[],
): Promise<Finding> {
  const check = `destination ${new URL(url).host}`
  const { lookup, allows } = createUrlGuard(allowedRanges)
  const { hostname, protocol } = new URL(url)
  const literal = hostname.replace(/^\[|\]$/g, '')
  const refused = (): Finding =>
    fail(
      check,
      'its address is private, and not allowed',
      'add its range to FIRMA_ALLOWED_RANGES, or use its public address',
    )
  if (/^[\d.]+$|:/.test(literal) && !allows(literal)) return refused()
  const request = protocol === 'https:' ? httpsRequest : httpRequest
  return await new Promise((resolve) => {
    const call = request(url, { method: 'HEAD', lookup, timeout: ANSWER_MS_MAX }, (response) => {
      response.resume()
      resolve(ok(check, `answers (${response.statusCode})`))
    })
    call.on('timeout', () => call.destroy(new Error(`no answer within ${ANSWER_MS_MAX / 1_000} s`)))
    call.on('error', (error) => {
      if ('code' in error && error.code === ADDRESS_REFUSED) return resolve(refused())
      const todo = 'check that it runs, its DNS name and its certificate'
      resolve(fail(check, `cannot be reached from here (${causeOf(error)})`, todo))
    })
    call.end()
  })
}

export function checkDeclaredProviders(config: Config): Finding[] {
  return config.environments.map(({ id, providers }) => {
    const names = providers.map(({ provider }) => provider).join(', ')
    return names === ''
      ? warn(
          `providers of ${id}`,
          'none declared',
          'add client ids to the configuration file, or firma providers enable',
        )
      : ok(`providers of ${id}`, names)
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The innermost words: they name the detail. */
function causeOf(error: unknown): string {
  if (error instanceof FirmaError || !(error instanceof Error)) return messageOf(error)
  if (error.cause instanceof Error) return causeOf(error.cause)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return error.message === '' ? (code ?? error.name) : error.message
}
