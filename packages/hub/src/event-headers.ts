/** The headers that an event travels with, pushed or pulled. */
import { type KeyObject, createPrivateKey, sign } from 'node:crypto'
import { signStandardWebhooks, signTerra } from 'firma-receiver'
import type { Destination } from './store/destinations.ts'
import type { StoredEvent } from './store/events.ts'
import type { SigningKey } from './store/signing-keys.ts'

/** What is signed. */
export type SignedEvent = Pick<StoredEvent, 'id' | 'body' | 'orderingMs'>

/** What a destination adds to its deliveries, opened: plain data, which may go to another thread. */
export interface Signing {
  /** The newest first; each signs until it expires. */
  readonly keys: readonly OpenKey[]
  /** The operator's own headers. */
  readonly headers: Readonly<Record<string, string>> | undefined
}

interface OpenKey extends Pick<SigningKey, 'kind' | 'publicKey' | 'expiresAtMs'> {
  readonly secret: string
}

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

/** Opens the secrets of a destination. */
export function toSigning({ secret, signingKeys, headers }: Destination): Signing {
  const own = { kind: 'hmac', secret: secret.reveal(), publicKey: null, expiresAtMs: null } as const
  const others = signingKeys.toReversed().map(({ kind, publicKey, expiresAtMs, ...key }) => ({
    kind,
    publicKey,
    expiresAtMs,
    secret: key.secret.reveal(),
  }))
  return { keys: [own, ...others], headers: headers?.reveal() }
}

/** The headers of a delivery to a destination: all of its live keys sign, and its own headers are added. */
export async function toDestinationHeaders(
  event: SignedEvent,
  destination: Destination,
  options: HeaderOptions,
): Promise<Record<string, string>> {
  return await toSignedHeaders(event, toSigning(destination), options)
}

/** As {@link toDestinationHeaders}, for a destination that was opened before. */
export async function toSignedHeaders(
  event: SignedEvent,
  { keys, headers: own }: Signing,
  { nowMs, isReplay }: HeaderOptions,
): Promise<Record<string, string>> {
  const live = keys.filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > nowMs)
  const secrets = live.flatMap(({ kind, secret }) => (kind === 'hmac' ? [secret] : []))
  const headers = await toEventHeaders(event, secrets, nowMs)
  const signatures = [headers['webhook-signature']]
  for (const key of live) {
    if (key.kind !== 'ed25519') continue
    const message = Buffer.from(`${event.id}.${headers['webhook-timestamp']}.${event.body}`)
    signatures.push(`v1a,${sign(null, message, importKey(key)).toString('base64')}`)
  }
  return {
    ...own,
    ...headers,
    'webhook-signature': signatures.join(' '),
    ...(isReplay && { 'x-firma-replay-of': event.id }),
  }
}

/** Importing a key costs more than signing with it. */
const importedKeys = new Map<string, KeyObject>()
/** Keys that stay imported; beyond, all of them are imported anew. */
const IMPORTED_MAX = 1_000

function importKey({ secret, publicKey }: OpenKey): KeyObject {
  const known = importedKeys.get(secret)
  if (known !== undefined) return known
  const jwk = { kty: 'OKP', crv: 'Ed25519', d: secret, x: publicKey ?? '' }
  const imported = createPrivateKey({ key: jwk, format: 'jwk' })
  if (importedKeys.size >= IMPORTED_MAX) importedKeys.clear()
  importedKeys.set(secret, imported)
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
