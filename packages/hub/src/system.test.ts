import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TestClock } from '../test/support/test-clock.ts'
import { createIds, systemClock, systemRandom, systemTimer } from './system.ts'

/** RFC 9562, figures 8 and 11: version in the 13th digit, variant in the 17th. */
const VERSION_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const VERSION_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const timeOf = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)

describe('createIds', () => {
  it('makes random ids of version 4', () => {
    const ids = createIds(systemClock, systemRandom)
    const made = Array.from({ length: 1_000 }, () => ids.uuid())
    expect(made.filter((id) => !VERSION_4.test(id))).toEqual([])
    expect(new Set(made).size).toBe(1_000)
  })

  it('makes ids of version 7 that begin with the time', () => {
    const clock = new TestClock(0x0192_6532_8f4d)
    const id = createIds(clock, systemRandom).ordered()
    expect(id).toMatch(VERSION_7)
    expect(id).toMatch(/^01926532-8f4d-7000-/)
  })

  it('ascends strictly within one millisecond, also beyond its counter', () => {
    const clock = new TestClock()
    const ids = createIds(clock, systemRandom)
    const made = Array.from({ length: 10_000 }, () => ids.ordered())
    expect(made.filter((id) => !VERSION_7.test(id))).toEqual([])
    expect(made.toSorted()).toEqual(made)
    expect(new Set(made).size).toBe(10_000)
    expect(timeOf(made.at(-1) ?? '') - clock.nowMs()).toBeLessThanOrEqual(3)
  })

  it('ascends strictly whatever the clock does, and catches up with it', () => {
    const times = fc.array(fc.integer({ min: 0, max: 2 ** 42 }), { minLength: 2, maxLength: 50 })
    fc.assert(
      fc.property(times, (readings) => {
        let nowMs = 0
        const ids = createIds({ nowMs: () => nowMs }, systemRandom)
        const made = readings.map((reading) => {
          nowMs = reading
          return ids.ordered()
        })
        expect(made.filter((id) => !VERSION_7.test(id))).toEqual([])
        expect(made.toSorted()).toEqual(made)
        expect(new Set(made).size).toBe(made.length)
        expect(timeOf(made.at(-1) ?? '')).toBeGreaterThanOrEqual(readings.at(-1) ?? 0)
      }),
    )
  })

  it('still ascends when the time no longer fits a number together with the counter', () => {
    const clock = new TestClock(Date.UTC(2_100, 0, 1))
    const ids = createIds(clock, systemRandom)
    const made = Array.from({ length: 5_000 }, () => ids.ordered())
    expect(new Set(made).size).toBe(5_000)
    expect(made.toSorted()).toEqual(made)
    expect(made.filter((id) => !VERSION_7.test(id))).toEqual([])
  })
})

describe('systemRandom', () => {
  it('gives as many bytes as asked for, and fractions from 0 to below 1', () => {
    expect(systemRandom.bytes(32)).toHaveLength(32)
    expect(systemRandom.bytes(0)).toHaveLength(0)
    const fractions = Array.from({ length: 1_000 }, () => systemRandom.fraction())
    expect(fractions.filter((part) => part < 0 || part >= 1)).toEqual([])
  })
})

describe('systemTimer', () => {
  it('calls once, takes a negative delay for none, and can be called off', async () => {
    const called: string[] = []
    const cancel = systemTimer.after(0, () => called.push('cancelled'))
    cancel()
    await new Promise<void>((resolve) => {
      systemTimer.after(-5, () => {
        called.push('late')
        resolve()
      })
    })
    cancel()
    expect(called).toEqual(['late'])
  })
})
