import { openSqlite } from 'firma-receiver/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTestSealer } from '../../test/support/describe-store.ts'
import { openTestSchema } from '../../test/support/postgres.ts'
import {
  ENVIRONMENT_ID,
  OTHER_ENVIRONMENT_ID,
  addEnvironments,
  addOwedEvent,
  destinationRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { type TestDatabase, wrapPostgres, wrapSqlite } from '../../test/support/test-database.ts'
import { type Store, openPostgresStore, openSqliteStore } from '../store/open.ts'
import { checkLedger } from './check-ledger.ts'

interface Opened {
  readonly store: Store
  readonly database: TestDatabase
}

async function openOnSqlite(): Promise<Opened> {
  const handle = await openSqlite(':memory:')
  const store = await openSqliteStore(handle, { sealer: createTestSealer(), nowMs: EPOCH_MS })
  onTestFinished(async () => {
    await store.close()
    await handle.close()
  })
  return { store, database: wrapSqlite(handle) }
}

async function openOnPostgres(): Promise<Opened> {
  const schema = await openTestSchema()
  const store = await openPostgresStore(schema.url, { sealer: createTestSealer(), nowMs: EPOCH_MS })
  const database = wrapPostgres(schema)
  onTestFinished(async () => {
    await store.close()
    await database.close()
    await schema.drop()
  })
  return { store, database }
}

/** What somebody's hand in the database does, and how the ledger calls it: event and delivery. */
const BROKEN: readonly (readonly [sql: string, found: string])[] = [
  ["DELETE FROM delivery WHERE event_id = 'second'", 'deliveries_missing second null'],
  ["DELETE FROM event WHERE id = 'second'", 'event_missing second 2'],
  [
    `UPDATE event SET environment_id = '${OTHER_ENVIRONMENT_ID}' WHERE id = 'second'`,
    'event_foreign second 2',
  ],
  ["UPDATE delivery SET destination_id = 'gone' WHERE id = 2", 'destination_missing second 2'],
  [
    'INSERT INTO attempt (delivery_id, number, started_at_ms, duration_ms) VALUES (9, 1, 1, 1)',
    'delivery_missing null 9',
  ],
  [
    'INSERT INTO attempt (delivery_id, number, started_at_ms, duration_ms) VALUES (1, 1, 1, 1)',
    'attempts_missing first 1',
  ],
  [
    "UPDATE delivery SET status = 'delivered', ended_at_ms = 1 WHERE id = 2",
    'outcome_wrong second 2',
  ],
  ["UPDATE delivery SET status = 'failed', ended_at_ms = 1 WHERE id = 1", 'outcome_wrong first 1'],
  ['UPDATE delivery SET ended_at_ms = 1 WHERE id = 2', 'end_wrong second 2'],
  [
    "UPDATE delivery SET status = 'suppressed', ended_at_ms = 1 WHERE id = 2",
    'reason_wrong second 2',
  ],
  ["UPDATE delivery SET reason = 'event_type' WHERE id = 2", 'reason_wrong second 2'],
  ["UPDATE delivery SET status = 'waiting' WHERE id = 1", 'lane_stuck first 1'],
  ["UPDATE delivery SET status = 'pending' WHERE id = 2", 'order_broken second 2'],
]

describe.each([
  ['SQLite', openOnSqlite],
  ['PostgreSQL', openOnPostgres],
])('the ledger on %s', (_name, open) => {
  it('balances, and names everything that cannot be right', async () => {
    const { store, database } = await open()
    await addEnvironments(store)
    await store.destinations.add(destinationRow({ id: 'A' }))
    await addOwedEvent(store, { id: 'first' }, ['A'])
    await addOwedEvent(store, { id: 'second' }, ['A'])
    const check = async (): Promise<string[]> => {
      const { discrepancies } = await checkLedger({ store }, { id: ENVIRONMENT_ID })
      return discrepancies.map(
        ({ kind, eventId, deliveryId }) => `${kind} ${eventId} ${deliveryId}`,
      )
    }
    expect(await check()).toEqual([])
    for (const [sql, found] of BROKEN) {
      const before = await save(database)
      await database.execute(sql)
      expect([sql, await check()]).toEqual([sql, expect.arrayContaining([found])])
      await restore(database, before)
    }
    expect(await check()).toEqual([])
  })
})

const TABLES = ['event', 'delivery', 'attempt'] as const
type Saved = readonly (readonly [table: string, rows: readonly Record<string, unknown>[]])[]

async function save(database: TestDatabase): Promise<Saved> {
  return await Promise.all(
    TABLES.map(async (table) => [table, await database.rows(`SELECT * FROM ${table}`)] as const),
  )
}

async function restore(database: TestDatabase, saved: Saved): Promise<void> {
  for (const [table, rows] of saved) {
    await database.execute(`DELETE FROM ${table}`)
    for (const row of rows) {
      const marks = Object.keys(row).map(() => '?')
      const columns = Object.keys(row).join(', ')
      const sql = `INSERT INTO ${table} (${columns}) VALUES (${marks.join(', ')}) RETURNING 1`
      await database.rows(sql, ...(Object.values(row) as (string | number | null)[]))
    }
  }
}
