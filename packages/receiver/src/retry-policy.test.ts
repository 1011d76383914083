import { describe, expect, it } from 'vitest'
import { toRetryPolicy } from './retry.ts'

const DAY_MS = 86_400_000

describe('toRetryPolicy', () => {
  it('doubles the longest wait up to a bound, and takes any part of it', () => {
    const options = { delayMsBase: 1_000, delayMsMax: 10_000 }
    const longest = toRetryPolicy(options, () => 1)
    expect([1, 2, 3, 4, 5, 400].map(longest.toDelayMs)).toEqual([
      1_000, 2_000, 4_000, 8_000, 10_000, 10_000,
    ])
    expect(toRetryPolicy(options, () => 0.25).toDelayMs(2)).toBe(500)
    expect(toRetryPolicy({}, () => 0).toDelayMs(9)).toBe(0)
  })

  it('takes an own schedule, and makes sense of a senseless one', () => {
    const policy = (delayMs: number): number =>
      toRetryPolicy({ toDelayMs: () => delayMs }, Math.random).toDelayMs(1)
    expect([60_000, -5, 0.4, Number.NaN, Infinity, 1e300].map(policy)).toEqual([
      60_000,
      0,
      0,
      8 * 3_600_000,
      8 * 3_600_000,
      365 * DAY_MS,
    ])
  })

  it('refuses limits that are none', () => {
    expect(() => toRetryPolicy({ attemptsMax: 0 }, Math.random)).toThrow(RangeError)
    expect(() => toRetryPolicy({ delayMsBase: -1 }, Math.random)).toThrow(RangeError)
  })
})
