import { signStandardWebhooks, signTerra } from '../sign.ts'
import type { WireEvent } from './events.ts'

/** How to send an event. */
export interface SignedRequestOptions {
  /** The signing secret that your receiver is set up with. */
  secret: string
  /** `X-Terra-Trace-Id` or `webhook-id`; a new one by default. Give the same again to send a repetition with another body. */
  traceId?: string
  /** `X-Terra-Ordering-Timestamp`, epoch milliseconds; later than that of the event made before by default, `null` for none. */
  orderingMs?: number | null
  /** When it is signed, epoch milliseconds; now by default. */
  signedAtMs?: number
  /** Whose headers; `terra` by default. */
  scheme?: 'terra' | 'standard-webhooks'
  /** More headers, for example `terra-reference`; the last word on all of them. */
  headers?: Readonly<Record<string, string>>
  /** Address of the request; `https://app.test/` by default. */
  url?: string
}

/** An event that is signed and ready to be sent, as often as you like. */
export interface SignedRequest {
  /** The event. */
  event: WireEvent
  /** The raw bytes. */
  body: Uint8Array
  /** The headers, signature included. */
  headers: Record<string, string>
  /** Its trace id. */
  traceId: string
  /** A fresh request of the Fetch standard: one can be read only once. */
  toRequest(): Request
}

let lastOrderingMs = 0

/** Signs an event the way its sender would. */
export async function signedRequest(
  event: WireEvent,
  options: SignedRequestOptions,
): Promise<SignedRequest> {
  const { secret, scheme = 'terra', url = 'https://app.test/' } = options
  const traceId = options.traceId ?? `trace-${globalThis.crypto.randomUUID()}`
  const body = new TextEncoder().encode(JSON.stringify(event))
  const timestampSeconds = Math.floor((options.signedAtMs ?? Date.now()) / 1_000)
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  const orderingMs = options.orderingMs === undefined ? nextOrderingMs() : options.orderingMs
  if (orderingMs !== null) headers['x-terra-ordering-timestamp'] = String(orderingMs)
  if (scheme === 'terra') {
    headers['x-terra-signature'] = await signTerra({ secret, timestampSeconds, body })
    headers['x-terra-trace-id'] = traceId
  } else {
    const input = { secret, timestampSeconds, body, id: traceId }
    headers['webhook-id'] = traceId
    headers['webhook-timestamp'] = String(timestampSeconds)
    headers['webhook-signature'] = await signStandardWebhooks(input)
  }
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    headers[name.toLowerCase()] = value
  }
  return toSent({ event, body, headers, traceId }, url)
}

/** Signs events that happened one after the other: a story of your own. */
export async function signedRequests(
  events: readonly WireEvent[],
  options: Omit<SignedRequestOptions, 'traceId' | 'orderingMs'>,
): Promise<SignedRequest[]> {
  const requests: SignedRequest[] = []
  for (const event of events) requests.push(await signedRequest(event, options))
  return requests
}

/** What is wrong with a {@link Forgery}. */
export type ForgeryReason =
  | 'unsigned'
  | 'malformed'
  | 'wrong_secret'
  | 'changed_body'
  | 'too_old'
  | 'from_the_future'

/** A request that a handler must answer with 401, and do nothing for. */
export interface Forgery extends SignedRequest {
  /** What is wrong with it. */
  reason: ForgeryReason
}

/** How far from now the times of {@link forgeries} are: more than receivers accept by default, milliseconds. */
const OFF_MS = 600_000
const SIGNATURE_HEADERS = { terra: 'x-terra-signature', 'standard-webhooks': 'webhook-signature' }

/** An event in all the ways that nobody may believe: a signature that is not there, not one, of another secret, of other bytes, or of another time. */
export async function forgeries(
  event: WireEvent,
  options: SignedRequestOptions,
): Promise<Forgery[]> {
  const { secret, signedAtMs = Date.now(), url = 'https://app.test/' } = options
  const signed = async (changes: Partial<SignedRequestOptions>): Promise<SignedRequest> =>
    signedRequest(event, { ...options, ...changes })
  const name = SIGNATURE_HEADERS[options.scheme ?? 'terra']
  const unsigned = await signed({})
  delete unsigned.headers[name]
  const malformed = await signed({})
  malformed.headers[name] = 'sha256=0'
  const changed = await signed({})
  changed.body = new TextEncoder().encode(JSON.stringify({ ...event, changed: true }))
  const made: [ForgeryReason, SignedRequest][] = [
    ['unsigned', unsigned],
    ['malformed', malformed],
    ['wrong_secret', await signed({ secret: toOtherSecret(secret) })],
    ['changed_body', changed],
    ['too_old', await signed({ signedAtMs: signedAtMs - OFF_MS })],
    ['from_the_future', await signed({ signedAtMs: signedAtMs + OFF_MS })],
  ]
  return made.map(([reason, sent]) => ({ ...toSent(sent, url), reason }))
}

/** Another secret of the same form, which serves for both schemes. */
function toOtherSecret(secret: string): string {
  return secret.slice(0, -4) + (secret.endsWith('AAAA') ? 'BBBB' : 'AAAA')
}

function toSent(sent: Omit<SignedRequest, 'toRequest'>, url: string): SignedRequest {
  const { event, body, headers, traceId } = sent
  const toRequest = (): Request => new Request(url, { method: 'POST', headers, body: body.slice() })
  return { event, body, headers, traceId, toRequest }
}

function nextOrderingMs(): number {
  lastOrderingMs = Math.max(lastOrderingMs + 1, Date.now())
  return lastOrderingMs
}
