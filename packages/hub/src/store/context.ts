import type { Sealer } from '../seal.ts'
import type { Db } from './schema.ts'

/** Which database it is, where that makes a difference to a statement. */
export type Engine = 'sqlite' | 'postgres'

/** What every table needs: the database or a transaction on it, and the keys. */
export interface TableContext {
  readonly db: Db
  readonly sealer: Sealer
  /** SQLite has one writer, so rows are locked on PostgreSQL only. */
  readonly engine: Engine
}
