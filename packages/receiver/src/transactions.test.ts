import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import { sqliteTable, text as sqliteText } from 'drizzle-orm/sqlite-core'
import { drizzle as drizzleProxy, type SqliteRemoteDatabase } from 'drizzle-orm/sqlite-proxy'
import {
  CamelCasePlugin,
  Kysely,
  PostgresDialect,
  SqliteDialect,
  type SqliteDatabase as KyselySqliteDatabase,
} from 'kysely'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { toIncoming } from '../test/describe-store.ts'
import { user } from '../test/histories.ts'
import { openPrisma } from '../test/prisma-client.ts'
import { openTestDatabase, type TestDatabase } from '../test/postgres.ts'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import { acceptEvent, PENDING_STALE_MS } from './inbox.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver } from './receiver-api.ts'
import { openSqlite, type SqliteDatabase, type SqliteHandle } from './sqlite-handle.ts'
import type { AppTransactions, ReceiverStore } from './store.ts'
import { postgresStore } from './stores/postgres.ts'
import { sqliteStore } from './stores/sqlite.ts'
import { fromDrizzle, fromKysely, fromPg, fromPrisma, fromSqlite } from './transactions.ts'

const auth = { type: 'auth', status: 'success', user: user('a') }

/** An app with a table of its own in the store's database, and one library to write to it. */
interface App<Tx> {
  /** Whether several transactions can run at once. */
  isParallel: boolean
  store: ReceiverStore
  transactions: AppTransactions<Tx>
  /** Writes a row with this key. */
  write(tx: Tx, eventKey: string): Promise<unknown>
  /** Keys of all rows, as somebody else sees them. */
  list(): Promise<string[]>
  close(): Promise<void>
}

let database: TestDatabase
let apps = 0

beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(async () => {
  await database.close()
})

const createTable = 'CREATE TABLE IF NOT EXISTS handled (event_key text NOT NULL)'

async function openPostgresApp<Tx>(
  toTransactions: (pool: Pool) => AppTransactions<Tx>,
  write: App<Tx>['write'],
): Promise<App<Tx>> {
  const pool = database.openPool()
  await pool.query(createTable)
  await pool.query('TRUNCATE handled')
  apps += 1
  return {
    isParallel: true,
    store: postgresStore({ pool, tablePrefix: `app${apps}_` }),
    transactions: toTransactions(pool),
    write,
    async list() {
      const { rows } = await pool.query<{ event_key: string }>('SELECT event_key FROM handled')
      return rows.map(({ event_key }) => event_key)
    },
    close: async () => undefined,
  }
}

/** `other` is a second connection to the file, as a library of the app's would have it. */
async function openSqliteApp<Tx>(
  toTransactions: (handle: SqliteHandle, other: SqliteDatabase) => AppTransactions<Tx>,
  write: App<Tx>['write'],
): Promise<App<Tx>> {
  const folder = mkdtempSync(join(tmpdir(), 'firma-app-'))
  const path = join(folder, 'app.db')
  const handles = [await openSqlite(path), await openSqlite(path)] as const
  const [handle, otherHandle] = handles
  await handle.exclusive((connection) => connection.exec(createTable))
  const other = await otherHandle.exclusive((connection) => connection)
  return {
    isParallel: false,
    store: sqliteStore({ handle }),
    transactions: toTransactions(handle, other),
    write,
    async list() {
      const sql = 'SELECT event_key FROM handled'
      const rows = await handle.exclusive((connection) => connection.prepare(sql).all())
      return rows.map(({ event_key }) => String(event_key))
    },
    async close() {
      for (const each of handles) await each.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A connection in the shape that Kysely's SQLite dialect was made for. */
function toKyselyDatabase(connection: SqliteDatabase): KyselySqliteDatabase {
  return {
    close: () => undefined,
    prepare(sql) {
      const statement = connection.prepare(sql)
      return {
        reader: /^\s*select/i.test(sql),
        all: (values) => statement.all(...values.map(String)),
        run(values) {
          const { changes, lastInsertRowid } = statement.run(...values.map(String))
          return { changes, lastInsertRowid }
        },
        iterate: () => [].values(),
      }
    },
  }
}

const pgHandled = pgTable('handled', { eventKey: text('event_key').notNull() })
const sqliteHandled = sqliteTable('handled', { eventKey: sqliteText('event_key').notNull() })

function drizzleOn(connection: SqliteDatabase): SqliteRemoteDatabase {
  return drizzleProxy(async (sql, values, method) => {
    const statement = connection.prepare(sql)
    if (method === 'run') {
      statement.run(...values.map(String))
      return { rows: [] }
    }
    return { rows: statement.all(...values.map(String)).map((row) => Object.values(row)) }
  })
}

const INSERT = 'INSERT INTO handled VALUES ($1)'

const openers: [string, () => Promise<AnyApp>][] = [
  [
    'fromPg',
    async () =>
      anyApp(
        await openPostgresApp(
          (pool) => fromPg(pool),
          (tx, key) => tx.query(INSERT, [key]),
        ),
      ),
  ],
  [
    'fromKysely on PostgreSQL, with names in camel case',
    async () =>
      anyApp(
        await openPostgresApp(
          (pool) =>
            fromKysely(
              new Kysely<{ handled: { eventKey: string } }>({
                dialect: new PostgresDialect({ pool }),
                plugins: [new CamelCasePlugin()],
              }),
            ),
          (tx, eventKey) => tx.insertInto('handled').values({ eventKey }).execute(),
        ),
      ),
  ],
  [
    'fromDrizzle on PostgreSQL',
    async () =>
      anyApp(
        await openPostgresApp(
          (pool) => fromDrizzle(drizzlePg(pool)),
          (tx, eventKey) => tx.insert(pgHandled).values({ eventKey }),
        ),
      ),
  ],
  [
    'fromPrisma',
    async () =>
      anyApp(
        await openPostgresApp(
          (pool) => fromPrisma(openPrisma(pool)),
          (tx, key) => tx.$executeRawUnsafe(INSERT, key),
        ),
      ),
  ],
  [
    'fromSqlite',
    async () =>
      anyApp(
        await openSqliteApp(
          (handle) => fromSqlite(handle),
          async (tx, key) => tx.prepare('INSERT INTO handled VALUES (?)').run(key),
        ),
      ),
  ],
  [
    'fromKysely on SQLite',
    async () =>
      anyApp(
        await openSqliteApp(
          (_, other) =>
            fromKysely(
              new Kysely<{ handled: { event_key: string } }>({
                dialect: new SqliteDialect({ database: toKyselyDatabase(other) }),
              }),
            ),
          (tx, event_key) => tx.insertInto('handled').values({ event_key }).execute(),
        ),
      ),
  ],
  [
    'fromDrizzle on SQLite',
    async () =>
      anyApp(
        await openSqliteApp(
          (_, other) => fromDrizzle(drizzleOn(other)),
          (tx, eventKey) => tx.insert(sqliteHandled).values({ eventKey }).run(),
        ),
      ),
  ],
]

/** An app whose type of transaction nobody outside needs to know. */
interface AnyApp {
  isParallel: boolean
  store: ReceiverStore
  list(): Promise<string[]>
  close(): Promise<void>
  /** A receiver whose handler writes, and then does what is asked. */
  createReceiver(options: {
    clock?: () => number
    after?: (eventKey: string) => Promise<void>
    /** Runs around each transaction. */
    around?: <T>(transaction: () => Promise<T>) => Promise<T>
  }): Receiver
}

function anyApp<Tx>({ store, transactions, write, list, close, isParallel }: App<Tx>): AnyApp {
  return {
    isParallel,
    store,
    list,
    close,
    createReceiver: ({ clock = () => NOW_MS, after, around = (transaction) => transaction() }) =>
      createReceiver<Tx>({
        secrets: [SECRET],
        store,
        clock,
        transactions: {
          ...transactions,
          transaction: (run) => around(() => transactions.transaction(run)),
        },
        onEvent: async (_, { tx, eventKey }) => {
          await write(tx, eventKey)
          await after?.(eventKey)
        },
      }),
  }
}

describe.each(openers)('onEvent in a transaction of the app, %s', (_, open) => {
  let app: AnyApp

  beforeEach(async () => {
    app = await open()
  })
  afterEach(async () => {
    await app.close()
  })

  it('commits what the handler wrote together with the mark that it ran', async () => {
    const receiver = app.createReceiver({})
    const outcome = await receiver.receive(await sign(auth))
    expect(outcome).toMatchObject({ status: 'accepted', handler: 'done' })
    expect(await app.list()).toEqual([`trace:${outcome.traceId}`])
    const { events } = await receiver.listEvents()
    expect(events).toMatchObject([{ handlerState: 'done', attempts: 1, handlerDueAtMs: undefined }])
    expect(await receiver.retryFailed()).toEqual({ done: 0, failed: 0 })
  })

  it('takes back what a failing handler wrote, keeps the event, and writes it once when it is called again', async () => {
    let failures = 2
    const receiver = app.createReceiver({
      after: async () => {
        failures -= 1
        if (failures >= 0) throw new TypeError('app is down')
      },
    })
    const sent = await sign(auth)
    expect(await receiver.receive(sent)).toMatchObject({ status: 'accepted', handler: 'failed' })
    expect(await app.list()).toEqual([])
    const { events } = await receiver.listEvents({ handlerStates: ['failed'] })
    expect(events).toMatchObject([{ attempts: 1, handlerError: 'TypeError: app is down' }])
    expect(await receiver.receive(sent)).toMatchObject({ status: 'duplicate', handler: 'failed' })
    expect(await receiver.retryFailed()).toEqual({ done: 1, failed: 0 })
    expect(await app.list()).toHaveLength(1)
  })

  it('writes once when the confirmation of a commit was lost', async () => {
    const receiver = app.createReceiver({
      around: async (transaction) => {
        await transaction()
        throw new TypeError('connection lost at COMMIT')
      },
    })
    await receiver.receive(await sign(auth))
    await receiver.retryFailed()
    expect(await app.list()).toHaveLength(1)
    expect((await receiver.listEvents()).events).toMatchObject([{ handlerState: 'done' }])
  })

  it('writes once when other processes take the same event up while the handler runs', async () => {
    // Its process ended between the commit and the call.
    const lost = toIncoming({ body: auth, orderingMs: 1 })
    await app.store.transaction((tx) => acceptEvent(tx, lost))
    const clock = (): number => NOW_MS + PENDING_STALE_MS + 1
    const [entered, enter] = createSignal()
    const [enteredTwice, enterTwice] = createSignal()
    const [othersEnded, endOthers] = createSignal()
    const first = app.createReceiver({
      clock,
      after: async () => {
        enter()
        // On one connection the others must wait for this one; elsewhere they come past it meanwhile.
        if (app.isParallel) await Promise.race([othersEnded, enteredTwice])
      },
    })
    const running = first.retryFailed()
    await entered
    const others = [1, 2].map(() => app.createReceiver({ clock, after: async () => enterTwice() }))
    await Promise.all(others.map((other) => other.retryFailed()))
      .then(endOthers)
      .then(() => running)
    expect(await app.list()).toEqual([lost.eventKey])
  })
})

/** A promise, and what resolves it. */
function createSignal(): [promise: Promise<void>, resolve: () => void] {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return [promise, resolve]
}
