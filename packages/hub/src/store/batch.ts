/**
 * Many rows in one statement, the same text on both engines. Kysely's own builder compiles a statement anew for
 * each number of rows, which costs more than the rows themselves.
 */
import { CompiledQuery, type RawBuilder, sql } from 'kysely'
import type { Engine, TableContext } from './context.ts'

/** A value of a row. */
export type Cell = string | number | null

/** What a column of {@link given} holds. */
export type CellType = 'text' | 'bigint'

/**
 * What stands behind FROM, as `given`; its cells are read with {@link cell}. On PostgreSQL a column travels as an
 * array: reading a row out of JSON parses it again for each of its cells. On SQLite all is one JSON value.
 */
export function given(
  engine: Engine,
  types: readonly CellType[],
  rows: readonly (readonly Cell[])[],
): RawBuilder<unknown> {
  const names = types.map((_, index) => `c${index}`)
  if (engine === 'sqlite') {
    const read = names.map((name, index) => `value->>${index} AS ${name}`).join(', ')
    return sql`(SELECT ${sql.raw(read)} FROM json_each(${JSON.stringify(rows)}) AS given) AS given`
  }
  const columns = types.map(
    (type, index) => sql`${rows.map((row) => row[index] ?? null)}::${sql.raw(type)}[]`,
  )
  return sql`unnest(${sql.join(columns)}) AS given(${sql.raw(names.join(', '))})`
}

/** One cell of {@link given}. */
export function cell<T extends Cell = Cell>(index: number): RawBuilder<T> {
  return sql.raw(`given.c${index}`)
}

/** Rows that SQLite's driver binds one after the other to a statement that inserts one. Their ids come back. */
export class BoundRows {
  readonly rows: readonly (readonly Cell[])[]

  constructor(rows: readonly (readonly Cell[])[]) {
    this.rows = rows
  }
}

/** Where and how rows are inserted. */
export interface Insertion {
  readonly table: string
  readonly columns: Readonly<Record<string, CellType>>
  /** PostgreSQL: a condition that holds for each row, evaluated before it is numbered. */
  readonly where?: string
  /** Column that PostgreSQL numbers the rows in, where the numbers are to come back: SQLite's `INTEGER PRIMARY KEY`. */
  readonly id?: string
}

/** Inserts rows in their order. @returns Their numbers, in that order, where they were to come back. */
export async function insertRows(
  { db, engine, direct }: Pick<TableContext, 'db' | 'engine' | 'direct'>,
  { table, columns, where, id }: Insertion,
  rows: readonly (readonly Cell[])[],
): Promise<number[]> {
  const names = Object.keys(columns)
  const into = `INSERT INTO ${table} (${names.join(', ')})`
  if (engine === 'sqlite') {
    // Binding is twice as fast as reading JSON, and the rows are in one transaction anyway. RETURNING would cost half as much again.
    const text = `${into} VALUES (${names.map(() => '?').join(', ')})`
    const query: CompiledQuery<{ id: number }> = CompiledQuery.raw(text, [new BoundRows(rows)])
    const done = await (direct === undefined ? db.executeQuery(query) : direct(query))
    return id === undefined ? [] : done.rows.map((row) => row.id)
  }
  const source = given(engine, Object.values(columns), rows)
  const condition = where === undefined ? '' : ` WHERE ${where}`
  const back = id === undefined ? '' : ` RETURNING ${id} AS id`
  const done = await sql<{ id: number }>`${sql.raw(into)} SELECT * FROM ${source}${sql.raw(
    condition + back,
  )}`.execute(db)
  // PostgreSQL numbers rows in the order in which it inserts them, but does not promise to tell them in it.
  return done.rows.map((row) => row.id).sort((a, b) => a - b)
}
