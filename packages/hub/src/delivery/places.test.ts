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

  it('keeps one for each that answers when all are taken, and no more', () => {
    const places = new Places()
    fill(places, 'A', DELIVERIES_IN_FLIGHT_MAX)
    expect(places.free('A', 1_000, 0)).toBe(0)
    expect(places.free('B', 8, 0)).toBe(1)
    places.take('B', 0)
    expect(places.free('B', 8, 0)).toBe(0)
    for (let i = 1; i < DELIVERIES_IN_FLIGHT_MAX; i += 1) places.take(`C ${i}`, 0)
    expect(places.free('D', 8, 0)).toBe(0)
  })
})
