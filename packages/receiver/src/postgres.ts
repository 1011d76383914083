/**
 * Entry `firma-receiver/postgres`: the receiver's store in PostgreSQL (12 or later), for any number of processes. Node only.
 *
 * @packageDocumentation
 */
export { postgresStore } from './stores/postgres.ts'
export type { PostgresStoreOptions } from './stores/postgres.ts'
export type { PostgresClient, PostgresPool, PostgresResult } from './stores/postgres-pool.ts'
