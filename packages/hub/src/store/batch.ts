/**
 * Many rows in one statement, the same text on both engines. Kysely's own builder compiles a statement anew for
 * each number of rows, which costs more than the rows themselves.
 */
import { CompiledQuery, type QueryResult, type RawBuilder, sql } from 'kysely'
import { assert } from '../errors.ts'
import type { Engine } from './context.ts'
import type { StatementContext } from './statement.ts'

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
  const values = toParameters(engine, types, rows)
  if (engine === 'sqlite') {
    const read = names.map((name, index) => `value->>${index} AS ${name}`).join(', ')
    return sql`(SELECT ${sql.raw(read)} FROM json_each(${values[0]}) AS given) AS given`
  }
  const columns = types.map((type, index) => sql`${values[index]}::${sql.raw(type)}[]`)
  return sql`unnest(${sql.join(columns)}) AS given(${sql.raw(names.join(', '))})`
}

/** What {@link given} binds, in its order. */
function toParameters(
  engine: Engine,
  types: readonly CellType[],
  rows: readonly (readonly Cell[])[],
): unknown[] {
  if (engine === 'sqlite') return [JSON.stringify(rows)]
  return types.map((type, index) => {
    const column = rows.map((row) => row[index] ?? null)
    if (type === 'text') return column
    // The driver would quote each number, which costs more than the number itself.
    return `{${column.map((value) => value ?? 'NULL').join(',')}}`
  })
}

/**
 * Makes a statement over rows that is compiled when it first runs, as `statement` makes others.
 *
 * @param build Puts it together around what stands for {@link given}, and binds nothing beside it.
 */
export function batchStatement<Row>(
  types: readonly CellType[],
  build: (rows: RawBuilder<unknown>, engine: Engine) => RawBuilder<Row>,
): (context: StatementContext, rows: readonly (readonly Cell[])[]) => Promise<QueryResult<Row>> {
  const compiled = new Map<Engine, CompiledQuery<Row>>()
  return async ({ db, engine, direct }, rows) => {
    let known = compiled.get(engine)
    if (known === undefined) {
      known = build(given(engine, types, []), engine).compile(db)
      compiled.set(engine, known)
    }
    const parameters = toParameters(engine, types, rows)
    assert(known.parameters.length === parameters.length, 'rows are all that is bound')
    const { sql: text, query: node, queryId } = known
    const bound = { sql: text, query: node, queryId, parameters }
    return await (direct === undefined ? db.executeQuery(bound) : direct(bound))
  }
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

/** Insertions on PostgreSQL, compiled when they first run. */
const insertions = new WeakMap<Insertion, ReturnType<typeof batchStatement<{ id: number }>>>()

/** Inserts rows in their order. @returns Their numbers, in that order, where they were to come back. */
export async function insertRows(
  context: StatementContext,
  insertion: Insertion,
  rows: readonly (readonly Cell[])[],
): Promise<number[]> {
  const { db, engine, direct } = context
  const { table, columns, where, id } = insertion
  const names = Object.keys(columns)
  const into = `INSERT INTO ${table} (${names.join(', ')})`
  if (engine === 'sqlite') {
    // Binding is twice as fast as reading JSON, and the rows are in one transaction anyway. RETURNING would cost half as much again.
    const text = `${into} VALUES (${names.map(() => '?').join(', ')})`
    const query: CompiledQuery<{ id: number }> = CompiledQuery.raw(text, [new BoundRows(rows)])
    const done = await (direct === undefined ? db.executeQuery(query) : direct(query))
    return id === undefined ? [] : done.rows.map((row) => row.id)
  }
  let insert = insertions.get(insertion)
  if (insert === undefined) {
    const behind = `${where === undefined ? '' : ` WHERE ${where}`}${id === undefined ? '' : ` RETURNING ${id} AS id`}`
    insert = batchStatement(
      Object.values(columns),
      (source) => sql`${sql.raw(into)} SELECT * FROM ${source}${sql.raw(behind)}`,
    )
    insertions.set(insertion, insert)
  }
  const done = await insert(context, rows)
  // PostgreSQL numbers rows in the order in which it inserts them, but does not promise to tell them in it.
  return done.rows.map((row) => row.id).sort((a, b) => a - b)
}
