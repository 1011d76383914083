/** A real PostgreSQL for a test file: the one of `npm test`, or one of its own. */
import { randomBytes } from 'node:crypto'
import { Client, Pool } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { startPostgres } from '../../../scripts/postgres.ts'
import type { ReceiverStore } from '../src/store.ts'
import { postgresStore } from '../src/stores/postgres.ts'

/** A schema in a real server, for one test file. */
export interface TestDatabase {
  /** For connections; its search path is the file's own schema. */
  url: string
  /** The same, as a pool. */
  pool: Pool
  /** A pool more, that sends ahead: another process, as far as the server can tell. Closed with the database. */
  openPool(): Pool
  /** Drops the schema, closes the pools, and stops the server where it was started for this file. */
  close(): Promise<void>
}

/** Opens an empty schema. Fails with the line to run when there is no server; never leaves tests out. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const given = process.env['FIRMA_PG_URL']
  const server = given === undefined || given === '' ? await startPostgres() : undefined
  const schema = `test_${randomBytes(6).toString('hex')}`
  const url = new URL(server?.url ?? given ?? '')
  const admin = new Client({ connectionString: url.href })
  await admin.connect()
  await admin.query(`CREATE SCHEMA ${schema}`)
  url.searchParams.set('options', `-c search_path=${schema}`)
  const pools: Pool[] = []
  const openPool = (): Pool => {
    // Both kinds: what an app hands over, and what the store opens for itself.
    const pipeline = pools.length > 0
    const pool = new Pool({ connectionString: url.href, max: 4, pipeline })
    pools.push(pool)
    return pool
  }
  return {
    url: url.href,
    pool: openPool(),
    openPool,
    async close() {
      for (const pool of pools) await pool.end()
      await admin.query(`DROP SCHEMA ${schema} CASCADE`)
      await admin.end()
      server?.stop()
    },
  }
}

/** Gives a test file or a `describe` its own schema, and opens one empty store after the other in it. */
export function providePostgresStores(): () => ReceiverStore {
  let database: TestDatabase
  let stores = 0
  beforeAll(async () => {
    database = await openTestDatabase()
  })
  afterAll(async () => {
    await database.close()
  })
  return () => {
    stores += 1
    return postgresStore({ pool: database.pool, tablePrefix: `store${stores}_` })
  }
}
