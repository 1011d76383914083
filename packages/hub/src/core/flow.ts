/**
 * One attempt to connect. A flow always ends: in success, or in a failure with a reason that the app
 * gets twice, at its failure URL and in the `auth_cancelled` event.
 */
import { MINUTE_MS } from './time.ts'

/**
 * - `created`: waits for its browser.
 * - `at_provider`: the browser was sent to the provider with a `state`.
 * - `exchanging`: the `state` came back and is used up; the code is being exchanged.
 * - `succeeded`, `failed`: ended.
 */
export type FlowStatus = 'created' | 'at_provider' | 'exchanging' | 'succeeded' | 'failed'

/** Why a flow failed. Providers' own error codes are passed on beside these. */
export const FLOW_FAILURES = {
  access_denied: 'The person refused at the provider.',
  auth_cancelled: 'The person cancelled on the connect page.',
  expired: 'The link or the login was not finished in time.',
  missing_scopes: 'A permission that the connection cannot work without was not granted.',
  provider_unavailable: 'The provider could not be reached or did not answer usefully.',
  client_misconfigured: "The provider refused the app's own credentials.",
  interrupted: 'The hub stopped while it was exchanging the code.',
} as const

/** How long a link, and with it the flow, can be used: Terra's `expires_in` of 900 s. */
export const LINK_LIFETIME_MS = 15 * MINUTE_MS
/** How long the person may stay at the provider. */
export const STATE_LIFETIME_MS = 10 * MINUTE_MS
/** An exchange takes two or three calls of 10 s at most; after this the process that ran it is gone. */
export const EXCHANGE_LIFETIME_MS = 2 * MINUTE_MS

/** What happens to a visitor with a link. */
export type LinkVerdict = 'open' | 'claim' | 'opened_elsewhere' | 'used' | 'expired'

export interface LinkFacts {
  readonly expiresAtMs: number
  readonly isUsed: boolean
  /** Digest of the secret that the first browser got; null while nobody has come. */
  readonly claimedBy: string | null
  /** Digest of the secret that this browser brought; null when it brought none. */
  readonly visitor: string | null
}

/**
 * Judges a visit: the first browser claims the link, and from then on it belongs to that browser.
 * The order matters: whoever claimed it learns that it is used or expired, a stranger learns only
 * that it is not his.
 */
export function judgeLink(facts: LinkFacts, nowMs: number): LinkVerdict {
  if (facts.claimedBy !== null && facts.claimedBy !== facts.visitor) return 'opened_elsewhere'
  if (facts.isUsed) return 'used'
  if (nowMs >= facts.expiresAtMs) return 'expired'
  return facts.claimedBy === null ? 'claim' : 'open'
}
