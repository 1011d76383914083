import { readFile, readdir } from 'node:fs/promises'
import path from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { Kysely, sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTestSealer } from '../../test/support/describe-store.ts'
import type { TableContext } from './context.ts'
import type { Schema } from './schema.ts'
import { createSqliteDialect } from './sqlite-dialect.ts'
import { first, hasChangedOne, pick, statement } from './statement.ts'

interface Given {
  readonly name: string
  readonly count: number | null
}

/** A database with one table that the schema does not know. */
async function openContext(): Promise<TableContext> {
  const handle = await openSqlite(':memory:')
  const db = new Kysely<Schema>({ dialect: createSqliteDialect(handle) })
  onTestFinished(async () => {
    await db.destroy()
    await handle.close()
  })
  await sql`CREATE TABLE thing (name TEXT PRIMARY KEY, count INTEGER)`.execute(db)
  return { db, engine: 'sqlite', sealer: createTestSealer(), auditKeys: new Map() }
}

const ADD = statement(({ db }, given: Given) =>
  sql`INSERT INTO thing (name, count) VALUES (${given.name}, ${given.count})`.compile(db),
)

describe('statement', () => {
  it('binds no limit by itself, for which SQLite would compile it anew at each run', async () => {
    const { db } = await openContext()
    const ids = db.selectFrom('flow').select('id')
    expect(ids.limit(3).compile()).toMatchObject({
      sql: 'select "id" from "flow" limit 3',
      parameters: [],
    })
    expect(ids.limit(sql<number>`${3}`).compile().sql).toBe('select "id" from "flow" limit ? + 0')
  })

  it('binds none in statements that are written by hand, either', async () => {
    const names = (await readdir(import.meta.dirname)).filter((name) =>
      /(?<!\.test)\.ts$/.test(name),
    )
    const texts = await Promise.all(
      names.map(async (name) => await readFile(path.join(import.meta.dirname, name), 'utf8')),
    )
    const limits = texts.flatMap((text) => text.match(/\bLIMIT \$\{[^}]*\}(?: \+ 0)?/g) ?? [])
    expect(limits.length).toBeGreaterThan(10)
    // A bound number becomes an expression by `+ 0`; the others stand in the text.
    const isText = (limit: string): boolean => /^LIMIT \$\{(sql\.(lit|ref)\(|most\})/.test(limit)
    expect(limits.filter((limit) => !isText(limit) && !limit.endsWith(' + 0'))).toEqual([])
  })

  it('binds what is given by its name, as often as it is used', async () => {
    const context = await openContext()
    const find = statement(({ db }, given: Given) =>
      sql<{ n: number }>`SELECT count(*) AS n FROM thing
        WHERE count = ${given.count} AND name >= ${given.name} AND name <= ${given.name}`.compile(
        db,
      ),
    )
    await ADD(context, { name: 'a', count: 1 })
    await ADD(context, { name: 'b', count: null })
    expect(await first(find(context, { count: 1, name: 'a' }))).toEqual({ n: 1 })
    expect(await first(find(context, { count: 1, name: 'b' }))).toEqual({ n: 0 })
  })

  it('is put together once, and runs in whichever transaction it is given', async () => {
    const context = await openContext()
    let built = 0
    const rename = statement(({ db }, given: { readonly from: string; readonly to: string }) => {
      built += 1
      return sql`UPDATE thing SET name = ${given.to} WHERE name = ${given.from} RETURNING name`.compile(
        db,
      )
    })
    await ADD(context, { name: 'a', count: 1 })
    const failing = context.db.transaction().execute(async (db) => {
      expect((await rename({ ...context, db }, { from: 'a', to: 'b' })).rows).toHaveLength(1)
      throw new RangeError('on purpose')
    })
    await expect(failing).rejects.toThrow('on purpose')
    expect((await rename(context, { from: 'b', to: 'c' })).rows).toEqual([])
    expect((await rename(context, { from: 'a', to: 'c' })).rows).toEqual([{ name: 'c' }])
    expect(built).toBe(1)
  })

  it('tells whether one row has changed', async () => {
    const context = await openContext()
    const claim = statement(({ db }, given: { readonly id: string }) =>
      db.updateTable('job').set({ status: 'done' }).where('id', '=', given.id).compile(),
    )
    await sql`CREATE TABLE job (id TEXT, status TEXT)`.execute(context.db)
    await sql`INSERT INTO job VALUES ('a', 'running')`.execute(context.db)
    expect(await hasChangedOne(claim(context, { id: 'a' }))).toBe(true)
    expect(await hasChangedOne(claim(context, { id: 'b' }))).toBe(false)
  })

  it('refuses to run without a value that it needs', async () => {
    const context = await openContext()
    const half = { name: 'a' } as Given
    await expect(ADD(context, half)).rejects.toThrow('a statement is given count')
  })
})

describe('pick', () => {
  it('takes columns by their names', () => {
    expect(pick({ a: 1, b: 2, c: 3 }, ['a', 'c'])).toEqual({ a: 1, c: 3 })
  })
})
