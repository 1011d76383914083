import type { AliasEdge } from '../core/facts.ts'
import {
  openSqlite,
  type SqliteDatabase,
  type SqliteHandle,
  type SqliteValue,
} from '../sqlite-handle.ts'
import type {
  AppTransactions,
  DueClaim,
  EventFilter,
  EventRedaction,
  GroupFilter,
  GroupMember,
  HandlerUpdate,
  HandlingEvent,
  InboxEvent,
  NewInboxEvent,
  PruneFilter,
  ReceiverStore,
  StoredUser,
  StoreTransaction,
  TransactionOptions,
  UnparkedUser,
  UserFilter,
  WaitingState,
} from '../store.ts'
import { handleEvent } from './handle-event.ts'
import { checkTablePrefix, readText, toInboxEvent, toStoredUser, type Row } from './rows.ts'
import { inSqliteTransaction } from './sqlite-in-transaction.ts'
import { migrateSqlite } from './sqlite-migrations.ts'

/** Settings of {@link sqliteStore}: either a file or a handle that is open already. */
export interface SqliteStoreOptions {
  /** File of the database; created with its folder when it is not there. Opened at first use. */
  path?: string
  /** A connection to share. It stays open when the store is closed. */
  handle?: SqliteHandle
  /** Begins the names of all tables; `firma_` by default. Letters, digits and underscores, at most 32. */
  tablePrefix?: string
}

const ENVIRONMENTS_MAX = 16

/**
 * Keeps the inbox and the connection map in SQLite, in tables of their own beside the app's.
 *
 * @throws RangeError for a bad prefix, or unless exactly one of `path` and `handle` is given. Its methods throw what the database throws.
 */
export function sqliteStore(options: SqliteStoreOptions): ReceiverStore {
  const { path, handle: shared, tablePrefix = 'firma_' } = options
  checkTablePrefix(tablePrefix)
  if ((path === undefined) === (shared === undefined)) {
    throw new RangeError('sqliteStore needs either path or handle')
  }
  const open = async (): Promise<SqliteHandle> => {
    const handle = shared ?? (await openSqlite(path ?? ''))
    await handle.exclusive((database) => migrateSqlite(database, tablePrefix, Date.now()))
    return handle
  }
  let opened: Promise<SqliteHandle> | undefined
  const getHandle = (): Promise<SqliteHandle> => {
    // A failure to open is not remembered: the disk may have room again at the next event.
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  return {
    async transaction<T>(
      fn: (tx: StoreTransaction) => Promise<T>,
      { kind }: TransactionOptions = {},
    ): Promise<T> {
      const handle = await getHandle()
      return handle.exclusive((database) =>
        inSqliteTransaction(database, () => fn(new SqliteTransaction(database, tablePrefix)), kind),
      )
    },
    async handleInAppTransaction<Tx>(
      transactions: AppTransactions<Tx>,
      event: HandlingEvent,
      fn: (tx: Tx) => Promise<void>,
    ): Promise<boolean> {
      const handle = await getHandle()
      const run = (): Promise<boolean> =>
        handleEvent(transactions, { ...event, inbox: `${tablePrefix}inbox` }, fn)
      // Drivers wait for each other's locks with the whole process, so two connections of one process must not write at once.
      return transactions.source === handle ? run() : handle.exclusive(run)
    },
    async close() {
      const handle = await opened
      if (shared === undefined) await handle?.close()
    },
  }
}

class SqliteTransaction implements StoreTransaction {
  readonly #database: SqliteDatabase
  readonly #inbox: string
  readonly #users: string
  readonly #aliases: string

  constructor(database: SqliteDatabase, prefix: string) {
    this.#database = database
    this.#inbox = `${prefix}inbox`
    this.#users = `${prefix}users`
    this.#aliases = `${prefix}aliases`
  }

  #all(sql: string, ...params: SqliteValue[]): Row[] {
    return this.#database.prepare(sql).all(...params)
  }

  async insertEvent(event: NewInboxEvent): Promise<number | undefined> {
    const { changes, lastInsertRowid } = this.#database
      .prepare(
        `INSERT INTO ${this.#inbox} (environment, event_key, trace_id, type, user_id, ordering_ms,
           received_at_ms, body, headers, handler_state, handler_state_at_ms, handler_due_at_ms, attempts)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
         ON CONFLICT (event_key, environment) DO NOTHING`,
      )
      .run(
        event.environment,
        event.eventKey,
        event.traceId ?? null,
        event.type,
        event.userId ?? null,
        event.orderingMs ?? null,
        event.receivedAtMs,
        event.body,
        JSON.stringify(event.headers),
        event.handlerState,
        event.receivedAtMs,
        event.handlerDueAtMs ?? null,
      )
    return Number(changes) === 0 ? undefined : Number(lastInsertRowid)
  }

  async findEvent(environment: string, eventKey: string): Promise<InboxEvent | undefined> {
    const sql = `SELECT * FROM ${this.#inbox} WHERE environment = ? AND event_key = ?`
    const row = this.#database.prepare(sql).get(environment, eventKey)
    return row === undefined ? undefined : toInboxEvent(row)
  }

  async listEvents(filter: EventFilter): Promise<InboxEvent[]> {
    const conditions = ['seq > ?']
    const params: SqliteValue[] = [filter.afterSeq ?? 0]
    if (filter.environment !== undefined) {
      conditions.push('environment = ?')
      params.push(filter.environment)
    }
    if (filter.userIds !== undefined) {
      conditions.push('user_id IN (SELECT value FROM json_each(?))')
      params.push(JSON.stringify(filter.userIds))
    }
    const states = filter.handlerStates
    if (states !== undefined) {
      conditions.push('handler_state IN (SELECT value FROM json_each(?))')
      params.push(JSON.stringify(states))
      // The condition of the partial index; see the migration.
      if (!states.includes('done') && !states.includes('none')) {
        conditions.push("handler_state NOT IN ('done', 'none')")
      }
    }
    if (filter.handlerStateBeforeMs !== undefined) {
      conditions.push('handler_state_at_ms < ?')
      params.push(filter.handlerStateBeforeMs)
    }
    if (filter.types !== undefined) {
      conditions.push('type IN (SELECT value FROM json_each(?))')
      params.push(JSON.stringify(filter.types))
    }
    const where = conditions.join(' AND ')
    const order = filter.isNewestFirst === true ? 'DESC' : 'ASC'
    const sql = `SELECT * FROM ${this.#inbox} WHERE ${where} ORDER BY seq ${order} LIMIT ?`
    return this.#all(sql, ...params, filter.limit).map(toInboxEvent)
  }

  async setHandlerState(update: HandlerUpdate): Promise<void> {
    const { seq, state, atMs, attemptsAdded, error, dueAtMs } = update
    this.#database
      .prepare(
        `UPDATE ${this.#inbox} SET handler_state = ?, handler_state_at_ms = ?, handler_error = ?, attempts = attempts + ?,
           handler_due_at_ms = ?
         WHERE seq = ? AND (handler_state <> 'done' OR ? NOT IN ('failed', 'dead'))`,
      )
      .run(state, atMs, error ?? null, attemptsAdded, dueAtMs ?? null, seq, state)
  }

  async claimDue({ nowMs, untilMs, limit }: DueClaim): Promise<InboxEvent[]> {
    const rows = this.#all(
      `UPDATE ${this.#inbox} SET handler_due_at_ms = ? WHERE seq IN (
         SELECT seq FROM ${this.#inbox} WHERE handler_due_at_ms <= ? ORDER BY handler_due_at_ms, seq LIMIT ?
       ) RETURNING *`,
      untilMs,
      nowMs,
      limit,
    )
    return rows.map(toInboxEvent).sort((a, b) => a.seq - b.seq)
  }

  async countEvents(state: WaitingState, max: number): Promise<number> {
    // The last condition is that of the partial index; see the migration.
    const sql = `SELECT count(*) AS count FROM (SELECT 1 FROM ${this.#inbox} WHERE handler_state = ?
      AND handler_state NOT IN ('done', 'none') LIMIT ?)`
    return Number(this.#database.prepare(sql).get(state, max)?.['count'])
  }

  async prune({ receivedBeforeMs, isUnhandledIncluded, limit }: PruneFilter): Promise<number> {
    const kept = isUnhandledIncluded
      ? ['pending', 'failed']
      : ['pending', 'failed', 'parked', 'dead']
    const { changes } = this.#database
      .prepare(
        `DELETE FROM ${this.#inbox} WHERE seq IN (
           SELECT seq FROM ${this.#inbox} WHERE received_at_ms < ?
             AND handler_state NOT IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?)`,
      )
      .run(receivedBeforeMs, JSON.stringify(kept), limit)
    return Number(changes)
  }

  async unpark(user: UnparkedUser): Promise<void> {
    this.#database
      .prepare(
        `UPDATE ${this.#inbox} SET handler_state = ?, handler_state_at_ms = ?, handler_due_at_ms = ?
         WHERE environment = ? AND user_id = ? AND handler_state = 'parked'`,
      )
      .run(user.state, user.atMs, user.dueAtMs ?? null, user.environment, user.userId)
  }

  async findUser(environment: string, userId: string): Promise<StoredUser | undefined> {
    const sql = `SELECT record, component_id FROM ${this.#users} WHERE environment = ? AND user_id = ?`
    const row = this.#database.prepare(sql).get(environment, userId)
    return row === undefined ? undefined : toStoredUser(row)
  }

  async saveUser(environment: string, { record, componentId }: StoredUser): Promise<void> {
    this.#database
      .prepare(
        `INSERT INTO ${this.#users} (environment, user_id, component_id, provider, reference_id, is_orphan, record)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (user_id, environment) DO UPDATE SET component_id = excluded.component_id,
           provider = excluded.provider, reference_id = excluded.reference_id, is_orphan = excluded.is_orphan,
           record = excluded.record`,
      )
      .run(
        environment,
        record.userId,
        componentId,
        record.provider?.value ?? null,
        record.referenceId?.value ?? null,
        record.marks.orphan_reauth === undefined ? 0 : 1,
        JSON.stringify(record),
      )
  }

  async saveEdge(environment: string, { oldUserId, newUserId }: AliasEdge): Promise<void> {
    this.#database
      .prepare(
        `INSERT INTO ${this.#aliases} (environment, old_user_id, new_user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
      )
      .run(environment, oldUserId, newUserId)
  }

  async mergeComponents(environment: string, from: string, into: string): Promise<void> {
    this.#database
      .prepare(
        `UPDATE ${this.#users} SET component_id = ? WHERE environment = ? AND component_id = ?`,
      )
      .run(into, environment, from)
  }

  async listComponent(environment: string, componentId: string): Promise<StoredUser[]> {
    const sql = `SELECT record, component_id FROM ${this.#users} WHERE environment = ? AND component_id = ?`
    return this.#all(sql, environment, componentId).map(toStoredUser)
  }

  async listEdges(environment: string, componentId: string): Promise<AliasEdge[]> {
    const rows = this.#all(
      `SELECT old_user_id, new_user_id FROM ${this.#users} JOIN ${this.#aliases}
         ON ${this.#aliases}.environment = ${this.#users}.environment AND old_user_id = user_id
       WHERE ${this.#users}.environment = ? AND component_id = ?`,
      environment,
      componentId,
    )
    return rows.map((row) => ({
      oldUserId: readText(row, 'old_user_id'),
      newUserId: readText(row, 'new_user_id'),
    }))
  }

  async listGroup(filter: GroupFilter): Promise<GroupMember[]> {
    const conditions = ['reference_id = ?']
    const params: SqliteValue[] = [filter.referenceId]
    if (filter.provider !== undefined) {
      conditions.push('provider = ?')
      params.push(filter.provider)
    }
    if (filter.environment !== undefined) {
      conditions.push('environment = ?')
      params.push(filter.environment)
    }
    if (filter.isOrphan === true) conditions.push('is_orphan = 1')
    const rows = this.#all(
      `SELECT environment, record, component_id FROM ${this.#users} WHERE ${conditions.join(' AND ')}
       ORDER BY user_id, environment LIMIT ?`,
      ...params,
      filter.limit,
    )
    return rows.map((row) => ({ ...toStoredUser(row), environment: readText(row, 'environment') }))
  }

  async listEnvironments(userId: string): Promise<string[]> {
    const sql = `SELECT environment FROM ${this.#users} WHERE user_id = ? ORDER BY environment LIMIT ${ENVIRONMENTS_MAX}`
    return this.#all(sql, userId).map((row) => readText(row, 'environment'))
  }

  async listUsers({ environment, afterUserId = '', limit }: UserFilter): Promise<StoredUser[]> {
    const sql = `SELECT record, component_id FROM ${this.#users} WHERE user_id > ? AND environment = ? ORDER BY user_id LIMIT ?`
    return this.#all(sql, afterUserId, environment, limit).map(toStoredUser)
  }

  async deleteUser(environment: string, userId: string): Promise<void> {
    this.#database
      .prepare(`DELETE FROM ${this.#users} WHERE user_id = ? AND environment = ?`)
      .run(userId, environment)
  }

  async deleteEdge(environment: string, { oldUserId, newUserId }: AliasEdge): Promise<void> {
    this.#database
      .prepare(
        `DELETE FROM ${this.#aliases} WHERE old_user_id = ? AND new_user_id = ? AND environment = ?`,
      )
      .run(oldUserId, newUserId, environment)
  }

  async redactEvent({ seq, userId, body, atMs }: EventRedaction): Promise<void> {
    this.#database
      .prepare(
        `UPDATE ${this.#inbox} SET user_id = ?, body = ?, trace_id = NULL, headers = '{}', handler_state = 'done',
           handler_state_at_ms = ?, handler_due_at_ms = NULL, handler_error = NULL WHERE seq = ?`,
      )
      .run(userId ?? null, body, atMs, seq)
  }
}
