import { expect, it, onTestFinished } from 'vitest'
import { countTurns } from '../../test/support/count-turns.ts'
import { createTestSealer, describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  addEnvironments,
  addOwedEvent,
  destinationRow,
  environmentRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS, TestClock } from '../../test/support/test-clock.ts'
import { openTestSqlite } from '../../test/support/test-database.ts'
import { openSqliteStore } from '../store/open.ts'
import { createIds, systemRandom } from '../system.ts'
import { announce } from './announce.ts'
import { deleteDestination, enableDestination } from './destinations.ts'
import { pruneEvents } from './prune-events.ts'

const nobody = (): void => undefined
const wake = {
  deliveries: nobody,
  resends: nobody,
  revocations: nobody,
  flows: nobody,
  jobs: nobody,
  refreshes: nobody,
  providerTasks: nobody,
  keys: nobody,
}
const RECORD = { type: 'auth', userId: 'u', referenceId: null, provider: 'GARMIN', body: '{}' }

const subject = { environment: environmentRow(), id: 'A', actor: 'key' }

describeStore('deleteDestination', (open) => {
  async function openWithDestination() {
    const store = await open()
    await addEnvironments(store)
    await store.destinations.add(destinationRow({ id: 'A' }))
    const clock = new TestClock()
    return { clock, ids: createIds(clock, systemRandom), random: systemRandom, store, wake }
  }

  it('leaves nothing owed, also of what is announced in that very moment', async () => {
    const deps = await openWithDestination()
    const { store } = deps
    let deletion: Promise<void> | undefined
    const { eventIds } = await store.transaction(async (tx) => {
      await tx.destinations.listSubscriptions(ENVIRONMENT_ID)
      deletion ??= deleteDestination(deps, subject)
      // Time enough for a deletion that waits for nobody.
      for (let i = 0; i < 50; i += 1) await tx.destinations.find('A')
      const lane = { environmentId: ENVIRONMENT_ID, lineageId: 'L', orderKey: 'L' }
      return await announce(deps, tx, { ...lane, lastOrderingMs: 0 }, [RECORD])
    })
    await deletion
    expect(await store.deliveries.listOfEvents(eventIds)).toMatchObject([
      { destinationId: 'A', status: 'suppressed', reason: 'destination_deleted' },
    ])
  })

  it('leaves alone what is owed where all is undone; else others are answered meanwhile', async () => {
    const deps = await openWithDestination()
    const { deliveries, destinations } = deps.store
    await destinations.add(destinationRow({ id: 'B' }))
    await addOwedEvent(deps.store, { id: 'e' }, [])
    const one = { eventId: 'e', orderKey: 'L', isData: true, suppressed: null, atMs: EPOCH_MS }
    for (const destinationId of ['A', 'B']) {
      const again = Array.from({ length: 2_500 }, (_, i) => ({ destinationId, resendId: `r${i}` }))
      await deliveries.addMany(again.map((each) => ({ ...one, ...each })))
    }
    const listEnded = async () => {
      const all = await deliveries.listOfEvents(['e'])
      return all.flatMap(({ destinationId, endedAtMs }) =>
        endedAtMs === null ? [] : destinationId,
      )
    }
    await deleteDestination(deps, subject, true)
    expect(await listEnded()).toEqual([])
    // As what a process has left behind that died.
    expect(await countTurns(pruneEvents(deps))).toBeGreaterThanOrEqual(2)
    expect(new Set(await listEnded())).toEqual(new Set(['A']))
    expect(
      await countTurns(deleteDestination(deps, { ...subject, id: 'B' })),
    ).toBeGreaterThanOrEqual(2)
    expect(await listEnded()).toHaveLength(5_000)
  })
})

it('lets others be answered while what was held is made due', async () => {
  const clock = new TestClock()
  const sqlite = await openTestSqlite()
  const store = await openSqliteStore(sqlite, {
    sealer: createTestSealer(),
    nowMs: clock.nowMs(),
  })
  onTestFinished(async () => {
    await store.close()
    await sqlite.close()
  })
  await addEnvironments(store)
  await store.destinations.add(destinationRow({ id: 'A' }))
  // As for a million: each statement of many that change thousands of them.
  let statements = 0
  store.deliveries.makeDue = async () => {
    statements += 1
    return await Promise.resolve(statements < 5)
  }
  const deps = { clock, ids: createIds(clock, systemRandom), random: systemRandom, store, wake }
  expect(await countTurns(enableDestination(deps, subject))).toBeGreaterThanOrEqual(4)
  expect(statements).toBe(5)
})
