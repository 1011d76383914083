/** The database of a test hub, and a way to look into it that is the same on both engines. */
import { type SqliteHandle, type SqliteValue, openSqlite } from 'firma-receiver/sqlite'
import { pause } from '../../../../scripts/jitter.mjs'
import { openPostgresPool } from '../../src/store/postgres-pool.ts'
import type { HubDatabase } from '../../src/hub.ts'
import { type TestSchema, openTestSchema } from './postgres.ts'

export interface TestDatabase {
  /** For `openHub`. */
  readonly options: HubDatabase
  /** Runs a query; `?` stands for a value. */
  rows(sql: string, ...values: SqliteValue[]): Promise<Record<string, unknown>[]>
  /** Runs a statement that gives no rows. */
  execute(sql: string): Promise<void>
  /** Names of all tables, in alphabetical order. */
  tables(): Promise<string[]>
  close(): Promise<void>
}

/** An empty one, on the engine that `FIRMA_TEST_ENGINE` names; SQLite in memory by default. */
export async function openTestDatabase(): Promise<TestDatabase> {
  if (process.env['FIRMA_TEST_ENGINE'] === 'postgres') {
    const schema = await openTestSchema()
    const database = wrapPostgres(schema)
    const close = async (): Promise<void> => {
      await database.close()
      await schema.drop()
    }
    return { ...database, close }
  }
  const handle = await openTestSqlite()
  return { ...wrapSqlite(handle), close: async () => await handle.close() }
}

/** So few that tests with thousands of statements still end. */
const STATEMENTS_DELAYED = 0.03

/** In memory, and as slow as `FIRMA_JITTER` asks for. */
export async function openTestSqlite(): Promise<SqliteHandle> {
  const handle = await openSqlite(':memory:')
  const exclusive: SqliteHandle['exclusive'] = async (use) =>
    await handle.exclusive(async (database) => {
      await pause(STATEMENTS_DELAYED)
      return await use(database)
    })
  return process.env['FIRMA_JITTER'] === undefined ? handle : { ...handle, exclusive }
}

/** @param handle Stays the caller's to close. */
export function wrapSqlite(handle: SqliteHandle): TestDatabase {
  const rows: TestDatabase['rows'] = async (sql, ...values) =>
    await handle.exclusive((database) => database.prepare(sql).all(...values))
  return {
    options: { sqlite: handle },
    rows,
    execute: async (sql) => {
      await handle.exclusive((database) => database.exec(sql))
    },
    tables: async () => {
      const found = await rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      return found.map(({ name }) => String(name))
    },
    close: async () => undefined,
  }
}

/** @param schema Stays the caller's to drop. */
export function wrapPostgres(schema: TestSchema): TestDatabase {
  const pool = openPostgresPool(schema.url)
  const rows: TestDatabase['rows'] = async (sql, ...values) => {
    let count = 0
    const numbered = sql.replaceAll('?', () => `$${(count += 1)}`)
    return (await pool.query<Record<string, unknown>>(numbered, values)).rows
  }
  return {
    options: { postgresUrl: schema.url },
    rows,
    execute: async (sql) => void (await pool.query(sql)),
    tables: async () => {
      const found = await rows(
        'SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename',
      )
      return found.map(({ tablename }) => String(tablename))
    },
    close: async () => await pool.end(),
  }
}
