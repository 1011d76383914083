import { array, assert, integer, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CallWindow } from './call-window.ts'

describe('CallWindow', () => {
  it('has room again when the oldest calls have left', () => {
    const window = new CallWindow(60_000)
    for (const atMs of [0, 0, 30_500]) window.add(atMs)
    expect(window.waitMs(40_000, 4)).toBe(0)
    expect(window.waitMs(40_000, 3)).toBe(21_000)
    expect(window.waitMs(40_000, 2)).toBe(21_000)
    expect(window.waitMs(40_000, 1)).toBe(51_000)
    expect(window.waitMs(61_000, 2)).toBe(0)
    expect(window.waitMs(91_000, 1)).toBe(0)
  })

  it('never lets more through than allowed, wherever one begins to count, and never waits longer than it must', () => {
    const pauses = array(integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 200 })
    assert(
      property(pauses, integer({ min: 1, max: 9 }), (pausesMs, max) => {
        const window = new CallWindow(60_000)
        const made: number[] = []
        let nowMs = 0
        for (const pauseMs of pausesMs) {
          nowMs += pauseMs
          const waitMs = window.waitMs(nowMs, max)
          // No longer than until the window and one slot have passed since the call that is in the way.
          const leavesAtMs = (made.at(-max) ?? 0) + 61_000
          expect(waitMs === 0 || nowMs + waitMs <= leavesAtMs).toBe(true)
          nowMs += waitMs
          expect(window.waitMs(nowMs, max)).toBe(0)
          window.add(nowMs)
          made.push(nowMs)
          expect(made.filter((atMs) => atMs > nowMs - 60_000).length).toBeLessThanOrEqual(max)
        }
      }),
    )
  })
})
