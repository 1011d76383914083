/**
 * How people go from a provider that ends to its successor: how fast, and what a failed try means. Pure.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './time.ts'

/**
 * - `to_do`: nothing has happened yet.
 * - `linked`: the person has a link and has not used it to the end.
 * - `failed`: the last try came to nothing; see the detail.
 * - `connected`: at the successor.
 */
export type MoveUserStatus = 'to_do' | 'linked' | 'failed' | 'connected'

/** `exchange`: the hub turns tokens into new ones. `reconnect`: people consent again, by a link each. */
export type MoveKind = 'exchange' | 'reconnect'

/** Exchanges that one process has under way at once. */
export const EXCHANGES_AT_ONCE = 10

/**
 * How many exchanges may begin now, so that no minute sees more than its share, whichever processes begin them.
 *
 * @param pace.nextAtMs When the next may begin, as the last batch has left it.
 * @returns How many, and what to leave when `begun` of them really began.
 */
export function paceExchanges(pace: {
  readonly nowMs: number
  readonly nextAtMs: number
  readonly perMinute: number
}): { readonly room: number; readonly nextAtMs: (begun: number) => number } {
  const { nowMs, nextAtMs, perMinute } = pace
  const room = nowMs < nextAtMs ? 0 : Math.min(EXCHANGES_AT_ONCE, perMinute)
  return { room, nextAtMs: (begun) => nowMs + Math.ceil((begun * MINUTE_MS) / perMinute) }
}

/** How an exchange failed. `refused`: the provider does not take the old token. */
export type ExchangeFailure = 'refused' | 'transient'

/** A provider that refuses is asked this often before a person has to do something. */
const REFUSALS_MAX = 5
const REFUSED = { baseMs: 5 * MINUTE_MS, capMs: 6 * HOUR_MS }
const TRANSIENT = { baseMs: 30 * SECOND_MS, capMs: HOUR_MS }

/**
 * When a failed exchange is tried again. Outages are waited for; a refusal is repeated a few times, because one
 * may be a mistake, and then left to the operator.
 *
 * @param failed.attempts Made so far, this one too.
 * @param failed.retryAfterMs What the provider asked for; wins when it is longer.
 * @returns Epoch milliseconds; null when it is not tried again by itself.
 */
export function exchangeAgainAtMs(failed: {
  readonly kind: ExchangeFailure
  readonly attempts: number
  readonly nowMs: number
  readonly retryAfterMs: number | null
  readonly fraction: number
}): number | null {
  const { kind, attempts, nowMs, fraction } = failed
  if (kind === 'refused' && attempts >= REFUSALS_MAX) return null
  const { baseMs, capMs } = kind === 'refused' ? REFUSED : TRANSIENT
  const bound = Math.min(capMs, baseMs * 2 ** Math.min(attempts - 1, 31))
  const delayMs = Math.round(bound * (0.5 + fraction / 2))
  return nowMs + Math.max(delayMs, Math.min(failed.retryAfterMs ?? 0, DAY_MS))
}
