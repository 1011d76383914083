import { expect, it } from 'vitest'
import { countTurns } from '../../test/support/count-turns.ts'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  OTHER_ENVIRONMENT_ID,
  addEnvironments,
  addOwedEvent,
  destinationRow,
  environmentRow,
  eventRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS, TestClock } from '../../test/support/test-clock.ts'
import { listEvents } from '../operations/read-events.ts'
import { previewResend, runResends } from '../operations/resend-events.ts'
import { createIds, systemRandom } from '../system.ts'
import type { EventFilter } from './events.ts'
import { WINDOW_EVENTS } from './event-windows.ts'
import type { Store } from './open.ts'

/** Windows of one page, and one more. */
const BETWEEN = 10 * WINDOW_EVENTS

const idle = (): void => undefined

describeStore('the windows of the history', (open) => {
  /** A delivered event, thousands without a delivery, and another delivered one. */
  async function openWithRare(): Promise<Store> {
    const store = await open()
    await addEnvironments(store)
    await store.destinations.add(destinationRow({ id: 'A' }))
    await addDelivered(store, 'first')
    const others = Array.from({ length: BETWEEN }, (_, i) => eventRow({ id: `e${i}`, fanOut: 0 }))
    for (let i = 0; i < BETWEEN; i += WINDOW_EVENTS) {
      await store.events.addMany(others.slice(i, i + WINDOW_EVENTS))
    }
    await addDelivered(store, 'last')
    await store.events.add(eventRow({ id: 'elsewhere', environmentId: OTHER_ENVIRONMENT_ID }))
    return store
  }

  async function addDelivered(store: Store, id: string): Promise<void> {
    await addOwedEvent(store, { id, orderKey: id, provider: 'FITBIT' }, ['A'])
    const wants = [{ destinationId: 'A', limit: 1 }]
    const claim = { id: 'c', nowMs: EPOCH_MS, untilMs: EPOCH_MS + 1, wants }
    const [one] = await store.deliveries.claimDue(claim)
    if (one === undefined) throw new Error(`${id} is not due`)
    const ended = { status: 'delivered', attempts: 0, tries: 0, endedAtMs: EPOCH_MS } as const
    const times = { tryingSinceMs: EPOCH_MS, dueAtMs: EPOCH_MS }
    const lane = { id: one.id, claimId: 'c', orderKey: id, attempt: null }
    await store.deliveries.settleMany([{ ...lane, ...ended, ...times }])
  }

  async function page(store: Store, filter: EventFilter, before?: number) {
    const { data, next } = await listEvents({ store }, environmentRow(), filter, {
      limit: 5,
      before,
    })
    return { ids: data.map(({ id }) => id), next }
  }

  it('end a page of rare events early, and the next one goes on from there', async () => {
    const store = await openWithRare()
    for (const filter of [
      { outcome: 'delivered' },
      { destinationId: 'A' },
      { destinationId: 'A', outcome: 'delivered', type: 'auth' },
    ] as const) {
      const first = await page(store, filter)
      expect(first).toEqual({ ids: ['last'], next: '3' })
      expect(await page(store, filter, 3)).toEqual({ ids: ['first'], next: null })
    }
    // An index gives these at once.
    expect(await page(store, { provider: 'FITBIT' })).toEqual({
      ids: ['last', 'first'],
      next: null,
    })
    const both = { outcome: 'delivered', provider: 'FITBIT' } as const
    expect(await page(store, both)).toEqual({ ids: ['last', 'first'], next: null })
  })

  it('let others be answered between the parts of a preview', async () => {
    const store = await openWithRare()
    const preview = previewResend({ store }, environmentRow(), { status: 'delivered' })
    expect(await countTurns(preview)).toBeGreaterThanOrEqual(BETWEEN / WINDOW_EVENTS)
    expect(await preview).toMatchObject({ events: 2, deliveries: 2, isComplete: true })
  })

  it('let a resend of rare events go on step by step to the end', async () => {
    const store = await openWithRare()
    const resend = {
      id: 'r',
      environmentId: ENVIRONMENT_ID,
      filter: { status: 'delivered' },
      status: 'running',
      cursorSeq: 0,
      throughSeq: BETWEEN + 3,
      deliveries: 0,
      actor: 'test',
      createdAtMs: EPOCH_MS,
      endedAtMs: null,
    } as const
    await store.resends.add(resend)
    const next = { cursorSeq: WINDOW_EVENTS, found: [{ eventId: 'first' }] }
    expect(await store.resends.listNext(resend, 9)).toMatchObject(next)
    const { throughSeq } = resend
    const ofProvider = { ...resend, filter: { provider: 'FITBIT' } }
    expect(await store.resends.listNext(ofProvider, 9)).toMatchObject({
      cursorSeq: throughSeq,
      found: [{ eventId: 'first' }, { eventId: 'last' }],
    })
    const ofLast = { ...resend, filter: { eventId: 'last', type: 'auth' } }
    const found = [{ eventId: 'last' }]
    expect(await store.resends.listNext(ofLast, 9)).toMatchObject({ cursorSeq: throughSeq, found })
    const woken: string[] = []
    const clock = new TestClock()
    await runResends({
      store,
      clock,
      ids: createIds(clock, systemRandom),
      wake: {
        deliveries: (ids = []) => void woken.push(...ids),
        resends: idle,
        revocations: idle,
        flows: idle,
        jobs: idle,
        refreshes: idle,
        providerTasks: idle,
        keys: idle,
      },
    })
    expect(woken).toEqual(['A', 'A'])
    const done = { status: 'done', deliveries: 2, cursorSeq: throughSeq }
    expect(await store.resends.find(ENVIRONMENT_ID, 'r')).toMatchObject(done)
  })
})
