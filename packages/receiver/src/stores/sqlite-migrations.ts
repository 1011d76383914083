import type { SqliteDatabase } from '../sqlite-handle.ts'

/**
 * Numbered by position, immutable, forward only; `$` stands for the table prefix.
 *
 * No index begins with the environment: there are few of them, and SQLite, which guesses ten rows for each, would walk them all.
 * The partial index repeats a condition word for word in the query that uses it: SQLite proves no more than that.
 */
const MIGRATIONS: readonly string[] = [
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
  ALTER TABLE $inbox ADD COLUMN handler_due_at_ms INTEGER;
  UPDATE $inbox SET handler_due_at_ms = handler_state_at_ms WHERE handler_state IN ('pending', 'failed');
  CREATE INDEX $inbox_due_at ON $inbox (handler_due_at_ms) WHERE handler_due_at_ms IS NOT NULL;
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
      database.exec(sql.replaceAll('$', prefix))
      database.prepare(`INSERT INTO ${table} VALUES (?, ?)`).run(i + 1, nowMs)
    }
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
