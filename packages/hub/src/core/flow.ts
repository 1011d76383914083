/**
 * One attempt to connect. A flow always ends: in success, or in a failure with a reason that the app
 * gets twice, at its failure URL and in the `auth_cancelled` event.
 */
import { MINUTE_MS } from './time.ts'

/**
 * - `created`: waits for its browser.
 * - `at_provider`: the browser was sent to the provider with a `state`.
 * - `exchanging`: the `state` came back and is used up; the code is being exchanged, or what it gave is
 *   held until the app confirms it.
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
  not_confirmed: 'The app did not confirm in time who had come back from the provider.',
  other_end_user: 'Another person than the one whom the link was made for came back to the app.',
  account_in_use: 'Another end user of the app is connected through this account.',
  other_account: 'The connection that would be renewed belongs to another account at the provider.',
} as const

/** How long a link, and with it the flow, can be used: Terra's `expires_in` of 900 s. */
export const LINK_LIFETIME_MS = 15 * MINUTE_MS
/** How long the person may stay at the provider. */
export const STATE_LIFETIME_MS = 10 * MINUTE_MS
/** How long the app may take to confirm who came back; they may have to log in there first. */
export const CONFIRMATION_LIFETIME_MS = 5 * MINUTE_MS
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

/** What an app's confirmation comes to. */
export type ConfirmationVerdict = 'confirmed' | 'used' | 'expired' | 'other_end_user'

export interface ConfirmationFacts {
  readonly status: FlowStatus
  readonly expiresAtMs: number
  /** Whom the link was made for. */
  readonly referenceId: string | null
  /** Who is logged in to the app that confirms. */
  readonly confirmedBy: string
}

/**
 * Judges a confirmation. The link's person and the one who came back have to be the same: whoever passes
 * a link on gets nothing of what another person shares, and whoever passes on the way back gives nothing.
 */
export function judgeConfirmation(facts: ConfirmationFacts, nowMs: number): ConfirmationVerdict {
  if (facts.status === 'succeeded') return 'used'
  if (facts.status === 'failed' || nowMs >= facts.expiresAtMs) return 'expired'
  return facts.confirmedBy === facts.referenceId ? 'confirmed' : 'other_end_user'
}
