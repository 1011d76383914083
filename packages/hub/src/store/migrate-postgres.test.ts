import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { openSqlite } from 'firma-receiver/sqlite'
import { Pool } from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTestSealer } from '../../test/support/describe-store.ts'
import { openTestSchema } from '../../test/support/postgres.ts'
import { migratePostgres, migrateSqlite } from './migrate.ts'
import { openPostgresStore } from './open.ts'
import { openPostgresPool } from './postgres-pool.ts'

const NOW_MS = Date.UTC(2024, 9, 7, 3, 45)

async function openSchema(): Promise<Pool> {
  const schema = await openTestSchema()
  const pool = openPostgresPool(schema.url)
  onTestFinished(async () => {
    await pool.end()
    await schema.drop()
  })
  return pool
}

/** A folder with these migrations. */
async function folderOf(files: Record<string, string>): Promise<URL> {
  const folder = await mkdtemp(path.join(tmpdir(), 'firma-migrations-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  for (const [name, sql] of Object.entries(files)) await writeFile(path.join(folder, name), sql)
  return pathToFileURL(`${folder}/`)
}

async function texts(pool: Pool, sql: string): Promise<string[]> {
  const { rows } = await pool.query<{ text: string }>(sql)
  return rows.map(({ text }) => text)
}

const TABLES =
  'SELECT tablename AS text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1'

const COLUMNS = `
  SELECT c.relname AS table, a.attname AS name, NOT a.attnotnull AS is_nullable,
    format('  %s %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attcollation = 'pg_catalog."C"'::regcollation THEN ' COLLATE "C"' END,
      CASE WHEN a.attnotnull THEN ' NOT NULL' END,
      CASE WHEN a.attidentity <> '' THEN ' GENERATED ALWAYS AS IDENTITY' END) AS text
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY c.relname, a.attnum`

// p, u, f, c: newer servers list each NOT NULL as a constraint too.
const CONSTRAINTS = `
  SELECT conrelid::regclass::text AS table, format('  CONSTRAINT %s %s', conname, pg_get_constraintdef(oid)) AS text
  FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND contype IN ('p', 'u', 'f', 'c')
  ORDER BY conrelid::regclass::text, contype, conname`

const INDEXES = `
  SELECT replace(indexdef, current_schema() || '.', '') AS text FROM pg_indexes
  WHERE schemaname = current_schema() AND indexname NOT IN (
    SELECT conname FROM pg_constraint WHERE connamespace = current_schema()::regnamespace)
  ORDER BY tablename, indexname`

/** The schema as text: what it is, not how it came to be. */
async function dump(pool: Pool): Promise<string> {
  interface Line {
    readonly table: string
    readonly text: string
  }
  const columns = (await pool.query<Line>(COLUMNS)).rows
  const constraints = (await pool.query<Line>(CONSTRAINTS)).rows
  const tables = [...new Set(columns.map(({ table }) => table))].map((name) => {
    const lines = [...columns, ...constraints].filter(({ table }) => table === name)
    return `CREATE TABLE ${name} (\n${lines.map(({ text }) => text).join(',\n')}\n);\n`
  })
  const indexes = (await texts(pool, INDEXES)).map((text) => `${text};\n`)
  return [...tables, ...indexes].join('\n')
}

/** Those before it were published before anybody looked, and stay as they are. */
const FIRST_SEEN = '0079'

/** What the present transaction lets nobody read, and builds an index over. */
const BUILT_UNREAD = `
  SELECT DISTINCT built.relation::regclass::text AS text FROM pg_locks built JOIN pg_locks unread USING (pid, relation)
  WHERE pid = pg_backend_pid() AND built.mode = 'ShareLock' AND unread.mode = 'AccessExclusiveLock'`

const ONE = { '0001-one.sql': 'CREATE TABLE one (id text);' }
const TWO = { ...ONE, '0002-two.sql': 'CREATE TABLE two (id text);' }

describe('migratePostgres', () => {
  it('leaves the schema that is committed beside it, and runs nothing a second time', async () => {
    const pool = await openSchema()
    expect((await migratePostgres(pool, NOW_MS))[0]).toBe('0001-init.sql')
    // After a new migration: npx vitest run packages/hub/src/store/migrate-postgres.test.ts -u
    await expect(await dump(pool)).toMatchFileSnapshot('./schema.postgres.sql')
    expect(await migratePostgres(pool, NOW_MS + 1)).toEqual([])
  })

  it('makes the same tables and columns as on SQLite, from migrations of the same names', async () => {
    const pool = await openSchema()
    const handle = await openSqlite(':memory:')
    onTestFinished(async () => await handle.close())
    expect(await migratePostgres(pool, NOW_MS)).toEqual(await migrateSqlite(handle, NOW_MS))
    const onSqlite = await handle.exclusive((database) =>
      database
        .prepare(
          `SELECT t.name || '.' || c.name || iif(c."notnull" = 1, '', ' or null') AS text
           FROM sqlite_schema t JOIN pragma_table_info(t.name) c
           WHERE t.type = 'table' AND t.name <> 'sqlite_sequence'`,
        )
        .all(),
    )
    const { rows } = await pool.query<{ table: string; name: string; is_nullable: boolean }>(
      COLUMNS,
    )
    const onPostgres = rows.map(
      ({ table, name, is_nullable }) => `${table}.${name}${is_nullable ? ' or null' : ''}`,
    )
    expect(onPostgres.toSorted()).toEqual(onSqlite.map((row) => String(row['text'])).toSorted())
  })

  it('lets others read a table while it builds an index over it', async () => {
    const pool = await openSchema()
    const client = await pool.connect()
    onTestFinished(() => client.release())
    const folder = new URL('./migrations/postgres/', import.meta.url)
    // As in a run of them, where some ask it for the time.
    await client.query('CREATE TABLE migration (ran_at_ms bigint NOT NULL)')
    const unread: Record<string, string[]> = {}
    for (const name of (await readdir(folder)).toSorted()) {
      const tables = await texts(pool, TABLES)
      await client.query(`BEGIN; ${await readFile(new URL(name, folder), 'utf8')}`)
      const { rows } = await client.query<{ text: string }>(BUILT_UNREAD)
      await client.query('COMMIT')
      // What it has made itself, nobody knows yet.
      const found = rows.map(({ text }) => text).filter((table) => tables.includes(table))
      if (name >= FIRST_SEEN && found.length > 0) unread[name] = found
    }
    expect(unread).toEqual({})
  })

  it('runs each migration once when processes start together', async () => {
    const pool = await openSchema()
    const ran = await Promise.all(
      Array.from({ length: 4 }, async () => await migratePostgres(pool, NOW_MS)),
    )
    const names = ran.flat()
    expect(names).toEqual([...new Set(names)])
    expect(names).toContain('0001-init.sql')
  })

  it('refuses a database whose migration has changed, and one that a newer version has made', async () => {
    const pool = await openSchema()
    expect(await migratePostgres(pool, NOW_MS, { folder: await folderOf(TWO) })).toHaveLength(2)
    const changed = { ...TWO, '0001-one.sql': 'CREATE TABLE one (id text, name text);' }
    await expect(
      migratePostgres(pool, NOW_MS, { folder: await folderOf(changed) }),
    ).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('migration 0001-one.sql has changed since it ran'),
    })
    await expect(
      migratePostgres(pool, NOW_MS, { folder: await folderOf(ONE) }),
    ).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('0002-two.sql, which this version does not know'),
    })
  })

  it('leaves nothing of a migration that fails, and all of those before it', async () => {
    const pool = await openSchema()
    const broken = {
      ...ONE,
      '0002-two.sql': 'CREATE TABLE two (id text); INSERT INTO nowhere VALUES (1);',
    }
    await expect(migratePostgres(pool, NOW_MS, { folder: await folderOf(broken) })).rejects.toThrow(
      'nowhere',
    )
    expect(await texts(pool, TABLES)).toEqual(['migration', 'one'])
    expect(await migratePostgres(pool, NOW_MS, { folder: await folderOf(TWO) })).toEqual([
      '0002-two.sql',
    ])
  })

  it('takes as long as it takes, whatever the pool allows a statement', async () => {
    const { options } = await openSchema()
    // What the pool allows has passed before a server can have answered.
    const pool = new Pool({ connectionString: options.connectionString, query_timeout: 1 })
    onTestFinished(async () => await pool.end())
    const folder = await folderOf({ '0001-slow.sql': 'SELECT pg_sleep(0.1);' })
    expect(await migratePostgres(pool, NOW_MS, { folder })).toEqual(['0001-slow.sql'])
  })

  it('is run again after a deadlock with a transaction of live traffic', async () => {
    const pool = await openSchema()
    await pool.query('CREATE TABLE a (id text); CREATE TABLE b (id text); CREATE SEQUENCE tries')
    const traffic = await pool.connect()
    // Only the migration looks for deadlocks, so it is what PostgreSQL ends.
    await traffic.query("SET deadlock_timeout = '1h'; SET lock_timeout = 0")
    await traffic.query('BEGIN; LOCK TABLE b IN ROW EXCLUSIVE MODE')
    // Its first run goes on when the traffic waits for what it holds. A sequence counts also what is rolled back.
    const folder = await folderOf({
      '0001-columns.sql': `
        ALTER TABLE a ADD COLUMN name text;
        DO $$ BEGIN
          IF nextval('tries') = 1 THEN
            WHILE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'a'::regclass AND NOT granted) LOOP
              PERFORM pg_sleep(0.01);
            END LOOP;
          END IF;
        END $$;
        ALTER TABLE b ADD COLUMN name text;`,
    })
    const migrating = migratePostgres(pool, NOW_MS, { folder })
    const held = "SELECT FROM pg_locks WHERE relation = 'a'::regclass AND granted"
    await expect
      .poll(async () => (await pool.query(held)).rowCount, { timeout: 180_000 })
      .toBeGreaterThan(0)
    await traffic.query('LOCK TABLE a IN ROW EXCLUSIVE MODE')
    await traffic.query('COMMIT')
    traffic.release(true)
    expect(await migrating).toEqual(['0001-columns.sql'])
    expect(await texts(pool, 'SELECT last_value::text AS text FROM tries')).toEqual(['2'])
  })

  it.each(['40001', '55P03'])('is run again after SQLSTATE %s', async (state) => {
    const pool = await openSchema()
    await pool.query('CREATE SEQUENCE tries')
    const folder = await folderOf({
      '0001-one.sql': `
        CREATE TABLE one (id text);
        DO $$ BEGIN
          IF nextval('tries') < 3 THEN RAISE EXCEPTION 'busy' USING ERRCODE = '${state}'; END IF;
        END $$;`,
    })
    expect(await migratePostgres(pool, NOW_MS, { folder })).toEqual(['0001-one.sql'])
    expect(await texts(pool, 'SELECT last_value::text AS text FROM tries')).toEqual(['3'])
  })

  it('gives up when a transaction holds its table all the time, and runs when that has ended', async () => {
    const pool = await openSchema()
    await migratePostgres(pool, NOW_MS, { folder: await folderOf(ONE) })
    const backup = await pool.connect()
    await backup.query('BEGIN; LOCK TABLE one IN ACCESS SHARE MODE')
    const folder = await folderOf({
      ...ONE,
      '0002-name.sql': 'CREATE TABLE two (id text); ALTER TABLE one ADD COLUMN name text;',
    })
    await expect(migratePostgres(pool, NOW_MS, { folder, lockTimeoutMs: 1 })).rejects.toMatchObject(
      {
        code: 'database_unavailable',
        message: expect.stringContaining('others held locks on its tables'),
      },
    )
    expect(await texts(pool, TABLES)).toEqual(['migration', 'one'])
    await backup.query('COMMIT')
    backup.release()
    expect(await migratePostgres(pool, NOW_MS, { folder })).toEqual(['0002-name.sql'])
  })
})

describe('openPostgresStore', () => {
  it('says what to do when nothing answers, and shows no password', async () => {
    const options = { sealer: createTestSealer(), nowMs: NOW_MS }
    const opening = openPostgresStore('postgres://firma:hunter2@127.0.0.1:1/firma', options)
    const error: unknown = await opening.catch((reason: unknown) => reason)
    expect(error).toMatchObject({
      code: 'configuration_invalid',
      message:
        'DATABASE_URL is postgres://127.0.0.1:1/firma, which cannot be used; check that PostgreSQL runs there, and that the user may log in and make tables',
    })
    expect(String(error)).not.toContain('hunter2')
  })
})
