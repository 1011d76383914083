import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toIncoming } from '../../test/describe-store.ts'
import { user } from '../../test/histories.ts'
import { openTestDatabase, type TestDatabase } from '../../test/postgres.ts'
import { acceptEvent } from '../inbox.ts'
import { toInboxSearch } from './postgres-buckets.ts'
import { LOOK_MS, PostgresLayout } from './postgres-layout.ts'
import { BUCKETED_VERSION, migratePostgres, type PostgresNames } from './postgres-migrations.ts'
import { inPostgresTransaction } from './postgres-pool.ts'
import { PostgresTransaction } from './postgres-transaction.ts'

const names: PostgresNames = { schema: undefined, prefix: 'b_', qualified: 'b_' }
/** Two buckets of keys, and many of users. */
const FAR = 2 ** 22
const DELETED = 5_000
let database: TestDatabase
let layout: PostgresLayout

beforeAll(async () => {
  database = await openTestDatabase()
  await inPostgresTransaction({ pool: database.pool, begin: 'BEGIN' }, (client) =>
    migratePostgres(client, names, 0),
  )
  layout = new PostgresLayout(names)
  layout.noteVersion(BUCKETED_VERSION, 0)
})
afterAll(async () => {
  await database.close()
})

const run = <T>(fn: (tx: PostgresTransaction) => Promise<T>): Promise<T> =>
  inPostgresTransaction({ pool: database.pool, begin: 'BEGIN' }, (client) =>
    fn(new PostgresTransaction(client, { prefix: names.qualified, firstSeq: layout.firstSeq })),
  )
const accept = async (id: string): Promise<boolean> => {
  const sent = { body: { type: 'auth', status: 'success', user: user(id) }, orderingMs: 1 }
  const incoming = toIncoming(sent, { eventKey: `trace:${id}` })
  return (await run((tx) => acceptEvent(tx, incoming))).isDuplicate
}
const look = async (atMs: number): Promise<void> => {
  expect(layout.isDue(atMs)).toBe(true)
  await layout.look(database.pool, atMs)
  await layout.settle()
}

const remove = async (throughSeq: number): Promise<void> => {
  await database.pool.query('DELETE FROM b_inbox WHERE seq <= $1', [throughSeq])
}

/** Pages that a search for a key looks at. */
async function countPages(): Promise<number> {
  const values: unknown[] = ['trace:x']
  const search = toInboxSearch('b_inbox', layout.firstSeq)
  const condition = search.hasKey('$1', (value) => `$${values.push(value)}`)
  return inPostgresTransaction({ pool: database.pool, begin: 'BEGIN' }, async (client) => {
    await client.query('SET LOCAL enable_seqscan = off')
    const { rows } = await client.query(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT 1 FROM b_inbox WHERE ${condition}`,
      values,
    )
    const text = JSON.stringify(rows[0]?.['QUERY PLAN'])
    const [, hit = NaN, read = NaN] =
      /"Shared Hit Blocks":(\d+),"Shared Read Blocks":(\d+)/.exec(text) ?? []
    return Number(hit) + Number(read)
  })
}

describe('search in buckets', () => {
  it('walks past nothing that was deleted and that an older snapshot keeps', async () => {
    expect(await accept('a')).toBe(false)
    await database.pool.query(
      `INSERT INTO b_inbox SELECT nextval('b_inbox_seq'), '', 'trace:many' || n, NULL, 'daily', 'u', 1, 1, '', '{}', 'done', 1, NULL, NULL, 0
         FROM generate_series(1, ${DELETED}) n`,
    )
    expect(await accept('b')).toBe(false)
    const older = await database.pool.connect()
    await older.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1')
    await older.query('SELECT count(*) FROM b_inbox')
    await remove(DELETED)
    expect(await countPages()).toBeLessThan(20)
    await older.query('COMMIT')
    older.release()
  })

  it('finds all there is while its first number grows', async () => {
    await database.pool.query(`SELECT setval('b_inbox_seq', ${FAR})`)
    expect(await accept('c')).toBe(false)
    for (const id of ['b', 'c']) expect(await accept(id)).toBe(true)
    expect(layout.isDue(LOOK_MS - 1)).toBe(false)
    await look(LOOK_MS)
    const [first] = await run((tx) => tx.listEvents({ limit: 1 }))
    expect(layout.firstSeq).toBe(first?.seq)
    for (const id of ['b', 'c']) expect(await accept(id)).toBe(true)
    await remove(FAR)
    // Known from before, and still right.
    expect(await accept('c')).toBe(true)
    await look(LOOK_MS * 2)
    expect(layout.firstSeq).toBe(FAR + 1)
    expect(await accept('c')).toBe(true)
    expect(await run((tx) => tx.listEvents({ userIds: ['c'], limit: 9 }))).toHaveLength(1)
    await remove(FAR * 2)
    await look(LOOK_MS * 3)
    expect(layout.firstSeq).toBe(FAR + 1)
    expect(await accept('d')).toBe(false)
    expect(await accept('d')).toBe(true)
  })
})
