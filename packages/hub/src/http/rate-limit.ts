/** How often somebody may ask: counted per process, in windows of a minute. */
import { RATE_LIMITS, type RateLimits } from '../core/rate-limits.ts'
import { MINUTE_MS, SECOND_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'

/** Tries to log in, which are slow on purpose, in a minute. */
const LOGINS_PER_ADDRESS = 10
const LOGINS_IN_ALL = 60
/** Callers that are counted at once; beyond it the oldest starts anew. */
const CALLERS_MAX = 20_000

interface Window {
  count: number
  readonly endsAtMs: number
}

/** What a caller hears of its limit (draft-ietf-httpapi-ratelimit-headers). */
export type LimitHeaders = Readonly<Record<string, string>>

export interface RateLimiter {
  /** Counts a request of a key. @throws FirmaError `too_many_requests`. */
  takeKey(callerId: string): LimitHeaders
  /** Counts a request without good credentials. @throws FirmaError `too_many_requests`. */
  takeAddress(address: string): LimitHeaders
  /** Counts a try to log in. @throws FirmaError `too_many_requests`. */
  takeLogin(address: string): void
}

export interface LimitsDep {
  readonly limits: RateLimiter
}

/** @param limits Null counts nothing but logins. */
export function createRateLimiter(
  { clock }: ClockDep,
  limits: RateLimits | null = RATE_LIMITS,
): RateLimiter {
  const windows = new Map<string, Window>()

  const take = (name: string, max: number): LimitHeaders => {
    const nowMs = clock.nowMs()
    let window = windows.get(name)
    if (window === undefined || window.endsAtMs <= nowMs) {
      window = { count: 0, endsAtMs: nowMs + MINUTE_MS }
      // At the end of the map, so that the first one in it is the oldest.
      windows.delete(name)
      const [oldest] = windows.keys()
      if (windows.size >= CALLERS_MAX && oldest !== undefined) windows.delete(oldest)
      windows.set(name, window)
    }
    window.count += 1
    const resetSeconds = Math.ceil((window.endsAtMs - nowMs) / SECOND_MS)
    const headers = {
      'ratelimit-limit': String(max),
      'ratelimit-remaining': String(Math.max(0, max - window.count)),
      'ratelimit-reset': String(resetSeconds),
    }
    if (window.count <= max) return headers
    throw new FirmaError(
      'too_many_requests',
      `more than ${max} requests came in a minute; ask again in ${resetSeconds} s`,
      { headers: { ...headers, 'retry-after': String(resetSeconds) } },
    )
  }

  return {
    takeKey: (callerId) => (limits === null ? {} : take(callerId, limits.perKey)),
    takeAddress: (address) =>
      limits === null ? {} : take(`address:${address}`, limits.perAddress),
    takeLogin: (address) => {
      take(`login:${address}`, LOGINS_PER_ADDRESS)
      take('login', LOGINS_IN_ALL)
    },
  }
}
