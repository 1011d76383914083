import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import { addEnvironments, eventRow } from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { DAY_MS, HOUR_MS } from '../core/time.ts'

describeStore('EventTimes', (open) => {
  it('finds the numbers that hold all events between two times', async () => {
    const store = await open()
    await addEnvironments(store)
    expect(await store.eventTimes.findRange({ sinceMs: 5, untilMs: 9 })).toEqual({
      from: 1,
      before: 1,
    })
    const at = (day: number): number => EPOCH_MS + day * DAY_MS
    const days = Array.from({ length: 40 }, (_, day) => day)
    // One was made while the clock was a little behind.
    const times = [...days.slice(0, 20).map(at), at(19) - HOUR_MS / 2, ...days.slice(20).map(at)]
    await store.events.addMany(
      times.map((createdAtMs, i) => eventRow({ id: `event-${i}`, createdAtMs })),
    )
    const find = store.eventTimes.findRange.bind(store.eventTimes)
    expect(await find({})).toEqual({ from: 0, before: undefined })
    expect(await find({ sinceMs: at(-5) })).toEqual({ from: 1, before: undefined })
    expect(await find({ sinceMs: at(90) })).toEqual({ from: 42, before: undefined })
    for (const [sinceMs, untilMs] of [
      [at(3), at(5)],
      [at(18) + 1, at(21)],
      [at(19) - HOUR_MS / 2, at(19)],
      [at(39), at(40)],
    ] as const) {
      const { from, before = 0 } = await find({ sinceMs, untilMs })
      const right = times.flatMap((time, i) => (time >= sinceMs && time < untilMs ? [i + 1] : []))
      expect(right.every((seq) => seq >= from && seq < before)).toBe(true)
      expect(before - from).toBeLessThan(right.length + 3)
    }
  })
})
