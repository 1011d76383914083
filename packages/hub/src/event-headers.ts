/** The headers that an event travels with, pushed or pulled. */
import { type KeyObject, createPrivateKey, sign } from 'node:crypto'
import { signStandardWebhooks, signTerra } from 'firma-receiver'
import type { Destination } from './store/destinations.ts'
import type { StoredEvent } from './store/events.ts'
import type { SigningKey } from './store/signing-keys.ts'

/** What is signed. */
type SignedEvent = Pick<StoredEvent, 'id' | 'body' | 'orderingMs'>

/** What a destination's headers are made of beside the event. */
export interface HeaderOptions {
  readonly nowMs: number
  /** Whether it was sent before and is sent again because somebody asked for it. */
  readonly isReplay: boolean
}

/**
 * Signed anew each time: the signatures carry the time.
 *
 * @param secrets The newest first; while one is being replaced there is a signature by each that is live.
 */
export async function toEventHeaders(
  { id, body, orderingMs }: SignedEvent,
  secrets: readonly string[],
  nowMs: number,
): Promise<Record<string, string>> {
  const timestampSeconds = Math.floor(nowMs / 1_000)
  const signature = await signTerra({ secret: secrets, timestampSeconds, body })
  const signing = { secret: secrets, id, timestampSeconds, body }
  return {
    'content-type': 'application/json',
    'user-agent': 'Firma/0.1',
    'x-terra-signature': signature,
    'terra-signature': signature,
    'terra-reference': id,
    'x-terra-trace-id': id,
    'x-terra-ordering-timestamp': String(orderingMs),
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': await signStandardWebhooks(signing),
  }
}

/** The headers of a delivery to a destination: all of its live keys sign, and its own headers are added. */
export async function toDestinationHeaders(
  event: SignedEvent,
  { secret, signingKeys, headers: own }: Destination,
  { nowMs, isReplay }: HeaderOptions,
): Promise<Record<string, string>> {
  const live = signingKeys.filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > nowMs)
  const older = live.filter(({ kind }) => kind === 'hmac').toReversed()
  const secrets = [secret.reveal(), ...older.map((key) => key.secret.reveal())]
  const headers = await toEventHeaders(event, secrets, nowMs)
  const signatures = [headers['webhook-signature']]
  for (const key of live) {
    if (key.kind !== 'ed25519') continue
    const message = Buffer.from(`${event.id}.${headers['webhook-timestamp']}.${event.body}`)
    signatures.push(`v1a,${sign(null, message, importKey(key)).toString('base64')}`)
  }
  return {
    ...own?.reveal(),
    ...headers,
    'webhook-signature': signatures.join(' '),
    ...(isReplay && { 'x-firma-replay-of': event.id }),
  }
}

/** Importing a key costs more than signing with it. */
const importedKeys = new WeakMap<SigningKey, KeyObject>()

function importKey(key: SigningKey): KeyObject {
  const known = importedKeys.get(key)
  if (known !== undefined) return known
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: key.secret.reveal(), x: key.publicKey ?? '' }
  const imported = createPrivateKey({ key: jwk, format: 'jwk' })
  importedKeys.set(key, imported)
  return imported
}

/** Headers that belong to the delivery or to the connection: an operator's own may not have these names. */
const RESERVED = [
  /^(?:content-.*|user-agent|host|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect)$/,
  /^(?:proxy-.*|x-terra-.*|terra-.*|webhook-.*|x-firma-.*|traceparent|tracestate)$/,
]

/** Whether a delivery may carry an operator's header of this name, which is in lower case. */
export function isCustomHeaderName(name: string): boolean {
  return /^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(name) && !RESERVED.some((one) => one.test(name))
}
