/** PostgreSQL: statements that change many deliveries at once lock them in one order, in whatever order they were told of them. */
import { Pool } from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { until } from '../../test/support/delivery-lab.ts'
import { createTestSealer } from '../../test/support/describe-store.ts'
import { openTestSchema } from '../../test/support/postgres.ts'
import { addEnvironments, destinationRow, eventRow } from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { openPostgresStore } from './open.ts'

/** Whoever waits for somebody who waits for the one with this process number. */
const BEHIND = `
  SELECT FROM pg_stat_activity AS second JOIN pg_stat_activity AS first ON first.pid = ANY (pg_blocking_pids(second.pid))
  WHERE $1::int = ANY (pg_blocking_pids(first.pid))`
const IDS = ['e1', 'e2', 'e3']

it('lets go of claims beside the deletion of their destination', async () => {
  const schema = await openTestSchema()
  const store = await openPostgresStore(schema.url, {
    sealer: createTestSealer(),
    nowMs: EPOCH_MS,
  })
  const pool = new Pool({ connectionString: schema.url })
  const holder = await pool.connect()
  onTestFinished(async () => {
    holder.release(true)
    await pool.end()
    await store.close()
    await schema.drop()
  })
  await addEnvironments(store)
  await store.destinations.add(destinationRow({ id: 'A' }))
  await store.events.addMany(IDS.map((id) => eventRow({ id, orderKey: id })))
  const owed = {
    destinationId: 'A',
    isData: false,
    suppressed: null,
    resendId: null,
    atMs: EPOCH_MS,
  }
  await store.deliveries.addMany(IDS.map((id) => ({ ...owed, eventId: id, orderKey: id })))
  const claimed = await store.deliveries.claimDue({
    id: 'p/1',
    nowMs: EPOCH_MS,
    untilMs: EPOCH_MS + 1,
    wants: [{ destinationId: 'A', limit: 9 }],
  })
  expect(claimed).toHaveLength(IDS.length)

  const pid = (await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid
  await holder.query("BEGIN; SELECT FROM delivery WHERE event_id = 'e2' FOR UPDATE")
  const isBlocked = async (): Promise<boolean> =>
    ((
      await pool.query('SELECT FROM pg_stat_activity WHERE $1::int = ANY (pg_blocking_pids(pid))', [
        pid,
      ])
    ).rowCount ?? 0) > 0
  const freed = store.deliveries.freeClaims(claimed.toReversed())
  await until(isBlocked)
  const suppressed = store.deliveries.suppressOwed('A', EPOCH_MS, 9)
  await until(async () => ((await pool.query(BEHIND, [pid])).rowCount ?? 0) > 0)
  await holder.query('COMMIT')
  expect(await Promise.allSettled([freed, suppressed])).toEqual([
    { status: 'fulfilled', value: undefined },
    { status: 'fulfilled', value: false },
  ])
  const deliveries = await store.deliveries.listOfEvents(IDS)
  expect(deliveries.map(({ status }) => status)).toEqual(IDS.map(() => 'suppressed'))
})
