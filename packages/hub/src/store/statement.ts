/**
 * Statements of hot paths. Kysely puts a statement together and compiles it each time it is asked, which costs several
 * times what running it costs; these are compiled once per engine, with places for what is given.
 */
import type { CompiledQuery, QueryResult } from 'kysely'
import { assert } from '../errors.ts'
import type { Engine, TableContext } from './context.ts'

/** Where a statement runs. */
export type StatementContext = Pick<TableContext, 'db' | 'engine' | 'direct'>

/** Stands for a value that is given when the statement runs. */
class Place {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** What a statement is put together with: a place by each name that it asks for. */
const PLACES: object = new Proxy({}, { get: (_, name) => new Place(String(name)) })

/**
 * Makes a statement that is compiled when it first runs.
 *
 * @param build Puts it together. It is handed places in the shape of `Given`, which it may bind and not look at: neither
 *   the text nor the number of its parameters can depend on a value.
 */
export function statement<Given extends object, Row>(
  build: (context: StatementContext, given: Given) => CompiledQuery<Row>,
): (context: StatementContext, given: Given) => Promise<QueryResult<Row>> {
  const compiled = new Map<Engine, CompiledQuery<Row>>()
  return async (context, given) => {
    let query = compiled.get(context.engine)
    if (query === undefined) {
      query = build(context, PLACES as Given)
      compiled.set(context.engine, query)
    }
    const parameters = query.parameters.map((parameter) => {
      if (!(parameter instanceof Place)) return parameter
      const value = given[parameter.name as keyof Given]
      assert(value !== undefined, `a statement is given ${parameter.name}`)
      return value
    })
    const { sql, query: node, queryId } = query
    const bound = { sql, query: node, queryId, parameters }
    return await (context.direct === undefined
      ? context.db.executeQuery(bound)
      : context.direct(bound))
  }
}

/** The first row of a result. */
export async function first<Row>(result: Promise<QueryResult<Row>>): Promise<Row | undefined> {
  return (await result).rows[0]
}

/** Whether a statement has changed exactly one row. */
export async function hasChangedOne(result: Promise<QueryResult<unknown>>): Promise<boolean> {
  return (await result).numAffectedRows === 1n
}

/** Columns of a row by their names, for a statement that writes all of them. */
export function pick<Row extends object, Name extends keyof Row>(
  row: Row,
  names: readonly Name[],
): Pick<Row, Name> {
  return Object.fromEntries(names.map((name) => [name, row[name]])) as Pick<Row, Name>
}
