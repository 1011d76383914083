import { describe, expect, it } from 'vitest'
import { DAY_MS, HOUR_MS, MINUTE_MS } from './time.ts'
import {
  type FailedRefreshes,
  NO_FAILED_REFRESHES,
  type RefreshFailure,
  isAlive,
  isRefreshDue,
  judgeFailure,
  nextRefreshAtMs,
} from './token.ts'

const AHEAD = { kind: 'ahead', aheadSeconds: 600 } as const
const LIFE = { obtainedAtMs: 0, expiresAtMs: 8 * HOUR_MS, refreshExpiresAtMs: null }
const ENDLESS = { obtainedAtMs: 0, expiresAtMs: null, refreshExpiresAtMs: null }

describe('isRefreshDue', () => {
  const DUE_AT_MS = 8 * HOUR_MS - 10 * MINUTE_MS

  it.each([
    ['ahead of expiry', AHEAD, DUE_AT_MS],
    [
      'ahead of expiry where the token is extended',
      { kind: 'extend', aheadSeconds: 600 },
      DUE_AT_MS,
    ],
    ['at expiry where only a call refreshes', { kind: 'before_use' }, 8 * HOUR_MS],
  ] as const)('is %s', (_when, strategy, dueAtMs) => {
    expect(isRefreshDue(strategy, LIFE, dueAtMs - 1)).toBe(false)
    expect(isRefreshDue(strategy, LIFE, dueAtMs)).toBe(true)
  })

  it('is never so without an end, or where there is nothing to refresh', () => {
    expect(isRefreshDue(AHEAD, ENDLESS, DAY_MS)).toBe(false)
    expect(isRefreshDue({ kind: 'never' }, LIFE, DAY_MS)).toBe(false)
  })

  it('is not so for a new token whose life is shorter than the time ahead', () => {
    const short = { ...LIFE, expiresAtMs: 5 * MINUTE_MS }
    expect(isRefreshDue(AHEAD, short, 0)).toBe(false)
    expect(isRefreshDue(AHEAD, short, 2.5 * MINUTE_MS)).toBe(true)
  })
})

describe('isAlive', () => {
  it('ends at the expiry, if there is one', () => {
    expect(isAlive(LIFE, 8 * HOUR_MS - 1)).toBe(true)
    expect(isAlive(LIFE, 8 * HOUR_MS)).toBe(false)
    expect(isAlive(ENDLESS, Number.MAX_SAFE_INTEGER)).toBe(true)
  })
})

describe('nextRefreshAtMs', () => {
  it('spreads those who connected together, and only towards earlier', () => {
    expect(nextRefreshAtMs(AHEAD, LIFE, 0)).toBe(8 * HOUR_MS - 10 * MINUTE_MS)
    expect(nextRefreshAtMs(AHEAD, LIFE, 0.999_999)).toBeCloseTo(8 * HOUR_MS - 15 * MINUTE_MS, -3)
  })

  it('uses a refresh token that nobody uses before it ends', () => {
    const times = { ...LIFE, refreshExpiresAtMs: 10 * DAY_MS }
    expect(nextRefreshAtMs({ kind: 'before_use' }, times, 0)).toBe(8 * DAY_MS)
    expect(nextRefreshAtMs(AHEAD, { ...times, expiresAtMs: null }, 0)).toBe(8 * DAY_MS)
    expect(nextRefreshAtMs({ kind: 'before_use' }, LIFE, 0)).toBeNull()
    expect(nextRefreshAtMs(AHEAD, ENDLESS, 0)).toBeNull()
  })

  it('looks at what cannot be refreshed when it has ended', () => {
    expect(nextRefreshAtMs({ kind: 'never' }, LIFE, 0.5)).toBe(8 * HOUR_MS)
    expect(nextRefreshAtMs({ kind: 'never' }, ENDLESS, 0.5)).toBeNull()
  })
})

describe('judgeFailure', () => {
  const POLICY = { confirmAfterMs: 5 * MINUTE_MS }
  const judge = (
    kind: RefreshFailure,
    atMs: number,
    before: FailedRefreshes = NO_FAILED_REFRESHES,
    retryAfterMs: number | null = null,
  ) => judgeFailure(before, POLICY, { kind, atMs, retryAfterMs, fraction: 0 })

  it('believes "dead" the second time, minutes later, and not before', () => {
    const first = judge('rejected', 1_000)
    expect(first).toMatchObject({ isDead: false, rejections: 1, rejectedSinceMs: 1_000 })
    expect(first.retryAtMs).toBe(1_000 + 5 * MINUTE_MS)
    expect(judge('rejected', 2_000, first).isDead).toBe(false)
    expect(judge('rejected', 1_000 + 5 * MINUTE_MS, first).isDead).toBe(true)
  })

  it('does not count one verdict twice, however late it comes', () => {
    const before = { failures: 9, rejections: 0, rejectedSinceMs: null }
    expect(judge('rejected', DAY_MS, before).isDead).toBe(false)
  })

  it('keeps a suspicion through an outage', () => {
    const suspected = judge('rejected', 0)
    const down = judge('transient', MINUTE_MS, suspected)
    expect(down).toMatchObject({ isDead: false, rejections: 1, rejectedSinceMs: 0, failures: 2 })
    expect(judge('rejected', 10 * MINUTE_MS, down).isDead).toBe(true)
  })

  it('asks once an hour through a long doubt', () => {
    const policy = { confirmAfterMs: 2 * DAY_MS }
    const failed = { kind: 'rejected', atMs: 0, retryAfterMs: null, fraction: 0 } as const
    expect(judgeFailure(NO_FAILED_REFRESHES, policy, failed).retryAtMs).toBe(HOUR_MS)
  })

  it('asks once a day whether a dead grant is really dead, for two weeks', () => {
    const dead = { failures: 2, rejections: 2, rejectedSinceMs: 0 }
    expect(judge('rejected', DAY_MS, dead).retryAtMs).toBe(2 * DAY_MS)
    expect(judge('rejected', 14 * DAY_MS, dead).retryAtMs).toBeNull()
  })

  it('backs off from trouble, to an hour at most', () => {
    expect(judge('transient', 0).retryAtMs).toBe(15_000)
    const often = { ...NO_FAILED_REFRESHES, failures: 500 }
    expect(judge('transient', 0, often).retryAtMs).toBe(HOUR_MS / 2)
    expect(judge('misconfigured', 0).retryAtMs).toBe(2.5 * MINUTE_MS)
    expect(judge('misconfigured', 0, often).retryAtMs).toBe(3 * HOUR_MS)
  })

  it.each(['rejected', 'transient', 'misconfigured'] as const)(
    'waits as long as the provider asks after %s',
    (kind) => {
      expect(judge(kind, 0, NO_FAILED_REFRESHES, 2 * DAY_MS).retryAtMs).toBe(2 * DAY_MS)
    },
  )
})
