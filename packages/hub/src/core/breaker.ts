/**
 * The breaker of a destination. While nothing that is sent to it succeeds, it is tried with one delivery at
 * a time instead of thousands; when that has lasted for a day, it is disabled. What fails as data holds data back
 * alone: what happened to connections never waits for it.
 */
import type { DestinationNotice } from './operator-event.ts'
import { type RetrySchedule, nextAttemptAtMs } from './retry.ts'
import { HOUR_MS, MINUTE_MS } from './time.ts'

/** Failures in a row that open the breaker; those that are answered with a time to try again are not counted. */
export const OPEN_AFTER_FAILURES = 10
/** However long it has been failing, one delivery is tried this often at least. */
export const PROBE_MS_MAX = 15 * MINUTE_MS
/** Failing for so long without a success is worth a warning; the last, where it does not disable. */
export const WARN_AFTER_MS = [8 * HOUR_MS, 16 * HOUR_MS, 24 * HOUR_MS] as const
/** Failing for so long disables the destination. */
export const DISABLE_AFTER_MS = 24 * HOUR_MS
/**
 * The same where it goes on saying when to try again, with few other failures between, as a server does whose quota of
 * the day is used up. It ends before anything is given up, which it would be after 72 h and never is while the
 * destination is disabled.
 */
export const DISABLE_ASKING_AFTER_MS = 48 * HOUR_MS

export interface Breaker {
  /** Attempts without success since the last one, but for those that were answered with a time to try again. */
  readonly failures: number
  /** When the first of them ended; null where there is none. */
  readonly failingSinceMs: number | null
  /** How many of the warnings have been given. */
  readonly warned: number
  /** Open: one delivery is tried then, and no data before. Null where it is closed. */
  readonly probeAtMs: number | null
  /** Of the failures, those of what happened to connections. */
  readonly stateFailures: number
  /** Open for what happened to connections, too: none of it is tried before. Null where it is closed. */
  readonly stateProbeAtMs: number | null
}

export const CLOSED: Breaker = {
  failures: 0,
  failingSinceMs: null,
  warned: 0,
  probeAtMs: null,
  stateFailures: 0,
  stateProbeAtMs: null,
}

/** `gone` is not for the breaker to say. */
export type BreakerNotice = Exclude<DestinationNotice, { readonly type: 'gone' }>

/**
 * @param attempt.isData Whether it was data that was sent.
 * @param attempt.isProbe Whether the breaker was open for its kind when it began. What was under way when it opened says nothing
 *   that is not known: counted as probes that failed, a burst of failures would put off the first one by minutes.
 * @param attempt.isAsking It was answered when to try again (429 or 503 with Retry-After). Nothing is sent before then, which
 *   is more than opening would do, and who answers so is there.
 * @param attempt.hasAsked It was answered so within the last day, at this attempt or before. One failure of another kind between
 *   such answers, as of a proxy that is restarted, does not take away the time that they give; an open breaker does.
 * @param attempt.fraction From 0 inclusive to 1 exclusive: the jitter of the next probe.
 * @returns What it is after an attempt, and what an operator should hear.
 */
export function decideBreaker(
  breaker: Breaker,
  schedule: RetrySchedule,
  attempt: {
    readonly isData: boolean
    readonly isProbe: boolean
    readonly succeeded: boolean
    readonly isAsking: boolean
    readonly hasAsked: boolean
    readonly atMs: number
    readonly fraction: number
  },
): { readonly breaker: Breaker; readonly notices: readonly BreakerNotice[] } {
  if (attempt.succeeded) return decideSuccess(breaker, attempt)
  const { isData, atMs, fraction, isAsking, hasAsked } = attempt
  const probeAtMs = isData ? breaker.probeAtMs : breaker.stateProbeAtMs
  const isNews = probeAtMs === null || attempt.isProbe
  const counted = isNews && !isAsking ? 1 : 0
  const failures = breaker.failures + counted
  const stateFailures = breaker.stateFailures + (isData ? 0 : counted)
  const probeAfter = (count: number): number | null =>
    count < OPEN_AFTER_FAILURES ? null : nextProbeAtMs(schedule, count, atMs, fraction)
  const failed = {
    failures,
    // Attempts of several processes end in no particular order.
    failingSinceMs: Math.min(breaker.failingSinceMs ?? atMs, atMs),
    warned: breaker.warned,
    probeAtMs: isNews ? probeAfter(failures) : breaker.probeAtMs,
    stateFailures,
    stateProbeAtMs: isNews && !isData ? probeAfter(stateFailures) : breaker.stateProbeAtMs,
  }
  return decideNotices(failed, atMs, isAsking || (hasAsked && failed.probeAtMs === null))
}

/**
 * It works again, and what has failed is tried again. That it takes what happened to connections says little about data that it
 * has refused, which goes on being tried with one at a time: at once, where it had refused both.
 */
function decideSuccess(
  breaker: Breaker,
  { isData, atMs }: { readonly isData: boolean; readonly atMs: number },
): { readonly breaker: Breaker; readonly notices: readonly BreakerNotice[] } {
  const { failures, stateFailures, probeAtMs, warned } = breaker
  const recovered: readonly BreakerNotice[] = [{ type: 'recovered' }]
  const hasRefusedData = failures > stateFailures
  if (isData || probeAtMs === null || !hasRefusedData) {
    return { breaker: CLOSED, notices: warned > 0 || probeAtMs !== null ? recovered : [] }
  }
  const next = stateFailures > 0 ? Math.min(probeAtMs, atMs) : probeAtMs
  return {
    breaker: { ...CLOSED, failures, probeAtMs: next },
    notices: warned > 0 ? recovered : [],
  }
}

/** What an operator should hear by now of a destination that fails, whether or not it was tried just now. */
export function decideNotices(
  breaker: Breaker,
  atMs: number,
  isAsking: boolean,
): { readonly breaker: Breaker; readonly notices: readonly BreakerNotice[] } {
  const disableAfterMs = isAsking ? DISABLE_ASKING_AFTER_MS : DISABLE_AFTER_MS
  const failedForMs = breaker.failingSinceMs === null ? 0 : atMs - breaker.failingSinceMs
  const notices: BreakerNotice[] = []
  const reached = WARN_AFTER_MS.filter((ms) => failedForMs >= ms && ms < disableAfterMs)
  const latest = reached.at(-1)
  // One warning where both were missed: the second says more than the first.
  if (latest !== undefined && reached.length > breaker.warned) {
    notices.push({ type: 'failing', hours: latest / HOUR_MS })
  }
  if (failedForMs >= disableAfterMs) notices.push({ type: isAsking ? 'unready' : 'disable' })
  return { breaker: { ...breaker, warned: Math.max(breaker.warned, reached.length) }, notices }
}

function nextProbeAtMs(
  schedule: RetrySchedule,
  failures: number,
  nowMs: number,
  fraction: number,
): number {
  const probing = {
    baseMs: Math.min(schedule.baseMs, PROBE_MS_MAX),
    capMs: Math.min(schedule.capMs, PROBE_MS_MAX),
    windowMs: Number.POSITIVE_INFINITY,
  }
  const attempts = failures - OPEN_AFTER_FAILURES + 1
  const failed = { attempts, sinceMs: nowMs, nowMs, fraction, retryAfterMs: null }
  return nextAttemptAtMs(probing, failed) ?? nowMs + PROBE_MS_MAX
}
