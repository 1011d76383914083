import type { Sealer } from '../seal.ts'
import type { Db } from './schema.ts'

/** All claims of a process, in the order of texts: see `Ids.claim`. */
export function claimsOf(processId: string): { readonly from: string; readonly to: string } {
  // The character after the slash.
  return { from: `${processId}/`, to: `${processId}0` }
}

/** Which database it is, where that makes a difference to a statement. */
export type Engine = 'sqlite' | 'postgres'

/** What every table needs: the database or a transaction on it, and the keys. */
export interface TableContext {
  readonly db: Db
  readonly sealer: Sealer
  /** SQLite has one writer, so rows are locked on PostgreSQL only. */
  readonly engine: Engine
  /** Keys of audit chains that are known to be stored, by the chain: opening one costs more than a row. */
  readonly auditKeys: Map<string, string>
}
