import type { SqliteDatabase } from '../sqlite-handle.ts'
import { readNumber, readText } from './rows.ts'
import { hashKey } from './seen-keys.ts'

/** What SQL alone cannot do. */
type Step = (database: SqliteDatabase, prefix: string) => void

const ROWS_AT_ONCE = 1_000

/**
 * Numbered by position, immutable, forward only; `$` stands for the table prefix.
 *
 * No index begins with the environment: there are few of them, and SQLite, which guesses ten rows for each, would walk them all.
 * The keys of the inbox and its users are indexed in buckets of 1,024 events (`seq >> 10`, see `seen-keys.ts`), so that inserts meet on few pages however
 * large it has become. A partial index repeats a condition word for word in the query that uses it: SQLite proves no more than that.
 */
const MIGRATIONS: readonly (string | Step)[] = [
  `
  CREATE TABLE $inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    environment TEXT NOT NULL,
    event_key TEXT NOT NULL,
    trace_id TEXT,
    type TEXT NOT NULL,
    user_id TEXT,
    ordering_ms INTEGER,
    received_at_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    headers TEXT NOT NULL,
    handler_state TEXT NOT NULL,
    handler_state_at_ms INTEGER NOT NULL,
    handler_error TEXT,
    attempts INTEGER NOT NULL,
    UNIQUE (event_key, environment)
  );
  CREATE INDEX $inbox_user ON $inbox (user_id, environment, seq);
  CREATE INDEX $inbox_due ON $inbox (handler_state, seq) WHERE handler_state NOT IN ('done', 'none');
  CREATE TABLE $users (
    environment TEXT NOT NULL,
    user_id TEXT NOT NULL,
    component_id TEXT NOT NULL,
    provider TEXT,
    reference_id TEXT,
    is_orphan INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (user_id, environment)
  ) WITHOUT ROWID;
  CREATE INDEX $users_component ON $users (component_id, environment);
  CREATE INDEX $users_reference ON $users (reference_id, provider, user_id, environment);
  CREATE INDEX $users_orphan ON $users (reference_id, provider, user_id, environment) WHERE is_orphan = 1;
  CREATE TABLE $aliases (
    environment TEXT NOT NULL,
    old_user_id TEXT NOT NULL,
    new_user_id TEXT NOT NULL,
    PRIMARY KEY (old_user_id, new_user_id, environment)
  ) WITHOUT ROWID;
  `,
  `
  CREATE TABLE $inbox_next (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    environment TEXT NOT NULL,
    event_key TEXT NOT NULL,
    key_hash INTEGER NOT NULL,
    trace_id TEXT,
    type TEXT NOT NULL,
    user_id TEXT,
    user_hash INTEGER,
    ordering_ms INTEGER,
    received_at_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    headers TEXT NOT NULL,
    handler_state TEXT NOT NULL,
    handler_state_at_ms INTEGER NOT NULL,
    handler_due_at_ms INTEGER,
    handler_error TEXT,
    attempts INTEGER NOT NULL
  );
  INSERT INTO $inbox_next SELECT seq, environment, event_key, 0, trace_id, type, user_id, NULL, ordering_ms, received_at_ms,
    body, headers, handler_state, handler_state_at_ms,
    CASE WHEN handler_state IN ('pending', 'failed') THEN handler_state_at_ms END, handler_error, attempts FROM $inbox;
  DROP TABLE $inbox;
  ALTER TABLE $inbox_next RENAME TO $inbox;
  CREATE INDEX $inbox_due ON $inbox (handler_state, seq) WHERE handler_state NOT IN ('done', 'none');
  CREATE INDEX $inbox_due_at ON $inbox (handler_due_at_ms) WHERE handler_due_at_ms IS NOT NULL;
  CREATE INDEX $inbox_parked ON $inbox (user_id, environment) WHERE handler_state = 'parked';
  `,
  fillHashes,
  `
  CREATE INDEX $inbox_key ON $inbox (seq >> 12, key_hash);
  CREATE INDEX $inbox_user ON $inbox (seq >> 12, user_hash) WHERE user_hash IS NOT NULL;
  `,
  `
  CREATE TABLE $cursors (name TEXT PRIMARY KEY, value TEXT NOT NULL, saved_at_ms INTEGER NOT NULL) WITHOUT ROWID;
  `,
  // Smaller buckets: a batch of 64 events touches 5 pages of each of these indexes instead of 20.
  `
  DROP INDEX $inbox_key;
  DROP INDEX $inbox_user;
  CREATE INDEX $inbox_key ON $inbox (seq >> 10, key_hash);
  CREATE INDEX $inbox_user ON $inbox (seq >> 10, user_hash) WHERE user_hash IS NOT NULL;
  `,
  // With row numbers: without them the whole record is in the tree that is searched, whose pages then branch into five instead of a hundred.
  `
  CREATE TABLE $users_next (
    environment TEXT NOT NULL,
    user_id TEXT NOT NULL,
    component_id TEXT NOT NULL,
    provider TEXT,
    reference_id TEXT,
    is_orphan INTEGER NOT NULL,
    record TEXT NOT NULL
  );
  INSERT INTO $users_next SELECT environment, user_id, component_id, provider, reference_id, is_orphan, record FROM $users;
  DROP TABLE $users;
  ALTER TABLE $users_next RENAME TO $users;
  CREATE UNIQUE INDEX $users_id ON $users (user_id, environment);
  CREATE INDEX $users_component ON $users (component_id, environment);
  CREATE INDEX $users_reference ON $users (reference_id, provider, user_id, environment);
  CREATE INDEX $users_orphan ON $users (reference_id, provider, user_id, environment) WHERE is_orphan = 1;
  `,
]

/**
 * Brings the tables up to date, all steps in one transaction.
 *
 * @throws RangeError when the file was written by a newer version of this library.
 */
export function migrateSqlite(database: SqliteDatabase, prefix: string, nowMs: number): void {
  const table = `${prefix}receiver_migrations`
  database.exec(
    `CREATE TABLE IF NOT EXISTS ${table} (version INTEGER PRIMARY KEY, applied_at_ms INTEGER NOT NULL)`,
  )
  const readVersion = (): number =>
    Number(database.prepare(`SELECT max(version) AS version FROM ${table}`).get()?.['version'] ?? 0)
  // Most often there is nothing to do, and nothing to wait for.
  if (readVersion() === MIGRATIONS.length) return
  // Taken before the version is read, so that two processes that start together do not both migrate.
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = readVersion()
    if (version > MIGRATIONS.length) {
      throw new RangeError(
        `the tables "${prefix}…" have version ${version} and this firma-receiver knows ${MIGRATIONS.length}; ` +
          'install the newer one',
      )
    }
    for (const [i, sql] of MIGRATIONS.entries()) {
      if (i < version) continue
      if (typeof sql === 'string') database.exec(sql.replaceAll('$', prefix))
      else sql(database, prefix)
      database.prepare(`INSERT INTO ${table} VALUES (?, ?)`).run(i + 1, nowMs)
    }
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/** For events that were accepted before there were hashes. */
function fillHashes(database: SqliteDatabase, prefix: string): void {
  const select = database.prepare(
    `SELECT seq, environment, event_key, user_id FROM ${prefix}inbox WHERE seq > ? ORDER BY seq LIMIT ${ROWS_AT_ONCE}`,
  )
  const update = database.prepare(
    `UPDATE ${prefix}inbox SET key_hash = ?, user_hash = ? WHERE seq = ?`,
  )
  let seq = 0
  for (let rows = select.all(seq); rows.length > 0; rows = select.all(seq)) {
    for (const row of rows) {
      seq = readNumber(row, 'seq')
      const environment = readText(row, 'environment')
      const userId = row['user_id']
      const userHash = typeof userId === 'string' ? hashKey(environment, userId) : null
      update.run(hashKey(environment, readText(row, 'event_key')), userHash, seq)
    }
  }
}
