/**
 * Entry `firma-receiver/sqlite`: the receiver's store in SQLite, and the connection under it. Node only.
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
export { sqliteStore } from './stores/sqlite.ts'
export type { SqliteStoreOptions } from './stores/sqlite.ts'
