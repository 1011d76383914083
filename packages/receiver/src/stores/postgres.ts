import { checkObject } from '../check-options.ts'
import type {
  AppTransactions,
  HandlingEvent,
  ReceiverStore,
  StoreTransaction,
  TransactionOptions,
} from '../store.ts'
import { handleEvent } from './handle-event.ts'
import { runLookup, toLookupSql, type LookupDialect } from './lookup.ts'
import { PostgresBatch } from './postgres-batch.ts'
import { PostgresLayout, type OnNotice } from './postgres-layout.ts'
import { migratePostgres, toLockSql, type PostgresNames } from './postgres-migrations.ts'
import {
  inPostgresTransaction,
  openConnection,
  openPool,
  queryOften,
  withConnection,
  type PostgresClient,
  type PostgresPool,
  type PostgresServer,
} from './postgres-pool.ts'
import { toKey, type PostgresTables } from './postgres-rows.ts'
import { PostgresTransaction } from './postgres-transaction.ts'
import { checkTablePrefix } from './rows.ts'

/** Settings of {@link postgresStore}: either a pool or a connection string. */
export interface PostgresStoreOptions {
  /** Connections to share with the app: a `Pool` of `pg` 8, or anything of its shape. It stays open when the store is closed. */
  pool?: PostgresPool
  /** `postgres://user:password@host:5432/database`. A pool of the store's own is made at first use; needs the package `pg`. */
  connectionString?: string
  /** Further settings of that pool, as `pg` takes them: `max`, `ssl`, `connectionTimeoutMillis`. */
  poolOptions?: object
  /** Begins the names of all tables; `firma_` by default. Letters, digits and underscores, at most 32. */
  tablePrefix?: string
  /** Schema of the tables, made when it is not there; the first one of the connection's search path by default. */
  schema?: string
  /**
   * Told, a few times in the life of an inbox, what a new version of this library does to its indexes, or with a `pool` of yours what you can run to get
   * them; on the console (stderr) by default.
   */
  onNotice?: OnNotice
}

/** Milliseconds that a transaction waits for others before it fails, and that it may stand idle before the server ends it. */
const LOCK_WAIT_MS = 10_000
const IDLE_MS_MAX = 15_000
const BEGIN_READ = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'
/** By name, whatever the database's default is: what is read under the lock must be read after the lock was given. */
const BEGIN_WRITE = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = ${LOCK_WAIT_MS}; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS_MAX}`
const DIALECT: LookupDialect = {
  parameter: '$1',
  toJsonArray: (expression) => `json_agg(${expression})::text`,
}

/**
 * Keeps the inbox and the connection map in PostgreSQL, in tables of their own beside the app's. Any number of processes may share them.
 *
 * Transactions that fold events take one advisory lock, so they commit one after the other and the inbox is numbered in the order of commits:
 * whoever reads on from the last number misses nothing. They are short, and hold what arrived meanwhile; lookups and handlers never wait for them.
 *
 * @throws RangeError for a bad prefix or schema, unless exactly one of `pool` and `connectionString` is given, or for `poolOptions` with a `pool`. Its methods throw what the database throws.
 */
export function postgresStore(options: PostgresStoreOptions): ReceiverStore {
  const server = toServer(options)
  const { pool: shared, onNotice } = options
  const names = toNames(options)
  const lookupSql = toLookupSql(names.qualified, DIALECT)
  const beginMap = `${BEGIN_WRITE}; ${toLockSql(names)}`
  const layout = new PostgresLayout(names, {
    onNotice,
    openConnection: shared === undefined ? () => openConnection(server) : undefined,
  })
  const open = async (): Promise<PostgresPool> => {
    const pool = shared ?? (await openPool(server))
    try {
      const migrate = BEGIN_WRITE.replace(String(LOCK_WAIT_MS), String(LOCK_WAIT_MS * 6))
      const version = await inPostgresTransaction({ pool, begin: migrate }, (client) =>
        migratePostgres(client, names, Date.now()),
      )
      layout.noteVersion(version, Date.now())
      return pool
    } catch (error) {
      if (shared === undefined) await pool.end?.()
      throw error
    }
  }
  let opened: Promise<PostgresPool> | undefined
  const getPool = (): Promise<PostgresPool> => {
    // A failure to open is not remembered: the server may be back at the next event.
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  return {
    async transaction<T>(
      fn: (tx: StoreTransaction) => Promise<T>,
      transaction: TransactionOptions = {},
    ): Promise<T> {
      const pool = await getPool()
      const { kind = 'map', expectedUserId } = transaction
      if (kind === 'read' && expectedUserId !== undefined) {
        const found = await lookUp(pool, lookupSql, { userId: expectedUserId, fn })
        if (found !== undefined) return found.value
      }
      const nowMs = Date.now()
      if (layout.isDue(nowMs)) await layout.look(pool, nowMs)
      const tables = { prefix: names.qualified, firstSeq: layout.firstSeq }
      const begin = { map: beginMap, event: BEGIN_WRITE, read: BEGIN_READ }[kind]
      return runTransaction({ pool, begin, tables }, transaction, fn)
    },
    async handleInAppTransaction<Tx>(
      transactions: AppTransactions<Tx>,
      event: HandlingEvent,
      fn: (tx: Tx) => Promise<void>,
    ): Promise<boolean> {
      await getPool()
      // Whoever comes second does not wait with a connection in its hands: the first one does the work.
      const row = { ...event, inbox: `${names.qualified}inbox`, lock: ' FOR UPDATE SKIP LOCKED' }
      return handleEvent(transactions, row, fn)
    },
    async close() {
      const pool = await opened
      await layout.stop()
      if (shared === undefined) await pool?.end?.()
    },
  }
}

/** Runs `fn` in a transaction; in one that reads and writes once where it is known what will be asked. */
async function runTransaction<T>(
  { pool, begin, tables }: { pool: PostgresPool; begin: string; tables: PostgresTables },
  { kind = 'map', expected, onCommitting }: TransactionOptions,
  fn: (tx: StoreTransaction) => Promise<T>,
): Promise<T> {
  // Before the transaction, whose lock others wait for.
  const reads = kind === 'map' ? expected?.() : undefined
  if (reads === undefined) {
    return inPostgresTransaction({ pool, begin }, (client) =>
      fn(new PostgresTransaction(client, tables)),
    )
  }
  let batch: PostgresBatch | undefined
  const first = async (client: PostgresClient): Promise<void> => {
    batch = new PostgresBatch(new PostgresTransaction(client, tables))
    await batch.load(reads)
  }
  const last = (): Promise<unknown> => batch?.flush() ?? Promise.resolve()
  return inPostgresTransaction({ pool, begin, first, last, onCommitting }, async () => {
    if (batch === undefined) throw new TypeError('the first step of the transaction did not run')
    return fn(batch)
  })
}

/** Runs `fn` on what one statement has read: one round trip instead of six; `undefined` when it asks for more. */
async function lookUp<T>(
  pool: PostgresPool,
  sql: string,
  { userId, fn }: { userId: string; fn: (tx: StoreTransaction) => Promise<T> },
): Promise<{ value: T } | undefined> {
  const { rows } = await withConnection(pool, (client) => queryOften(client, sql, [toKey(userId)]))
  return runLookup(rows, { userId, toKey }, fn)
}

/** Used without a pool of the app's. */
function toServer(options: PostgresStoreOptions): PostgresServer {
  checkObject(options, 'postgresStore needs { pool } or { connectionString }')
  const { pool, connectionString, poolOptions } = options
  if ((pool === undefined) === (connectionString === undefined)) {
    throw new RangeError('postgresStore needs either pool or connectionString')
  }
  if (pool !== undefined && poolOptions !== undefined) {
    throw new RangeError(
      'postgresStore takes poolOptions with connectionString; a pool has its own',
    )
  }
  return { connectionString: connectionString ?? '', poolOptions }
}

function toNames({ schema, tablePrefix: prefix = 'firma_' }: PostgresStoreOptions): PostgresNames {
  checkTablePrefix(prefix)
  // Unquoted names are folded to lower case; the lock's name must be, too.
  if (prefix !== prefix.toLowerCase()) {
    throw new RangeError(`tablePrefix must be in lower case on PostgreSQL, found "${prefix}"`)
  }
  if (schema !== undefined && !/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(schema)) {
    throw new RangeError(
      `schema must be letters, digits and underscores, found ${JSON.stringify(schema)}`,
    )
  }
  return { schema, prefix, qualified: schema === undefined ? prefix : `"${schema}".${prefix}` }
}
