import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AttemptError,
  type AttemptOutcome,
  QUIET_MS_MAX,
  findQuietUntilMs,
  judgeWanted,
  judgeAttempt,
  parseRetryAfter,
} from './delivery.ts'
import { DELIVERY_RETRIES } from './retry.ts'
import { HOUR_MS } from './time.ts'

const NOW_MS = Date.UTC(2024, 9, 7, 3, 45)
const FIRST = { attempts: 1, sinceMs: NOW_MS, nowMs: NOW_MS, fraction: 0.5 }
const LAST = { ...FIRST, sinceMs: NOW_MS - DELIVERY_RETRIES.windowMs }

const answered = (httpStatus: number, retryAfterMs: number | null = null): AttemptOutcome => ({
  type: 'answered',
  httpStatus,
  retryAfterMs,
})

describe('findQuietUntilMs', () => {
  it.each([
    [answered(429, 5_000), NOW_MS + 5_000],
    [answered(503, 5_000), NOW_MS + 5_000],
    [answered(503, 24 * HOUR_MS), NOW_MS + QUIET_MS_MAX],
    [answered(429), null],
    [answered(429, 0), null],
    [answered(500, 5_000), null],
    [answered(200, 5_000), null],
    [{ type: 'unanswered', error: 'reset' } as const, null],
  ])('of %j is %s', (outcome, untilMs) => {
    expect(findQuietUntilMs(outcome, NOW_MS)).toBe(untilMs)
  })
})

describe('judgeAttempt', () => {
  it.each([200, 201, 202, 204, 206, 299])(
    'takes %d for delivered, also at the last try',
    (status) => {
      for (const attempt of [FIRST, LAST]) {
        expect(judgeAttempt(answered(status), DELIVERY_RETRIES, attempt)).toEqual({
          type: 'delivered',
        })
      }
    },
  )

  it.each([100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 409, 422, 429, 500, 503])(
    'tries again after %d, until the window is over',
    (status) => {
      expect(judgeAttempt(answered(status), DELIVERY_RETRIES, FIRST)).toEqual({
        type: 'retry',
        dueAtMs: NOW_MS + 15_000,
      })
      expect(judgeAttempt(answered(status), DELIVERY_RETRIES, LAST)).toEqual({ type: 'failed' })
    },
  )

  it('takes 410 for a wish to be left alone, also at the last try', () => {
    for (const attempt of [FIRST, LAST]) {
      expect(judgeAttempt(answered(410), DELIVERY_RETRIES, attempt)).toEqual({ type: 'gone' })
    }
  })

  it('waits as long as the destination asks, whatever its status', () => {
    for (const status of [302, 404, 429, 503]) {
      expect(judgeAttempt(answered(status, 2 * HOUR_MS), DELIVERY_RETRIES, FIRST)).toEqual({
        type: 'retry',
        dueAtMs: NOW_MS + 2 * HOUR_MS,
      })
    }
  })

  const errors = [
    'timeout',
    'refused',
    'reset',
    'dns',
    'tls',
    'address_refused',
    'network',
  ] as const
  it.each(errors satisfies readonly AttemptError[])('tries again after %s', (error) => {
    const outcome = { type: 'unanswered', error } as const
    expect(judgeAttempt(outcome, DELIVERY_RETRIES, FIRST).type).toBe('retry')
    expect(judgeAttempt(outcome, DELIVERY_RETRIES, LAST).type).toBe('failed')
  })
})

describe('parseRetryAfter', () => {
  const parse = (header: string | undefined) => parseRetryAfter(header, NOW_MS, Date.parse)

  it.each([
    [undefined, null],
    ['', null],
    ['0', 0],
    ['120', 120_000],
    [' 120 ', 120_000],
    ['999999999', 999_999_999_000],
    ['soon', null],
    ['Mon, 07 Oct 2024 03:46:00 GMT', 60_000],
    ['Monday, 07-Oct-24 03:46:00 GMT', 60_000],
    ['Mon, 07 Oct 2024 03:44:00 GMT', 0],
    ['Mon, 99 Foo 2024 03:46:00 GMT', null],
  ])('reads %j as %s ms', (header, expected) => {
    expect(parse(header)).toBe(expected)
  })

  it.each(['-1', '1.5', '1e3', '0x10', '12 monkeys', '9999999999999', '1'.repeat(5_000)])(
    'never makes a wait of %j that is negative or endless',
    (header) => {
      const ms = parse(header) ?? 0
      expect(ms).toBeGreaterThanOrEqual(0)
      expect(Number.isFinite(ms)).toBe(true)
    },
  )

  it('gives a number from 0, or null, for any text', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const ms = parse(header) ?? 0
        expect(Number.isFinite(ms) && ms >= 0).toBe(true)
      }),
    )
  })

  it('reads back any number of seconds and any HTTP date', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), (seconds) => {
        expect(parse(String(seconds))).toBe(seconds * 1_000)
        expect(parse(new Date(NOW_MS + seconds * 1_000).toUTCString())).toBe(seconds * 1_000)
      }),
    )
  })
})

describe('judgeWanted', () => {
  const every = { eventTypes: null, wantsExtensions: false }
  const some = { eventTypes: ['auth', 'connection_recovered'], wantsExtensions: false }
  const extended = { wantsExtensions: true }

  it('gives a destination without a list every type of Terra’s', () => {
    expect(judgeWanted(every, 'auth', false)).toBeNull()
    expect(judgeWanted(every, 'anything', false)).toBeNull()
  })

  it('gives a destination with a list what is on it', () => {
    expect(judgeWanted(some, 'auth', false)).toBeNull()
    expect(judgeWanted(some, 'deauth', false)).toBe('event_type')
    expect(judgeWanted({ ...every, eventTypes: [] }, 'auth', false)).toBe('event_type')
  })

  it('gives types of our own only to destinations that ask for them', () => {
    expect(judgeWanted(every, 'connection_recovered', true)).toBe('extension')
    expect(judgeWanted({ ...every, eventTypes: ['auth'] }, 'connection_recovered', true)).toBe(
      'extension',
    )
    // Whoever names one asks for it.
    expect(judgeWanted(some, 'connection_recovered', true)).toBeNull()
    expect(judgeWanted({ ...every, ...extended }, 'connection_recovered', true)).toBeNull()
    expect(judgeWanted({ ...some, ...extended }, 'connection_recovered', true)).toBeNull()
    const auth = { eventTypes: ['auth'], ...extended }
    expect(judgeWanted(auth, 'connection_recovered', true)).toBe('event_type')
  })

  it('gives a type that was named before it was known', () => {
    const early = { eventTypes: ['unknown:steps'], wantsExtensions: false }
    expect(judgeWanted(early, 'steps', false)).toBeNull()
    expect(judgeWanted(early, 'step', false)).toBe('event_type')
  })
})
