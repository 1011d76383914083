import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DELIVERIES_IN_FLIGHT_MAX, Places, SILENT_IN_FLIGHT_MAX } from './places.ts'

function fill(places: Places, destinationId: string, count: number, nowMs = 0): void {
  for (let i = 0; i < count; i += 1) places.take(destinationId, nowMs)
}

describe('Places', () => {
  it('gives a destination as many as it may have', () => {
    const places = new Places()
    expect(places.free('A', 8, 0)).toBe(8)
    fill(places, 'A', 5)
    expect(places.free('A', 8, 0)).toBe(3)
    expect(places.free('B', 8, 0)).toBe(8)
    places.giveBack('A', true, 10)
    expect(places.free('A', 8, 10)).toBe(4)
    expect(places.total).toBe(4)
  })

  it('gives one that did not answer a single one, until it answers', () => {
    const places = new Places()
    fill(places, 'A', 2)
    places.giveBack('A', false, 10)
    expect(places.free('A', 8, 10)).toBe(0)
    places.giveBack('A', false, 10)
    expect(places.free('A', 8, 10)).toBe(1)
    places.take('A', 10)
    expect(places.free('A', 8, 10)).toBe(0)
    places.giveBack('A', true, 20)
    expect(places.free('A', 8, 20)).toBe(8)
  })

  it('takes one for silent whose attempts last', () => {
    const places = new Places()
    places.take('A', 0)
    expect(places.free('A', 8, 1_000)).toBe(7)
    expect(places.free('A', 8, 1_001)).toBe(0)
    places.giveBack('A', true, 1_500)
    places.take('A', 1_500)
    expect(places.free('A', 8, 2_500)).toBe(7)
  })

  it('bounds what silent destinations take together', () => {
    const places = new Places()
    for (let i = 0; i < SILENT_IN_FLIGHT_MAX; i += 1) places.take(`hangs ${i}`, 0)
    places.take('A', 2_000)
    places.giveBack('A', false, 2_000)
    expect(places.free('A', 8, 2_000)).toBe(0)
    expect(places.free('answers', 8, 2_000)).toBe(8)
  })

  it('gives the places of those that fell silent to those that answer', () => {
    const places = new Places()
    for (const id of ['A', 'B']) fill(places, id, DELIVERIES_IN_FLIGHT_MAX / 2)
    expect(places.free('answers', 256, 1_000)).toBe(1)
    expect(places.free('answers', 256, 1_001)).toBe(256)
    // What they hold is bounded all the same.
    for (const id of ['C', 'D']) fill(places, id, DELIVERIES_IN_FLIGHT_MAX / 2, 1_001)
    expect(places.free('answers', 256, 3_000)).toBe(1)
    for (let i = 0; i < DELIVERIES_IN_FLIGHT_MAX / 2; i += 1) places.giveBack('A', false, 8_000)
    expect(places.free('answers', 256, 8_000)).toBe(256)
    expect(places.free('A', 256, 8_000)).toBe(0)
    for (const id of ['B', 'C', 'D']) places.giveBack(id, true, 8_100)
    expect(places.free('answers', 256, 8_100)).toBe(1)
  })

  it('counts what is under way, whatever ends in whatever order', () => {
    const step = fc.record({
      id: fc.constantFrom('A', 'B', 'C'),
      what: fc.constantFrom('take', 'put back', 'answered', 'unanswered'),
      passedMs: fc.constantFrom(0, 1, 999, 1_001),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const places = new Places()
        let nowMs = 0
        for (const { id, what, passedMs } of steps) {
          nowMs += passedMs
          places.free('anybody', 8, nowMs)
          if (what === 'take') places.take(id, nowMs)
          else if (places.inFlightTo(id) === 0) continue
          else if (what === 'put back') places.putBack(id)
          else places.giveBack(id, what === 'answered', nowMs)
        }
        for (const id of ['A', 'B', 'C']) {
          while (places.inFlightTo(id) > 0) places.giveBack(id, true, nowMs)
        }
        expect(places.total).toBe(0)
        // Nothing is left of what silent ones held: all of it is to be had.
        expect(places.free('new', 10_000, nowMs)).toBe(DELIVERIES_IN_FLIGHT_MAX)
      }),
    )
  })

  it('keeps one for each that answers when all are taken, and no more', () => {
    const places = new Places()
    fill(places, 'A', DELIVERIES_IN_FLIGHT_MAX)
    expect(places.free('A', 1_000, 0)).toBe(0)
    expect(places.free('B', 8, 0)).toBe(1)
    places.take('B', 0)
    expect(places.free('B', 8, 0)).toBe(0)
    for (let i = 1; i < 2 * DELIVERIES_IN_FLIGHT_MAX; i += 1) places.take(`C ${i}`, 0)
    expect(places.free('D', 8, 0)).toBe(0)
  })
})
