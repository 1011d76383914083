import { checkObject } from '../check-options.ts'
import {
  openSqlite,
  reportMissingDriver,
  type SqliteDatabase,
  type SqliteHandle,
} from '../sqlite-handle.ts'
import type {
  AppTransactions,
  HandlingEvent,
  ReceiverStore,
  StoreTransaction,
  TransactionOptions,
} from '../store.ts'
import { handleEvent } from './handle-event.ts'
import { runLookup, toLookupSql, type LookupDialect } from './lookup.ts'
import { checkTablePrefix, type Row } from './rows.ts'
import {
  BUSY_TIMEOUT_MS,
  BUSY_WAIT_MS,
  inSqliteTransaction,
  markUnbegun,
  untilUnlocked,
  withoutStanding,
} from './sqlite-in-transaction.ts'
import { migrateSqlite } from './sqlite-migrations.ts'
import { SqliteSeen } from './sqlite-seen.ts'
import { SqliteTransaction } from './sqlite-transaction.ts'

/** Settings of {@link sqliteStore}: either a file or a handle that is open already. */
export interface SqliteStoreOptions {
  /** File of the database; created with its folder when it is not there. Opened at first use; a missing library is told on the console at once. */
  path?: string
  /** A connection to share. It stays open when the store is closed. */
  handle?: SqliteHandle
  /** Begins the names of all tables; `firma_` by default. Letters, digits and underscores, at most 32. */
  tablePrefix?: string
  /** How long a transaction waits for another process that writes, in milliseconds, before it fails; 5,000 by default. The process goes on meanwhile. */
  busyWaitMs?: number
}

const DIALECT: LookupDialect = {
  parameter: '?',
  toJsonArray: (expression) => `json_group_array(${expression})`,
}
/** Under which name an identifier is stored: its own. */
const toKey = (id: string): string => id

/**
 * Keeps the inbox and the connection map in SQLite, in tables of their own beside the app's.
 *
 * @throws RangeError for a bad prefix or a bad `busyWaitMs`, or unless exactly one of `path` and `handle` is given. Its methods throw what the database throws.
 */
export function sqliteStore(options: SqliteStoreOptions): ReceiverStore {
  checkOptions(options)
  const { path, handle: shared, tablePrefix = 'firma_', busyWaitMs = BUSY_WAIT_MS } = options
  if (shared === undefined) reportMissingDriver()
  const open = async (): Promise<SqliteHandle> => {
    const handle = shared ?? (await openFile(path ?? '', busyWaitMs))
    const migrate = (): Promise<void> =>
      handle.exclusive((database) =>
        withoutStanding(database, () => {
          migrateSqlite(database, tablePrefix, Date.now())
          SqliteSeen.of(handle, `${tablePrefix}inbox`).catchUp(database)
        }),
      )
    try {
      await untilUnlocked(migrate, busyWaitMs)
      return handle
    } catch (error) {
      if (shared === undefined) await handle.close()
      throw error
    }
  }
  const lookupSql = toLookupSql(tablePrefix, DIALECT)
  let opened: Promise<SqliteHandle> | undefined
  const getHandle = (): Promise<SqliteHandle> => {
    // A failure to open is not remembered: the disk may have room again at the next event.
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  return {
    async transaction<T>(
      fn: (tx: StoreTransaction) => Promise<T>,
      { kind, expectedUserId }: TransactionOptions = {},
    ): Promise<T> {
      const handle = await getHandle()
      if (kind === 'read' && expectedUserId !== undefined) {
        const lookup = { sql: lookupSql, busyWaitMs, userId: expectedUserId }
        const found = await lookUp(handle, lookup, fn)
        if (found !== undefined) return found.value
      }
      const run = (): Promise<T> =>
        handle.exclusive((database) => {
          const tx = new SqliteTransaction(handle, database, tablePrefix)
          return inTransaction(database, tx, { fn, kind })
        })
      return untilUnlocked(run, busyWaitMs)
    },
    async handleInAppTransaction<Tx>(
      transactions: AppTransactions<Tx>,
      event: HandlingEvent,
      fn: (tx: Tx) => Promise<void>,
    ): Promise<boolean> {
      const handle = await getHandle()
      const run = (): Promise<boolean> =>
        handleEvent(transactions, { ...event, inbox: `${tablePrefix}inbox` }, fn)
      // Drivers wait for each other's locks with the whole process, so two connections of one process must not write at once.
      return transactions.source === handle ? run() : handle.exclusive(run)
    },
    async close() {
      const handle = await opened
      if (shared === undefined) await handle?.close()
    },
  }
}

function checkOptions(options: SqliteStoreOptions): void {
  checkObject(options, 'sqliteStore needs { path } or { handle }')
  const { path, handle, tablePrefix, busyWaitMs = BUSY_WAIT_MS } = options
  if (tablePrefix !== undefined) checkTablePrefix(tablePrefix)
  if ((path === undefined) === (handle === undefined)) {
    throw new RangeError('sqliteStore needs either path or handle')
  }
  if (!Number.isSafeInteger(busyWaitMs) || busyWaitMs < 0) {
    throw new RangeError(`busyWaitMs must be a whole number from 0, found ${busyWaitMs}`)
  }
}

async function inTransaction<T>(
  database: SqliteDatabase,
  tx: SqliteTransaction,
  { fn, kind }: { fn: (tx: StoreTransaction) => Promise<T>; kind: TransactionOptions['kind'] },
): Promise<T> {
  try {
    return await inSqliteTransaction(database, () => fn(tx), kind)
  } catch (error) {
    tx.noteRolledBack()
    throw error
  }
}

/** Runs `fn` on what one statement has read, in place of a transaction with a statement for each question; `undefined` when it asks for more. */
async function lookUp<T>(
  handle: SqliteHandle,
  { sql, busyWaitMs, userId }: { sql: string; busyWaitMs: number; userId: string },
  fn: (tx: StoreTransaction) => Promise<T>,
): Promise<{ value: T } | undefined> {
  const read = (): Promise<Row[]> =>
    handle.exclusive((database) => database.prepare(sql).all(userId))
  const rows = await untilUnlocked(read, busyWaitMs)
  return runLookup(rows, { userId, toKey }, fn)
}

async function openFile(path: string, busyWaitMs: number): Promise<SqliteHandle> {
  const open = async (): Promise<SqliteHandle> => {
    try {
      return await openSqlite(path, { busyTimeoutMs: BUSY_TIMEOUT_MS })
    } catch (error) {
      markUnbegun(error)
      throw error
    }
  }
  return untilUnlocked(open, busyWaitMs)
}
