import { expect, it, onTestFinished } from 'vitest'
import { createTestSealer, describeStore } from '../../test/support/describe-store.ts'
import { openTestSchema } from '../../test/support/postgres.ts'
import {
  ENVIRONMENT_ID,
  addEnvironments,
  addOwedEvent,
  destinationRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS, TestClock } from '../../test/support/test-clock.ts'
import { DAY_MS, HOUR_MS } from '../core/time.ts'
import { type Store, openPostgresStore } from '../store/open.ts'
import type { Resend } from '../store/resends.ts'
import { checkLedger } from './check-ledger.ts'
import { pruneEvents } from './prune-events.ts'

/** Delivers the head of every lane. */
async function deliver(store: Store, nowMs: number): Promise<void> {
  const wants = [{ destinationId: 'A', limit: 10_000 }]
  const claim = { id: 'c', nowMs, untilMs: nowMs + 1_000, wants }
  const claimed = await store.deliveries.claimDue(claim)
  await store.deliveries.settleMany(
    claimed.map((one) => ({
      id: one.id,
      claimId: 'c',
      status: 'delivered',
      attempts: 1,
      tries: 1,
      tryingSinceMs: nowMs,
      dueAtMs: nowMs,
      endedAtMs: nowMs,
      orderKey: one.event.orderKey,
      attempt: {
        deliveryId: one.id,
        number: 1,
        startedAtMs: nowMs,
        durationMs: 1,
        httpStatus: 200,
        error: null,
        responseHeaders: '{}',
        responseBody: '',
        processId: 'p',
      },
    })),
  )
}

describeStore('pruneEvents', (open) => {
  async function openWith(count: number): Promise<{ store: Store; clock: TestClock }> {
    const store = await open()
    await addEnvironments(store)
    await store.destinations.add(destinationRow({ id: 'A' }))
    for (let i = 0; i < count; i += 1) {
      const id = `e${String(i).padStart(4, '0')}`
      await addOwedEvent(store, { id, orderKey: `L${i}`, createdAtMs: EPOCH_MS + i }, ['A'])
    }
    return { store, clock: new TestClock() }
  }

  const kept = async (store: Store): Promise<number> =>
    (await store.events.list(ENVIRONMENT_ID, {}, { limit: 10_000 })).length

  it('removes what is older than 14 days with everything about it, and the ledger still balances', async () => {
    const { store, clock } = await openWith(30)
    await deliver(store, EPOCH_MS + 30)
    clock.moveTo(EPOCH_MS + 14 * DAY_MS + 10)
    expect(await pruneEvents({ store, clock })).toBe(clock.nowMs() + HOUR_MS)
    expect(await kept(store)).toBe(20)
    expect(await checkLedger({ store }, { id: ENVIRONMENT_ID })).toMatchObject({
      events: 20,
      totals: { delivered: 20, pending: 0 },
      pruned: { delivered: 10 },
      discrepancies: [],
    })
    expect(await store.attempts.list([1, 2, 3, 30], 10)).toHaveLength(1)
    clock.moveTo(EPOCH_MS + 20 * DAY_MS)
    await pruneEvents({ store, clock })
    expect(await checkLedger({ store }, { id: ENVIRONMENT_ID })).toMatchObject({
      events: 0,
      pruned: { delivered: 30 },
      discrepancies: [],
    })
  })

  it('leaves what is still owed, and comes back for it within a day', async () => {
    const { store, clock } = await openWith(3)
    clock.moveTo(EPOCH_MS + 15 * DAY_MS)
    await pruneEvents({ store, clock })
    expect(await kept(store)).toBe(3)
    await deliver(store, clock.nowMs())
    clock.moveTo(EPOCH_MS + 16 * DAY_MS + HOUR_MS)
    await pruneEvents({ store, clock })
    expect(await kept(store)).toBe(0)
  })

  it('reads no further than to the first young event, and not past those of a clock that was ahead', async () => {
    const { store, clock } = await openWith(3)
    const ahead = EPOCH_MS + 900 * DAY_MS
    await addOwedEvent(store, { id: 'ahead', orderKey: 'A', createdAtMs: ahead }, ['A'])
    await addOwedEvent(store, { id: 'old', orderKey: 'B', createdAtMs: EPOCH_MS }, ['A'])
    await deliver(store, EPOCH_MS + 30)
    clock.moveTo(EPOCH_MS + 15 * DAY_MS)
    await addOwedEvent(store, { id: 'young', orderKey: 'C', createdAtMs: clock.nowMs() }, ['A'])
    await addOwedEvent(store, { id: 'older', orderKey: 'D', createdAtMs: EPOCH_MS }, ['A'])
    await deliver(store, clock.nowMs())
    await pruneEvents({ store, clock })
    const left = await store.events.list(ENVIRONMENT_ID, {}, { limit: 10 })
    expect(left.map(({ id }) => id)).toEqual(['older', 'young', 'ahead'])
    clock.moveTo(EPOCH_MS + 30 * DAY_MS)
    await pruneEvents({ store, clock })
    expect(await kept(store)).toBe(1)
  })

  it('takes large numbers in steps', async () => {
    const { store, clock } = await openWith(450)
    await deliver(store, EPOCH_MS + 450)
    clock.moveTo(EPOCH_MS + 15 * DAY_MS)
    await pruneEvents({ store, clock })
    expect(await kept(store)).toBe(0)
  })
})

/** A store of several connections with one old event that was delivered. */
async function openWithOld(): Promise<{ store: Store; clock: TestClock }> {
  const schema = await openTestSchema()
  const store = await openPostgresStore(schema.url, { sealer: createTestSealer(), nowMs: EPOCH_MS })
  onTestFinished(async () => {
    await store.close()
    await schema.drop()
  })
  await addEnvironments(store)
  await store.destinations.add(destinationRow({ id: 'A' }))
  await addOwedEvent(store, { id: 'e1', orderKey: 'L', createdAtMs: EPOCH_MS }, ['A'])
  await deliver(store, EPOCH_MS)
  const clock = new TestClock()
  clock.moveTo(EPOCH_MS + 15 * DAY_MS)
  return { store, clock }
}

it('removes an event that another process has only counted for a resend', async () => {
  const { store, clock } = await openWithOld()
  await store.transaction(async (tx) => {
    const { found } = await tx.resends.listNext({ ...RESEND, throughSeq: 1 }, 10)
    expect(found).toHaveLength(1)
    await pruneEvents({ store, clock })
  })
  expect(await checkLedger({ store }, { id: ENVIRONMENT_ID })).toMatchObject({ events: 0 })
})

it('leaves an event that another process is about to send again', async () => {
  const { store, clock } = await openWithOld()
  let pruning: Promise<number> | undefined
  await store.transaction(async (tx) => {
    const { found } = await tx.resends.listNext({ ...RESEND, throughSeq: 1 }, 10, true)
    const again = { suppressed: null, resendId: 'r', atMs: clock.nowMs() }
    await tx.deliveries.addMany(found.map((one) => ({ ...one, ...again })))
    pruning = pruneEvents({ store, clock })
    // So long that it has come to the event.
    for (let asked = 0; asked < 20; asked += 1) await store.ping()
  })
  await pruning
  expect(await checkLedger({ store }, { id: ENVIRONMENT_ID })).toMatchObject({
    events: 1,
    discrepancies: [],
  })
})

const RESEND: Resend = {
  id: 'r',
  environmentId: ENVIRONMENT_ID,
  filter: {},
  status: 'running',
  cursorSeq: 0,
  throughSeq: 0,
  deliveries: 0,
  actor: 'cli',
  createdAtMs: EPOCH_MS,
  endedAtMs: null,
}

describeStore('checkLedger', (open) => {
  it('names what is missing, stuck and out of order', async () => {
    const store = await open()
    await addEnvironments(store)
    await store.destinations.add(destinationRow({ id: 'A' }))
    await addOwedEvent(store, { id: 'e1', orderKey: 'L1' }, ['A'])
    // As if its delivery had been lost.
    await addOwedEvent(store, { id: 'e2', orderKey: 'L1', fanOut: 2 }, ['A'])
    // As if somebody had ended the head and forgotten the next.
    await store.deliveries.suppressOwed('A', EPOCH_MS, 1)
    const { discrepancies, totals } = await checkLedger({ store }, { id: ENVIRONMENT_ID })
    expect(discrepancies).toEqual([
      { kind: 'deliveries_missing', eventId: 'e2', deliveryId: null },
      { kind: 'lane_stuck', eventId: 'e2', deliveryId: 2 },
    ])
    expect(totals).toMatchObject({ pending: 1, suppressed: 1 })
  })
})
