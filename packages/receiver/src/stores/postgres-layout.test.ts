import { Pool } from 'pg'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deriveAll, describeStore, toIncoming } from '../../test/describe-store.ts'
import { arbitraryHistory, user } from '../../test/histories.ts'
import { openTestDatabase, type TestDatabase } from '../../test/postgres.ts'
import { AcceptQueue } from '../accept-queue.ts'
import { findConnection } from '../connections.ts'
import { acceptEvent } from '../inbox.ts'
import type { ReceiverStore } from '../store.ts'
import { LOOK_MS, PostgresLayout, UNUSED_MS } from './postgres-layout.ts'
import {
  BUCKETED_VERSION,
  migratePostgres,
  toLockSql,
  type PostgresNames,
} from './postgres-migrations.ts'
import {
  inPostgresTransaction,
  openConnection,
  type PostgresClient,
  type PostgresConnection,
  type PostgresPool,
  type PostgresResult,
} from './postgres-pool.ts'
import { PostgresTransaction } from './postgres-transaction.ts'
import { postgresStore } from './postgres.ts'

let database: TestDatabase
let prefixes = 0
let pools: Pool[] = []

beforeAll(async () => {
  database = await openTestDatabase()
  pools = [database.openPool(), database.openPool()]
})
afterAll(async () => {
  await database.close()
})

const toNames = (): PostgresNames => {
  const prefix = `t${(prefixes += 1)}_`
  return { schema: undefined, prefix, qualified: prefix }
}

/** Tables as the version before made them. */
async function makePlainTables(names: PostgresNames): Promise<void> {
  const { prefix, qualified } = names
  await inPostgresTransaction({ pool: database.pool, begin: 'BEGIN' }, (client) =>
    migratePostgres(client, names, 0),
  )
  await database.pool.query(
    `DROP INDEX ${qualified}inbox_key_bucket, ${qualified}inbox_user_bucket;
     CREATE UNIQUE INDEX ${prefix}inbox_key ON ${qualified}inbox (event_key, environment);
     CREATE INDEX ${prefix}inbox_user ON ${qualified}inbox ((left(user_id, 255)), seq);
     DELETE FROM ${qualified}receiver_migrations WHERE version = 3`,
  )
}

async function openPlainTables(): Promise<PostgresNames> {
  const names = toNames()
  await makePlainTables(names)
  return names
}

/** A process of the version before: the same statements, through the old indexes. */
function openOlder({ prefix, qualified, ...rest }: PostgresNames): ReceiverStore {
  const begin = `BEGIN; ${toLockSql({ prefix, qualified, ...rest })}`
  const tables = { prefix: qualified, firstSeq: undefined }
  return {
    transaction: (fn) =>
      inPostgresTransaction({ pool: database.pool, begin }, (client) =>
        fn(new PostgresTransaction(client, tables)),
      ),
    close: async () => undefined,
  }
}

const notices: string[] = []
const onNotice = (message: string): void => void notices.push(message)
const openNewer = ({ prefix: tablePrefix }: PostgresNames, process = 0): ReceiverStore =>
  postgresStore({ pool: pools[process]!, tablePrefix, onNotice })
/** Of a process that changes the tables: it has a pool of its own, which sends ahead. */
const openChanging = ({ prefix: tablePrefix }: PostgresNames): ReceiverStore => {
  const { url: connectionString } = database
  return postgresStore({ connectionString, poolOptions: { max: 2 }, tablePrefix, onNotice })
}
const connect = (): Promise<PostgresConnection> =>
  openConnection({ connectionString: database.url, poolOptions: undefined })
const openLayout = (names: PostgresNames): PostgresLayout =>
  new PostgresLayout(names, { onNotice, openConnection: connect })

async function listIndexes({ prefix }: PostgresNames): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    'SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = to_regclass($1) AND indisvalid ORDER BY 1',
    [`${prefix}inbox`],
  )
  return rows.map(({ name }) => name.slice(prefix.length))
}

const OTHERS = ['inbox_due', 'inbox_due_at', 'inbox_parked', 'inbox_pkey']
const BUCKETS = ['inbox_key_bucket', 'inbox_user_bucket']
const PLAIN = ['inbox_key', 'inbox_user']
const sorted = (names: string[]): string[] => [...names].sort()

const auth = (id: string): Parameters<typeof toIncoming>[0] => ({
  body: { type: 'auth', status: 'success', user: user(id) },
  orderingMs: 1,
})
const accept = (store: ReceiverStore, id: string): Promise<{ isDuplicate: boolean }> =>
  store.transaction((tx) => acceptEvent(tx, toIncoming(auth(id), { eventKey: `trace:${id}` })))
const seqsOf = async (store: ReceiverStore, id: string): Promise<number[]> => {
  const filter = { environment: '', userIds: [id], limit: 9 }
  const rows = await store.transaction((tx) => tx.listEvents(filter))
  return rows.map(({ seq }) => seq)
}

describe('layout of an inbox on PostgreSQL', () => {
  it('is that of buckets from the start in new tables', async () => {
    const names = toNames()
    await openNewer(names).transaction(async () => undefined)
    expect(await listIndexes(names)).toEqual(sorted([...OTHERS, ...BUCKETS]))
  })

  it("lets older and newer processes know each other's events before, while and after it changes", async () => {
    const names = await openPlainTables()
    const older = openOlder(names)
    for (const id of ['a', 'b']) await accept(older, id)
    const layout = openLayout(names)
    const pool = pools[0]!
    const tx = <T>(fn: (of: PostgresTransaction) => Promise<T>): Promise<T> =>
      inPostgresTransaction({ pool, begin: `BEGIN; ${toLockSql(names)}` }, (client) =>
        fn(
          new PostgresTransaction(client, {
            prefix: names.qualified,
            firstSeq: layout.firstSeq,
          }),
        ),
      )
    const newer: ReceiverStore = { transaction: tx, close: async () => undefined }
    expect(await accept(newer, 'a')).toMatchObject({ isDuplicate: true })
    await layout.look(pool, 0)
    expect(await accept(newer, 'c')).toMatchObject({ isDuplicate: false })
    await layout.settle()
    expect(layout.isBucketed).toBe(true)
    expect(await listIndexes(names)).toEqual(sorted([...OTHERS, ...PLAIN, ...BUCKETS]))
    expect(await accept(older, 'c')).toMatchObject({ isDuplicate: true })
    expect(await accept(older, 'd')).toMatchObject({ isDuplicate: false })
    for (const id of ['a', 'b', 'c', 'd']) {
      expect(await accept(newer, id)).toMatchObject({ isDuplicate: true })
    }
    expect(await seqsOf(newer, 'd')).toEqual(await seqsOf(older, 'd'))
  })

  it('keeps the old indexes as long as anybody uses them, and drops them an hour later', async () => {
    const names = await openPlainTables()
    const older = openOlder(names)
    await accept(older, 'a')
    const pool = pools[0]!
    const layout = openLayout(names)
    const look = async (atMs: number): Promise<string[]> => {
      expect(layout.isDue(atMs)).toBe(true)
      await layout.look(pool, atMs)
      await layout.settle()
      return listIndexes(names)
    }
    /** Until the server has counted it. */
    const useOld = async (): Promise<void> => {
      const scans = async (): Promise<number> => {
        const sql =
          'SELECT idx_scan::int AS n FROM pg_stat_user_indexes WHERE indexrelid = to_regclass($1)'
        const { rows } = await database.pool.query<{ n: number }>(sql, [`${names.prefix}inbox_key`])
        return rows[0]?.n ?? 0
      }
      const before = await scans()
      await database.pool.query(
        `SET enable_seqscan = off; SELECT 1 FROM ${names.prefix}inbox WHERE event_key = 'x' AND environment = ''; RESET enable_seqscan`,
      )
      await expect.poll(scans, { timeout: 180_000 }).toBeGreaterThan(before)
    }
    /** So much later for the server. */
    const pass = async (ms: number): Promise<void> => {
      await database.pool.query(
        `UPDATE ${names.prefix}cursors SET saved_at_ms = saved_at_ms - ${ms}`,
      )
    }
    const both = sorted([...OTHERS, ...PLAIN, ...BUCKETS])
    let atMs = Date.now()
    expect(await look(atMs)).toEqual(both)
    expect(layout.isDue(atMs + LOOK_MS - 1)).toBe(false)
    expect(await look((atMs += LOOK_MS))).toEqual(both)
    await useOld()
    await pass(UNUSED_MS)
    expect(await look((atMs += LOOK_MS))).toEqual(both)
    await pass(UNUSED_MS - 60_000)
    // Whatever this process takes the time to be.
    expect(await look((atMs += UNUSED_MS * 9))).toEqual(both)
    expect(await accept(openNewer(names), 'a')).toMatchObject({ isDuplicate: true })
    // Connections tell the server late what they have used.
    const drop = async (): Promise<string[]> => {
      await pass(UNUSED_MS)
      return look((atMs += LOOK_MS))
    }
    await expect.poll(drop, { timeout: 180_000 }).toEqual(sorted([...OTHERS, ...BUCKETS]))
    // An older process that had nothing to do meanwhile still knows what there is.
    expect(await accept(older, 'a')).toMatchObject({ isDuplicate: true })
    expect(await accept(older, 'b')).toMatchObject({ isDuplicate: false })
    expect(await accept(openNewer(names), 'b')).toMatchObject({ isDuplicate: true })
  })

  it('is changed by one of many processes that start together, and anew where one died at it', async () => {
    const names = await openPlainTables()
    await accept(openOlder(names), 'a')
    // What is left of a CREATE INDEX CONCURRENTLY that was cut off.
    await database.pool.query(
      `CREATE INDEX ${names.prefix}inbox_user_bucket ON ${names.prefix}inbox (seq);
       UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${names.prefix}inbox_user_bucket'::regclass`,
    )
    const pool = pools[0]!
    const layouts = Array.from({ length: 4 }, () => openLayout(names))
    notices.length = 0
    await Promise.all(layouts.map((layout) => layout.look(pool, 0)))
    await Promise.all(layouts.map((layout) => layout.settle()))
    expect(notices.filter((text) => text.includes('building'))).toHaveLength(1)
    expect(notices.filter((text) => text.includes('for now'))).toEqual([])
    await Promise.all(layouts.map((layout) => layout.look(pool, 1)))
    expect(layouts.map(({ isBucketed }) => isBucketed)).toEqual([true, true, true, true])
    await Promise.all(layouts.map((layout) => layout.settle()))
    const { rows } = await database.pool.query<{ text: string }>(
      'SELECT pg_get_indexdef(to_regclass($1)) AS text',
      [`${names.prefix}inbox_user_bucket`],
    )
    expect(rows[0]?.text).toContain('hashtext(user_id)')
  })

  it("changes nothing through a pool of the app's, says what to run, and uses what it finds", async () => {
    const names = await openPlainTables()
    const real = new Pool({ connectionString: database.url, max: 1 })
    const asked: string[] = []
    const pool: PostgresPool = {
      async connect() {
        const client = await real.connect()
        const query = (text: string, values?: unknown[]): Promise<PostgresResult> => {
          asked.push(text)
          return client.query(text, values)
        }
        return { query, release: () => client.release() } as PostgresClient
      },
    }
    const layouts = [
      new PostgresLayout(names, { onNotice }),
      new PostgresLayout(names, { onNotice }),
    ]
    const look = async (atMs: number): Promise<void> => {
      for (const layout of layouts) {
        await layout.look(pool, atMs)
        await layout.settle()
      }
    }
    notices.length = 0
    await look(1)
    expect(layouts.map(({ isBucketed }) => isBucketed)).toEqual([false, false])
    expect(await listIndexes(names)).toEqual(sorted([...OTHERS, ...PLAIN]))
    const [notice = ''] = notices
    const statements = [...notice.matchAll(/(?:CREATE|DROP) INDEX [^;]*/g)].map(([sql]) =>
      sql.replace(/, when no .*/, '').trim(),
    )
    const [key, keyOf, ...drops] = statements
    expect(drops).toEqual(
      PLAIN.map((name) => `DROP INDEX CONCURRENTLY IF EXISTS ${names.prefix}${name}`),
    )
    for (const sql of [key!, keyOf!]) await database.pool.query(sql)
    await look(2)
    expect(layouts.map(({ isBucketed }) => isBucketed)).toEqual([true, true])
    expect(await listIndexes(names)).toEqual(sorted([...OTHERS, ...PLAIN, ...BUCKETS]))
    for (const sql of drops) await database.pool.query(sql)
    await look(3)
    const sql = `SELECT max(version) AS version FROM ${names.prefix}receiver_migrations`
    expect((await database.pool.query(sql)).rows).toEqual([{ version: BUCKETED_VERSION }])
    expect(notices).toHaveLength(1)
    expect(asked.filter((text) => /\b(SET|RESET|INDEX|advisory)\b/i.test(text))).toEqual([])
    await real.end()
  })

  it('only says what to run where a pooler stands in between', async () => {
    const names = await openPlainTables()
    const asked: string[] = []
    const throughPooler = async (): Promise<PostgresConnection> => {
      const real = await connect()
      const query = (text: string, values?: unknown[]): Promise<PostgresResult> => {
        asked.push(text)
        return real.query(text, values)
      }
      return { query, processID: (real.processID ?? 0) + 1, end: () => real.end() }
    }
    notices.length = 0
    const layout = new PostgresLayout(names, { onNotice, openConnection: throughPooler })
    await layout.look(pools[0]!, 1)
    await layout.settle()
    expect(asked).toEqual(['SELECT pg_backend_pid() AS pid'])
    expect(notices).toEqual([expect.stringContaining('CREATE INDEX CONCURRENTLY')])
    expect(await listIndexes(names)).toEqual(sorted([...OTHERS, ...PLAIN]))
  })

  it('lets a store be closed while an index is built, which the next one builds anew or finds', async () => {
    const names = await openPlainTables()
    await accept(openOlder(names), 'a')
    // Whoever builds waits for the end of what has begun before.
    const other = await database.pool.connect()
    await other.query('BEGIN')
    await other.query(`UPDATE ${names.prefix}inbox SET attempts = 0`)
    const store = openChanging(names)
    notices.length = 0
    expect(await accept(store, 'b')).toMatchObject({ isDuplicate: false })
    const isBuilding = async (): Promise<boolean> => {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${names.prefix}inbox_key_bucket%'`
      return (await database.pool.query(sql)).rowCount === 1
    }
    await expect.poll(isBuilding, { timeout: 180_000 }).toBe(true)
    await store.close()
    expect(notices.filter((text) => text.includes('for now'))).toEqual([])
    await other.query('COMMIT')
    other.release()
    const layout = openLayout(names)
    let atMs = 0
    const look = async (): Promise<boolean> => {
      await layout.look(pools[0]!, (atMs += LOOK_MS))
      await layout.settle()
      return layout.isBucketed
    }
    await expect.poll(look, { timeout: 180_000 }).toBe(true)
    expect(await accept(openNewer(names), 'b')).toMatchObject({ isDuplicate: true })
  })

  it('ends in the same map when processes of both versions receive while it changes', async () => {
    const arbitrary = arbitraryHistory().chain((history) =>
      fc.record({
        history: fc.constant(history),
        order: fc.shuffledSubarray([...history, ...history], { minLength: history.length * 2 }),
        processes: fc.infiniteStream(fc.integer({ min: 0, max: 2 })),
      }),
    )
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ history, order, processes }) => {
        const names = await openPlainTables()
        const stores = [openOlder(names), openChanging(names), openChanging(names)]
        const queues = stores.map((store) => new AcceptQueue(store))
        const acceptances = await Promise.all(
          order.map((sent) => queues[processes.next().value]!.accept(toIncoming(sent))),
        )
        const keys = new Set(history.map((sent) => toIncoming(sent).eventKey))
        expect(acceptances.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(keys.size)
        for (const connection of deriveAll(history)) {
          const found = await stores[1]!.transaction((tx) =>
            findConnection(tx, '', connection.userId),
          )
          expect(found).toEqual({ ...connection, environment: '' })
        }
        await Promise.all(stores.map((store) => store.close()))
      }),
      { numRuns: 8 },
    )
  })
})

describeStore(
  'postgres, with the indexes of an older version',
  () => {
    const names = toNames()
    const made = makePlainTables(names)
    const store = openNewer(names)
    return {
      ...store,
      transaction: (fn, options) => made.then(() => store.transaction(fn, options)),
    }
  },
  5,
)
