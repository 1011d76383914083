/** The configured database, for commands beside the running hub. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import type { Config } from '../config/config.ts'
import { FirmaError } from '../errors.ts'
import {
  listPendingPostgres,
  listPendingSqlite,
  migratePostgres,
  migrateSqlite,
} from '../store/migrate.ts'
import { openPostgresPool, withoutSecrets } from '../store/postgres-pool.ts'
import { DATABASE, openDatabase, openFolder } from './demo-files.ts'
import { lockFolder } from './folder-lock.ts'

/** What is known of a database without changing it. */
export interface DatabaseState {
  /** How to name it to people, without secrets. */
  readonly name: string
  /** Whether it is there; the first start makes an SQLite file. */
  readonly exists: boolean
  /** `ok`, or what the database says of its own damage. */
  readonly health: string
  /** Migrations that have not run. */
  readonly pending: readonly string[]
}

/** Reads the state of the database; changes nothing. */
export async function readDatabaseState(config: Config): Promise<DatabaseState> {
  const { databaseUrl } = config
  return databaseUrl === undefined
    ? await readSqliteState(join(config.dataFolder, DATABASE))
    : await readPostgresState(databaseUrl.reveal())
}

/** Brings the database to the newest schema. @returns Names of the migrations that ran. */
export async function migrateDatabase(config: Config): Promise<string[]> {
  const { databaseUrl, dataFolder } = config
  if (databaseUrl !== undefined) {
    return await withPool(databaseUrl.reveal(), async (pool) => migratePostgres(pool, Date.now()))
  }
  await openFolder(dataFolder)
  const unlock = await lockFolder(dataFolder)
  try {
    const handle = await openDatabase(dataFolder)
    try {
      return await migrateSqlite(handle, Date.now())
    } finally {
      await handle.close()
    }
  } finally {
    await unlock()
  }
}

async function readSqliteState(name: string): Promise<DatabaseState> {
  if (!existsSync(name)) {
    // In memory, to learn which migrations there are.
    const pending = await withSqlite(':memory:', listPendingSqlite)
    return { name, exists: false, health: 'ok', pending }
  }
  return await withSqlite(name, async (handle) => {
    const health = await handle.exclusive((database) => {
      const [first] = database.prepare('PRAGMA quick_check').all()
      return String(first?.['quick_check'])
    })
    const pending = health === 'ok' ? await listPendingSqlite(handle) : []
    return { name, exists: true, health, pending }
  })
}

/** Opens an SQLite file for as long as `run` takes. */
export async function withSqlite<T>(
  path: string,
  run: (handle: Awaited<ReturnType<typeof openSqlite>>) => Promise<T>,
): Promise<T> {
  const handle = await openSqlite(path)
  try {
    return await run(handle)
  } finally {
    await handle.close()
  }
}

async function readPostgresState(url: string): Promise<DatabaseState> {
  const pending = await withPool(url, listPendingPostgres)
  return { name: withoutSecrets(url), exists: true, health: 'ok', pending }
}

async function withPool<T>(
  url: string,
  run: (pool: ReturnType<typeof openPostgresPool>) => Promise<T>,
): Promise<T> {
  const pool = openPostgresPool(url)
  try {
    return await run(pool)
  } catch (cause) {
    if (cause instanceof FirmaError) throw cause
    const text = `DATABASE_URL is ${withoutSecrets(url)}, which cannot be used; check that PostgreSQL runs there, and that the user may log in and make tables`
    throw new FirmaError('configuration_invalid', text, { cause })
  } finally {
    await pool.end()
  }
}
