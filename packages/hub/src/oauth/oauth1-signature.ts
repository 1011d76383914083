/** Signing requests as OAuth 1.0a asks: HMAC-SHA1 over method, address and parameters (RFC 5849, section 3). */
import { createHmac, randomBytes } from 'node:crypto'
import type { ClockDep } from '../deps.ts'
import type { ClientCredentials } from './types.ts'

/** Consumer keys whose last timestamp is remembered. */
const KEYS_MAX = 1_000

const lastTimestamps = new Map<string, number>()

/** A request to sign. */
export interface SignableRequest {
  readonly credentials: Pick<ClientCredentials, 'clientId' | 'clientSecret'>
  readonly method: string
  readonly url: URL
  /** Absent for the request token. */
  readonly token?: { readonly token: string; readonly secret: string }
  /** Members of a form body; they are signed too (section 3.4.1.3). */
  readonly form?: Readonly<Record<string, string>>
  /** Protocol parameters of this request, for example `oauth_callback`. */
  readonly parameters?: Readonly<Record<string, string>>
}

/** The `Authorization` header of a signed request (section 3.5.1). */
export function signRequest(deps: ClockDep, request: SignableRequest): string {
  const { credentials, token } = request
  const parameters: Record<string, string> = {
    oauth_consumer_key: credentials.clientId,
    oauth_nonce: randomBytes(16).toString('hex'),
    oauth_signature_method: 'HMAC-SHA1',
    oauth_timestamp: String(nextTimestamp(deps, credentials.clientId)),
    ...(token === undefined ? {} : { oauth_token: token.token }),
    oauth_version: '1.0',
    ...request.parameters,
  }
  const signature = createSignature(request, parameters)
  const pairs = Object.entries({ ...parameters, oauth_signature: signature })
  return `OAuth ${pairs.map(([name, value]) => `${name}="${percentEncode(value)}"`).join(', ')}`
}

/**
 * The signature (section 3.4.2), in base64.
 *
 * @param parameters The protocol parameters, without `oauth_signature`.
 */
export function createSignature(
  request: Pick<SignableRequest, 'credentials' | 'method' | 'url' | 'token' | 'form'>,
  parameters: Readonly<Record<string, string>>,
): string {
  const { credentials, method, url, token, form = {} } = request
  const pairs = [
    ...url.searchParams,
    ...Object.entries(form),
    ...Object.entries(parameters).filter(([name]) => name !== 'realm'),
  ].map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
  // By name and then value, not as whole texts: "=" does not sort below every character.
  const sorted = pairs.toSorted((left, right) => comparePairs(left.split('='), right.split('=')))
  const base = [method.toUpperCase(), url.origin + url.pathname, sorted.join('&')]
  const key = [credentials.clientSecret, token?.secret ?? '']
  return createHmac('sha1', key.map(percentEncode).join('&'))
    .update(base.map(percentEncode).join('&'))
    .digest('base64')
}

/** RFC 5849, section 3.6: everything but unreserved characters is encoded. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function comparePairs(left: string[], right: string[]): number {
  const [leftName = '', leftValue = ''] = left
  const [rightName = '', rightValue = ''] = right
  if (leftName !== rightName) return leftName < rightName ? -1 : 1
  if (leftValue === rightValue) return 0
  return leftValue < rightValue ? -1 : 1
}

/** Seconds that never go backwards for one consumer key (section 3.3), also when the clock does. */
function nextTimestamp({ clock }: ClockDep, clientId: string): number {
  const timestamp = Math.max(Math.floor(clock.nowMs() / 1000), lastTimestamps.get(clientId) ?? 0)
  lastTimestamps.delete(clientId)
  lastTimestamps.set(clientId, timestamp)
  for (const oldest of lastTimestamps.keys()) {
    if (lastTimestamps.size <= KEYS_MAX) break
    lastTimestamps.delete(oldest)
  }
  return timestamp
}
