/** Opens the store: one object per table, on the database or on a transaction. */
import type { SqliteHandle } from 'firma-receiver/sqlite'
import { Kysely } from 'kysely'
import type { Sealer } from '../seal.ts'
import { ApiKeyTable } from './api-keys.ts'
import { AuditTable } from './audit.ts'
import { ConnectionTable } from './connections.ts'
import type { TableContext } from './context.ts'
import { DeliveryTable } from './deliveries.ts'
import { DestinationTable } from './destinations.ts'
import { EnvironmentTable } from './environments.ts'
import { EventTable } from './events.ts'
import { FlowTable } from './flows.ts'
import { IdempotencyTable } from './idempotency.ts'
import { migrateSqlite } from './migrate.ts'
import { ProviderAppTable } from './provider-apps.ts'
import { RevocationTable } from './revocations.ts'
import type { Schema } from './schema.ts'
import { createSqliteDialect } from './sqlite-dialect.ts'
import { TokenSetTable } from './token-sets.ts'
import { WidgetSessionTable } from './widget-sessions.ts'

/** All tables, reading and writing on the same database or transaction. */
export type Tables = ReturnType<typeof createTables>

/**
 * Every table plus transactions. Inside `transaction`, use only the tables that it hands you: the
 * store's own would wait for the transaction to end.
 */
export interface Store extends Tables {
  /** Everything that `run` writes commits together, or none of it when it throws. No network inside. */
  transaction<T>(run: (tx: Tables) => Promise<T>): Promise<T>
  /** Whether the database answers. */
  ping(): Promise<void>
  close(): Promise<void>
}

export interface StoreDep {
  readonly store: Store
}

/**
 * Opens the store on a SQLite file and brings it to the newest schema.
 *
 * @param handle Stays the caller's to close.
 */
export async function openSqliteStore(
  handle: SqliteHandle,
  options: { readonly sealer: Sealer; readonly nowMs: number },
): Promise<Store> {
  await migrateSqlite(handle, options.nowMs)
  const db = new Kysely<Schema>({ dialect: createSqliteDialect(handle) })
  const { sealer } = options
  await dropClaims(db)
  return {
    ...createTables({ db, sealer }),
    transaction: async (run) =>
      await db.transaction().execute(async (tx) => await run(createTables({ db: tx, sealer }))),
    ping: async () => {
      await db.selectFrom('environment').select('id').limit(1).execute()
    },
    close: async () => await db.destroy(),
  }
}

/**
 * One process owns a SQLite file, so every claim that is found in it belongs to a process that is gone.
 * Its work goes on at once instead of after the lease.
 */
async function dropClaims(db: Kysely<Schema>): Promise<void> {
  const free = { claim_id: null, claim_until_ms: null }
  await db.updateTable('delivery').set(free).where('claim_id', 'is not', null).execute()
  await db.updateTable('revocation').set(free).where('claim_id', 'is not', null).execute()
  await db.updateTable('token_set').set(free).where('claim_id', 'is not', null).execute()
}

function createTables(context: TableContext) {
  return {
    environments: new EnvironmentTable(context),
    apiKeys: new ApiKeyTable(context),
    audit: new AuditTable(context),
    idempotency: new IdempotencyTable(context),
    providerApps: new ProviderAppTable(context),
    widgetSessions: new WidgetSessionTable(context),
    flows: new FlowTable(context),
    connections: new ConnectionTable(context),
    tokenSets: new TokenSetTable(context),
    destinations: new DestinationTable(context),
    events: new EventTable(context),
    deliveries: new DeliveryTable(context),
    revocations: new RevocationTable(context),
  }
}
