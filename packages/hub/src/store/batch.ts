/**
 * Many rows in one statement, the same text on both engines: they travel as one JSON value. Kysely's own
 * builder compiles a statement anew for each number of rows, which costs more than the rows themselves.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Engine } from './context.ts'

/** A value of a row; what the column is decides {@link cells}. */
export type Cell = string | number | null

/** What stands behind FROM, as `given`; its cells are read with {@link cells}. */
export function given(engine: Engine, rows: readonly (readonly Cell[])[]): RawBuilder<unknown> {
  const json = JSON.stringify(rows)
  return engine === 'postgres'
    ? sql`json_array_elements(${json}::json) AS given(value)`
    : sql`json_each(${json}) AS given`
}

/** The cells of `given` in the order of the rows, each with its type: `cells('text', 'bigint')`. */
export function cells(...types: readonly ('text' | 'bigint')[]): RawBuilder<unknown> {
  return sql.raw(types.map((_, index) => cell(index, types)).join(', '))
}

function cell(index: number, types: readonly string[]): string {
  return `CAST(given.value->>${index} AS ${types[index]})`
}

/** One cell of `given`. */
export function textCell(index: number): RawBuilder<string> {
  return sql.raw(`CAST(given.value->>${index} AS text)`)
}

/** One cell of `given`. */
export function numberCell(index: number): RawBuilder<number> {
  return sql.raw(`CAST(given.value->>${index} AS bigint)`)
}
