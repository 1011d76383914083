import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DELIVERY_RETRIES,
  RETRY_AFTER_MS_MAX,
  RETRY_DELAY_MS_MIN,
  REVOCATION_RETRIES,
  nextAttemptAtMs,
} from './retry.ts'
import { HOUR_MS, SECOND_MS } from './time.ts'

const FAILED = { attempts: 1, sinceMs: 0, nowMs: 0, retryAfterMs: null, fraction: 0 }
/** The greatest fraction that a random number has. */
const NEARLY_1 = 1 - Number.EPSILON / 2

const fraction = fc.double({ min: 0, max: NEARLY_1, noNaN: true })

describe('nextAttemptAtMs', () => {
  it.each([
    [1, 30 * SECOND_MS],
    [2, 60 * SECOND_MS],
    [3, 120 * SECOND_MS],
    [10, 15_360 * SECOND_MS],
    [11, 8 * HOUR_MS],
    [12, 8 * HOUR_MS],
    [1_000_000, 8 * HOUR_MS],
  ])('waits after attempt %d for %d ms at most', (attempts, boundMs) => {
    const failed = { ...FAILED, attempts, fraction: NEARLY_1 }
    expect(nextAttemptAtMs(DELIVERY_RETRIES, failed)).toBe(boundMs)
  })

  it('spreads the delays over the whole bound', () => {
    const at = (part: number) => nextAttemptAtMs(DELIVERY_RETRIES, { ...FAILED, fraction: part })
    expect([at(0), at(0.25), at(0.5)]).toEqual([RETRY_DELAY_MS_MIN, 7_500, 15_000])
  })

  it.each([
    [null, 15_000],
    [0, 15_000],
    [14_999, 15_000],
    [15_001, 15_001],
    [2 * HOUR_MS, 2 * HOUR_MS],
    [RETRY_AFTER_MS_MAX, RETRY_AFTER_MS_MAX],
    [RETRY_AFTER_MS_MAX + 1, RETRY_AFTER_MS_MAX],
    [Number.MAX_SAFE_INTEGER, RETRY_AFTER_MS_MAX],
  ])('waits, when asked to wait %s ms, for %d ms', (retryAfterMs, expected) => {
    const failed = { ...FAILED, fraction: 0.5, retryAfterMs }
    expect(nextAttemptAtMs(DELIVERY_RETRIES, failed)).toBe(expected)
  })

  it('ends with the first failure after the window', () => {
    const { windowMs } = DELIVERY_RETRIES
    const at = (nowMs: number) => nextAttemptAtMs(DELIVERY_RETRIES, { ...FAILED, nowMs })
    expect(at(windowMs - 1)).not.toBeNull()
    expect(at(windowMs)).toBeNull()
  })

  it('is always between the least and the greatest delay', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.integer({ min: 0, max: DELIVERY_RETRIES.windowMs - 1 }),
        fc.option(fc.integer({ min: 0, max: 2 * RETRY_AFTER_MS_MAX })),
        fraction,
        (attempts, passedMs, retryAfterMs, part) => {
          const sinceMs = 1_728_272_700_000
          const nowMs = sinceMs + passedMs
          const failed = { attempts, sinceMs, nowMs, retryAfterMs, fraction: part }
          const delayMs = (nextAttemptAtMs(DELIVERY_RETRIES, failed) ?? 0) - nowMs
          expect(Number.isInteger(delayMs)).toBe(true)
          expect(delayMs).toBeGreaterThanOrEqual(RETRY_DELAY_MS_MIN)
          const asked = Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX)
          expect(delayMs).toBeGreaterThanOrEqual(asked)
          expect(delayMs).toBeLessThanOrEqual(Math.max(DELIVERY_RETRIES.capMs, asked))
        },
      ),
    )
  })

  it('keeps trying for 72 hours and no more than one delay beyond, whatever the jitter', () => {
    fc.assert(
      fc.property(fc.array(fraction, { minLength: 1, maxLength: 20 }), (fractions) => {
        let [nowMs, attempts] = [0, 1]
        for (;;) {
          // After the random ones the longest: zeros alone would try once a second for three days.
          const part = fractions[attempts] ?? NEARLY_1
          const nextMs = nextAttemptAtMs(DELIVERY_RETRIES, {
            ...FAILED,
            nowMs,
            attempts,
            fraction: part,
          })
          if (nextMs === null) break
          nowMs = nextMs
          attempts += 1
        }
        expect(nowMs).toBeGreaterThanOrEqual(72 * HOUR_MS)
        expect(nowMs).toBeLessThan(80 * HOUR_MS)
      }),
    )
  })
})

describe('the schedules', () => {
  it.each([DELIVERY_RETRIES, REVOCATION_RETRIES])('try for 72 hours at least: %o', (schedule) => {
    expect(schedule.windowMs).toBeGreaterThanOrEqual(72 * HOUR_MS)
    expect(schedule.capMs).toBeLessThan(schedule.windowMs)
  })
})
