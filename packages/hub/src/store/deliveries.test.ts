import { describe, expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  OTHER_ENVIRONMENT_ID,
  addEnvironments,
  addOwedEvent,
  destinationRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import type { DeliveryStatus } from '../core/delivery.ts'
import type { ClaimedDelivery } from './deliveries.ts'
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
    { to: destinations = ['A'], atMs = EPOCH_MS } = {},
  ): Promise<void> {
    await addOwedEvent(store, { id, orderKey, createdAtMs: atMs }, destinations)
  }

  interface ClaimOptions {
    readonly id?: string
    readonly nowMs?: number
    readonly limit?: number
    readonly except?: readonly string[]
  }

  async function claim(store: Store, options: ClaimOptions = {}): Promise<ClaimedDelivery[]> {
    const { id = 'claim-1', nowMs = EPOCH_MS, limit = 64, except = [] } = options
    return await store.deliveries.claimDue({ id, nowMs, untilMs: nowMs + LEASE_MS, limit, except })
  }

  /** Claims, and says which events for whom. */
  async function claimed(store: Store, options: ClaimOptions = {}): Promise<string[]> {
    const deliveries = await claim(store, options)
    return deliveries.map(({ eventId, destinationId }) => `${eventId}→${destinationId}`)
  }

  async function settle(
    store: Store,
    delivery: ClaimedDelivery | undefined,
    status: DeliveryStatus,
    dueAtMs = EPOCH_MS,
  ): Promise<boolean> {
    return await store.deliveries.settle(delivery ?? { id: 0, claimId: 'none' }, {
      status,
      attempts: 1,
      dueAtMs,
      tryingSinceMs: EPOCH_MS,
      atMs: EPOCH_MS + 1,
    })
  }

  describe('claimDue', () => {
    it('hands out what is due, with its event, in the order of commit', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1', { to: ['A', 'B'] })
      await owe(store, 'e2', 'L2', { to: ['A'] })
      const deliveries = await claim(store)
      expect(deliveries.map(({ eventId, destinationId }) => [eventId, destinationId])).toEqual([
        ['e1', 'A'],
        ['e1', 'B'],
        ['e2', 'A'],
      ])
      expect(deliveries[0]).toMatchObject({
        claimId: 'claim-1',
        status: 'pending',
        attempts: 0,
        dueAtMs: EPOCH_MS,
        tryingSinceMs: null,
        endedAtMs: null,
        event: { id: 'e1', body: '{"type":"auth"}', orderKey: 'L1' },
      })
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
      expect(first.map(({ eventId }) => eventId)).toEqual(['e1', 'e1', 'e3'])
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

    it('waits for a predecessor that is held', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [first] = await claim(store)
      await settle(store, first, 'held')
      await owe(store, 'e2', 'L1')
      expect(await claimed(store)).toEqual([])
    })

    it('gives a delivery to nobody else while its lease lasts, and to the next when it ends', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [lost] = await claim(store)
      expect(await claimed(store, { id: 'b', nowMs: EPOCH_MS + LEASE_MS - 1 })).toEqual([])
      expect(await claimed(store, { id: 'b', nowMs: EPOCH_MS + LEASE_MS })).toEqual(['e1→A'])
      // Whoever had it before has no say any more.
      expect(await settle(store, lost, 'delivered')).toBe(false)
      expect(await store.deliveries.listOfEvents(['e1'])).toMatchObject([
        { status: 'pending', attempts: 0 },
      ])
    })

    it('passes over destinations that have enough under way', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1', { to: ['A', 'B'] })
      expect(await claimed(store, { except: ['A'] })).toEqual(['e1→B'])
      expect(await claimed(store, { except: ['A', 'B'] })).toEqual([])
      expect(await claimed(store)).toEqual(['e1→A'])
    })

    it('hands out the longest due first, and no more than asked for', async () => {
      const store = await openWithDestinations()
      await owe(store, 'late', 'L1', { to: ['A'], atMs: EPOCH_MS + 2 })
      await owe(store, 'early', 'L2', { to: ['A'], atMs: EPOCH_MS })
      await owe(store, 'middle', 'L3', { to: ['A'], atMs: EPOCH_MS + 1 })
      const options = { nowMs: EPOCH_MS + 2, limit: 2 }
      expect((await claimed(store, options)).toSorted((a, b) => a.localeCompare(b))).toEqual([
        'early→A',
        'middle→A',
      ])
      expect(await claimed(store, options)).toEqual(['late→A'])
    })

    it('gives each delivery to one of many that ask at once', async () => {
      const store = await openWithDestinations()
      for (let i = 0; i < 20; i += 1) await owe(store, `e${i}`, `L${i}`, { to: ['A', 'B'] })
      const claims = await Promise.all(
        Array.from({ length: 10 }, async (_, i) => await claimed(store, { id: `c${i}`, limit: 7 })),
      )
      const all = claims.flat()
      expect(all).toHaveLength(40)
      expect(new Set(all).size).toBe(40)
    })
  })

  describe('settle', () => {
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

    it('remembers since when a delivery is being tried', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [delivery] = await claim(store)
      await settle(store, delivery, 'pending')
      expect(await claim(store)).toMatchObject([
        { attempts: 1, tryingSinceMs: EPOCH_MS, endedAtMs: null },
      ])
    })
  })

  describe('release', () => {
    it('gives back what was claimed, unsent', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [delivery] = await claim(store)
      await store.deliveries.release([delivery?.id ?? 0], 'claim-1')
      expect(await claimed(store, { id: 'b' })).toEqual(['e1→A'])
    })

    it('leaves what somebody else has claimed since', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [delivery] = await claim(store)
      const nowMs = EPOCH_MS + LEASE_MS
      expect(await claimed(store, { id: 'b', nowMs })).toEqual(['e1→A'])
      await store.deliveries.release([delivery?.id ?? 0], 'claim-1')
      expect(await claimed(store, { id: 'c', nowMs })).toEqual([])
    })
  })

  describe('hold and resume', () => {
    it('hold what waits at one destination, and let it go in order', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1', { to: ['A', 'B'] })
      await owe(store, 'e2', 'L1', { to: ['A'] })
      await store.deliveries.hold('A')
      expect(await claimed(store, { nowMs: EPOCH_MS + 5 })).toEqual(['e1→B'])
      await store.deliveries.resume('A', EPOCH_MS + 10)
      expect(await claimed(store, { nowMs: EPOCH_MS + 9 })).toEqual([])
      const [first] = await claim(store, { nowMs: EPOCH_MS + 10 })
      expect(first).toMatchObject({ eventId: 'e1', destinationId: 'A' })
      await settle(store, first, 'delivered')
      expect(await claimed(store, { nowMs: EPOCH_MS + 10 })).toEqual(['e2→A'])
    })

    it('leave what is under way to whoever has it', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [delivery] = await claim(store)
      await store.deliveries.hold('A')
      expect(await settle(store, delivery, 'delivered')).toBe(true)
    })

    it('give what was held the whole time for trying again', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [delivery] = await claim(store)
      await settle(store, delivery, 'held')
      await store.deliveries.resume('A', EPOCH_MS)
      expect(await claim(store)).toMatchObject([{ attempts: 1, tryingSinceMs: null }])
    })

    it('leave what has ended as it ended', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1')
      const [delivery] = await claim(store)
      await settle(store, delivery, 'failed')
      await store.deliveries.hold('A')
      await store.deliveries.resume('A', EPOCH_MS)
      expect(await claimed(store)).toEqual([])
      expect(await store.deliveries.listOfEvents(['e1'])).toMatchObject([{ status: 'failed' }])
    })
  })

  describe('what is due next', () => {
    it('is the earliest that waits', async () => {
      const store = await openWithDestinations()
      expect(await store.deliveries.nextDueAtMs(EPOCH_MS)).toBeUndefined()
      await owe(store, 'e1', 'L1', { to: ['A'], atMs: EPOCH_MS + 20 })
      await owe(store, 'e2', 'L2', { to: ['A'], atMs: EPOCH_MS + 10 })
      await owe(store, 'e3', 'L3', { to: ['A'], atMs: EPOCH_MS })
      expect(await store.deliveries.nextDueAtMs(EPOCH_MS)).toBe(EPOCH_MS + 10)
      await store.deliveries.hold('A')
      expect(await store.deliveries.nextDueAtMs(EPOCH_MS)).toBeUndefined()
    })

    it('is the end of the first lease', async () => {
      const store = await openWithDestinations()
      expect(await store.deliveries.nextClaimEndMs(EPOCH_MS)).toBeUndefined()
      await owe(store, 'e1', 'L1')
      const [delivery] = await claim(store)
      expect(await store.deliveries.nextClaimEndMs(EPOCH_MS)).toBe(EPOCH_MS + LEASE_MS)
      expect(await store.deliveries.nextClaimEndMs(EPOCH_MS + LEASE_MS)).toBeUndefined()
      await settle(store, delivery, 'delivered')
      expect(await store.deliveries.nextClaimEndMs(EPOCH_MS)).toBeUndefined()
    })
  })

  describe('attempts', () => {
    it('are listed per delivery in order, as many as asked for', async () => {
      const store = await openWithDestinations()
      await owe(store, 'e1', 'L1', { to: ['A', 'B'] })
      const [a, b] = await claim(store)
      const attempt = (deliveryId: number, number: number) => ({
        id: `attempt-${deliveryId}-${number}`,
        deliveryId,
        number,
        startedAtMs: EPOCH_MS,
        durationMs: 12,
        httpStatus: number === 1 ? null : 500,
        error: number === 1 ? 'timeout' : null,
        responseBody: number === 1 ? null : 'why',
      })
      const all = [attempt(a?.id ?? 0, 1), attempt(a?.id ?? 0, 2), attempt(b?.id ?? 0, 1)]
      for (const one of all.toReversed()) await store.deliveries.addAttempt(one)
      const ids = [b?.id ?? 0, a?.id ?? 0]
      expect(await store.deliveries.listAttempts(ids, 10)).toEqual(all)
      expect(await store.deliveries.listAttempts(ids, 2)).toEqual(all.slice(0, 2))
      expect(await store.deliveries.listAttempts([], 10)).toEqual([])
    })
  })

  it('refuses to owe one event to one destination twice', async () => {
    const store = await openWithDestinations()
    await owe(store, 'e1', 'L1')
    const again = store.deliveries.add({
      eventId: 'e1',
      destinationId: 'A',
      orderKey: 'L1',
      status: 'pending',
      atMs: EPOCH_MS,
    })
    await expect(again).rejects.toThrow(/unique/i)
    expect(await store.deliveries.listOfEvents([])).toEqual([])
  })

  it('keeps destinations of environments apart', async () => {
    const store = await openWithDestinations()
    await store.destinations.add(
      destinationRow({ id: 'C', environmentId: OTHER_ENVIRONMENT_ID, status: 'disabled' }),
    )
    expect((await store.destinations.list('acme-testing')).map(({ id }) => id)).toEqual(['A', 'B'])
    expect(await store.destinations.listSubscriptions(OTHER_ENVIRONMENT_ID)).toEqual([
      { id: 'C', eventTypes: null, wantsExtensions: false, status: 'disabled' },
    ])
  })
})
