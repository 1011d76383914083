import { BUCKET_INDEXES, PLAIN_INDEXES } from './postgres-buckets.ts'
import type { PostgresClient } from './postgres-pool.ts'
import { readNumber, type Row } from './rows.ts'

/**
 * Numbered by position, immutable, forward only; `$` stands for the schema and the table prefix, `#` for the prefix alone (an index is made in
 * the schema of its table and may not name it).
 *
 * Collation "C" everywhere: order by code points, the same on every server, and the fastest one. An index entry holds at most 2,704
 * bytes, so what a sender may make longer is indexed by its beginning (users and aliases store keys, see `toKey`).
 */
const MIGRATIONS = [
  `
  CREATE SEQUENCE $inbox_seq;
  CREATE TABLE $inbox (
    seq bigint PRIMARY KEY,
    environment text COLLATE "C" NOT NULL,
    event_key text COLLATE "C" NOT NULL,
    trace_id text COLLATE "C",
    type text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    ordering_ms bigint,
    received_at_ms bigint NOT NULL,
    body bytea NOT NULL,
    headers text COLLATE "C" NOT NULL,
    handler_state text COLLATE "C" NOT NULL,
    handler_state_at_ms bigint NOT NULL,
    handler_due_at_ms bigint,
    handler_error text COLLATE "C",
    attempts integer NOT NULL
  );
  ALTER TABLE $inbox ALTER COLUMN body SET STORAGE EXTERNAL;
  CREATE UNIQUE INDEX #inbox_key ON $inbox (event_key, environment);
  CREATE INDEX #inbox_user ON $inbox ((left(user_id, 255)), seq);
  CREATE INDEX #inbox_parked ON $inbox ((left(user_id, 255))) WHERE handler_state = 'parked';
  CREATE INDEX #inbox_due ON $inbox (handler_state, seq) WHERE handler_state NOT IN ('done', 'none');
  CREATE INDEX #inbox_due_at ON $inbox (handler_due_at_ms) WHERE handler_due_at_ms IS NOT NULL;
  CREATE TABLE $users (
    environment text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    component_id text COLLATE "C" NOT NULL,
    provider text COLLATE "C",
    reference_id text COLLATE "C",
    is_orphan integer NOT NULL,
    record text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, environment)
  );
  CREATE INDEX #users_component ON $users (component_id, environment);
  CREATE INDEX #users_reference ON $users (reference_id, provider, user_id, environment);
  CREATE INDEX #users_orphan ON $users (reference_id, provider, user_id, environment) WHERE is_orphan = 1;
  CREATE TABLE $aliases (
    environment text COLLATE "C" NOT NULL,
    old_user_id text COLLATE "C" NOT NULL,
    new_user_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (old_user_id, new_user_id, environment)
  );
  `,
  // Room on the pages of users: a record that changes stays where it is, and no index is written.
  `
  CREATE TABLE $cursors (
    name text COLLATE "C" PRIMARY KEY,
    value text COLLATE "C" NOT NULL,
    saved_at_ms bigint NOT NULL
  );
  ALTER TABLE $users SET (fillfactor = 80);
  `,
  // In an inbox that is in use it is run in parts; see `postgres-layout.ts`.
  `
  ${PLAIN_INDEXES.map((name) => `DROP INDEX $${name};`).join('\n  ')}
  ${BUCKET_INDEXES.map(({ name, on }) => `CREATE INDEX #${name} ON $inbox ${on};`).join('\n  ')}
  `,
] as const

/** The tables have this version as long as the indexes over the whole inbox are there, and all versions of this library know it. */
const PLAIN_VERSION = 2
/** Version of the tables when they have none but the indexes in buckets. */
export const BUCKETED_VERSION = 3

/** Names of the tables of one store. */
export interface PostgresNames {
  /** Where they are; `undefined` for the first schema of the connection's search path. */
  schema: string | undefined
  /** Begins their names. */
  prefix: string
  /** Both, as a statement needs them: `"schema".prefix`, to be followed by the rest of the name. */
  qualified: string
}

/** Takes the lock that lets transactions which fold events run one after the other, in all processes. Ends with the transaction. */
export function toLockSql(names: PostgresNames): string {
  return `SELECT pg_advisory_xact_lock(${LOCK_CLASS}, hashtext(${toLockPlace(names)}))`
}

/** What locks of ours are named after. */
export function toLockPlace({ schema, prefix }: PostgresNames): string {
  // The same for the schema that is named and the one that is found, or two processes would each have a lock of their own.
  return `${schema === undefined ? 'current_schema()' : `'${schema}'`} || '.${prefix}'`
}

/** "firm" in ASCII: keeps our locks apart from those of the app. */
const LOCK_CLASS = 0x66_69_72_6d

/**
 * Brings the tables up to date, inside a transaction. Two processes that start together wait for each other. What would hold an inbox up that is in use
 * is left to `postgres-layout.ts`.
 *
 * @returns The version of the tables.
 * @throws RangeError when they were written by a newer version of this library.
 */
export async function migratePostgres(
  client: PostgresClient,
  names: PostgresNames,
  nowMs: number,
): Promise<number> {
  const { schema, prefix, qualified } = names
  const table = `${qualified}receiver_migrations`
  await client.query(toLockSql(names))
  if (schema !== undefined) await createSchema(client, schema)
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${table} (version integer PRIMARY KEY, applied_at_ms bigint NOT NULL)`,
  )
  const { rows } = await client.query(`SELECT coalesce(max(version), 0) AS version FROM ${table}`)
  const version = readNumber(rows[0] ?? ({} satisfies Row), 'version')
  if (version > MIGRATIONS.length) {
    throw new RangeError(
      `the tables "${prefix}…" have version ${version} and this firma-receiver knows ${MIGRATIONS.length}; ` +
        'install the newer one',
    )
  }
  for (const [i, sql] of MIGRATIONS.entries()) {
    if (i < version || (version > 0 && i >= PLAIN_VERSION)) continue
    await client.query(sql.replaceAll('$', () => qualified).replaceAll('#', prefix))
    await client.query(`INSERT INTO ${table} VALUES ($1, $2)`, [i + 1, nowMs])
  }
  return version === 0 ? MIGRATIONS.length : Math.max(version, PLAIN_VERSION)
}

async function createSchema(client: PostgresClient, schema: string): Promise<void> {
  // Asked first: IF NOT EXISTS wants the right to create one even when it is there.
  const sql = 'SELECT 1 FROM pg_namespace WHERE nspname = $1'
  const { rows } = await client.query(sql, [schema])
  if (rows.length === 0) await client.query(`CREATE SCHEMA "${schema}"`)
}
