/** PostgreSQL: statements that change many deliveries at once lock them in one order, in whatever order they were told of them. */
import { Pool } from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../../test/support/delivery-lab.ts'
import { createTestSealer } from '../../test/support/describe-store.ts'
import { openTestSchema } from '../../test/support/postgres.ts'
import { addEnvironments, destinationRow, eventRow } from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import type { ClaimedDelivery } from './delivery-claims.ts'
import { type Store, openPostgresStore } from './open.ts'

/** Whoever waits for somebody who waits for the one with this process number. */
const BEHIND = `
  SELECT FROM pg_stat_activity AS second JOIN pg_stat_activity AS first ON first.pid = ANY (pg_blocking_pids(second.pid))
  WHERE $1::int = ANY (pg_blocking_pids(first.pid))`
const BLOCKED = 'SELECT FROM pg_stat_activity WHERE $1::int = ANY (pg_blocking_pids(pid))'
const IDS = ['e1', 'e2', 'e3']

const LATER_MS = EPOCH_MS + 9

interface Opened {
  readonly store: Store
  readonly claimed: readonly ClaimedDelivery[]
}

/** Each would come to the youngest delivery first, if it went by what it looks for. */
const CHANGES: readonly (readonly [string, (opened: Opened) => Promise<unknown>])[] = [
  ['lets go of claims', async ({ store, claimed }) => await store.deliveries.freeClaims(claimed)],
  ['takes up what has expired', async ({ store }) => await store.deliveries.freeExpired(LATER_MS)],
  [
    'takes up what a dead process had',
    async ({ store }) => await store.deliveries.freeClaimsOf('p'),
  ],
  [
    'writes down attempts',
    async ({ store, claimed }) =>
      await store.deliveries.settleMany(
        claimed.map(({ id, claimId, event }) => ({
          id,
          claimId,
          status: 'pending',
          attempts: 1,
          tries: 1,
          tryingSinceMs: EPOCH_MS,
          dueAtMs: LATER_MS,
          endedAtMs: null,
          orderKey: event.orderKey,
          attempt: null,
        })),
      ),
  ],
]

describe('beside the deletion of their destination', () => {
  it.each(CHANGES)('%s', async (_name, change) => {
    const { url, opened } = await open()
    const { store } = opened
    const pool = new Pool({ connectionString: url })
    const holder = await pool.connect()
    onTestFinished(async () => {
      holder.release(true)
      await pool.end()
    })
    const pid = (await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid
    const isTrue = async (query: string): Promise<boolean> =>
      ((await pool.query(query, [pid])).rowCount ?? 0) > 0
    await holder.query("BEGIN; SELECT FROM delivery WHERE event_id = 'e2' FOR UPDATE")
    const changed = change(opened)
    await until(async () => await isTrue(BLOCKED))
    const suppressed = store.deliveries.suppressOwed('A', EPOCH_MS, 9)
    await until(async () => await isTrue(BEHIND))
    await holder.query('COMMIT')
    const both = await Promise.allSettled([changed, suppressed])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    const deliveries = await store.deliveries.listOfEvents(IDS)
    expect(deliveries.map(({ status }) => status)).toEqual(IDS.map(() => 'suppressed'))
  })
})

/** Three deliveries, claimed one by one so that neither claims nor their ends are in the order of the deliveries. */
async function open(): Promise<{ url: string; opened: Opened }> {
  const schema = await openTestSchema()
  const store = await openPostgresStore(schema.url, {
    sealer: createTestSealer(),
    nowMs: EPOCH_MS,
  })
  onTestFinished(async () => {
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
  const claimed: ClaimedDelivery[] = []
  for (const [index, id] of ['p/3', 'p/2', 'p/1'].entries()) {
    const untilMs = EPOCH_MS + 3 - index
    const wants = [{ destinationId: 'A', limit: 1 }]
    claimed.unshift(...(await store.deliveries.claimDue({ id, nowMs: EPOCH_MS, untilMs, wants })))
  }
  expect(claimed).toHaveLength(IDS.length)
  return { url: schema.url, opened: { store, claimed } }
}
