import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  OTHER_ENVIRONMENT_ID,
  addEnvironments,
  addOwedEvent,
  destinationRow,
  eventRow,
} from '../../test/support/store-rows.ts'
import type { DeliveryFilter } from './delivery-history.ts'
import type { Store } from './open.ts'

/** Two events to a destination that takes them and one that is switched off, a resend, and one that was not wanted. */
async function fill(store: Store): Promise<void> {
  await addEnvironments(store)
  const foreign = { id: 'foreign', environmentId: OTHER_ENVIRONMENT_ID }
  await store.destinations.add(destinationRow({ id: 'on' }))
  await store.destinations.add(destinationRow({ id: 'off', status: 'disabled' }))
  await store.destinations.add(destinationRow(foreign))
  await addOwedEvent(store, { id: 'first' }, ['on', 'off'])
  await addOwedEvent(store, { id: 'second', type: 'deauth' }, ['on', 'off'])
  await addOwedEvent(store, { id: 'other', environmentId: OTHER_ENVIRONMENT_ID }, ['foreign'])
  await store.transaction(async (tx) => {
    await tx.events.add(eventRow({ id: 'unwanted' }))
    const to = { destinationId: 'on', orderKey: 'lineage-1', isData: false, atMs: 1 }
    await tx.deliveries.addMany([
      { ...to, eventId: 'first', resendId: 'resend-1', suppressed: null },
      { ...to, eventId: 'unwanted', resendId: null, suppressed: 'filtered' },
    ])
  })
}

describeStore('the list of deliveries', (open) => {
  it('has those of one environment, newest first, by every filter and page', async () => {
    const store = await open()
    await fill(store)
    const list = async (filter: DeliveryFilter, environmentId = ENVIRONMENT_ID) => {
      const rows = await store.deliveryHistory.list(environmentId, filter, { limit: 100 })
      return rows.map((row) => `${row.eventId} ${row.destinationId} ${row.status}`)
    }
    const all = [
      'unwanted on suppressed',
      'first on pending',
      'second off held',
      'second on pending',
      'first off held',
      'first on pending',
    ]
    expect(await list({})).toEqual(all)
    expect(await list({}, OTHER_ENVIRONMENT_ID)).toEqual(['other foreign pending'])
    expect(await list({ status: 'suppressed' })).toEqual(all.slice(0, 1))
    expect(await list({ status: 'held' })).toEqual(['second off held', 'first off held'])
    expect(await list({ status: 'owed' })).toEqual(all.slice(1))
    expect(await list({ status: 'pending', destinationId: 'off' })).toEqual([])
    expect(await list({ status: 'failed' })).toEqual([])
    expect(await list({ resendId: 'resend-1' })).toEqual(['first on pending'])
    expect(await list({ resendId: '' })).toEqual([])
    expect(await list({ eventId: 'second' })).toHaveLength(2)
    expect(await list({ destinationId: 'foreign' })).toEqual([])
    const [newest, ...older] = await store.deliveryHistory.list(ENVIRONMENT_ID, {}, { limit: 6 })
    const page = { limit: 2, before: newest?.id }
    expect(await store.deliveryHistory.list(ENVIRONMENT_ID, {}, page)).toEqual(older.slice(0, 2))
    expect(newest).toMatchObject({ type: 'auth', reason: 'filtered', referenceId: 'tony_stark' })
  })

  it('reads more destinations than one statement takes', async () => {
    const store = await open()
    await addEnvironments(store)
    const ids = Array.from({ length: 130 }, (_, i) => `destination-${i}`)
    for (const id of ids) await store.destinations.add(destinationRow({ id }))
    await addOwedEvent(store, { id: 'first' }, ids)
    const rows = await store.deliveryHistory.list(ENVIRONMENT_ID, {}, { limit: 100 })
    expect(rows.map(({ destinationId }) => destinationId)).toEqual(ids.toReversed().slice(0, 100))
  })
})
