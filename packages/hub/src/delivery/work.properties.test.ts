import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { Work } from './work.ts'

const CONCURRENCY = 3
/** So many that data takes every place of the process, too. */
const DESTINATIONS = Array.from({ length: 400 }, (_, i) => `d${i}`)

it('has a place for what happened to a connection, however much data is under way', () => {
  const someId = fc.constantFrom(...DESTINATIONS)
  fc.assert(
    fc.property(fc.array(someId, { maxLength: 200 }), someId, (underWay, asked) => {
      const work = new Work(() => CONCURRENCY)
      for (const destinationId of DESTINATIONS) {
        while (work.takeEarly({ destinationId, isData: true }, CONCURRENCY, 0));
      }
      const counts = new Map<string, number>()
      for (const destinationId of underWay) {
        const count = counts.get(destinationId) ?? 0
        if (count === CONCURRENCY) continue
        work.take({ destinationId, isData: false }, 0)
        counts.set(destinationId, count + 1)
      }
      work.wake([asked])
      work.takeWoken()
      const want = work.plan(0, []).find(({ destinationId }) => destinationId === asked)
      expect(want?.stateLimit ?? 0).toBe(CONCURRENCY - (counts.get(asked) ?? 0))
      expect(want?.limit ?? 0).toBe(0)
    }),
  )
})

it('looks for nothing where data has all places and only data has come', () => {
  const work = new Work(() => CONCURRENCY)
  while (work.takeEarly({ destinationId: 'd0', isData: true }, CONCURRENCY, 0));
  work.wake(['d0'], true)
  work.takeWoken()
  expect(work.plan(0, [])).toEqual([])
})

it('begins nothing where it is held, whoever wakes it, until all have let it go', () => {
  const work = new Work(() => CONCURRENCY)
  const free = { destinationId: 'd0', limit: CONCURRENCY, stateLimit: CONCURRENCY }
  const state = { destinationId: 'd0', isData: false }
  work.hold(state)
  work.hold(state)
  expect(work.takeEarly({ destinationId: 'd0', isData: true }, CONCURRENCY, 0)).toBe(false)
  for (const held of [true, true, false]) {
    work.wake(['d0'])
    work.takeWoken()
    expect(work.plan(0, [])).toEqual(held ? [] : [free])
    work.release(state)
  }
})

it('goes on with what happened to connections where data alone is held', () => {
  const work = new Work(() => CONCURRENCY)
  const data = { destinationId: 'd0', isData: true }
  work.hold(data)
  work.wake(['d0'])
  work.takeWoken()
  expect(work.takeEarly({ destinationId: 'd0', isData: true }, CONCURRENCY, 0)).toBe(false)
  expect(work.plan(0, [data])).toEqual([{ destinationId: 'd0', limit: 0, stateLimit: CONCURRENCY }])
})
