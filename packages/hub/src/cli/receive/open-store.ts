import type { ReceiverStore } from 'firma-receiver'
import { postgresStore } from 'firma-receiver/postgres'
import { sqliteStore } from 'firma-receiver/sqlite'
import type { Log } from '../../deps.ts'
import { FirmaError } from '../../errors.ts'
import type { Database } from './config.ts'

export interface OpenedStore {
  readonly store: ReceiverStore
  /** Where it is, without a password. */
  readonly says: string
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 5_000
const CONNECTIONS_MAX = 16

/**
 * Opens the store and asks it once, which makes its tables.
 *
 * @throws FirmaError `configuration_invalid` when it does not answer.
 */
export async function openStore(
  database: Database,
  { tablePrefix, log }: { tablePrefix: string; log: Log },
): Promise<OpenedStore> {
  const opened =
    database.kind === 'sqlite'
      ? openSqliteStore(database.path, tablePrefix)
      : openPostgresStore(database.url.reveal(), tablePrefix, log)
  try {
    await probe(opened.store)
    return opened
  } catch (cause) {
    // The first failure is the one to be told.
    await opened.close().catch(() => undefined)
    throw new FirmaError(
      'configuration_invalid',
      `FIRMA_RECEIVE_DATABASE is ${opened.says}, which cannot be used; check that it is there and may be written to`,
      { cause },
    )
  }
}

/** Asks something that costs nothing. */
async function probe(store: ReceiverStore): Promise<void> {
  await store.transaction((tx) => tx.listEnvironments('-'), { kind: 'read' })
}

/** Whether it takes writes, and has room for some: commits what it has taken away again. */
export async function probeWrite(store: ReceiverStore, atMs: number): Promise<void> {
  const name = 'write probe'
  await store.transaction(
    async (tx) => {
      await tx.saveCursor({ name, value: PROBE_FILLER, atMs })
      await tx.deleteCursor(name)
    },
    // As with the cursor of a recovery: who changes no map need not wait for those who do.
    { kind: 'event' },
  )
}

/** Takes pages of its own, so that there has to be room for them. */
const PROBE_FILLER = 'x'.repeat(16_384)

function openSqliteStore(path: string, tablePrefix: string): OpenedStore {
  const store = sqliteStore({ path, tablePrefix })
  return { store, says: `SQLite file ${path}`, close: async () => await store.close() }
}

function openPostgresStore(connectionString: string, tablePrefix: string, log: Log): OpenedStore {
  const store = postgresStore({
    connectionString,
    poolOptions: {
      max: CONNECTIONS_MAX,
      // Without it, a server that drops packets is waited for until the sender gives up.
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'firma-receive',
    },
    tablePrefix,
    onNotice: (message) => log.info({}, message),
  })
  const { host, pathname } = new URL(connectionString)
  return {
    store,
    says: `PostgreSQL ${host}${pathname}`,
    close: async () => await store.close(),
  }
}
