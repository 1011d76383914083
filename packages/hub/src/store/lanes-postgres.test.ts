import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { createTestSealer } from '../../test/support/describe-store.ts'
import { openTestSchema } from '../../test/support/postgres.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { LaneTable } from './lanes.ts'
import { migratePostgres } from './migrate.ts'
import { openPostgresPool, toKyselyPool } from './postgres-pool.ts'
import type { Schema } from './schema.ts'

it('looks up lanes by their index, also by the statistics of an hour in which nothing was owed', async () => {
  const schema = await openTestSchema()
  const pool = openPostgresPool(schema.url)
  await migratePostgres(pool, EPOCH_MS)
  const asked: CompiledQuery[] = []
  const db = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: toKyselyPool(pool) }),
    log: ({ query }) => void asked.push(query),
  })
  onTestFinished(async () => {
    await db.destroy()
    await schema.drop()
  })
  const add = async (count: number): Promise<void> =>
    void (await pool.query(
      `INSERT INTO delivery (event_id, destination_id, order_key, is_data, resend_id, status, attempts, tries, due_at_ms, created_at_ms)
       SELECT gen_random_uuid(), 'A', 'lineage-' || i, 1, '', 'pending', 0, 0, 0, 0 FROM generate_series(1, $1) AS i`,
      [count],
    ))
  await add(2_000)
  await pool.query(`UPDATE delivery SET status = 'delivered', ended_at_ms = 1`)
  await pool.query('VACUUM ANALYZE delivery')
  // The hour is over.
  await add(2_000)
  const lanes = new LaneTable({
    db,
    engine: 'postgres',
    sealer: createTestSealer(),
    auditKeys: new Map(),
  })
  const keys = [1, 2, 3].map((i) => ({ destinationId: 'A', orderKey: `lineage-${i}` }))
  await lanes.read(keys)
  await lanes.read(keys.slice(0, 1))
  await lanes.promote(keys)
  expect(asked).toHaveLength(3)
  for (const { sql, parameters } of asked) {
    const { rows } = await pool.query<Record<string, string>>(`EXPLAIN ${sql}`, [...parameters])
    const plan = rows.flatMap((row) => Object.values(row)).join('\n')
    expect(plan).toContain('using delivery_lane')
    expect(plan).not.toContain('delivery_owed')
  }
})
