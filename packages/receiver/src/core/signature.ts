/**
 * Signatures of events: Terra's (`t=…,v1=…`) and Standard Webhooks' (`webhook-id`, `webhook-timestamp`, `webhook-signature`).
 *
 * Both are HMAC-SHA256 over the raw bytes. A body that was parsed and serialised again has other bytes (key order, spaces,
 * `1.0` against `1`), so everything here takes bytes and nothing here parses them.
 */
import {
  fromBase64,
  fromHex,
  isEqualConstantTime,
  toBase64,
  toBytes,
  toHex,
  type Hmac,
} from './bytes.ts'
import { VerificationError } from './verification-error.ts'

/** A signing secret of one destination, and the environment whose events it signs. */
export interface SigningSecret {
  /** The secret as shown where the destination was created. */
  secret: string
  /** Label of the environment that signs with it; stored with the event and part of how connections are grouped. */
  environment?: string
}

/** Seconds that a signature's time may differ from ours, in both directions; `'off'` accepts any time. */
export type Tolerance = number | 'off'

/** {@link Tolerance} where none is given; the same as in Terra's own client. */
export const TOLERANCE_SECONDS = 300
/** Longest signature header that is looked at, in characters. */
export const SIGNATURE_HEADER_LENGTH_MAX = 4_096

/** A parsed `t=…,v1=…` header. */
export interface TerraSignature {
  /** `t` exactly as written, because these characters were signed. */
  timestamp: string
  /** Every well-formed `v1`: there is one per live secret while a secret is being replaced. */
  v1: Uint8Array[]
}

/** What {@link signTerraWith} signs. */
export interface SignTerraInput {
  /** The secret, or several while one is being replaced: each adds a `v1`. */
  secret: string | readonly string[]
  /** Time of this attempt in unix seconds; stamped anew at each attempt. */
  timestampSeconds: number
  /** The raw body. A text is taken as UTF-8. */
  body: Uint8Array | string
}

/** What {@link signStandardWebhooksWith} signs. */
export interface SignStandardWebhooksInput extends SignTerraInput {
  /** Value of `webhook-id`: the same at every attempt of one delivery, without a full stop. */
  id: string
}

/** The signature headers of one request, each `undefined` when absent. */
export interface SignatureHeaders {
  /** `X-Terra-Signature`, or its older name `terra-signature`. */
  terra: string | undefined
  /** `webhook-id`. */
  webhookId: string | undefined
  /** `webhook-timestamp`. */
  webhookTimestamp: string | undefined
  /** `webhook-signature`. */
  webhookSignature: string | undefined
}

/** What {@link verifySignature} needs. */
export interface VerifySignatureInput {
  /** The raw body, byte for byte as received. */
  body: Uint8Array
  /** The signature headers of the request. */
  headers: SignatureHeaders
  /** Every secret that is live; any of them may have signed. */
  secrets: readonly SigningSecret[]
  /** Our time, in unix seconds. */
  nowSeconds: number
  /** {@link TOLERANCE_SECONDS} by default. */
  tolerance?: Tolerance
  /** HMAC-SHA256. */
  hmac: Hmac
}

/** Proof that a body is genuine. */
export interface VerifiedSignature {
  /** Which of Terra's and Standard Webhooks' signatures was checked. */
  scheme: 'terra' | 'standard-webhooks'
  /** Environment of the secret that matched. */
  environment: string | undefined
  /** When the sender signed, in unix seconds. */
  timestampSeconds: number
}

const TIMESTAMP_PATTERN = /^\d{1,12}$/
const HASH_BYTES = 32
const STANDARD_SECRET_PREFIX = 'whsec_'

/**
 * Reads a `t=…,v1=…[,v1=…][,v0=…]` header. Schemes other than `v1` are ignored, so that an older one cannot be used instead.
 *
 * @throws VerificationError `header_malformed`.
 */
export function parseTerraSignature(header: string): TerraSignature {
  if (header.length > SIGNATURE_HEADER_LENGTH_MAX) {
    throw malformed(
      `is longer than ${SIGNATURE_HEADER_LENGTH_MAX} characters (found ${header.length})`,
    )
  }
  let timestamp: string | undefined
  const v1: Uint8Array[] = []
  for (const element of header.split(',')) {
    const at = element.indexOf('=')
    if (at === -1) continue
    const name = element.slice(0, at).trim()
    const value = element.slice(at + 1).trim()
    if (name === 't') {
      // Two times would let a forger choose which one is checked for age.
      if (timestamp !== undefined && timestamp !== value) throw malformed('has two different "t="')
      timestamp = value
    } else if (name === 'v1') {
      const hash = fromHex(value)
      if (hash?.length === HASH_BYTES) v1.push(hash)
    }
  }
  if (timestamp === undefined || !TIMESTAMP_PATTERN.test(timestamp)) {
    throw malformed('has no "t=<unix seconds>"')
  }
  if (v1.length === 0) throw malformed('has no "v1=<64 hexadecimal characters>"')
  return { timestamp, v1 }
}

/**
 * Makes the value of `X-Terra-Signature`: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`.
 *
 * @throws VerificationError `secret_missing`.
 */
export async function signTerraWith(hmac: Hmac, input: SignTerraInput): Promise<string> {
  const timestamp = checkTimestamp(input.timestampSeconds)
  let header = `t=${timestamp}`
  for (const secret of toSecrets(input.secret)) {
    header += `,v1=${toHex(await hmac(secret, `${timestamp}.`, input.body))}`
  }
  return header
}

/**
 * Makes the value of `webhook-signature`: `v1,<base64 HMAC-SHA256 of "id.timestamp.body">`, space separated.
 *
 * The key is what follows `whsec_`, decoded from base64, or else the UTF-8 bytes of the secret.
 *
 * @throws VerificationError `secret_missing`.
 */
export async function signStandardWebhooksWith(
  hmac: Hmac,
  input: SignStandardWebhooksInput,
): Promise<string> {
  const timestamp = checkTimestamp(input.timestampSeconds)
  // The id ends at the first full stop: with one inside, two different messages would have one signature.
  if (input.id === '' || input.id.includes('.')) {
    throw new RangeError(
      `id must be a text without a full stop, found ${JSON.stringify(input.id)}; see Standard Webhooks`,
    )
  }
  const signatures: string[] = []
  for (const secret of toSecrets(input.secret)) {
    signatures.push(
      `v1,${toBase64(await hmac(toStandardKey(secret), `${input.id}.${timestamp}.`, input.body))}`,
    )
  }
  return signatures.join(' ')
}

/**
 * Proves that a body was signed with one of our secrets, and lately.
 *
 * Terra's header is checked where there is one, else Standard Webhooks'; never both, so a broken one is not excused by the other.
 *
 * @throws VerificationError with the reason; the time is judged after the signature, so nobody without the secret learns our clock.
 */
export async function verifySignature(input: VerifySignatureInput): Promise<VerifiedSignature> {
  checkTolerance(input.tolerance)
  checkSecrets(input.secrets)
  if (!(input.body instanceof Uint8Array)) {
    throw new VerificationError(
      'body_not_raw',
      `the raw bytes of the body are needed, found ${describeBody(input.body)}; ` +
        'a body parser ran first: take it off this route',
    )
  }
  const claim = readClaim(input.headers)
  for (const secret of input.secrets) {
    const key = claim.scheme === 'terra' ? secret.secret : toStandardKey(secret.secret)
    const answer = input.hmac(key, claim.prefix, input.body)
    // Not awaited where there is nothing to wait for: that costs as much as hashing a small body.
    const expected = answer instanceof Uint8Array ? answer : await answer
    let isMatch = false
    for (const hash of claim.hashes) isMatch = isEqualConstantTime(expected, hash) || isMatch
    if (!isMatch) continue
    const timestampSeconds = Number(claim.timestamp)
    checkAge(timestampSeconds, input.nowSeconds, input.tolerance ?? TOLERANCE_SECONDS)
    return { scheme: claim.scheme, environment: secret.environment, timestampSeconds }
  }
  throw new VerificationError(
    'signature_mismatch',
    `the signature matches none of the ${input.secrets.length} configured secrets; likely causes: the secret belongs to ` +
      'another environment or destination, or the body was parsed and serialised again before it came here, ' +
      'or a proxy changed it',
  )
}

interface Claim {
  scheme: VerifiedSignature['scheme']
  timestamp: string
  /** What was signed before the body. */
  prefix: string
  hashes: Uint8Array[]
}

function readClaim(headers: SignatureHeaders): Claim {
  if (headers.terra !== undefined) {
    const { timestamp, v1 } = parseTerraSignature(headers.terra)
    return { scheme: 'terra', timestamp, prefix: `${timestamp}.`, hashes: v1 }
  }
  const { webhookId: id, webhookTimestamp: timestamp, webhookSignature: signature } = headers
  if (id === undefined || timestamp === undefined || signature === undefined) {
    throw new VerificationError(
      'header_missing',
      'the request has neither X-Terra-Signature (or terra-signature) nor webhook-id, webhook-timestamp and ' +
        'webhook-signature; it does not come from a destination with a signing secret, or a proxy removed the header',
    )
  }
  if (!TIMESTAMP_PATTERN.test(timestamp)) {
    throw malformed('is unusable: webhook-timestamp is no unix time in seconds')
  }
  // See signStandardWebhooksWith: an id with a full stop makes two readings of one signed text.
  if (id.includes('.')) throw malformed('is unusable: webhook-id has a full stop')
  const hashes = parseStandardSignature(signature)
  return {
    scheme: 'standard-webhooks',
    timestamp,
    prefix: `${id}.${timestamp}.`,
    hashes,
  }
}

function parseStandardSignature(header: string): Uint8Array[] {
  const hashes: Uint8Array[] = []
  for (const element of header.slice(0, SIGNATURE_HEADER_LENGTH_MAX).split(' ')) {
    if (!element.startsWith('v1,')) continue
    const hash = fromBase64(element.slice(3))
    if (hash?.length === HASH_BYTES) hashes.push(hash)
  }
  if (hashes.length === 0) throw malformed('has no "v1,<base64 of 32 bytes>"')
  return hashes
}

function toStandardKey(secret: string): Uint8Array {
  if (!secret.startsWith(STANDARD_SECRET_PREFIX)) return toBytes(secret)
  const key = fromBase64(secret.slice(STANDARD_SECRET_PREFIX.length))
  if (key !== undefined && key.length > 0) return key
  throw new VerificationError(
    'secret_missing',
    `a secret that begins with ${STANDARD_SECRET_PREFIX} must go on in base64; copy it again`,
  )
}

function checkAge(timestampSeconds: number, nowSeconds: number, tolerance: Tolerance): void {
  if (tolerance === 'off') return
  const ageSeconds = Math.floor(nowSeconds) - timestampSeconds
  if (ageSeconds > tolerance) {
    throw new VerificationError(
      'timestamp_too_old',
      `the signature is right but ${ageSeconds} s old, and ${tolerance} s are tolerated; either this machine's clock is ` +
        'ahead, or an old delivery is sent again with its first time: raise the tolerance if the sender does that',
    )
  }
  if (ageSeconds < -tolerance) {
    throw new VerificationError(
      'timestamp_in_future',
      `the signature is right but ${-ageSeconds} s in the future, and ${tolerance} s are tolerated; ` +
        "this machine's clock is probably behind",
    )
  }
}

/**
 * Refuses a tolerance that would switch the check off by accident: `0`, `NaN`, `Infinity`, negative.
 *
 * @throws RangeError
 */
export function checkTolerance(tolerance: Tolerance | undefined): void {
  if (tolerance === undefined || tolerance === 'off') return
  if (typeof tolerance === 'number' && Number.isFinite(tolerance) && tolerance > 0) return
  throw new RangeError(
    `tolerance must be a number of seconds above 0, or 'off' to accept any time; found ${String(tolerance)}`,
  )
}

/**
 * Refuses an empty list and empty secrets: an unset variable must not make every forgery genuine.
 *
 * @throws VerificationError `secret_missing`.
 */
export function checkSecrets(secrets: readonly SigningSecret[]): void {
  const empty = secrets.findIndex(({ secret }) => typeof secret !== 'string' || secret === '')
  if (secrets.length > 0 && empty === -1) return
  throw new VerificationError(
    'secret_missing',
    secrets.length === 0
      ? 'no signing secret is configured, so nothing can be verified; give at least one'
      : `signing secret number ${empty + 1} is empty; is its environment variable set?`,
  )
}

/**
 * Refuses one secret for several environments: whose event it is could not be told.
 *
 * @throws RangeError
 */
export function checkDistinct(secrets: readonly SigningSecret[]): void {
  const environments = new Map<string, string>()
  for (const { secret, environment = '' } of secrets) {
    const other = environments.get(secret) ?? environment
    if (other !== environment) {
      throw new RangeError(
        `the environments "${other}" and "${environment}" have the same secret, so their events cannot be told apart; ` +
          'each has a secret of its own where its destination was created',
      )
    }
    environments.set(secret, environment)
  }
}

function toSecrets(secret: string | readonly string[]): readonly string[] {
  const secrets = typeof secret === 'string' ? [secret] : secret
  checkSecrets(secrets.map((each) => ({ secret: each })))
  return secrets
}

function checkTimestamp(timestampSeconds: number): number {
  if (Number.isSafeInteger(timestampSeconds) && TIMESTAMP_PATTERN.test(String(timestampSeconds))) {
    return timestampSeconds
  }
  throw new RangeError(
    `timestampSeconds must be a whole number of unix seconds, found ${timestampSeconds}`,
  )
}

function describeBody(body: unknown): string {
  return typeof body === 'object' && body !== null ? 'a parsed object' : `a ${typeof body}`
}

function malformed(what: string): VerificationError {
  return new VerificationError(
    'header_malformed',
    `the signature header ${what}; expected "t=<unix seconds>,v1=<hex>" as Terra sends it`,
  )
}
