import type { SqliteDatabase } from '../sqlite-handle.ts'
import { toSqliteResultCode } from '../sqlite-result-code.ts'
import type { TransactionOptions } from '../store.ts'

/** How long a transaction waits for another process's lock before it fails, in milliseconds. */
export const BUSY_WAIT_MS = 5_000
/** How long a driver may wait by itself, in milliseconds: with the whole process. */
export const BUSY_TIMEOUT_MS = 10
/** Between two tries, in milliseconds; everything else goes on meanwhile. */
const RETRY_MS = 40
const SQLITE_BUSY = 5

/** What failed before anything was done, because another process holds the lock. */
const unbegun = new WeakSet<object>()

/** Runs `fn` in a transaction of its own: commits when it resolves, rolls back when it rejects. */
export async function inSqliteTransaction<T>(
  database: SqliteDatabase,
  fn: () => Promise<T>,
  kind?: TransactionOptions['kind'],
): Promise<T> {
  // Immediate for what writes: a deferred one fails in the middle when another process writes first.
  if (kind === 'read') database.exec('BEGIN')
  else withoutStanding(database, () => database.exec('BEGIN IMMEDIATE'))
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

/** Runs `fn`, which does nothing when it throws, so that it does not stop the process to wait for a lock; see {@link untilUnlocked}. */
export function withoutStanding<T>(database: SqliteDatabase, fn: () => T): T {
  const former = Number(database.prepare('PRAGMA busy_timeout').get()?.['timeout'] ?? 0)
  if (former > BUSY_TIMEOUT_MS) database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  try {
    return fn()
  } catch (error) {
    if (isBusy(error)) unbegun.add(error)
    throw error
  } finally {
    if (former > BUSY_TIMEOUT_MS) database.exec(`PRAGMA busy_timeout = ${former}`)
  }
}

/** Tries again what another process's lock kept from beginning, until `waitMs` milliseconds are over. */
export async function untilUnlocked<T>(fn: () => Promise<T>, waitMs: number): Promise<T> {
  const tries = Math.ceil(waitMs / (BUSY_TIMEOUT_MS + RETRY_MS))
  for (let tried = 1; ; tried += 1) {
    try {
      return await fn()
    } catch (error) {
      const canWait = typeof error === 'object' && error !== null && unbegun.has(error)
      if (!canWait || tried > tries) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

/** Lets {@link untilUnlocked} try again what was not begun by {@link withoutStanding}. */
export function markUnbegun(error: unknown): void {
  if (isBusy(error)) unbegun.add(error)
}

function isBusy(error: unknown): error is object {
  return toSqliteResultCode(error) === SQLITE_BUSY
}
