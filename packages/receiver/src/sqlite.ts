/**
 * Entry `firma-receiver/sqlite`: the SQLite connection of this process. Node only.
 *
 * @packageDocumentation
 */
export {
  EXCLUSIVE_WAIT_MS_MAX,
  openSqlite,
  SqliteHandleError,
  STATEMENTS_CACHED_MAX,
} from './sqlite-handle.ts'
export type {
  OpenSqliteOptions,
  SqliteDatabase,
  SqliteDriver,
  SqliteHandle,
  SqliteHandleErrorReason,
  SqliteStatement,
  SqliteValue,
} from './sqlite-handle.ts'
