import * as fc from 'fast-check'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { deriveAll, describeStore, toIncoming } from '../../test/describe-store.ts'
import { arbitraryHistory, user } from '../../test/histories.ts'
import { openTestDatabase, type TestDatabase } from '../../test/postgres.ts'
import { NOW_MS, sign } from '../../test/send.ts'
import { AcceptQueue } from '../accept-queue.ts'
import { findConnection } from '../connections.ts'
import { acceptEvent } from '../inbox.ts'
import { nextTurn } from '../next-turn.ts'
import { createReceiver } from '../receiver.ts'
import type { ExpectedReads, ReceiverStore } from '../store.ts'
import type { PostgresPool, PostgresResult } from './postgres-pool.ts'
import { postgresStore } from './postgres.ts'

/** A pool whose waits for the server can be counted. */
function countTrips(real: Pool) {
  let trips = 0
  let waiting = 0
  const pool: PostgresPool = {
    async connect() {
      const client = await real.connect()
      const ask: (...given: unknown[]) => Promise<PostgresResult> = client.query.bind(client)
      const query = async (...given: unknown[]): Promise<PostgresResult> => {
        if (waiting === 0) trips += 1
        waiting += 1
        try {
          return await ask(...given)
        } finally {
          waiting -= 1
        }
      }
      return { query, pipeline: client.pipeline, release: () => client.release() }
    },
  }
  const count = async (fn: () => Promise<unknown>): Promise<number> => {
    trips = 0
    await fn()
    return trips
  }
  return { pool, count }
}

/** Names under which statements are prepared, by text, by a copy of the library of its own: each route of a bundled app has one. */
async function listNames(
  texts: string[],
  change: { processID?: number | null; pipeline?: boolean } = {},
): Promise<Record<string, string | undefined>> {
  vi.resetModules()
  const { queryOften, withConnection } = await import('./postgres-pool.ts')
  const prepared: Record<string, string | undefined> = {}
  const query = async (given: string | { name: string; text: string }): Promise<PostgresResult> => {
    const { name, text } = typeof given === 'string' ? { name: undefined, text: given } : given
    if (text.includes('pg_backend_pid')) return { rows: [{ pid: 7 }] }
    prepared[text] = name
    return { rows: [] }
  }
  const client = { query, pipeline: true, processID: 7, release: () => undefined, ...change }
  const pool = { connect: async () => client }
  for (const text of texts) await withConnection(pool, (taken) => queryOften(taken, text, []))
  return prepared
}

let database: TestDatabase
let prefixes = 0
/** Prefix of tables that nobody else has. */
const nextPrefix = (): string => `t${(prefixes += 1)}_`
const open = (): ReceiverStore => postgresStore({ pool: database.pool, tablePrefix: nextPrefix() })
/** Whatever is done in a transaction goes through the batch, although nothing of it is foreseen. */
const openBatched = (): ReceiverStore => {
  const store = open()
  const expected = (): ExpectedReads => ({
    events: [],
    users: [],
    asked: [],
    insteadOf: async (user) => user,
  })
  return {
    ...store,
    transaction: (fn, options) => store.transaction(fn, { kind: 'map', expected, ...options }),
  }
}

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(async () => {
  await database.close()
})

describeStore('postgres', open, 25)
describeStore('postgres, read and written in batches', openBatched, 25)

const AUTH = { body: { type: 'auth', status: 'success', user: user('a') }, orderingMs: 1 }

describe('postgresStore', () => {
  it('ends in the same map when several processes receive interleaved and repeated events', async () => {
    const arbitrary = arbitraryHistory().chain((history) =>
      fc.record({
        history: fc.constant(history),
        order: fc.shuffledSubarray([...history, ...history, ...history], {
          minLength: history.length * 3,
        }),
        processes: fc.infiniteStream(fc.integer({ min: 0, max: 2 })),
      }),
    )
    const pools = [database.openPool(), database.openPool(), database.openPool()]
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ history, order, processes }) => {
        const tablePrefix = nextPrefix()
        const stores = pools.map((pool) => postgresStore({ pool, tablePrefix }))
        const queues = stores.map((store) => new AcceptQueue(store))
        const acceptances = await Promise.all(
          order.map((sent) => {
            const process = processes.next().value
            return queues[process]!.accept(toIncoming(sent))
          }),
        )
        const keys = new Set(history.map((sent) => toIncoming(sent).eventKey))
        expect(acceptances.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(keys.size)
        const [store] = stores
        const rows = await store!.transaction((tx) => tx.listEvents({ limit: 1_000 }))
        expect(new Set(rows.map(({ eventKey }) => eventKey))).toEqual(keys)
        for (const connection of deriveAll(history)) {
          for (const alias of connection.aliases) {
            const found = await store!.transaction((tx) => findConnection(tx, '', alias))
            expect(found).toEqual({ ...connection, environment: '' })
          }
        }
        // Parked is exactly what is about a user that no state event has named.
        const named = new Set(deriveAll(history).flatMap(({ aliases }) => aliases))
        for (const { handlerState, userId, type } of rows) {
          if (type !== 'daily') continue
          expect(handlerState).toBe(named.has(userId ?? '') ? 'pending' : 'parked')
        }
      }),
      { numRuns: 25 },
    )
  })

  it('accepts one of many simultaneous deliveries of one trace id, over many connections', async () => {
    const tablePrefix = nextPrefix()
    const queues = Array.from(
      { length: 6 },
      () => new AcceptQueue(postgresStore({ pool: database.openPool(), tablePrefix })),
    )
    for (let round = 0; round < 10; round += 1) {
      const incoming = toIncoming(AUTH, { eventKey: `trace:${round}` })
      const acceptances = await Promise.all(
        queues.flatMap((queue) => [queue.accept(incoming), queue.accept(incoming)]),
      )
      expect(acceptances.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1)
      expect(new Set(acceptances.map(({ row }) => row.seq)).size).toBe(1)
    }
  })

  it('numbers events in the order of their commits, so that a reader who goes on from the last one misses none', async () => {
    const tablePrefix = nextPrefix()
    const stores = [1, 2, 3].map(() => postgresStore({ pool: database.openPool(), tablePrefix }))
    const queues = stores.map((store) => new AcceptQueue(store))
    let isWriting = true
    const writing = Promise.all(
      queues.map(async (queue, writer) => {
        for (let n = 0; n < 60; n += 1) {
          await queue.accept(toIncoming(AUTH, { eventKey: `${writer}:${n}` }))
        }
      }),
    ).then(() => (isWriting = false))
    const reader = postgresStore({ pool: database.openPool(), tablePrefix })
    const seen: string[] = []
    let afterSeq = 0
    for (let isLast = false; !isLast;) {
      isLast = !isWriting
      const filter = { afterSeq, limit: 10 }
      const rows = await reader.transaction((tx) => tx.listEvents(filter), { kind: 'read' })
      for (const { eventKey, seq } of rows) {
        seen.push(eventKey)
        afterSeq = seq
      }
      if (rows.length > 0) isLast = false
    }
    await writing
    expect(new Set(seen).size).toBe(180)
  })

  it('waits for the server twice for a batch about known users, and once to resolve a connection', async () => {
    const { pool, count } = countTrips(database.openPool())
    const receiver = createReceiver({
      secrets: ['secret'],
      store: postgresStore({ pool, tablePrefix: nextPrefix() }),
      clock: () => NOW_MS,
    })
    const send = async (body: object, n: number): Promise<unknown> =>
      receiver.receive(await sign(body, { 'X-Terra-Trace-Id': `trace-${n}` }, 'secret'))
    await send(AUTH.body, 0)
    expect(
      await count(() =>
        Promise.all([
          send({ type: 'daily', user: user('a') }, 1),
          send({ ...AUTH.body, message: 'again' }, 2),
        ]),
      ),
    ).toBe(2)
    // Somebody who is not known may have been erased, which is asked for.
    expect(await count(() => send({ type: 'deauth', user: user('b') }, 4))).toBe(3)
    expect(await count(() => receiver.resolve('a'))).toBe(1)
    expect(await receiver.resolve('a')).toMatchObject({ userId: 'a', status: 'active' })
    // Somebody searches among users of these names, so more has to be read.
    await send({ type: 'user_reauth', old_user: null, new_user: user('c') }, 3)
    expect(await count(() => receiver.resolve('a'))).toBeGreaterThan(1)
    expect(await receiver.resolve('a')).toMatchObject({ userId: 'c', aliases: ['a', 'c'] })
    expect(await count(() => receiver.resolve('nobody'))).toBe(1)
  })

  it.each([false, true])(
    'commits nothing of a batch whose end cannot be sent, pipeline: %s',
    async (pipeline) => {
      const pool = pipeline ? database.openPool() : database.pool
      const store = postgresStore({ pool, tablePrefix: nextPrefix() })
      const incoming = toIncoming(AUTH)
      const failing = store.transaction(
        async (tx) => {
          await acceptEvent(tx, incoming)
          // Writes what waits.
          await tx.listEvents({ limit: 1 })
          const headers = { unwritable: 1n as unknown as string }
          await acceptEvent(tx, { ...incoming, eventKey: 'trace:2', headers })
        },
        { expected: () => ({ events: [], users: [], asked: [], insteadOf: async (u) => u }) },
      )
      await expect(failing).rejects.toThrow(/BigInt/)
      const left = await store.transaction(async (tx) => ({
        events: await tx.listEvents({ limit: 10 }),
        connection: await findConnection(tx, '', 'a'),
      }))
      expect(left).toEqual({ events: [], connection: undefined })
    },
  )

  it('prepares a statement under the same name in every copy of this library, and under no other one', async () => {
    const first = await listNames(['SELECT 1', 'SELECT 2'])
    expect(await listNames(['SELECT 2', 'SELECT 1'])).toEqual(first)
    expect(first['SELECT 1']).toMatch(/^firma_/)
    expect(first['SELECT 1']).not.toBe(first['SELECT 2'])
  })

  it('prepares nothing where a pooler stands in between, or may', async () => {
    const unnamed = { 'SELECT 1': undefined }
    expect(await listNames(['SELECT 1'], { processID: 8 })).toEqual(unnamed)
    expect(await listNames(['SELECT 1'], { processID: null })).toEqual(unnamed)
    expect(await listNames(['SELECT 1'], { pipeline: false })).toEqual(unnamed)
  })

  it('makes its tables once when many start together, in a schema of their own', async () => {
    const schema = 'firma_own'
    const stores = Array.from({ length: 5 }, () =>
      postgresStore({ connectionString: database.url, schema, tablePrefix: 'x_' }),
    )
    const found = await Promise.all(
      stores.map((store) => store.transaction((tx) => tx.listEvents({ limit: 1 }))),
    )
    expect(found).toEqual([[], [], [], [], []])
    const { rows } = await database.pool.query<{ name: string }>(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1',
      [schema],
    )
    expect(rows.map(({ name }) => name)).toEqual([
      'x_aliases',
      'x_cursors',
      'x_inbox',
      'x_receiver_migrations',
      'x_users',
    ])
    await Promise.all(stores.map((store) => store.close()))
    await database.pool.query(`DROP SCHEMA ${schema} CASCADE`)
  })

  it('shares one lock whether its schema is named or found', async () => {
    const { rows } = await database.pool.query<{ schema: string }>(
      'SELECT current_schema() AS schema',
    )
    const schema = rows[0]?.schema ?? ''
    const tablePrefix = nextPrefix()
    const [found, named] = [{}, { schema }].map((where) =>
      postgresStore({ pool: database.openPool(), tablePrefix, ...where }),
    )
    await found!.transaction((tx) => acceptEvent(tx, toIncoming(AUTH)))
    const order: string[] = []
    let second: Promise<unknown> | undefined
    await found!.transaction(async () => {
      second = named!.transaction(async () => void order.push('second'))
      while (order.length === 0) {
        const waiting = await database.pool.query(
          "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
        )
        if (waiting.rows.length > 0) order.push('first')
      }
    })
    await second
    expect(order).toEqual(['first', 'second'])
  })

  it('refuses tables of a newer version', async () => {
    const tablePrefix = nextPrefix()
    await postgresStore({ pool: database.pool, tablePrefix }).transaction(async () => undefined)
    await database.pool.query(`INSERT INTO ${tablePrefix}receiver_migrations VALUES (99, 0)`)
    const older = postgresStore({ pool: database.pool, tablePrefix })
    await expect(older.transaction(async () => undefined)).rejects.toThrow(/version 99/)
  })

  it('knows what another process has just committed, whatever isolation the database has by default', async () => {
    const url = new URL(database.url)
    const options = `${url.searchParams.get('options')} -c default_transaction_isolation=serializable`
    url.searchParams.set('options', options)
    const strict = new Pool({ connectionString: url.href, max: 2, application_name: 'strict' })
    const tablePrefix = nextPrefix()
    const [mine, others] = [database.pool, strict].map((pool) =>
      postgresStore({ pool, tablePrefix }),
    )
    const data = toIncoming(
      { body: { type: 'daily', user: user('a'), data: [] }, orderingMs: 1 },
      { eventKey: '1' },
    )
    await others!.transaction((tx) => tx.listEvents({ limit: 1 }))
    const waiting = await mine!.transaction(async (tx) => {
      await acceptEvent(tx, data)
      const accepted = new AcceptQueue(others!).accept(data)
      const sql = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'strict' AND wait_event = 'advisory'`
      while ((await database.pool.query(sql)).rowCount === 0) await nextTurn()
      return { accepted }
    })
    expect(await waiting.accepted).toMatchObject({ isDuplicate: true })
    await strict.end()
  })

  it('takes events in while an erasure waits for one that an app has in a transaction', async () => {
    const tablePrefix = nextPrefix()
    const store = postgresStore({ pool: database.openPool(), tablePrefix })
    const receiver = createReceiver({ secrets: ['secret'], store, clock: () => NOW_MS })
    const send = async (body: object): Promise<unknown> =>
      receiver.receive(await sign(body, {}, 'secret'))
    await send(AUTH.body)
    const app = await database.pool.connect()
    await app.query('BEGIN')
    await app.query(`SELECT 1 FROM ${tablePrefix}inbox WHERE seq = 1 FOR UPDATE`)
    // A machine that stands still for so long that the wait is given up changes nothing: it is called again.
    const erasing = receiver.erase('tony_stark').catch(() => receiver.erase('tony_stark'))
    const isWaiting = async (): Promise<boolean> => {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE ${tablePrefix}inbox SET user_id%'`
      return (await database.pool.query(sql)).rowCount === 1
    }
    await expect.poll(isWaiting, { timeout: 180_000 }).toBe(true)
    const other = { ...user('c'), reference_id: 'rhodey' }
    expect(await send({ type: 'auth', user: other })).toMatchObject({ status: 'accepted' })
    expect(await send({ type: 'deauth', user: user('a') })).toMatchObject({ status: 'accepted' })
    await app.query('COMMIT')
    app.release()
    expect(await erasing).toMatchObject({ events: 1 })
    const { events } = await receiver.listEvents({ limit: 9 })
    const texts = events.map(({ body }) => new TextDecoder().decode(body))
    expect(texts.filter((text) => text.includes('tony_stark'))).toEqual([])
  })

  it('goes on after its connections were broken', async () => {
    const own = new Pool({ connectionString: database.url, max: 2, application_name: 'victim' })
    own.on('error', () => undefined)
    const store = postgresStore({ pool: own, tablePrefix: nextPrefix() })
    const accept = (eventKey: string): Promise<unknown> =>
      store.transaction((tx) => acceptEvent(tx, toIncoming(AUTH, { eventKey })))
    await accept('1')
    const broken = store.transaction(async (tx) => {
      await acceptEvent(tx, toIncoming(AUTH, { eventKey: '2' }))
      await database.pool.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'",
      )
      return tx.findUser('', 'a')
    })
    await expect(broken).rejects.toThrow(/terminat|queryable|closed/i)
    await accept('3')
    const rows = await store.transaction((tx) => tx.listEvents({ limit: 9 }))
    expect(rows.map(({ eventKey }) => eventKey)).toEqual(['1', '3'])
    await own.end()
  })

  it('stores what other databases would and PostgreSQL would not', async () => {
    const store = open()
    const long = '\u4e2d'.repeat(1_000)
    const odd = 'a\0b\ud800c'
    const reauth = {
      type: 'user_reauth',
      old_user: { ...user(long), reference_id: long },
      new_user: { ...user(`${long}2`), reference_id: long },
    }
    const queue = new AcceptQueue(store)
    await queue.accept(toIncoming({ body: reauth, orderingMs: 1 }))
    const event = toIncoming(
      { body: { type: odd, user: user(long) }, orderingMs: 2 },
      { eventKey: odd, headers: { 'user-agent': odd } },
    )
    expect(await queue.accept(event)).toMatchObject({ isDuplicate: false })
    expect(await queue.accept(event)).toMatchObject({ isDuplicate: true })
    const found = await store.transaction((tx) => findConnection(tx, '', long))
    expect(found).toMatchObject({ aliases: [long, `${long}2`], referenceId: long })
    const rows = await store.transaction((tx) =>
      tx.listEvents({ environment: '', userIds: [long], limit: 9 }),
    )
    expect(rows).toMatchObject([{ userId: long, type: 'a\uFFFDb\uFFFDc' }])
  })

  it('refuses a prefix or schema that is no name, and neither or both of pool and connectionString', () => {
    const { pool } = database
    expect(() => postgresStore({ pool, tablePrefix: 'x; DROP' })).toThrow(RangeError)
    expect(() => postgresStore({ pool, tablePrefix: 'Upper_' })).toThrow(/lower case/)
    expect(() => postgresStore({ pool, schema: 'a"b' })).toThrow(RangeError)
    expect(() => postgresStore({})).toThrow(RangeError)
    expect(() => postgresStore({ pool, connectionString: 'postgres://' })).toThrow(RangeError)
  })
})
