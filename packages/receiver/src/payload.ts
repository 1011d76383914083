/** Fetches what an `s3_payload` event only points to, without letting its address lead us anywhere else. */
import { parseEvent, type Event } from './core/event.ts'
import { readText } from './core/json-fields.ts'
import { isPrivateAddress } from './core/private-address.ts'
import { findBuiltin } from './find-builtin.ts'
import { collect } from './handler.ts'
import { ReceiverError } from './receiver-error.ts'

/** Decides whether an address may be fetched. */
export interface PayloadGuard {
  /**
   * Hosts that payloads may come from: `bucket.s3.eu-west-2.amazonaws.com`, or `*.amazonaws.com` for everything below.
   * Required: a signed event proves who wrote the address, not where it leads.
   */
  allowedHosts: readonly string[]
  /**
   * All addresses of a host; each must be public. Node's own lookup by default, where there is one. A name can be made to lead
   * elsewhere between this look and the connection; to close that gap as well, give a `fetch` whose agent connects to what it checked.
   */
  lookup?: (host: string) => Promise<readonly string[]>
}

/** Settings of {@link fetchPayload}. */
export interface FetchPayloadOptions {
  /** See {@link PayloadGuard}. */
  guard: PayloadGuard
  /** When the event was accepted (`receivedAtMs` of the inbox), epoch milliseconds; its address expires `expires_in` seconds later. Now by default. */
  receivedAtMs?: number
  /** `globalThis.fetch` by default. */
  fetch?: typeof globalThis.fetch
  /** For the whole transfer, in milliseconds; 30,000 by default. */
  timeoutMs?: number
  /** Largest payload, in bytes; 64 MiB by default. It is held in memory once. */
  bytesMax?: number
  /** Our time in epoch milliseconds; `Date.now` by default. */
  clock?: () => number
}

/** What an address led to. */
export interface Payload {
  /** The raw bytes. */
  body: Uint8Array
  /** The bytes as an event. Resolve its user before you use it. */
  event: Event
}

const TIMEOUT_MS = 30_000
const BYTES_MAX = 64 * 1_024 * 1_024
/** `expires_in` where the event has none: what is documented. */
const EXPIRES_IN_SECONDS = 300

/**
 * Fetches the payload of an `s3_payload` event: https only, allowed hosts only, public addresses only, no redirects, within bounds.
 *
 * @throws ReceiverError `payload_refused` for an event or an address that must not be fetched, and when it has expired (ask the
 * sender to send it again); `payload_failed` when it could not be had, which is worth another try until then. EventError when it is no event.
 */
export async function fetchPayload(event: Event, options: FetchPayloadOptions): Promise<Payload> {
  const now = (options.clock ?? Date.now)()
  const url = readAddress(event)
  checkHost(url, options.guard)
  const expiresInSeconds = readExpiry(event)
  const leftMs = (options.receivedAtMs ?? now) + expiresInSeconds * 1_000 - now
  if (leftMs <= 0) throw refused(`its address expired ${Math.ceil(-leftMs / 1_000)} s ago`)
  await checkAddresses(url, options.guard)
  const timeoutMs = Math.min(options.timeoutMs ?? TIMEOUT_MS, leftMs)
  const body = await download(url, options, timeoutMs)
  return { body, event: parseEvent(body) }
}

function readAddress(event: Event): URL {
  if (event.type !== 's3_payload' && event.type !== 's3_upload') {
    throw refused(`the event is of type ${event.type} and carries its payload itself`)
  }
  const text = readText(event.body, 'url') ?? ''
  if (!URL.canParse(text)) throw refused('the event has no address in "url"')
  const url = new URL(text)
  if (url.protocol !== 'https:') throw refused(`its address is ${url.protocol} and must be https:`)
  // Credentials in an address would be sent along, and a port leads past the front door.
  if (url.username !== '' || url.password !== '') throw refused('its address has credentials in it')
  if (url.port !== '') throw refused('its address names a port')
  return url
}

function readExpiry({ body }: Event): number {
  const seconds = Object.hasOwn(body, 'expires_in') ? body['expires_in'] : undefined
  return typeof seconds === 'number' && seconds > 0 ? seconds : EXPIRES_IN_SECONDS
}

function checkHost({ hostname }: URL, { allowedHosts }: PayloadGuard): void {
  // An address in numbers has no name that could be allowed.
  if (isPrivateAddress(hostname) !== undefined) {
    throw refused('its address is in numbers, not a name')
  }
  const isAllowed = allowedHosts.some((allowed) => {
    const name = allowed.toLowerCase()
    return name.startsWith('*.') ? hostname.endsWith(name.slice(1)) : hostname === name
  })
  if (!isAllowed) throw refused(`its host ${hostname} is not among guard.allowedHosts`)
}

async function checkAddresses({ hostname }: URL, guard: PayloadGuard): Promise<void> {
  const lookup = guard.lookup ?? findNodeLookup()
  if (lookup === undefined) return
  const addresses = await lookup(hostname).catch((error: unknown) => {
    throw failed(`its host ${hostname} was not found`, error)
  })
  const bad = addresses.find((address) => isPrivateAddress(address) !== false)
  if (bad !== undefined) throw refused(`its host ${hostname} leads to ${bad}, which is not public`)
}

function findNodeLookup(): PayloadGuard['lookup'] {
  const dns = findBuiltin((host) => host.getBuiltinModule('node:dns/promises'))
  if (dns === undefined) return undefined
  return async (host) => {
    const found = await dns.lookup(host, { all: true })
    return found.map(({ address }) => address)
  }
}

async function download(
  url: URL,
  { fetch = globalThis.fetch, bytesMax = BYTES_MAX }: FetchPayloadOptions,
  timeoutMs: number,
): Promise<Uint8Array> {
  let response: Response
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    response = await fetch(url, { redirect: 'manual', credentials: 'omit', signal })
    if (response.status === 200 && response.body !== null) {
      return await collect(response.body, bytesMax)
    }
  } catch (error) {
    if (error instanceof ReceiverError) throw refused(`it has more than ${bytesMax} bytes`)
    throw failed(`${url.hostname} did not answer`, error)
  }
  // The address itself is a key to the payload, so it is not repeated here.
  if (response.status === 403) throw refused(`${url.hostname} answers 403: it has expired`)
  throw failed(`${url.hostname} answers ${response.status}`, undefined)
}

function refused(why: string): ReceiverError {
  return new ReceiverError('payload_refused', `the payload is not fetched: ${why}`)
}

function failed(why: string, cause: unknown): ReceiverError {
  return new ReceiverError('payload_failed', `the payload could not be fetched: ${why}`, { cause })
}
