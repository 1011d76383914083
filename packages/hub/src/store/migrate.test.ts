import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type SqliteHandle, openSqlite } from 'firma-receiver/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { migrateSqlite } from './migrate.ts'

const NOW_MS = Date.UTC(2024, 9, 7, 3, 45)

async function openMemory(): Promise<SqliteHandle> {
  const handle = await openSqlite(':memory:')
  onTestFinished(async () => await handle.close())
  return handle
}

/** A folder with these migrations. */
async function folderOf(files: Record<string, string>): Promise<URL> {
  const folder = await mkdtemp(path.join(tmpdir(), 'firma-migrations-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  for (const [name, sql] of Object.entries(files)) await writeFile(path.join(folder, name), sql)
  return pathToFileURL(`${folder}/`)
}

async function rows(handle: SqliteHandle, sql: string): Promise<unknown[]> {
  return await handle.exclusive((database) => database.prepare(sql).all())
}

async function tables(handle: SqliteHandle): Promise<unknown[]> {
  const found = await rows(handle, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
  return found.map((row) => (row as { name: string }).name)
}

const ONE = { '0001-one.sql': 'CREATE TABLE one (id TEXT) STRICT;' }
const TWO = { ...ONE, '0002-two.sql': 'CREATE TABLE two (id TEXT) STRICT;' }

describe('migrateSqlite', () => {
  it('runs all migrations on a fresh database, in order, and none a second time', async () => {
    const handle = await openMemory()
    const first = await migrateSqlite(handle, NOW_MS)
    expect(first[0]).toBe('0001-init.sql')
    expect(first).toEqual(first.toSorted())
    expect(await migrateSqlite(handle, NOW_MS + 1)).toEqual([])
    expect(await rows(handle, 'SELECT DISTINCT ran_at_ms FROM migration')).toEqual([
      { ran_at_ms: NOW_MS },
    ])
  })

  it('leaves the schema that is committed beside it', async () => {
    const handle = await openMemory()
    await migrateSqlite(handle, NOW_MS)
    const schema = await rows(
      handle,
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'sqlite_sequence' ORDER BY tbl_name, type DESC, name",
    )
    const text = schema.map((row) => `${(row as { sql: string }).sql};\n`).join('\n')
    // After a new migration: npx vitest run packages/hub/src/store/migrate.test.ts -u
    await expect(text).toMatchFileSnapshot('./schema.sqlite.sql')
  })

  it('runs only what is new', async () => {
    const handle = await openMemory()
    expect(await migrateSqlite(handle, NOW_MS, await folderOf(ONE))).toEqual(['0001-one.sql'])
    expect(await migrateSqlite(handle, NOW_MS, await folderOf(TWO))).toEqual(['0002-two.sql'])
    expect(await tables(handle)).toEqual(['migration', 'one', 'two'])
  })

  it('refuses a database whose migration has changed since it ran', async () => {
    const handle = await openMemory()
    await migrateSqlite(handle, NOW_MS, await folderOf(ONE))
    const changed = { ...TWO, '0001-one.sql': 'CREATE TABLE one (id TEXT, name TEXT) STRICT;' }
    await expect(migrateSqlite(handle, NOW_MS, await folderOf(changed))).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('migration 0001-one.sql has changed since it ran'),
    })
    expect(await tables(handle)).toEqual(['migration', 'one'])
  })

  it('refuses a database that a newer version has made', async () => {
    const handle = await openMemory()
    await migrateSqlite(handle, NOW_MS, await folderOf(TWO))
    await expect(migrateSqlite(handle, NOW_MS, await folderOf(ONE))).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('0002-two.sql, which this version does not know'),
    })
  })

  it('leaves nothing of a migration that fails, and all of those before it', async () => {
    const handle = await openMemory()
    const broken = {
      ...ONE,
      '0002-two.sql': 'CREATE TABLE two (id TEXT) STRICT; INSERT INTO nowhere VALUES (1);',
      '0003-three.sql': 'CREATE TABLE three (id TEXT) STRICT;',
    }
    await expect(migrateSqlite(handle, NOW_MS, await folderOf(broken))).rejects.toThrow('nowhere')
    expect(await tables(handle)).toEqual(['migration', 'one'])
    expect(await rows(handle, 'SELECT name FROM migration')).toEqual([{ name: '0001-one.sql' }])
    expect(await migrateSqlite(handle, NOW_MS, await folderOf(TWO))).toEqual(['0002-two.sql'])
  })

  it('takes only .sql files for migrations', async () => {
    const handle = await openMemory()
    const folder = await folderOf({
      ...ONE,
      'README.md': 'not SQL',
      '0002-old.sql.bak': 'nor this',
    })
    expect(await migrateSqlite(handle, NOW_MS, folder)).toEqual(['0001-one.sql'])
  })

  it('keeps one schema for two openings of one file', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'firma-store-'))
    onTestFinished(async () => await rm(folder, { recursive: true }))
    const file = path.join(folder, 'firma.db')
    const [a, b] = [await openSqlite(file), await openSqlite(file)]
    onTestFinished(async () => {
      await a.close()
      await b.close()
    })
    const ran = await Promise.all([migrateSqlite(a, NOW_MS), migrateSqlite(b, NOW_MS)])
    expect(ran.filter((names) => names.length > 0)).toHaveLength(1)
  })
})
