/** Forward-only migrations from numbered `.sql` files; what ran is recorded with its checksum. */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { SqliteDatabase, SqliteHandle } from 'firma-receiver/sqlite'
import type { ClientBase, Pool } from 'pg'
import { SECOND_MS } from '../core/time.ts'
import { FirmaError } from '../errors.ts'
import { isConflict, isLockTimeout } from './database-error.ts'
import { inClient } from './postgres-pool.ts'

interface Migration {
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

/**
 * Brings the database to the newest schema, each migration in a transaction of its own.
 *
 * @param folder Where the migrations are, for tests.
 * @returns Names of the migrations that ran now.
 * @throws FirmaError `configuration_invalid` when a migration that ran before has changed since, or
 *   the database was made by a newer version.
 */
export async function migrateSqlite(
  handle: SqliteHandle,
  nowMs: number,
  folder = new URL('./migrations/sqlite/', import.meta.url),
): Promise<string[]> {
  const migrations = await readMigrations(folder)
  return await handle.exclusive((database) => {
    database.exec(
      'CREATE TABLE IF NOT EXISTS migration (name TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, ran_at_ms INTEGER NOT NULL) STRICT',
    )
    const names: string[] = []
    for (;;) {
      const name = runNextOnSqlite(database, migrations, nowMs)
      if (name === undefined) return names
      names.push(name)
    }
  })
}

/** Names of the migrations that {@link migrateSqlite} would run; changes nothing. */
export async function listPendingSqlite(
  handle: SqliteHandle,
  folder = new URL('./migrations/sqlite/', import.meta.url),
): Promise<string[]> {
  const migrations = await readMigrations(folder)
  return await handle.exclusive((database) => {
    const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'migration'").get()
    return listMissing(migrations, table === undefined ? [] : database.prepare(READ_RAN).all())
  })
}

/** @returns The name of the migration that ran; undefined when there was none left. */
function runNextOnSqlite(
  database: SqliteDatabase,
  migrations: readonly Migration[],
  nowMs: number,
): string | undefined {
  // Before it is read what ran, so that two processes that start together do not both migrate.
  database.exec('BEGIN IMMEDIATE')
  try {
    const next = findNext(migrations, database.prepare(READ_RAN).all())
    if (next !== undefined) {
      database.exec(next.sql)
      database
        .prepare('INSERT INTO migration (name, checksum, ran_at_ms) VALUES (?, ?, ?)')
        .run(next.name, next.checksum, nowMs)
    }
    database.exec('COMMIT')
    return next?.name
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/** Half of what a statement of a running hub waits for a lock: what queues behind a migration must not fail. */
const LOCK_TIMEOUT_MS = 5 * SECOND_MS
/** Times that a migration is run while others are in its way: a minute of waiting in all. */
const ATTEMPTS_MAX = 12

/** The pool's own limit would give up an index over millions of rows; this is the longest that a timer takes. */
const SILENCE_MS_MAX = 2 ** 31 - 1

/**
 * The same on PostgreSQL, in the first schema of the connection's search path. Processes that start
 * together wait for each other. A migration that gets in the way of others is run again.
 *
 * @param options For tests: where the migrations are, and how long a statement waits for a lock.
 * @throws FirmaError as {@link migrateSqlite}; `database_unavailable` when others stay in the way.
 */
export async function migratePostgres(
  pool: Pool,
  nowMs: number,
  {
    folder = new URL('./migrations/postgres/', import.meta.url),
    lockTimeoutMs = LOCK_TIMEOUT_MS,
  }: { readonly folder?: URL; readonly lockTimeoutMs?: number } = {},
): Promise<string[]> {
  const migrations = await readMigrations(folder)
  return await inClient(pool, async (client) => {
    const names: string[] = []
    for (;;) {
      const name = await untilAlone(
        async () => await runNextOnPostgres(client, migrations, { nowMs, lockTimeoutMs }),
      )
      if (name === undefined) return names
      names.push(name)
    }
  })
}

/** Names of the migrations that {@link migratePostgres} would run; changes nothing. */
export async function listPendingPostgres(
  pool: Pool,
  folder = new URL('./migrations/postgres/', import.meta.url),
): Promise<string[]> {
  const migrations = await readMigrations(folder)
  const table = await pool.query<{ name: string | null }>(
    "SELECT to_regclass('migration')::text AS name",
  )
  if (table.rows[0]?.name === null) return listMissing(migrations, [])
  return listMissing(migrations, (await pool.query<Record<string, unknown>>(READ_RAN)).rows)
}

/** Runs a migration again that got in the way of others; meanwhile they go on. */
async function untilAlone<T>(migrate: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await migrate()
    } catch (error) {
      if (!isConflict(error) && !isLockTimeout(error)) throw error
      if (attempt < ATTEMPTS_MAX) continue
      throw new FirmaError(
        'database_unavailable',
        `a migration was tried ${ATTEMPTS_MAX} times, and others held locks on its tables each time; end the backup or the transaction that holds them (pg_locks names it), then start again`,
        { cause: error },
      )
    }
  }
}

/**
 * Begins a migration: alone, and for as long as it takes. Two statements, because what a statement sees is
 * settled when it begins, and the lock may have been waited for.
 */
const BEGIN_ALONE = `
  BEGIN;
  SET LOCAL statement_timeout = 0;
  SET LOCAL lock_timeout = 0;
  SELECT pg_advisory_xact_lock(hashtext('firma.migration'), hashtext(current_schema()));
  CREATE TABLE IF NOT EXISTS migration (
    name text COLLATE "C" NOT NULL PRIMARY KEY, checksum text COLLATE "C" NOT NULL, ran_at_ms bigint NOT NULL
  )`

async function runNextOnPostgres(
  client: ClientBase,
  migrations: readonly Migration[],
  { nowMs, lockTimeoutMs }: { readonly nowMs: number; readonly lockTimeoutMs: number },
): Promise<string | undefined> {
  const query = async (text: string, values?: unknown[]) => {
    const statement = { text, ...(values && { values }), query_timeout: SILENCE_MS_MAX }
    return await client.query<Record<string, unknown>>(statement)
  }
  try {
    await query(BEGIN_ALONE)
    // Not before: another process may migrate for as long as it takes.
    await query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`)
    const { rows } = await query(READ_RAN)
    const next = findNext(migrations, rows)
    if (next !== undefined) {
      await query(next.sql)
      await query('INSERT INTO migration (name, checksum, ran_at_ms) VALUES ($1, $2, $3)', [
        next.name,
        next.checksum,
        nowMs,
      ])
    }
    await query('COMMIT')
    return next?.name
  } catch (error) {
    // The first failure is the one to be told, also when the connection is gone.
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return await Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

const READ_RAN = 'SELECT name, checksum FROM migration'

/**
 * @param ran Rows of the table of migrations.
 * @returns The first migration that has not run.
 */
function findNext(
  migrations: readonly Migration[],
  ran: readonly Record<string, unknown>[],
): Migration | undefined {
  const [name] = listMissing(migrations, ran)
  return migrations.find((migration) => migration.name === name)
}

function listMissing(
  migrations: readonly Migration[],
  ran: readonly Record<string, unknown>[],
): string[] {
  const checksums = new Map(ran.map((row) => [String(row['name']), String(row['checksum'])]))
  refuseStrangers(checksums, migrations)
  return migrations.map(({ name }) => name).filter((name) => !checksums.has(name))
}

function refuseStrangers(ran: ReadonlyMap<string, string>, migrations: readonly Migration[]): void {
  for (const [name, checksum] of ran) {
    const known = migrations.find((migration) => migration.name === name)
    if (known === undefined) {
      throw new FirmaError(
        'configuration_invalid',
        `the database has run migration ${name}, which this version does not know; start the newer version that made it`,
      )
    }
    if (known.checksum !== checksum) {
      throw new FirmaError(
        'configuration_invalid',
        `migration ${name} has changed since it ran on this database; restore the file, or restore the database from a backup`,
      )
    }
  }
}
