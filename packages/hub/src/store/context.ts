import type { Sealer } from '../seal.ts'
import type { Db } from './schema.ts'

/** What every table needs: the database or a transaction on it, and the keys. */
export interface TableContext {
  readonly db: Db
  readonly sealer: Sealer
}
