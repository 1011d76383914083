/** When a handler that failed is called again. */

/** Settings of the retries; every part has a default. */
export interface RetryOptions {
  /** Calls until an event is set aside as `dead`, the first one included; 15 by default, which is about a day and a half. */
  attemptsMax?: number
  /** Longest wait after the first failure, in milliseconds; doubles with each one. 5,000 by default. */
  delayMsBase?: number
  /** Longest wait of all, in milliseconds; 8 hours by default. */
  delayMsMax?: number
  /** Own schedule: milliseconds to wait after so many calls, counted from 1. Replaces the two above, and chance with them. */
  toDelayMs?: (attempts: number) => number
}

/** Retries with nothing left open. */
export interface RetryPolicy {
  /** See {@link RetryOptions.attemptsMax}. */
  attemptsMax: number
  /** Milliseconds to wait after so many calls. */
  toDelayMs: (attempts: number) => number
}

const ATTEMPTS_MAX = 15
const DELAY_MS_BASE = 5_000
const DELAY_MS_MAX = 8 * 3_600_000
/** Longest wait that an own schedule may ask for: a year, in milliseconds. */
const OWN_DELAY_MS_MAX = 365 * 86_400_000

/**
 * Exponential with full jitter: anything from nothing to the longest wait of this attempt, so that many events that failed together
 * do not come back together.
 *
 * @param random From 0 (included) to 1 (excluded).
 * @throws RangeError for limits that are none.
 */
export function toRetryPolicy(options: RetryOptions, random: () => number): RetryPolicy {
  const { attemptsMax = ATTEMPTS_MAX, delayMsBase = DELAY_MS_BASE } = options
  const { delayMsMax = DELAY_MS_MAX, toDelayMs } = options
  for (const [name, value] of Object.entries({ attemptsMax, delayMsBase, delayMsMax })) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new RangeError(`retry.${name} must be a whole number from 1, found ${value}`)
  }
  const jittered = (attempts: number): number =>
    Math.round(random() * Math.min(delayMsMax, delayMsBase * 2 ** (attempts - 1)))
  const own = toDelayMs ?? jittered
  return { attemptsMax, toDelayMs: (attempts) => checkDelay(own(attempts)) }
}

/** A schedule that gives nonsense must not make an event due never, or a hot loop of it. */
function checkDelay(delayMs: number): number {
  if (!Number.isFinite(delayMs)) return DELAY_MS_MAX
  return Math.min(Math.max(0, Math.round(delayMs)), OWN_DELAY_MS_MAX)
}
