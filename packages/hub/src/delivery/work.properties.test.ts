import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ClaimedDelivery } from '../store/delivery-claims.ts'
import type { DestinationState } from '../store/destinations.ts'
import { DELIVERIES_IN_FLIGHT_MAX } from './places.ts'
import { CLAIMED_PER_TURN_MAX, Work } from './work.ts'

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

it('lets data that has just come go before what is looked for, and leaves half of the places for that', () => {
  const concurrency = fc.integer({ min: 1, max: DELIVERIES_IN_FLIGHT_MAX })
  fc.assert(
    fc.property(concurrency, (places) => {
      const work = new Work(() => places)
      work.wake(['d0'])
      work.takeWoken()
      expect(work.takeEarly({ destinationId: 'd0', isData: false }, places, 0)).toBe(false)
      let taken = 0
      while (work.takeEarly({ destinationId: 'd0', isData: true }, places, 0)) taken += 1
      expect(taken).toBe(Math.floor(places / 2))
      expect(work.plan(0, [])).toMatchObject([
        { limit: Math.min(places - taken, CLAIMED_PER_TURN_MAX) },
      ])
    }),
  )
})

it('begins nothing where it is held, whoever wakes it, until all have let it go', () => {
  const work = new Work(() => CONCURRENCY)
  const free = { destinationId: 'd0', limit: CONCURRENCY, stateLimit: CONCURRENCY, ahead: 0 }
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
  expect(work.takeEarly(data, CONCURRENCY, 0)).toBe(false)
  const wanted = { destinationId: 'd0', limit: 0, stateLimit: CONCURRENCY, ahead: 0 }
  expect(work.plan(0, [data])).toEqual([wanted])
})

const delivery = { destinationId: 'd0', isData: true } as ClaimedDelivery
const state = { id: 'd0', version: 1 } as DestinationState

it('claims as much ahead as there are places, by halves, and only where answers come at once', () => {
  const concurrency = fc.integer({ min: 1, max: DELIVERIES_IN_FLIGHT_MAX })
  fc.assert(
    fc.property(concurrency, fc.nat(), fc.boolean(), (places, elsewhere, isBrisk) => {
      const work = new Work((id) => (id === 'd0' ? places : elsewhere))
      for (let i = 0; i < elsewhere % DELIVERIES_IN_FLIGHT_MAX; i += 1) {
        work.take({ destinationId: 'other', isData: true }, 0)
      }
      while (work.takeEarly({ destinationId: 'd0', isData: true }, places, 0));
      work.noteBrisk('d0', isBrisk)
      work.wake(['d0'], true)
      work.takeWoken()
      let [ahead, claims] = [0, 0]
      for (;;) {
        const [want] = work.plan(0, [])
        if (want === undefined) break
        expect(want).toMatchObject({ limit: want.ahead, stateLimit: 0 })
        for (let i = 0; i < want.ahead; i += 1) work.ahead.add({ delivery, state }, 0)
        ahead += want.ahead
        claims += 1
      }
      const room = DELIVERIES_IN_FLIGHT_MAX - (elsewhere % DELIVERIES_IN_FLIGHT_MAX) - places
      const most = isBrisk ? Math.max(0, Math.min(places, room)) : 0
      expect(ahead).toBeLessThanOrEqual(most)
      expect(ahead).toBeGreaterThanOrEqual(most / 2)
      expect(claims).toBeLessThanOrEqual(2)
      // Nothing more is begun than there are places for.
      expect(work.takeForAhead('d0', 0)).toBeUndefined()
    }),
  )
})
