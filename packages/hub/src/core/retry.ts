/** When to try again, for deliveries and for calls that must reach a provider in the end. */
import { HOUR_MS, SECOND_MS } from './time.ts'

export interface RetrySchedule {
  /** Upper bound of the first delay, in milliseconds; doubles with each attempt. */
  readonly baseMs: number
  /** Upper bound of any delay, in milliseconds. */
  readonly capMs: number
  /** Trying ends with the first failure this long after it began. */
  readonly windowMs: number
}

/** Terra's: 30 s doubling to 8 h, for at least 72 h. */
export const DELIVERY_RETRIES: RetrySchedule = {
  baseMs: 30 * SECOND_MS,
  capMs: 8 * HOUR_MS,
  windowMs: 72 * HOUR_MS,
}

/** Revoking at the provider is tried as patiently as delivering. */
export const REVOCATION_RETRIES: RetrySchedule = { ...DELIVERY_RETRIES }

/** No retry comes sooner than this, whatever the jitter says. */
export const RETRY_DELAY_MS_MIN = SECOND_MS
/** A destination cannot postpone its own delivery for longer than this. */
export const RETRY_AFTER_MS_MAX = 24 * HOUR_MS

export interface FailedAttempt {
  /** Attempts made so far, from 1. */
  readonly attempts: number
  /** When trying began. */
  readonly sinceMs: number
  readonly nowMs: number
  /** What the other side asked for (RFC 9110, section 10.2.3); wins when it is longer. */
  readonly retryAfterMs: number | null
  /** From 0 inclusive to 1 exclusive: the jitter. */
  readonly fraction: number
}

/**
 * When the next attempt is due: exponential with full jitter, capped.
 *
 * @returns Epoch milliseconds, or null when the window is over.
 */
export function nextAttemptAtMs(schedule: RetrySchedule, failed: FailedAttempt): number | null {
  if (failed.nowMs - failed.sinceMs >= schedule.windowMs) return null
  // 2^31 is far beyond every cap; without the bound the power would overflow to Infinity.
  const doublings = Math.min(failed.attempts - 1, 31)
  const bound = Math.min(schedule.capMs, schedule.baseMs * 2 ** doublings)
  const jittered = Math.max(RETRY_DELAY_MS_MIN, Math.round(bound * failed.fraction))
  const asked = Math.min(failed.retryAfterMs ?? 0, RETRY_AFTER_MS_MAX)
  return failed.nowMs + Math.max(jittered, asked)
}
