/**
 * One SQLite connection with one queue in front of it.
 *
 * SQLite has one writer and its drivers here are synchronous, so a second connection of the same process would only
 * add `SQLITE_BUSY`. Everybody in a process shares this handle instead, and a unit of work that awaits in the middle of
 * a transaction is safe, because nobody else gets the connection until it has settled.
 */
import { mkdirSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, resolve } from 'node:path'
import { findBuiltin } from './find-builtin.ts'

/** A value that both drivers bind and return: no booleans, no `undefined`, no dates. */
export type SqliteValue = null | number | bigint | string | Uint8Array

/** A compiled statement, in the shape of node:sqlite's `StatementSync`. */
export interface SqliteStatement {
  /** Runs it for its effect and tells how many rows changed. */
  run(...params: SqliteValue[]): { changes: number | bigint; lastInsertRowid: number | bigint }
  /** The first row, or `undefined` when there is none. */
  get(...params: SqliteValue[]): Record<string, unknown> | undefined
  /** Every row, all in memory at once: bound the query with a `LIMIT`. */
  all(...params: SqliteValue[]): Record<string, unknown>[]
}

/** An open database, in the shape of node:sqlite's `DatabaseSync`. */
export interface SqliteDatabase {
  /** Runs one or more statements without parameters and without results. */
  exec(sql: string): void
  /** Compiles a statement; one that was compiled before comes from a cache of {@link STATEMENTS_CACHED_MAX}. */
  prepare(sql: string): SqliteStatement
  /** Closes the connection. Call {@link SqliteHandle.close} instead, which waits for queued work. */
  close(): void
}

/** Which library serves the connection. */
export type SqliteDriver = 'node:sqlite' | '@photostructure/sqlite'

/** A connection with a first-come-first-served queue in front of it; made by {@link openSqlite}. */
export interface SqliteHandle {
  /**
   * Runs `fn` alone on the connection, first come first served; nothing else touches the database until it settles.
   *
   * `fn` must not call `exclusive` on the same handle: it would wait for itself. That is refused at once when it happens
   * before the first `await`, and after {@link EXCLUSIVE_WAIT_MS_MAX} of waiting for one and the same holder otherwise.
   * A transaction that `fn` leaves open is rolled back.
   *
   * @throws SqliteHandleError `closed`, `reentrant`, `wait_too_long` or `transaction_left_open`; else what `fn` throws.
   */
  exclusive<T>(fn: (database: SqliteDatabase) => T | Promise<T>): Promise<T>
  /** The library in use: the built-in one where Node has it. */
  readonly driver: SqliteDriver
  /** Waits for the work that is queued already, refuses new work, and closes the connection. May be called twice. */
  close(): Promise<void>
}

/** Settings of {@link openSqlite}. */
export interface OpenSqliteOptions {
  /** How long a statement waits for another process's write lock, in milliseconds; 5,000 by default. */
  busyTimeoutMs?: number
}

/** Why a {@link SqliteHandleError} was thrown. */
export type SqliteHandleErrorReason =
  | 'driver_missing'
  | 'closed'
  | 'reentrant'
  | 'wait_too_long'
  | 'transaction_left_open'

/** The connection cannot be opened, or is used in a way that would hang or corrupt. */
export class SqliteHandleError extends Error {
  override readonly name = 'SqliteHandleError'
  /** What went wrong, for code; the message is for people. */
  readonly reason: SqliteHandleErrorReason

  constructor(reason: SqliteHandleErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}

/** Compiled statements kept per connection; the one unused for longest goes first. */
export const STATEMENTS_CACHED_MAX = 256
/** Milliseconds that work waits for one and the same holder before the holder is taken for a deadlock. */
export const EXCLUSIVE_WAIT_MS_MAX = 30_000
const BUSY_TIMEOUT_MS = 5_000
/** Pages of the write-ahead log after which a commit writes them back: more is faster, and makes that commit slower. */
const CHECKPOINT_PAGES = 4_000
/** Memory for pages, in KiB: what random reads find there needs no system call. */
const CACHE_KIB = 16_384

/** What the drivers offer beyond {@link SqliteDatabase}; absent in early versions of node:sqlite. */
interface DriverDatabase extends SqliteDatabase {
  readonly isTransaction?: boolean
}
interface DriverModule {
  DatabaseSync: new (path: string) => DriverDatabase
}

/**
 * Opens a database file, creating it and its folder when they are not there.
 *
 * Sets WAL, `synchronous=FULL` (a commit survives a power cut), `foreign_keys=ON` and the busy timeout. Uses node:sqlite
 * where Node has it (22.13 and later), else the optional peer dependency `@photostructure/sqlite`.
 *
 * @param path A file path, or `:memory:` for a database that ends with the handle.
 * @throws SqliteHandleError `driver_missing` when neither library is there.
 */
export async function openSqlite(path: string, options?: OpenSqliteOptions): Promise<SqliteHandle> {
  const busyTimeoutMs = options?.busyTimeoutMs ?? BUSY_TIMEOUT_MS
  if (!Number.isSafeInteger(busyTimeoutMs) || busyTimeoutMs < 0) {
    throw new RangeError(
      `busyTimeoutMs must be a whole number of milliseconds from 0, found ${busyTimeoutMs}`,
    )
  }
  const { driver, module } = await loadDriver()
  // Created for the owner alone: the file holds who is connected to what.
  if (path !== ':memory:') mkdirSync(dirname(resolve(path)), { recursive: true, mode: 0o700 })
  const database = new module.DatabaseSync(path)
  try {
    // First, because switching to WAL itself can meet another process's lock.
    database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`)
    database.exec('PRAGMA journal_mode = WAL')
    database.exec('PRAGMA synchronous = FULL')
    database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
    database.exec('PRAGMA foreign_keys = ON')
  } catch (error) {
    database.close()
    throw error
  }
  return createHandle(database, driver)
}

/** Says so on the console when neither library is there: an app that hears of it only at its first event has been deployed by then. */
export function reportMissingDriver(): void {
  void loadDriver().catch((error: unknown) => {
    // eslint-disable-next-line no-console -- Opening comes later and tells its caller; at start there is no caller to be told.
    console.error(`firma-receiver: ${error instanceof Error ? error.message : String(error)}`)
  })
}

async function loadDriver(): Promise<{ driver: SqliteDriver; module: DriverModule }> {
  const builtIn = isBuiltin('node:sqlite') ? loadBuiltIn() : undefined
  if (builtIn !== undefined) return { driver: 'node:sqlite', module: builtIn }
  try {
    // Left to Node: the package need not be there to bundle the app, and Next.js, which bundles what a route imports, would not find it.
    const peer: DriverModule = await import(
      /* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ '@photostructure/sqlite'
    )
    return { driver: '@photostructure/sqlite', module: peer }
  } catch (error) {
    throw new SqliteHandleError(
      'driver_missing',
      'no SQLite library found: this Node has no node:sqlite (it comes with Node 22.13) and @photostructure/sqlite ' +
        'could not be loaded; run "npm install @photostructure/sqlite@1", or use a newer Node',
      { cause: error },
    )
  }
}

function loadBuiltIn(): DriverModule | undefined {
  // The types of older versions of Node do not know the name.
  const name: string = 'node:sqlite'
  return findBuiltin((host) => host.getBuiltinModule(name) as DriverModule | undefined)
}

function withStatementCache(database: SqliteDatabase): SqliteDatabase {
  // A Map iterates in insertion order, so its first key is the statement unused for longest.
  const cached = new Map<string, SqliteStatement>()
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const known = cached.get(sql)
      const statement = known ?? database.prepare(sql)
      if (known !== undefined) cached.delete(sql)
      cached.set(sql, statement)
      if (cached.size > STATEMENTS_CACHED_MAX) {
        for (const oldest of cached.keys()) {
          cached.delete(oldest)
          break
        }
      }
      return statement
    },
    close() {
      cached.clear()
      database.close()
    },
  }
}

/** Work that waits for the connection. */
interface Waiting {
  start(): void | Promise<void>
  reject(error: SqliteHandleError): void
}

/** First come, first served; see {@link SqliteHandle.exclusive} for what it refuses. */
class ExclusiveQueue {
  readonly #waiting: Waiting[] = []
  #isHeld = false
  #isInFirstTurn = false
  #stuckTimer: ReturnType<typeof setTimeout> | undefined

  run<T>(fn: () => T | Promise<T>): Promise<T> {
    if (this.#isInFirstTurn) {
      return Promise.reject(
        new SqliteHandleError(
          'reentrant',
          'exclusive() was called from inside exclusive() on the same handle, which would wait for itself; ' +
            'use the database that the outer call was given',
        ),
      )
    }
    const result = new Promise<T>((resolve, reject) => {
      const start = (): void | Promise<void> => {
        let outcome: T | Promise<T>
        this.#isInFirstTurn = true
        try {
          outcome = fn()
        } catch (error) {
          reject(error)
          return
        } finally {
          this.#isInFirstTurn = false
        }
        if (outcome instanceof Promise) return outcome.then(resolve, reject)
        resolve(outcome)
      }
      this.#waiting.push({ start, reject })
    })
    if (this.#isHeld) this.#watch()
    else this.#next()
    return result
  }

  #next(): void {
    clearTimeout(this.#stuckTimer)
    this.#stuckTimer = undefined
    this.#isHeld = true
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) {
      const settled = work.start()
      if (settled === undefined) continue
      void settled.then(() => this.#next())
      if (this.#waiting.length > 0) this.#watch()
      return
    }
    this.#isHeld = false
  }

  /** Without it, a holder that waits for its own queue would hang everybody for ever and say nothing. */
  #watch(): void {
    this.#stuckTimer ??= setTimeout(() => {
      this.#stuckTimer = undefined
      for (const work of this.#waiting.splice(0)) {
        work.reject(
          new SqliteHandleError(
            'wait_too_long',
            `the work that holds the SQLite connection has not settled for ${EXCLUSIVE_WAIT_MS_MAX} ms; ` +
              'it probably awaits exclusive() on the same handle, or the network',
          ),
        )
      }
    }, EXCLUSIVE_WAIT_MS_MAX)
  }
}

function createHandle(raw: DriverDatabase, driver: SqliteDriver): SqliteHandle {
  const database = withStatementCache(raw)
  const queue = new ExclusiveQueue()
  let closing: Promise<void> | undefined
  return {
    driver,
    exclusive<T>(fn: (database: SqliteDatabase) => T | Promise<T>): Promise<T> {
      if (closing === undefined) return queue.run(() => leavingNoTransaction(raw, database, fn))
      return Promise.reject(
        new SqliteHandleError('closed', 'the SQLite handle is closed; open a new one'),
      )
    },
    close() {
      closing ??= queue.run(() => {
        if (driver === '@photostructure/sqlite') letGo(raw)
        database.close()
      })
      return closing
    },
  }
}

/**
 * Ends the lock that a connection in WAL mode has. This driver closes only when all its statements have been collected, which nobody can hasten; in the
 * other mode it has no lock meanwhile.
 */
function letGo(raw: DriverDatabase): void {
  try {
    raw.exec('PRAGMA busy_timeout = 0')
    raw.exec('PRAGMA journal_mode = DELETE')
  } catch {
    // Somebody else has the file open, and goes on in WAL mode; then the lock stays until the statements are collected.
  }
}

/** The next one in the queue may be somebody else's code; it must not find itself inside a transaction of ours. */
function leavingNoTransaction<T>(
  raw: DriverDatabase,
  database: SqliteDatabase,
  fn: (database: SqliteDatabase) => T | Promise<T>,
): T | Promise<T> {
  let outcome: T | Promise<T>
  try {
    outcome = fn(database)
  } catch (error) {
    rollBackIfOpen(raw)
    throw error
  }
  if (!(outcome instanceof Promise)) return checkClosed(raw, outcome)
  return outcome.then(
    (value) => checkClosed(raw, value),
    (error: unknown) => {
      rollBackIfOpen(raw)
      throw error
    },
  )
}

function checkClosed<T>(raw: DriverDatabase, value: T): T {
  if (!rollBackIfOpen(raw)) return value
  throw new SqliteHandleError(
    'transaction_left_open',
    'the work ended inside a transaction, which was rolled back; end it with COMMIT or ROLLBACK',
  )
}

function rollBackIfOpen(raw: DriverDatabase): boolean {
  if (raw.isTransaction !== true) return false
  raw.exec('ROLLBACK')
  return true
}
