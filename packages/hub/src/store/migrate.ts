/** Forward-only migrations from numbered `.sql` files; what ran is recorded with its checksum. */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { SqliteDatabase, SqliteHandle } from 'firma-receiver/sqlite'
import { FirmaError } from '../errors.ts'

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
      const name = runNext(database, migrations, nowMs)
      if (name === undefined) return names
      names.push(name)
    }
  })
}

/** @returns The name of the migration that ran; undefined when there was none left. */
function runNext(
  database: SqliteDatabase,
  migrations: readonly Migration[],
  nowMs: number,
): string | undefined {
  // Before it is read what ran, so that two processes that start together do not both migrate.
  database.exec('BEGIN IMMEDIATE')
  try {
    const ran = readRan(database)
    refuseStrangers(ran, migrations)
    const next = migrations.find(({ name }) => !ran.has(name))
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

/** Checksums of the migrations that ran, by name. */
function readRan(database: SqliteDatabase): Map<string, string> {
  const rows = database.prepare('SELECT name, checksum FROM migration').all()
  return new Map(rows.map((row) => [String(row['name']), String(row['checksum'])]))
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
