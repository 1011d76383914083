import type { SqliteDatabase } from '../sqlite-handle.ts'
import type { TransactionOptions } from '../store.ts'

/** Runs `fn` in a transaction of its own: commits when it resolves, rolls back when it rejects. */
export async function inSqliteTransaction<T>(
  database: SqliteDatabase,
  fn: () => Promise<T>,
  kind?: TransactionOptions['kind'],
): Promise<T> {
  // Immediate for what writes: a deferred one fails in the middle when another process writes first.
  database.exec(kind === 'read' ? 'BEGIN' : 'BEGIN IMMEDIATE')
  try {
    const result = await fn()
    database.exec('COMMIT')
    return result
  } catch (error) {
    try {
      database.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself (disk full, for one); the first error is the one that says why.
    }
    throw error
  }
}
