/**
 * Entry `firma-receiver/transactions`: lets `onEvent` write in a transaction of the app's own database library, in which the event is also marked as handled.
 * The libraries are described by their shape, so none of them is imported.
 *
 * @packageDocumentation
 */
import type { SqliteDatabase, SqliteHandle } from './sqlite-handle.ts'
import type { AppTransactions, SqlExecutor } from './store.ts'
import {
  inPostgresTransaction,
  type PostgresClient,
  type PostgresPool,
} from './stores/postgres-pool.ts'
import { BUSY_WAIT_MS, inSqliteTransaction, untilUnlocked } from './stores/sqlite-in-transaction.ts'

export type { AppTransactions, SqlExecutor } from './store.ts'
export type { PostgresClient, PostgresPool, PostgresResult } from './stores/postgres-pool.ts'

/** A pool of `pg` whose connections are of type `Client`. */
export interface PgTransactionPool<Client extends PostgresClient> extends PostgresPool {
  /** Takes a connection. */
  connect(): Promise<Client>
}

/** Kysely 0.27 or later. */
export interface KyselyDatabase<Tx extends KyselyTransaction> {
  /** Begins a transaction. */
  transaction(): {
    /** Runs `run` in it. */
    execute<T>(run: (tx: Tx) => Promise<T>): Promise<T>
  }
}

/** What is needed of Kysely's `Transaction`. */
export interface KyselyTransaction {
  /** Runs a compiled query. */
  executeQuery(query: KyselyQuery): Promise<{ rows: unknown[] }>
}

/** What Kysely's `CompiledQuery.raw(sql)` makes. */
export interface KyselyQuery {
  /** The statement. */
  readonly sql: string
  /** None. */
  readonly parameters: readonly unknown[]
  /** The statement again, as a tree. */
  readonly query: {
    readonly kind: 'RawNode'
    readonly sqlFragments: readonly string[]
    readonly parameters: readonly never[]
  }
  /** A name for logs. */
  readonly queryId: { readonly queryId: string }
}

/** Drizzle, on PostgreSQL or SQLite. */
export interface DrizzleDatabase<Tx extends DrizzleTransaction> {
  /** Runs `run` in a transaction. */
  transaction<T>(run: (tx: Tx) => Promise<T>): Promise<T>
}

/** What is needed of Drizzle's transaction: `execute` on PostgreSQL, `all` and `run` on SQLite. */
export interface DrizzleTransaction {
  /** Runs a statement. */
  execute?(query: string): PromiseLike<unknown>
  /** Runs a statement that returns rows. */
  all?(query: string): PromiseLike<unknown>
  /** Runs a statement that returns none. */
  run?(query: string): PromiseLike<unknown>
}

/** The generated client of Prisma. */
export interface PrismaDatabase<Tx extends PrismaTransaction> {
  /** Runs `run` in an interactive transaction. */
  $transaction<T>(run: (tx: Tx) => Promise<T>): Promise<T>
}

/** What is needed of Prisma's `TransactionClient`. */
export interface PrismaTransaction {
  /** Runs a statement that returns rows. */
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>
  /** Runs a statement that returns none. */
  $executeRawUnsafe(query: string, ...values: unknown[]): Promise<number>
}

/** What the adapters of libraries for several databases take. */
export interface AppTransactionOptions {
  /** The `SqliteHandle` that the library runs on, where it shares the store's. Any other connection to the file is kept apart from the store's work. */
  source?: SqliteHandle
}

/**
 * Transactions of a pool of `pg`; `context.tx` is the connection.
 *
 * @example
 * ```ts
 * createReceiver({
 *   store: postgresStore({ pool }),
 *   transactions: fromPg(pool),
 *   onEvent: async (event, { tx, eventKey }) => void (await tx.query('INSERT INTO seen VALUES ($1)', [eventKey])),
 * })
 * ```
 */
export function fromPg<Client extends PostgresClient>(
  pool: PgTransactionPool<Client>,
): AppTransactions<Client> {
  return {
    async transaction<T>(run: (executor: SqlExecutor, tx: Client) => Promise<T>): Promise<T> {
      // Never run again by itself: the handler may have done what is not undone.
      const options = { pool, begin: 'BEGIN', attemptsMax: 1 }
      return inPostgresTransaction(options, (client: Client) => run(toPgExecutor(client), client))
    },
  }
}

function toPgExecutor(client: PostgresClient): SqlExecutor {
  return {
    findValue: async (sql) => firstValue((await client.query(sql)).rows),
    execute: async (sql) => void (await client.query(sql)),
  }
}

/** Transactions of Kysely on PostgreSQL or SQLite; `context.tx` is its `Transaction`. */
export function fromKysely<Tx extends KyselyTransaction>(
  database: KyselyDatabase<Tx>,
  options?: AppTransactionOptions,
): AppTransactions<Tx> {
  return {
    ...options,
    async transaction<T>(run: (executor: SqlExecutor, tx: Tx) => Promise<T>): Promise<T> {
      return database.transaction().execute((tx) => run(toKyselyExecutor(tx), tx))
    },
  }
}

function toKyselyExecutor(tx: KyselyTransaction): SqlExecutor {
  const query = async (sql: string): Promise<unknown[]> => {
    const tree = { kind: 'RawNode', sqlFragments: [sql], parameters: [] } as const
    const compiled = { sql, parameters: [], query: tree, queryId: { queryId: 'firma-receiver' } }
    return (await tx.executeQuery(compiled)).rows
  }
  return {
    findValue: async (sql) => firstValue(await query(sql)),
    execute: async (sql) => void (await query(sql)),
  }
}

/**
 * Transactions of Drizzle on PostgreSQL, or on SQLite with a driver whose transactions may wait (libsql, sqlite-proxy; not better-sqlite3, which
 * takes no asynchronous work). `context.tx` is its transaction.
 */
export function fromDrizzle<Tx extends DrizzleTransaction>(
  database: DrizzleDatabase<Tx>,
  options?: AppTransactionOptions,
): AppTransactions<Tx> {
  return {
    ...options,
    async transaction<T>(run: (executor: SqlExecutor, tx: Tx) => Promise<T>): Promise<T> {
      return database.transaction((tx) => run(toDrizzleExecutor(tx), tx))
    },
  }
}

function toDrizzleExecutor(tx: DrizzleTransaction): SqlExecutor {
  if (tx.execute === undefined) {
    return {
      findValue: async (sql) => firstValue(await tx.all?.(sql)),
      execute: async (sql) => void (await tx.run?.(sql)),
    }
  }
  const execute = tx.execute.bind(tx)
  return {
    findValue: async (sql) => {
      const result = await execute(sql)
      // node-postgres and PGlite answer an object with rows, postgres.js the rows themselves.
      return firstValue(isResult(result) ? result.rows : result)
    },
    execute: async (sql) => void (await execute(sql)),
  }
}

/** Interactive transactions of Prisma; `context.tx` is its transaction client. Mind their timeout, 5 s by default. */
export function fromPrisma<Tx extends PrismaTransaction>(
  client: PrismaDatabase<Tx>,
  options?: AppTransactionOptions,
): AppTransactions<Tx> {
  return {
    ...options,
    async transaction<T>(run: (executor: SqlExecutor, tx: Tx) => Promise<T>): Promise<T> {
      return client.$transaction((tx) => run(toPrismaExecutor(tx), tx))
    },
  }
}

function toPrismaExecutor(tx: PrismaTransaction): SqlExecutor {
  return {
    findValue: async (sql) => firstValue(await tx.$queryRawUnsafe(sql)),
    execute: async (sql) => void (await tx.$executeRawUnsafe(sql)),
  }
}

/** Transactions on a connection from `openSqlite`, shared with `sqliteStore({ handle })`; `context.tx` is the database. */
export function fromSqlite(handle: SqliteHandle): AppTransactions<SqliteDatabase> {
  return {
    source: handle,
    transaction<T>(run: (executor: SqlExecutor, tx: SqliteDatabase) => Promise<T>): Promise<T> {
      const begin = (): Promise<T> =>
        handle.exclusive((database) =>
          inSqliteTransaction(database, () => run(toSqliteExecutor(database), database)),
        )
      return untilUnlocked(begin, BUSY_WAIT_MS)
    },
  }
}

function toSqliteExecutor(database: SqliteDatabase): SqlExecutor {
  return {
    findValue: async (sql) => firstValue([database.prepare(sql).get()]),
    execute: async (sql) => database.exec(sql),
  }
}

/** Rows are objects by column name, or lists. */
function firstValue(rows: unknown): unknown {
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined
  return typeof row === 'object' && row !== null ? Object.values(row)[0] : undefined
}

function isResult(result: unknown): result is { rows: unknown } {
  return typeof result === 'object' && result !== null && 'rows' in result
}
