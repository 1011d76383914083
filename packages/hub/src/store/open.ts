/** Opens the store: one object per table, on the database or on a transaction. */
import type { SqliteHandle } from 'firma-receiver/sqlite'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { FirmaError } from '../errors.ts'
import type { Sealer } from '../seal.ts'
import { AccountLockTable } from './account-locks.ts'
import { AppSubscriptionTable } from './app-subscriptions.ts'
import { ApiKeyTable } from './api-keys.ts'
import { AttemptTable } from './attempts.ts'
import { AuditChainTable } from './audit-chain.ts'
import { AuditTable } from './audit.ts'
import { ConnectionTable } from './connections.ts'
import type { TableContext } from './context.ts'
import { isConflict, isDuplicate } from './database-error.ts'
import { DeliveryTable } from './deliveries.ts'
import { DeliveryHealthTable } from './delivery-health.ts'
import { DeliveryHistoryTable } from './delivery-history.ts'
import { DestinationTable } from './destinations.ts'
import { EnvironmentTable } from './environments.ts'
import { ErasureTable } from './erasure.ts'
import { EventTimes } from './event-times.ts'
import { EventTable } from './events.ts'
import { FlowTable } from './flows.ts'
import { HeldGrantTable } from './held-grants.ts'
import { HourCountTable } from './hour-counts.ts'
import { IdempotencyTable } from './idempotency.ts'
import { JobTable } from './jobs.ts'
import { LedgerTable } from './ledger.ts'
import { migratePostgres, migrateSqlite } from './migrate.ts'
import { MoveUserTable } from './move-users.ts'
import { OldRows } from './old-rows.ts'
import { OperatorTable } from './operator.ts'
import { openPostgresPool, toKyselyPool, withoutSecrets } from './postgres-pool.ts'
import { ProcessTable } from './processes.ts'
import { ProviderAppTable } from './provider-apps.ts'
import { ProviderMoveTable } from './provider-moves.ts'
import { ProviderTaskTable } from './provider-tasks.ts'
import { ResendTable } from './resends.ts'
import { RetentionTable } from './retention.ts'
import { RevocationTable } from './revocations.ts'
import type { Schema } from './schema.ts'
import { SdkTokenTable } from './sdk-tokens.ts'
import { SigningKeyTable } from './signing-keys.ts'
import { createSqliteDialect, runDirectly } from './sqlite-dialect.ts'
import { StatsTable } from './stats.ts'
import { SealedValues } from './sealed-values.ts'
import { TokenSetTable } from './token-sets.ts'
import { type TransactContext, transact } from './transact.ts'
import { TransactionGroup } from './transaction-group.ts'
import { WidgetSessionTable } from './widget-sessions.ts'

/** All tables, reading and writing on the same database or transaction. */
export type Tables = ReturnType<typeof createTables>

/**
 * Every table plus transactions. Inside `transaction`, use only the tables that it hands you: the
 * store's own would wait for the transaction to end.
 */
export interface Store extends Tables {
  /** Whether other processes may use the database at the same time. */
  readonly isShared: boolean
  /**
   * Everything that `run` writes commits together, or none of it when it throws. No network inside, and
   * nothing that must not happen twice: on PostgreSQL it is run again when it got in the way of another.
   */
  transaction<T>(run: (tx: Tables) => Promise<T>): Promise<T>
  /**
   * As {@link Store.transaction}, for small ones that come in crowds: on SQLite those of one turn of the event loop
   * share a commit, and so the wait for the disk. Each still happens wholly or not at all.
   */
  together<T>(run: (tx: Tables) => Promise<T>): Promise<T>
  /** As {@link Store.together}, for one statement: PostgreSQL commits that by itself. */
  single<T>(run: (tx: Tables) => Promise<T>): Promise<T>
  /** Whether the database answers. */
  ping(): Promise<void>
  /** Whether it takes writes, and has room for some: commits a row that it has taken away again. */
  probe(): Promise<void>
  close(): Promise<void>
}

export interface StoreDep {
  readonly store: Store
}

/** How to open a store. */
export interface StoreOptions {
  readonly sealer: Sealer
  /** Now, for the record of migrations. */
  readonly nowMs: number
}

/**
 * Opens the store on a SQLite file and brings it to the newest schema.
 *
 * @param handle Stays the caller's to close.
 */
export async function openSqliteStore(
  handle: SqliteHandle,
  { sealer, nowMs }: StoreOptions,
): Promise<Store> {
  await migrateSqlite(handle, nowMs)
  // Each statement that may fail in the middle keeps what it changes; in files, that is most of what it writes.
  // Not before: an index over millions of rows is sorted in files.
  await handle.exclusive((database) => database.exec('PRAGMA temp_store = MEMORY'))
  const dialect = createSqliteDialect(handle)
  const db = new Kysely<Schema>({ dialect })
  await dropClaims(db, nowMs)
  const direct = runDirectly(handle)
  return createStore({ db, dialect, sealer, engine: 'sqlite', direct, auditKeys: new Map() })
}

/**
 * Opens the store on PostgreSQL, in the first schema of the connection's search path, and brings it to
 * the newest schema. Any number of processes may share it.
 *
 * @param url `postgres://user:password@host:5432/database`.
 * @throws FirmaError `configuration_invalid` when it cannot be used, or was made by another version.
 */
export async function openPostgresStore(
  url: string,
  { sealer, nowMs }: StoreOptions,
): Promise<Store> {
  const pool = openPostgresPool(url)
  try {
    await migratePostgres(pool, nowMs)
  } catch (cause) {
    await pool.end()
    if (cause instanceof FirmaError) throw cause
    throw new FirmaError(
      'configuration_invalid',
      `DATABASE_URL is ${withoutSecrets(url)}, which cannot be used; check that PostgreSQL runs there, and that the user may log in and make tables`,
      { cause },
    )
  }
  const dialect = new PostgresDialect({ pool: toKyselyPool(pool) })
  const db = new Kysely<Schema>({ dialect })
  return createStore({ db, dialect, sealer, engine: 'postgres', auditKeys: new Map() })
}

function createStore(context: TableContext & TransactContext): Store {
  const { db, engine } = context
  const transaction: Store['transaction'] = async (run) =>
    await untilDone(async () =>
      transact(
        context,
        async (tx, direct) =>
          await run(createTables({ ...context, db: tx, ...(engine === 'sqlite' && { direct }) })),
      ),
    )
  const group = new TransactionGroup<Tables>(transaction)
  const tables = createTables(context)
  const isShared = context.engine === 'postgres'
  return {
    ...tables,
    isShared,
    transaction,
    // PostgreSQL does that by itself, and locks of many rows at once would only get in each other's way.
    together: isShared ? transaction : async (run) => await group.add(run),
    single: isShared ? async (run) => await run(tables) : async (run) => await group.add(run),
    ping: async () => {
      await db.selectFrom('environment').select('id').limit(1).execute()
    },
    probe: async () => {
      await transact(context, async (tx) => {
        await tx.insertInto('write_probe').values({ filler: PROBE_FILLER }).execute()
        await tx.deleteFrom('write_probe').execute()
      })
    },
    close: async () => await db.destroy(),
  }
}

/** Takes pages of its own, so that there has to be room for them. */
const PROBE_FILLER = 'x'.repeat(16_384)

/** The store as it is used inside of a transaction: whatever would open one of its own joins that. */
export function joinTransaction(store: Store, tx: Tables): Store {
  const join: Store['transaction'] = async (run) => await run(tx)
  return { ...store, ...tx, transaction: join, together: join, single: join }
}

/** Times that a transaction is run before its conflict with others is reported. */
const TRANSACTION_ATTEMPTS_MAX = 5

/** Runs a transaction again that got in the way of another. */
async function untilDone<T>(transact: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transact()
    } catch (error) {
      // A key that was not there and now is: the second look finds it, unless this is no race at all.
      const isWorthRunningAgain = isConflict(error) || (isDuplicate(error) && attempt === 1)
      if (!isWorthRunningAgain || attempt >= TRANSACTION_ATTEMPTS_MAX) throw error
    }
  }
}

/**
 * One process owns a SQLite file, so every claim that is found in it belongs to a process that is gone.
 * Its work goes on at once instead of after the lease.
 */
async function dropClaims(db: Kysely<Schema>, nowMs: number): Promise<void> {
  const free = { claim_id: null, claim_until_ms: null }
  await db
    .updateTable('delivery')
    .set({ ...free, status: 'pending' })
    .where('status', '=', sql.lit('sending'))
    .execute()
  await db.updateTable('revocation').set(free).where('claim_id', 'is not', null).execute()
  await db.updateTable('provider_task').set(free).where('claim_id', 'is not', null).execute()
  await db.updateTable('app_subscription').set(free).where('claim_id', 'is not', null).execute()
  await db.updateTable('provider_move_user').set(free).where('claim_id', 'is not', null).execute()
  // Nobody waits any more for the answer to a refresh that was sent.
  await db
    .updateTable('token_set')
    .set({
      last_failure: 'the hub ended before the answer came',
      last_failure_at_ms: nowMs,
    })
    .where('unanswered_since_ms', 'is not', null)
    .where('claim_id', 'is not', null)
    .execute()
  await db.updateTable('token_set').set(free).where('claim_id', 'is not', null).execute()
  await db.updateTable('job').set(free).where('claim_id', 'is not', null).execute()
}

function createTables(context: TableContext) {
  return {
    environments: new EnvironmentTable(context),
    apiKeys: new ApiKeyTable(context),
    audit: new AuditTable(context, 'changes'),
    auditChains: new AuditChainTable(context, 'changes'),
    traffic: new AuditTable(context, 'traffic'),
    trafficChains: new AuditChainTable(context, 'traffic'),
    idempotency: new IdempotencyTable(context),
    operator: new OperatorTable(context),
    sdkTokens: new SdkTokenTable(context),
    jobs: new JobTable(context),
    stats: new StatsTable(context),
    hourCounts: new HourCountTable(context),
    providerApps: new ProviderAppTable(context),
    widgetSessions: new WidgetSessionTable(context),
    flows: new FlowTable(context),
    heldGrants: new HeldGrantTable(context),
    connections: new ConnectionTable(context),
    tokenSets: new TokenSetTable(context),
    destinations: new DestinationTable(context),
    signingKeys: new SigningKeyTable(context),
    events: new EventTable(context),
    eventTimes: new EventTimes(context),
    deliveries: new DeliveryTable(context),
    deliveryHistory: new DeliveryHistoryTable(context),
    attempts: new AttemptTable(context),
    ledger: new LedgerTable(context),
    retention: new RetentionTable(context),
    erasure: new ErasureTable(context),
    resends: new ResendTable(context),
    deliveryHealth: new DeliveryHealthTable(context),
    revocations: new RevocationTable(context),
    processes: new ProcessTable(context),
    accountLocks: new AccountLockTable(context),
    moves: new ProviderMoveTable(context),
    moveUsers: new MoveUserTable(context),
    providerTasks: new ProviderTaskTable(context),
    appSubscriptions: new AppSubscriptionTable(context),
    sealedValues: new SealedValues(context),
    oldRows: new OldRows(context),
  }
}
