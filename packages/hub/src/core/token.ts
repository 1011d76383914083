/** When tokens are refreshed, and what a refresh that failed means. Pure. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './time.ts'

/**
 * When to refresh. `ahead`: this many seconds before expiry. `before_use`: only directly before a call
 * (for providers whose old token dies at the first use of the new one). `extend`: as `ahead`, but the
 * answer prolongs the same access token. `never`: nothing to refresh.
 */
export type RefreshStrategy =
  | { readonly kind: 'ahead'; readonly aheadSeconds: number }
  | { readonly kind: 'before_use' }
  | { readonly kind: 'extend'; readonly aheadSeconds: number }
  | { readonly kind: 'never' }

/** The life of a token set. Epoch milliseconds; null when there is no end, or nobody knows it. */
export interface TokenTimes {
  readonly obtainedAtMs: number
  readonly expiresAtMs: number | null
  readonly refreshExpiresAtMs: number | null
}

/** A refresh token that is not used may end unnoticed: it is used when this much of its life is over. */
const REFRESH_TOKEN_LIFE_SHARE = 0.8
/** Refreshes are spread over this share of the time ahead, so that those who connected together do not refresh together. */
const SPREAD_SHARE = 0.5

/** Whether a caller that needs a token should refresh before using this one. */
export function isRefreshDue(strategy: RefreshStrategy, times: TokenTimes, nowMs: number): boolean {
  const { expiresAtMs } = times
  if (expiresAtMs === null) return false
  switch (strategy.kind) {
    case 'never':
      return false
    case 'before_use':
      return nowMs >= expiresAtMs
    case 'ahead':
    case 'extend':
      return nowMs >= expiresAtMs - aheadMs(strategy.aheadSeconds, times.obtainedAtMs, expiresAtMs)
  }
}

/** Whether the access token can still be used. */
export function isAlive(times: TokenTimes, nowMs: number): boolean {
  return times.expiresAtMs === null || nowMs < times.expiresAtMs
}

/**
 * When the worker has to look at a token set by itself: to refresh it, or to find that it has ended.
 *
 * @param strategy Of the provider; `never` also where it gave no refresh token.
 * @param fraction From 0 inclusive to 1 exclusive: the jitter. It only makes it earlier.
 * @returns Epoch milliseconds; null when it never does.
 */
export function nextRefreshAtMs(
  strategy: RefreshStrategy,
  times: TokenTimes,
  fraction: number,
): number | null {
  const { obtainedAtMs, expiresAtMs, refreshExpiresAtMs } = times
  if (strategy.kind === 'never') return expiresAtMs
  const beforeTheEnd =
    refreshExpiresAtMs === null
      ? null
      : Math.round(obtainedAtMs + (refreshExpiresAtMs - obtainedAtMs) * REFRESH_TOKEN_LIFE_SHARE)
  if (strategy.kind === 'before_use' || expiresAtMs === null) return beforeTheEnd
  const ahead = aheadMs(strategy.aheadSeconds, obtainedAtMs, expiresAtMs)
  return Math.round(expiresAtMs - ahead * (1 + fraction * SPREAD_SHARE))
}

/** What the worker does beside refreshing. */
export interface LookPlan {
  /** How often the provider is asked whether the grant lives; null: it says by itself, or cannot be asked. */
  readonly checkEveryMs: number | null
  readonly checkedAtMs: number | null
  /** When the connection ends by itself, whatever the hub does; null when it does not, or nobody knows. */
  readonly endsAtMs: number | null
  readonly warnedAtMs: number | null
}

/** The end of a connection is announced this long before, */
const WARN_AHEAD_MS = 7 * DAY_MS
/** but not before this much of its life is over. */
const WARN_LIFE_SHARE = 0.5

/** When a connection ends although everything works: there is nothing to refresh with, or that has an end itself. */
export function endsAtMs(
  strategy: RefreshStrategy,
  times: TokenTimes,
  isRefreshTokenRenewed: boolean,
): number | null {
  if (strategy.kind === 'never') return times.expiresAtMs
  return isRefreshTokenRenewed ? null : times.refreshExpiresAtMs
}

/** When the provider is asked next whether the grant lives; null: never. */
export function nextCheckAtMs({ checkEveryMs, checkedAtMs }: LookPlan, times: TokenTimes) {
  if (checkEveryMs === null) return null
  // A refresh has asked as well.
  return Math.max(times.obtainedAtMs, checkedAtMs ?? 0) + checkEveryMs
}

/** When the connection's end is announced; null: never, or it has been. */
export function nextWarningAtMs({ endsAtMs: endMs, warnedAtMs }: LookPlan, times: TokenTimes) {
  if (endMs === null || warnedAtMs !== null) return null
  const life = endMs - times.obtainedAtMs
  return Math.round(Math.max(endMs - WARN_AHEAD_MS, times.obtainedAtMs + life * WARN_LIFE_SHARE))
}

/** When the worker has to look at a token set, whatever for. */
export function nextLookAtMs(
  strategy: RefreshStrategy,
  times: TokenTimes,
  plan: LookPlan,
  fraction: number,
): number | null {
  const all = [
    nextRefreshAtMs(strategy, times, fraction),
    nextCheckAtMs(plan, times),
    nextWarningAtMs(plan, times),
  ].filter((atMs) => atMs !== null)
  return all.length === 0 ? null : Math.min(...all)
}

/** Never more than half of the token's life, or a new token would be due at once. */
function aheadMs(aheadSeconds: number, obtainedAtMs: number, expiresAtMs: number): number {
  return Math.max(0, Math.min(aheadSeconds * SECOND_MS, (expiresAtMs - obtainedAtMs) / 2))
}

/** How a refresh failed: see `oauth/refresh.ts`. */
export type RefreshFailure = 'rejected' | 'misconfigured' | 'transient'

/** Failed refreshes in a row. */
export interface FailedRefreshes {
  /** Since the last one that succeeded. */
  readonly failures: number
  /** How often the provider called the grant dead among them, and since when. */
  readonly rejections: number
  readonly rejectedSinceMs: number | null
}

export const NO_FAILED_REFRESHES: FailedRefreshes = {
  failures: 0,
  rejections: 0,
  rejectedSinceMs: null,
}

/** How long a provider's verdict "dead" is doubted. */
export interface RejectionPolicy {
  /** From the first verdict to one that is believed. */
  readonly confirmAfterMs: number
}

/** What follows from a failed refresh. */
export interface FailureDecision extends FailedRefreshes {
  /** The provider has called the grant dead twice, far enough apart: tell the app. */
  readonly isDead: boolean
  /** When the next refresh may be tried; null: never, until the person connects again. */
  readonly retryAtMs: number | null
}

/** Verdicts that have to agree before a grant counts as dead. */
const REJECTIONS_MIN = 2
/** A dead grant is tried again this often, because providers have been wrong for days, */
const DEAD_RETRY_MS = DAY_MS
/** and for this long. */
const DEAD_WINDOW_MS = 14 * DAY_MS

const TRANSIENT = { baseMs: 30 * SECOND_MS, capMs: HOUR_MS }
const MISCONFIGURED = { baseMs: 5 * MINUTE_MS, capMs: 6 * HOUR_MS }

/**
 * Judges a failed refresh. One verdict "dead" is a suspicion: it may be an outage at the provider, or
 * our own mistake.
 *
 * @param failed.retryAfterMs What the provider asked for; wins when it is longer.
 */
export function judgeFailure(
  before: FailedRefreshes,
  policy: RejectionPolicy,
  failed: {
    readonly kind: RefreshFailure
    readonly atMs: number
    readonly retryAfterMs: number | null
    readonly fraction: number
  },
): FailureDecision {
  const { kind, atMs, fraction } = failed
  const failures = before.failures + 1
  const asked = failed.retryAfterMs ?? 0
  switch (kind) {
    case 'rejected': {
      const rejections = before.rejections + 1
      const rejectedSinceMs = before.rejectedSinceMs ?? atMs
      const confirmAtMs = rejectedSinceMs + policy.confirmAfterMs
      const isDead = rejections >= REJECTIONS_MIN && atMs >= confirmAtMs
      const next = { failures, rejections, rejectedSinceMs, isDead }
      if (!isDead) {
        // With a long doubt the provider is asked now and then: it may take the verdict back.
        const step = Math.min(HOUR_MS, policy.confirmAfterMs) * (1 + fraction / 10)
        return { ...next, retryAtMs: Math.round(atMs + Math.max(step, asked)) }
      }
      const isOver = atMs - rejectedSinceMs >= DEAD_WINDOW_MS
      const retryMs = Math.max(DEAD_RETRY_MS * (1 + fraction / 10), asked)
      return { ...next, retryAtMs: isOver ? null : Math.round(atMs + retryMs) }
    }
    case 'misconfigured':
    case 'transient': {
      const { baseMs, capMs } = kind === 'transient' ? TRANSIENT : MISCONFIGURED
      const bound = Math.min(capMs, baseMs * 2 ** Math.min(failures - 1, 31))
      const delayMs = Math.round(bound * (0.5 + fraction / 2))
      const { rejections, rejectedSinceMs } = before
      const retryAtMs = atMs + Math.max(delayMs, asked)
      return { failures, rejections, rejectedSinceMs, isDead: false, retryAtMs }
    }
  }
}
