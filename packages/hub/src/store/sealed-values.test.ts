import { type Dialect, Kysely, PostgresDialect } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { openTestSchema } from '../../test/support/postgres.ts'
import {
  ENVIRONMENT_ID,
  connectionRow,
  environmentRow,
  tokenContent,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { openTestSqlite, wrapSqlite } from '../../test/support/test-database.ts'
import { Redacted } from '../secret.ts'
import { type Sealer, createSealer } from '../seal.ts'
import { systemRandom } from '../system.ts'
import { migrateSqlite } from './migrate.ts'
import { openPostgresStore, openSqliteStore } from './open.ts'
import { openPostgresPool, toKyselyPool } from './postgres-pool.ts'
import type { Schema } from './schema.ts'
import { RESEAL_START, SEALED_COLUMNS, SealedValues } from './sealed-values.ts'
import { createSqliteDialect } from './sqlite-dialect.ts'

const OPEN = {
  sqlite: async (sealer: Sealer) => {
    const handle = await openTestSqlite()
    const store = await openSqliteStore(handle, { sealer, nowMs: EPOCH_MS })
    const dialect: Dialect = createSqliteDialect(handle)
    return { store, dialect, drop: async () => await handle.close() }
  },
  postgres: async (sealer: Sealer) => {
    const schema = await openTestSchema()
    const store = await openPostgresStore(schema.url, { sealer, nowMs: EPOCH_MS })
    const pool = toKyselyPool(openPostgresPool(schema.url))
    const dialect: Dialect = new PostgresDialect({ pool })
    return { store, dialect, drop: schema.drop }
  },
}

/** Waits for `next` behind every statement, when its connection is free again. */
function withPauses(dialect: Dialect, next: () => Promise<void>): Dialect {
  const driver = dialect.createDriver()
  const release = driver.releaseConnection.bind(driver)
  driver.releaseConnection = async (connection) => {
    await release(connection)
    await next()
  }
  return Object.assign(dialect, { createDriver: () => driver })
}

it.each(['sqlite', 'postgres'] as const)(
  'does not put back on %s what was replaced after it was read',
  async (engine) => {
    const keys = new Map([1, 2].map((i) => [`k${i}`, new Uint8Array(32).fill(i)]))
    const sealer = createSealer({ random: systemRandom }, { primaryId: 'k1', keys })
    const { store, dialect, drop } = await OPEN[engine](sealer)
    const statements = { count: 0 }
    const save = async (text: string): Promise<void> => {
      const of = { environmentId: ENVIRONMENT_ID, lineageId: 'lineage-1', provider: 'GARMIN' }
      await store.tokenSets.save({ ...of, version: 1 }, tokenContent(new Redacted(text)), EPOCH_MS)
    }
    const db = new Kysely<Schema>({
      dialect: withPauses(dialect, async () => {
        statements.count += 1
        // The first statement has read what is to be sealed anew.
        if (statements.count === 1) await save('refreshed')
      }),
    })
    onTestFinished(async () => {
      await db.destroy()
      await store.close()
      await drop()
    })
    await store.environments.add(environmentRow())
    await store.connections.save(connectionRow({ lineageId: 'lineage-1' }), EPOCH_MS)
    await save('old')
    sealer.sealWith('k2')
    const values = new SealedValues({ db, sealer, engine, auditKeys: new Map() })
    const column = SEALED_COLUMNS.findIndex(({ table }) => table === 'token_set')
    expect(await values.reseal({ ...RESEAL_START, column }, 10)).toMatchObject({
      resealed: 0,
      failed: 0,
    })
    expect(statements.count).toBe(2)
    const found = await store.tokenSets.find(ENVIRONMENT_ID, 'lineage-1')
    expect(found?.json.reveal()).toBe('refreshed')
  },
)

it('knows every column of the schema that is sealed', async () => {
  const handle = await openTestSqlite()
  onTestFinished(async () => await handle.close())
  await migrateSqlite(handle, EPOCH_MS)
  const found = await wrapSqlite(handle).rows(
    `SELECT t.name || '.' || c.name AS name FROM sqlite_schema t, pragma_table_info(t.name) c
     WHERE t.type = 'table' AND (c.name = 'sealed' OR c.name LIKE '%\\_sealed' ESCAPE '\\')`,
  )
  const known = SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`)
  expect(known.toSorted()).toEqual(found.map(({ name }) => String(name)).toSorted())
})
