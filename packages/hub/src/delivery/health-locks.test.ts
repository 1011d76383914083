/** PostgreSQL: what is announced about a destination, and what settles such an announcement, lock in one order. */
import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { until } from '../../test/support/delivery-lab.ts'
import { createTestSealer } from '../../test/support/describe-store.ts'
import { openTestSchema } from '../../test/support/postgres.ts'
import {
  ENVIRONMENT_ID,
  addEnvironments,
  destinationRow,
  eventRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS, TestClock } from '../../test/support/test-clock.ts'
import { wrapPostgres } from '../../test/support/test-database.ts'
import { CLOSED } from '../core/breaker.ts'
import { toDestinationLane } from '../core/operator-event.ts'
import { HOUR_MS } from '../core/time.ts'
import { announce } from '../operations/announce.ts'
import { openPostgresStore } from '../store/open.ts'
import { createIds, systemRandom } from '../system.ts'
import { type AnnounceDep, recordOverdue } from './health.ts'

it('warns of a destination beside a transaction that has its lane and needs its row', async () => {
  const schema = await openTestSchema()
  const store = await openPostgresStore(schema.url, {
    sealer: createTestSealer(),
    nowMs: EPOCH_MS,
  })
  const database = wrapPostgres(schema)
  onTestFinished(async () => {
    await store.close()
    await database.close()
    await schema.drop()
  })
  await addEnvironments(store)
  // Other tests lock on the same server.
  const id = `failing-${randomBytes(6).toString('hex')}`
  const orderKey = toDestinationLane(id)
  await store.destinations.add(destinationRow({ id }))
  await store.destinations.add(destinationRow({ id: 'operator', wantsExtensions: true }))
  const failingSinceMs = EPOCH_MS - 9 * HOUR_MS
  await store.destinations.saveBreaker(id, { ...CLOSED, failures: 1, failingSinceMs })
  const event = eventRow({ id: 'earlier', orderKey })
  await store.events.addMany([event])

  const clock = new TestClock()
  const deps = { clock, ids: createIds(clock, systemRandom), store }
  let announcements = 0
  const counted: AnnounceDep['announce'] = async (...given) => {
    announcements += 1
    return await announce(deps, ...given)
  }
  const isWaitedFor = async (): Promise<boolean> => {
    const waiting = await database.rows(
      "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = (hashtext(?)::bigint & 4294967295)::oid",
      orderKey,
    )
    return waiting.length > 0
  }
  let runs = 0
  const settling = store.transaction(async (tx) => {
    runs += 1
    const delivery = { eventId: event.id, destinationId: 'operator', orderKey, isData: false }
    await tx.deliveries.addMany([{ ...delivery, suppressed: null, resendId: null, atMs: EPOCH_MS }])
    const warning = recordOverdue({ ...deps, announce: counted })
    await until(isWaitedFor)
    await tx.destinations.listStates([id], true)
    return { warning }
  })
  const { warning } = await settling
  expect(await warning).toMatchObject([{ notices: [{ type: 'failing', hours: 8 }] }])
  expect({ runs, announcements }).toEqual({ runs: 1, announcements: 1 })
  const { entries } = await store.audit.list(ENVIRONMENT_ID, {}, { limit: 9 })
  expect(entries.map(({ action }) => action)).toEqual(['destination.failing'])
})
