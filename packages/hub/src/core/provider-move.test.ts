import { array, assert, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exchangeAgainAtMs, paceExchanges } from './provider-move.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from './time.ts'

describe('paceExchanges', () => {
  it('begins no more in any minute than it may, whoever asks how often', () => {
    assert(
      property(
        integer({ min: 1, max: 600 }),
        array(integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 300 }),
        (perMinute, pauses) => {
          let nowMs = 0
          let nextAtMs = 0
          const begun: number[] = []
          for (const pauseMs of pauses) {
            nowMs += pauseMs
            const pace = paceExchanges({ nowMs, nextAtMs, perMinute })
            for (let i = 0; i < pace.room; i += 1) begun.push(nowMs)
            if (pace.room > 0) nextAtMs = pace.nextAtMs(pace.room)
          }
          for (const atMs of begun) {
            const within = begun.filter((other) => other >= atMs && other < atMs + MINUTE_MS)
            // A batch begins at once, and the next after its share of the minute.
            expect(within.length).toBeLessThan(perMinute + 10)
          }
        },
      ),
    )
  })
})

describe('exchangeAgainAtMs', () => {
  const failed = {
    kind: 'transient',
    attempts: 1,
    nowMs: 0,
    retryAfterMs: null,
    fraction: 1,
  } as const

  it('waits for an outage however long it lasts, at most an hour at a time', () => {
    expect(exchangeAgainAtMs(failed)).toBe(MINUTE_MS / 2)
    expect(exchangeAgainAtMs({ ...failed, attempts: 1_000 })).toBe(HOUR_MS)
  })

  it('waits as long as the provider asks, and no longer than a day', () => {
    expect(exchangeAgainAtMs({ ...failed, retryAfterMs: HOUR_MS })).toBe(HOUR_MS)
    expect(exchangeAgainAtMs({ ...failed, retryAfterMs: 9 * DAY_MS })).toBe(DAY_MS)
  })

  it('leaves a refusal that was repeated to the operator', () => {
    expect(exchangeAgainAtMs({ ...failed, kind: 'refused', attempts: 4 })).not.toBeNull()
    expect(exchangeAgainAtMs({ ...failed, kind: 'refused', attempts: 5 })).toBeNull()
  })
})
