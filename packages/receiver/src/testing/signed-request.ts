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
  const toRequest = (): Request => new Request(url, { method: 'POST', headers, body: body.slice() })
  return { event, body, headers, traceId, toRequest }
}

function nextOrderingMs(): number {
  lastOrderingMs = Math.max(lastOrderingMs + 1, Date.now())
  return lastOrderingMs
}
