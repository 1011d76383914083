/** What one attempt at a delivery means for the delivery and for its destination. */
import { type RetrySchedule, nextAttemptAtMs } from './retry.ts'
import { HOUR_MS, SECOND_MS } from './time.ts'

/** Time for one attempt where nothing else is said, in milliseconds: Terra's. */
export const ATTEMPT_TIMEOUT_MS = 8 * SECOND_MS
/** Longest time for one attempt that a destination can be given, in milliseconds. */
export const ATTEMPT_TIMEOUT_MS_MAX = 30 * SECOND_MS

/**
 * As an operator sees it:
 *
 * - `pending`: to be sent, or to be sent again.
 * - `held`: its destination is disabled; sent when it is enabled again.
 * - `delivered`, `failed`: ended.
 * - `suppressed`: its destination does not want it, for the reason that is recorded.
 */
export type DeliveryStatus = 'pending' | 'held' | 'delivered' | 'failed' | 'suppressed'

/**
 * As it is stored. `waiting`: behind another one of its lane; `pending`: can be claimed; `sending`: claimed.
 * Held is whatever is owed to a disabled destination, so that disabling touches one row.
 */
export type StoredStatus = 'waiting' | 'pending' | 'sending' | 'delivered' | 'failed' | 'suppressed'

/** Why an attempt got no answer. */
export type AttemptError =
  | 'timeout'
  | 'refused'
  | 'reset'
  | 'dns'
  | 'tls'
  | 'address_refused'
  | 'network'

export type AttemptOutcome =
  | {
      readonly type: 'answered'
      readonly httpStatus: number
      /** Milliseconds, from the Retry-After header; null where there is none. */
      readonly retryAfterMs: number | null
    }
  | { readonly type: 'unanswered'; readonly error: AttemptError }

export type DeliveryVerdict =
  | { readonly type: 'delivered' }
  | { readonly type: 'retry'; readonly dueAtMs: number }
  | { readonly type: 'failed' }
  /** 410 Gone: the destination asks to be left alone. Its deliveries are held, none is dropped. */
  | { readonly type: 'gone' }

/** Judges an attempt. Any 2xx succeeds; everything else, 3xx included, does not. */
export function judgeAttempt(
  outcome: AttemptOutcome,
  schedule: RetrySchedule,
  attempt: { attempts: number; sinceMs: number; nowMs: number; fraction: number },
): DeliveryVerdict {
  if (outcome.type === 'answered') {
    if (outcome.httpStatus >= 200 && outcome.httpStatus < 300) return { type: 'delivered' }
    if (outcome.httpStatus === 410) return { type: 'gone' }
  }
  const retryAfterMs = outcome.type === 'answered' ? outcome.retryAfterMs : null
  const dueAtMs = nextAttemptAtMs(schedule, { ...attempt, retryAfterMs })
  return dueAtMs === null ? { type: 'failed' } : { type: 'retry', dueAtMs }
}

/** A destination cannot have everything that it is owed held back for longer than this by one answer. */
export const QUIET_MS_MAX = HOUR_MS

/**
 * Until when a destination asks to be sent nothing at all: 429 and 503 speak of it, not of the event (RFC 6585, section 4;
 * RFC 9110, section 15.6.4).
 *
 * @returns Epoch milliseconds, at most {@link QUIET_MS_MAX} from now; null where it does not ask.
 */
export function findQuietUntilMs(outcome: AttemptOutcome, nowMs: number): number | null {
  if (outcome.type !== 'answered') return null
  const { httpStatus, retryAfterMs } = outcome
  const isAboutAll = httpStatus === 429 || httpStatus === 503
  if (!isAboutAll || retryAfterMs === null || retryAfterMs === 0) return null
  return nowMs + Math.min(retryAfterMs, QUIET_MS_MAX)
}

/**
 * Reads a Retry-After header (RFC 9110, section 10.2.3): seconds or an HTTP date.
 *
 * @param parseDateMs Turns an HTTP date into epoch milliseconds, NaN when it cannot.
 * @returns Milliseconds from now, null for a missing or unreadable header.
 */
export function parseRetryAfter(
  header: string | undefined,
  nowMs: number,
  parseDateMs: (text: string) => number,
): number | null {
  if (header === undefined) return null
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * SECOND_MS
  const atMs = parseDateMs(header)
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs)
}

/** Why a destination is not owed an event. */
export type SuppressedReason =
  /** Its `event_types` do not name the type. */
  | 'event_type'
  /** Terra does not have the type, and the destination does not ask for extensions. */
  | 'extension'
  /** The destination was deleted before the event was sent. */
  | 'destination_deleted'

/**
 * One that names a type wants it, also where Terra does not have it.
 *
 * @returns Null where the destination wants events of this type.
 */
export function judgeWanted(
  destination: { readonly eventTypes: readonly string[] | null; readonly wantsExtensions: boolean },
  type: string,
  isExtension: boolean,
): SuppressedReason | null {
  const { eventTypes, wantsExtensions } = destination
  if (eventTypes === null) return isExtension && !wantsExtensions ? 'extension' : null
  // As it was named before this version knew it.
  const isNamed = eventTypes.includes(type) || eventTypes.includes(`unknown:${type}`)
  if (isNamed) return null
  return isExtension && !wantsExtensions ? 'extension' : 'event_type'
}
