import { describe, expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  OTHER_ENVIRONMENT_ID,
  addEnvironments,
  addOwedEvent,
  destinationRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { CLOSED } from '../core/breaker.ts'
import type { Attempt } from './attempts.ts'
import type { Settlement } from './deliveries.ts'
import type { ClaimedDelivery, Want } from './delivery-claims.ts'
import type { Store } from './open.ts'

const LEASE_MS = 35_000

describeStore('DeliveryTable', (open) => {
  /** Two destinations, A and B, that take everything. */
  async function openWithDestinations(): Promise<Store> {
    const store = await open()
    await addEnvironments(store)
    await store.destinations.add(destinationRow({ id: 'A' }))
    await store.destinations.add(destinationRow({ id: 'B' }))
    return store
  }

  /** Event `id` of lineage `orderKey`. */
  async function owe(
    store: Store,
    id: string,
    orderKey: string,
    { to: destinations = ['A'], atMs = EPOCH_MS, type = 'auth' } = {},
  ): Promise<void> {
    await addOwedEvent(store, { id, orderKey, createdAtMs: atMs, type }, destinations)
  }

  interface ClaimOptions {
    readonly id?: string
    readonly nowMs?: number
    readonly wants?: readonly Want[]
  }

  const BOTH = [
    { destinationId: 'A', limit: 64 },
    { destinationId: 'B', limit: 64 },
  ]

  async function claim(store: Store, options: ClaimOptions = {}): Promise<ClaimedDelivery[]> {
    const { id = 'claim-1', nowMs = EPOCH_MS, wants = BOTH } = options
    return await store.deliveries.claimDue({ id, nowMs, untilMs: nowMs + LEASE_MS, wants })
  }

  /** Claims, and says which events for whom. */
  async function claimed(store: Store, options: ClaimOptions = {}): Promise<string[]> {
    const deliveries = await claim(store, options)
    return deliveries.map(({ event, destinationId }) => `${event.id}→${destinationId}`)
  }

  async function settle(
    store: Store,
    delivery: ClaimedDelivery | undefined,
    status: Settlement['status'],
    dueAtMs = EPOCH_MS,
  ): Promise<boolean> {
    const { id = 0, claimId = 'none' } = delivery ?? {}
    const { ours } = await store.transaction(
      async (tx) =>
        await tx.deliveries.settleMany([
          {
            id,
            claimId,
            status,
            attempts: 1,
            tries: 1,
            dueAtMs,
            tryingSinceMs: EPOCH_MS,
            endedAtMs: status === 'pending' ? null : EPOCH_MS + 1,
            orderKey: delivery?.event.orderKey ?? '',
            attempt: null,
          },
        ]),
    )
    return ours.has(id)
  }

  describe('claimDue', () => {
    it('hands out what is due, with its event, in the order of commit', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1', { to: ['A', 'B'] })
      await owe(store, 'e2', 'L2', { to: ['A'] })
      const deliveries = await claim(store)
      expect(deliveries.map(({ event, destinationId }) => [event.id, destinationId])).toEqual([
        ['e1', 'A'],
        ['e1', 'B'],
        ['e2', 'A'],
      ])
      expect(deliveries[0]).toMatchObject({
        claimId: 'claim-1',
        attempts: 0,
        tries: 0,
        dueAtMs: EPOCH_MS,
        tryingSinceMs: null,
        resendId: null,
        event: { id: 'e1', body: '{"type":"auth"}', orderKey: 'L1' },
      })
    })

    it('hands out what happened to connections beyond the places for data, and counts it among them', async () => {
      const store = await openWithDestinations()
      const ids = Array.from({ length: 8 }, (_, i) => String(i))
      for (const id of ids) await owe(store, `s${id}`, `L${id}`, { to: ['A'] })
      for (const id of ids) await owe(store, `d${id}`, `M${id}`, { to: ['A'], type: 'sleep' })
      const take = async (limit: number, stateLimit: number): Promise<string[]> => {
        const wants = [{ destinationId: 'A', limit, stateLimit }]
        const due = { id: 'c', nowMs: EPOCH_MS, untilMs: EPOCH_MS + LEASE_MS, wants }
        return (await store.deliveries.claimDue(due)).map(({ event }) => event.id)
      }
      expect(await take(0, 2)).toEqual(['s0', 's1'])
      expect(await take(1, 2)).toEqual(['s2', 's3'])
      expect(await take(3, 1)).toEqual(['s4', 'd0', 'd1'])
      expect(await take(2, 0)).toEqual(['d2', 'd3'])
      expect(await take(10, 10)).toEqual(['s5', 's6', 's7', 'd4', 'd5', 'd6', 'd7'])
    })

    it('hands out nothing where nothing is owed', async () => {
      expect(await claimed(await open())).toEqual([])
    })

    it('hands out nothing before it is due', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1', { to: ['A'], atMs: EPOCH_MS + 1 })
      expect(await claimed(store)).toEqual([])
      expect(await claimed(store, { nowMs: EPOCH_MS + 1 })).toEqual(['e1→A'])
    })

    it('holds an event back behind its predecessor of the same lineage at the same destination', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1', { to: ['A', 'B'] })
      await owe(store, 'e2', 'L1', { to: ['A', 'B'] })
      await owe(store, 'e3', 'L2', { to: ['A'] })
      const first = await claim(store)
      expect(first.map(({ event }) => event.id)).toEqual(['e1', 'e1', 'e3'])
      await settle(store, first[0], 'delivered')
      expect(await claimed(store, { id: 'claim-2' })).toEqual(['e2→A'])
    })

    it.each(['delivered', 'failed'] as const)(
      'lets the next one go when its predecessor is %s',
      async (status) => {
        const store = await openWithDestinations()
        await owe(store, 'e1', 'L1')
        await owe(store, 'e2', 'L1')
        const [first] = await claim(store)
        await settle(store, first, status)
        expect(await claimed(store)).toEqual(['e2→A'])
      },
    )

    it('waits for a predecessor that is to be tried again, however late', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      await owe(store, 'e2', 'L1')
      const [first] = await claim(store)
      await settle(store, first, 'pending', EPOCH_MS + 3_600_000)
      expect(await claimed(store, { nowMs: EPOCH_MS + 3_599_999 })).toEqual([])
      expect(await claimed(store, { nowMs: EPOCH_MS + 3_600_000 })).toEqual(['e1→A'])
    })

    it('keeps data behind what happened to its connection, and never the other way round', async () => {
      const store = await openWithDestinations()
      await owe(store, 'data 1', 'L1', { type: 'sleep' })
      await owe(store, 'auth 2', 'L1')
      await owe(store, 'data 3', 'L1', { type: 'daily' })
      await owe(store, 'auth 4', 'L1')
      const [data1, auth2] = await claim(store)
      expect([data1?.event.id, auth2?.event.id]).toEqual(['data 1', 'auth 2'])
      // The head of the data was tried and failed: it keeps its place.
      await settle(store, data1, 'pending', EPOCH_MS + 5)
      await settle(store, auth2, 'delivered')
      const [auth4] = await claim(store)
      expect(auth4?.event.id).toBe('auth 4')
      const [again] = await claim(store, { nowMs: EPOCH_MS + 5 })
      expect(again?.event.id).toBe('data 1')
      await settle(store, again, 'delivered')
      const [data3] = await claim(store)
      expect(data3?.event.id).toBe('data 3')
      await settle(store, auth4, 'delivered')
      await settle(store, data3, 'delivered')
      expect(await claimed(store)).toEqual([])
    })

    it('takes what happened to connections before data that is due for longer', async () => {
      const store = await openWithDestinations()
      for (let i = 0; i < 5; i += 1) await owe(store, `data ${i}`, `D${i}`, { type: 'sleep' })
      await owe(store, 'auth', 'L', { atMs: EPOCH_MS + 1 })
      const options = { nowMs: EPOCH_MS + 1, wants: [{ destinationId: 'A', limit: 1 }] }
      expect(await claimed(store, options)).toEqual(['auth→A'])
    })

    it('lets go of a claim that was given up, and of no later one', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const early = await claim(store)
      await store.deliveries.freeClaims(early)
      expect(await claimed(store, { id: 'b' })).toEqual(['e1→A'])
      await store.deliveries.freeClaims(early)
      expect(await claimed(store, { id: 'c' })).toEqual([])
    })

    it('gives a delivery to nobody else while its lease lasts, and to the next when it ends', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [lost] = await claim(store)
      const endMs = EPOCH_MS + LEASE_MS
      expect(await store.deliveries.freeExpired(endMs - 1)).toBe(endMs)
      expect(await claimed(store, { id: 'b', nowMs: endMs - 1 })).toEqual([])
      expect(await store.deliveries.freeExpired(endMs)).toBeUndefined()
      expect(await claimed(store, { id: 'b', nowMs: endMs })).toEqual(['e1→A'])
      // Whoever had it before has no say any more.
      expect(await settle(store, lost, 'delivered')).toBe(false)
      expect(await store.deliveries.listOfEvents(['e1'])).toMatchObject([
        { status: 'pending', attempts: 0 },
      ])
    })

    it('hands out to whom it is asked for alone, the longest due first, and no more', async () => {
      const store = await openWithDestinations()
      await owe(store, 'late', 'L1', { atMs: EPOCH_MS + 2 })
      await owe(store, 'early', 'L2', { to: ['A', 'B'], atMs: EPOCH_MS })
      await owe(store, 'middle', 'L3', { atMs: EPOCH_MS + 1 })
      const options = { nowMs: EPOCH_MS + 2, wants: [{ destinationId: 'A', limit: 2 }] }
      expect(await claimed(store, options)).toEqual(['early→A', 'middle→A'])
      expect(await claimed(store, options)).toEqual(['late→A'])
      expect(await claimed(store, { wants: [] })).toEqual([])
    })

    it('gives each delivery to one of many that ask at once', async () => {
      const store = await openWithDestinations()
      for (let i = 0; i < 20; i += 1) await owe(store, `e${i}`, `L${i}`, { to: ['A', 'B'] })
      const wants = BOTH.map(({ destinationId }) => ({ destinationId, limit: 4 }))
      const claims = await Promise.all(
        Array.from({ length: 10 }, async (_, i) => await claimed(store, { id: `c${i}`, wants })),
      )
      const all = [...claims.flat(), ...(await claimed(store))]
      expect(all).toHaveLength(40)
      expect(new Set(all).size).toBe(40)
    })
  })

  describe('settleMany', () => {
    it('ends a delivery', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [delivery] = await claim(store)
      expect(await settle(store, delivery, 'delivered')).toBe(true)
      expect(await store.deliveries.listOfEvents(['e1'])).toMatchObject([
        { status: 'delivered', attempts: 1, endedAtMs: EPOCH_MS + 1 },
      ])
      expect(await settle(store, delivery, 'failed')).toBe(false)
    })

    it('remembers since when and how often a delivery is being tried', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [delivery] = await claim(store)
      await settle(store, delivery, 'pending')
      expect(await claim(store)).toMatchObject([{ attempts: 1, tries: 1, tryingSinceMs: EPOCH_MS }])
    })
  })

  describe('a disabled destination', () => {
    it('shows what it is owed as held, and nothing of it changes', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1', { to: ['A', 'B'] })
      await store.destinations.disable('A', 'by hand')
      expect(await store.deliveries.listOfEvents(['e1'])).toMatchObject([
        { destinationId: 'A', status: 'held' },
        { destinationId: 'B', status: 'pending' },
      ])
      await store.destinations.enable('A', EPOCH_MS + 1)
      expect(await store.deliveries.listOfEvents(['e1'])).toMatchObject([
        { destinationId: 'A', status: 'pending' },
        { destinationId: 'B', status: 'pending' },
      ])
    })
  })

  describe('makeDue', () => {
    it('makes due what waits for a later attempt, there alone', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1', { to: ['A', 'B'] })
      const [a, b] = await claim(store)
      await settle(store, a, 'pending', EPOCH_MS + 3_600_000)
      await settle(store, b, 'pending', EPOCH_MS + 3_600_000)
      expect(await store.deliveries.makeDue('A', EPOCH_MS + 1)).toBe(false)
      expect(await claimed(store, { nowMs: EPOCH_MS + 1 })).toEqual(['e1→A'])
    })
  })

  describe('what is due next', () => {
    it('is the earliest of each kind that can be claimed, by destination', async () => {
      const store = await openWithDestinations()
      expect(await store.deliveries.listDue()).toEqual([])
      expect(await store.deliveries.listDueOf([])).toEqual([])
      await owe(store, 'e1', 'L1', { atMs: EPOCH_MS + 20 })
      await owe(store, 'e2', 'L2', { atMs: EPOCH_MS + 10, type: 'sleep' })
      await owe(store, 'e3', 'L2', { atMs: EPOCH_MS, to: ['B'] })
      const all = [
        { destinationId: 'A', isData: false, dueAtMs: EPOCH_MS + 20 },
        { destinationId: 'A', isData: true, dueAtMs: EPOCH_MS + 10 },
        { destinationId: 'B', isData: false, dueAtMs: EPOCH_MS },
      ]
      expect(await store.deliveries.listDue()).toEqual(all)
      expect(await store.deliveries.listDueOf(['A', 'C'])).toEqual(all.slice(0, 2))
      await claim(store)
      expect(await store.deliveries.listDue()).toEqual(all.slice(0, 2))
    })
  })

  describe('attempts', () => {
    const attempt = (deliveryId: number, number: number): Attempt => ({
      deliveryId,
      number,
      startedAtMs: EPOCH_MS,
      durationMs: 12,
      httpStatus: number === 1 ? null : 500,
      error: number === 1 ? 'timeout' : null,
      responseHeaders: '{"server":"x"}',
      responseBody: number === 1 ? null : 'why',
      processId: 'host:1',
    })

    it('are listed per delivery in order, as many as asked for', async () => {
      const store = await openWithDestinations()
      const all = [attempt(1, 1), attempt(1, 2), attempt(2, 1)]
      await store.attempts.addMany(all.toReversed())
      await store.attempts.addMany([])
      expect(await store.attempts.list([2, 1], 10)).toEqual(all)
      expect(await store.attempts.list([2, 1], 2)).toEqual(all.slice(0, 2))
      expect(await store.attempts.list([], 10)).toEqual([])
    })

    it('keep the answers of the first and of the newest five', async () => {
      const store = await openWithDestinations()
      for (let i = 1; i <= 9; i += 1) await store.attempts.addMany([attempt(1, i)])
      const kept = (await store.attempts.list([1], 100)).filter(
        ({ responseHeaders }) => responseHeaders !== null,
      )
      expect(kept.map(({ number }) => number)).toEqual([1, 5, 6, 7, 8, 9])
    })
  })

  it('refuses to owe one event to one destination twice', async () => {
    const store = await openWithDestinations()
    await owe(store, 'e1', 'L1')
    const again = store.deliveries.addMany([
      {
        eventId: 'e1',
        destinationId: 'A',
        orderKey: 'L1',
        isData: false,
        suppressed: null,
        resendId: null,
        atMs: EPOCH_MS,
      },
    ])
    await expect(again).rejects.toThrow(/unique/i)
    expect(await store.deliveries.listOfEvents([])).toEqual([])
  })

  it('keeps destinations of environments apart', async () => {
    const store = await openWithDestinations()
    await store.destinations.add(
      destinationRow({ id: 'C', environmentId: OTHER_ENVIRONMENT_ID, status: 'disabled' }),
    )
    expect((await store.destinations.list('acme-testing')).map(({ id }) => id)).toEqual(['A', 'B'])
    const healthy = {
      version: 1,
      concurrency: 8,
      breaker: CLOSED,
      quietUntilMs: null,
      stateQuietUntilMs: null,
      lastOrderingMs: 0,
    }
    const inC = { id: 'C', status: 'disabled', ...healthy }
    expect(await store.destinations.listSubscriptions(OTHER_ENVIRONMENT_ID)).toEqual([
      { ...inC, eventTypes: null, wantsExtensions: false },
    ])
    const states = await store.destinations.listStates(['C', 'D', 'A'])
    expect(states.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
      { id: 'A', status: 'enabled', ...healthy },
      inC,
    ])
    expect(await store.destinations.listStates([])).toEqual([])
  })
})
