import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  addEnvironments,
  destinationRow,
  environmentRow,
} from '../../test/support/store-rows.ts'
import { TestClock } from '../../test/support/test-clock.ts'
import { createIds, systemRandom } from '../system.ts'
import { announce } from './announce.ts'
import { deleteDestination } from './destinations.ts'

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

describeStore('deleteDestination', (open) => {
  it('leaves nothing owed, also of what is announced in that very moment', async () => {
    const store = await open()
    await addEnvironments(store)
    await store.destinations.add(destinationRow({ id: 'A' }))
    const clock = new TestClock()
    const deps = { clock, ids: createIds(clock, systemRandom), random: systemRandom, store, wake }
    const subject = { environment: environmentRow(), id: 'A', actor: 'key' }
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
})
