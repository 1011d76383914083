/** Forward-only migrations from numbered `.sql` files; what ran is recorded with its checksum. */
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { SqliteHandle } from 'firma-receiver/sqlite'
import { FirmaError } from '../errors.ts'

interface Migration {
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

/**
 * Brings the database to the newest schema, each migration in a transaction of its own.
 *
 * @returns Names of the migrations that ran now.
 * @throws FirmaError `configuration_invalid` when a migration that ran before has changed since, or
 *   the database was made by a newer version.
 */
export async function migrateSqlite(handle: SqliteHandle, nowMs: number): Promise<string[]> {
  const migrations = await readMigrations(new URL('./migrations/sqlite/', import.meta.url))
  return await handle.exclusive((database) => {
    database.exec(
      'CREATE TABLE IF NOT EXISTS migration (name TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, ran_at_ms INTEGER NOT NULL) STRICT',
    )
    const ran = new Map(
      database
        .prepare('SELECT name, checksum FROM migration')
        .all()
        .map((row) => [String(row['name']), String(row['checksum'])]),
    )
    refuseStrangers(ran, migrations)
    const pending = migrations.filter(({ name }) => !ran.has(name))
    for (const migration of pending) {
      database.exec('BEGIN IMMEDIATE')
      try {
        database.exec(migration.sql)
        database
          .prepare('INSERT INTO migration (name, checksum, ran_at_ms) VALUES (?, ?, ?)')
          .run(migration.name, migration.checksum, nowMs)
        database.exec('COMMIT')
      } catch (error) {
        database.exec('ROLLBACK')
        throw error
      }
    }
    return pending.map(({ name }) => name)
  })
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
