/** What a database refuses, in words for whoever has to act on it. */
import { FirmaError } from '../errors.ts'

/** SQLSTATE of PostgreSQL (appendix A of its manual), as far as the cause is not our statement. */
const UNAVAILABLE: Readonly<Record<string, string>> = {
  '25006': 'the database takes no writes at present',
  '25P03': 'the database closed a connection that stood still in a transaction',
  '53100': 'the disk of the database is full; give it room',
  '53200': 'the database has no memory left',
  '53300':
    'the database takes no more connections; raise its max_connections or run fewer processes',
  '55P03': 'the database was busy with the same rows for too long',
  '57014': 'the database took too long to answer',
  '57P01': 'the database is shutting down',
  '57P02': 'the database has crashed and is coming back',
  '57P03': 'the database is starting',
  '57P05': 'the database closed an idle connection',
  ECONNREFUSED: 'the database does not answer',
  ECONNRESET: 'the connection to the database broke',
  EPIPE: 'the connection to the database broke',
  ENOTFOUND: 'the host of the database is not known',
  EAI_AGAIN: 'the host of the database is not known',
  ETIMEDOUT: 'the database does not answer',
  EHOSTUNREACH: 'the database does not answer',
}

/** Failures that node-postgres reports without a code. */
const BROKEN =
  /^(?:Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout)/

/** SQLite's primary result codes that say the same: it ran into the system's limits, not into our statement. */
const SQLITE_UNAVAILABLE: Readonly<Record<number, string>> = {
  5: 'the database was busy for too long',
  8: 'the database takes no writes at present',
  10: 'the disk of the database fails',
  13: 'the disk of the database is full; give it room',
}

/** In SQLite's words, for statements that return rows: their errors carry no code in one of the bindings. */
const SQLITE_TEXTS: Readonly<Record<string, number>> = {
  'database is locked': 5,
  'attempt to write a readonly database': 8,
  'disk I/O error': 10,
  'database or disk is full': 13,
}

/** SQLite's words for what it refuses to store. */
const SQLITE_REFUSED = /constraint failed|cannot store|datatype mismatch|too big/

/** A restart of the database takes about as long. */
const RETRY_AFTER_SECONDS = '5'

/**
 * @param error What a driver threw.
 * @returns `database_unavailable` where the same request can succeed later; `bad_request` for text that
 *   PostgreSQL cannot store; anything else as it is.
 */
export function toDatabaseError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = codeOf(error)
  if (code === '22021' || code === '22P05') {
    const message = 'a text contains a NUL character, which cannot be stored; leave it out'
    return new FirmaError('bad_request', message, { cause: error })
  }
  const why = UNAVAILABLE[code] ?? explainSqlite(error) ?? explainBroken(error, code)
  if (why === undefined) return error
  const options = { cause: error, headers: { 'retry-after': RETRY_AFTER_SECONDS } }
  return new FirmaError('database_unavailable', `${why}; try again`, options)
}

/** Whether PostgreSQL asks for the transaction to be run again, for it got in the way of another. */
export function isConflict(error: unknown): boolean {
  // serialization_failure, deadlock_detected
  return ['40001', '40P01'].includes(codeOf(error)) || isStale(error)
}

/** Whether a lock was waited for until PostgreSQL's `lock_timeout`. */
export function isLockTimeout(error: unknown): boolean {
  // lock_not_available
  return codeOf(error) === '55P03'
}

/** Whether a table has changed under a prepared statement, which its connection can never run again. */
export function isStale(error: unknown): error is Error {
  // feature_not_supported has many reasons; the place in the server's source tells this one in every language.
  if (!(error instanceof Error) || codeOf(error) !== '0A000') return false
  return 'routine' in error && error.routine === 'RevalidateCachedQuery'
}

/** Whether a row with the same key was there already. */
export function isDuplicate(error: unknown): boolean {
  return codeOf(error) === '23505'
}

/** Whether the database refuses what it was given to store, now and for ever: of the wrong kind, or against a constraint. */
export function isRefused(error: unknown): boolean {
  const cause = error instanceof FirmaError ? error.cause : error
  if (!(cause instanceof Error)) return false
  if (codeOf(cause) === 'ERR_SQLITE_ERROR') return SQLITE_REFUSED.test(cause.message)
  // Classes of PostgreSQL: data exception, integrity constraint violation.
  return /^2[23]...$/.test(codeOf(cause))
}

function explainBroken(error: Error, code: string): string | undefined {
  // Class 08: connection exceptions.
  return code.startsWith('08') || BROKEN.test(error.message)
    ? 'the connection to the database broke'
    : undefined
}

/** An extended result code, of which the low byte is the primary one, or SQLite's sentence for it. */
function explainSqlite(error: Error): string | undefined {
  if (codeOf(error) !== 'ERR_SQLITE_ERROR') return undefined
  const code = 'errcode' in error ? error.errcode : SQLITE_TEXTS[error.message]
  return typeof code === 'number' ? SQLITE_UNAVAILABLE[code & 0xff] : undefined
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}
