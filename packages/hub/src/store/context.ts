import type { CompiledQuery, QueryResult } from 'kysely'
import type { Sealer } from '../seal.ts'
import type { Db } from './schema.ts'

/** All claims of a process, in the order of texts: see `Ids.claim`. */
export function claimsOf(processId: string): { readonly from: string; readonly to: string } {
  // The character after the slash.
  return { from: `${processId}/`, to: `${processId}0` }
}

/** Which database it is, where that makes a difference to a statement. */
export type Engine = 'sqlite' | 'postgres'

/** Runs a statement that is compiled. */
export type Direct = <Row>(query: CompiledQuery<Row>) => Promise<QueryResult<Row>>

/** What every table needs: the database or a transaction on it, and the keys. */
export interface TableContext {
  readonly db: Db
  readonly sealer: Sealer
  /** SQLite has one writer, so rows are locked on PostgreSQL only. */
  readonly engine: Engine
  /**
   * Runs a statement on the transaction's connection, or by itself outside of one, past what the builder does each time.
   * Absent on PostgreSQL, where statements take effect in the order in which they are asked for and none may overtake another.
   */
  readonly direct?: Direct
  /** Keys of audit chains that are known to be stored, by the chain: opening one costs more than a row. */
  readonly auditKeys: Map<string, string>
}
