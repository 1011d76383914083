/** SQLite's sentences for results about the database, for errors without a code: one of the drivers leaves it out for statements that return rows. */
const CODES: Readonly<Record<string, number>> = {
  'database is locked': 5,
  'database table is locked': 6,
  'out of memory': 7,
  'attempt to write a readonly database': 8,
  interrupted: 9,
  'disk I/O error': 10,
  'database disk image is malformed': 11,
  'database or disk is full': 13,
  'unable to open database file': 14,
  'locking protocol': 15,
  'file is not a database': 26,
}

/** Primary result code of SQLite, which is the low byte of an extended one; `undefined` for an error that has none. */
export function toSqliteResultCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const errcode: unknown = Reflect.get(error, 'errcode')
  if (typeof errcode === 'number') return errcode & 0xff
  if (Reflect.get(error, 'code') !== 'ERR_SQLITE_ERROR') return undefined
  const message: unknown = Reflect.get(error, 'message')
  return typeof message === 'string' ? CODES[message] : undefined
}
