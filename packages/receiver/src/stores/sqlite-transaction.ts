import type { AliasEdge } from '../core/facts.ts'
import type { SqliteDatabase, SqliteHandle, SqliteValue } from '../sqlite-handle.ts'
import type {
  Cursor,
  DueClaim,
  EventFilter,
  EventRedaction,
  GroupFilter,
  GroupMember,
  HandlerUpdate,
  InboxEvent,
  NewInboxEvent,
  PruneFilter,
  ReceivedFilter,
  StoredUser,
  StoreTransaction,
  UnparkedUser,
  UserFilter,
  WaitingState,
} from '../store.ts'
import { ENVIRONMENTS_MAX } from './lookup.ts'
import {
  readNumber,
  readText,
  toBounds,
  toInboxEvent,
  toKeptStates,
  toStoredUser,
  type Row,
} from './rows.ts'
import { hashKey } from './seen-keys.ts'
import { toHotSql, type HotSql } from './sqlite-hot-sql.ts'
import { SqliteSeen, type HashedKey } from './sqlite-seen.ts'

/** One transaction on one connection. */
export class SqliteTransaction implements StoreTransaction {
  readonly #database: SqliteDatabase
  readonly #inbox: string
  readonly #users: string
  readonly #aliases: string
  readonly #cursors: string
  readonly #seen: SqliteSeen
  readonly #sql: HotSql
  #isCaughtUp = false

  constructor(handle: SqliteHandle, database: SqliteDatabase, prefix: string) {
    this.#database = database
    this.#inbox = `${prefix}inbox`
    this.#users = `${prefix}users`
    this.#aliases = `${prefix}aliases`
    this.#cursors = `${prefix}cursors`
    this.#seen = SqliteSeen.of(handle, this.#inbox)
    this.#sql = toHotSql(prefix)
  }

  /** What is remembered, brought up to date. */
  #remembered(): SqliteSeen {
    // Once is enough: nobody else writes while a transaction does, and one that reads sees one state.
    if (!this.#isCaughtUp) this.#seen.catchUp(this.#database)
    this.#isCaughtUp = true
    return this.#seen
  }

  /** To be called when the transaction was rolled back. */
  noteRolledBack(): void {
    this.#seen.forgetUsers()
  }

  #findSeq(key: HashedKey): number | undefined {
    return this.#remembered().findSeq(this.#database, key)
  }

  #all(sql: string, ...params: SqliteValue[]): Row[] {
    return this.#database.prepare(sql).all(...params)
  }

  async insertEvent(event: NewInboxEvent): Promise<number | undefined> {
    const { environment, eventKey, userId } = event
    const keyHash = hashKey(environment, eventKey)
    if (this.#findSeq({ environment, eventKey, keyHash }) !== undefined) return undefined
    const { lastInsertRowid } = this.#database
      .prepare(this.#sql.insertEvent)
      .run(
        environment,
        eventKey,
        keyHash,
        event.traceId ?? null,
        event.type,
        userId ?? null,
        userId === undefined ? null : hashKey(environment, userId),
        event.orderingMs ?? null,
        event.receivedAtMs,
        event.body,
        JSON.stringify(event.headers),
        event.handlerState,
        event.handlerDueAtMs ?? null,
      )
    const seq = Number(lastInsertRowid)
    this.#seen.add(seq, keyHash)
    return seq
  }

  async findEvent(environment: string, eventKey: string): Promise<InboxEvent | undefined> {
    const seq = this.#findSeq({ environment, eventKey, keyHash: hashKey(environment, eventKey) })
    if (seq === undefined) return undefined
    const row = this.#database.prepare(`SELECT * FROM ${this.#inbox} WHERE seq = ?`).get(seq)
    return row === undefined ? undefined : toInboxEvent(row)
  }

  async listEvents(filter: EventFilter): Promise<InboxEvent[]> {
    const conditions = ['seq > ?']
    const params: SqliteValue[] = [filter.afterSeq ?? 0]
    for (const [condition, value] of toBounds(filter)) {
      conditions.push(`${condition} ?`)
      params.push(value)
    }
    if (filter.environment !== undefined) {
      conditions.push('environment = ?')
      params.push(filter.environment)
    }
    if (filter.userIds !== undefined) {
      conditions.push(`seq IN (${this.#eventsOfUsersSql()})`)
      params.push(...toUsersParams(filter))
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

  /** Numbers of the events of some users, bucket by bucket of the index. */
  #eventsOfUsersSql(): string {
    return `WITH RECURSIVE
      ends (first, last) AS (SELECT min(seq) >> 10, max(seq) >> 10 FROM ${this.#inbox}),
      bucket (n) AS (SELECT max(first, ? >> 10) FROM ends UNION ALL SELECT n + 1 FROM bucket, ends WHERE n < last)
      SELECT of.seq FROM bucket CROSS JOIN json_each(?) AS asked CROSS JOIN ${this.#inbox} AS of
        ON of.seq >> 10 = bucket.n AND of.user_hash = asked.value AND of.user_hash IS NOT NULL
      WHERE of.environment = ? AND of.user_id IN (SELECT value FROM json_each(?))`
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

  async claimDue(claim: DueClaim): Promise<InboxEvent[]> {
    const { seq, exceptSeqs = [], nowMs, untilMs, limit, isFailedIncluded = false } = claim
    const early = isFailedIncluded
      ? " OR (handler_state = 'failed' AND handler_due_at_ms IS NOT NULL)"
      : ''
    const one = seq === undefined ? '' : 'seq = ? AND '
    const rows = this.#all(
      `UPDATE ${this.#inbox} SET handler_state = 'pending', handler_state_at_ms = ?, handler_due_at_ms = ? WHERE seq IN (
         SELECT seq FROM ${this.#inbox} WHERE ${one}(handler_due_at_ms <= ?${early})
           AND seq NOT IN (SELECT value FROM json_each(?))
         ORDER BY handler_due_at_ms, seq LIMIT ?
       ) RETURNING *`,
      nowMs,
      untilMs,
      ...(seq === undefined ? [] : [seq]),
      nowMs,
      JSON.stringify(exceptSeqs),
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

  async findLastBefore({ receivedBeforeMs, nowMs }: ReceivedFilter): Promise<number | undefined> {
    // The first young one ends the walk.
    const sql = `SELECT seq FROM ${this.#inbox} WHERE received_at_ms < ? AND seq < coalesce(
        (SELECT seq FROM ${this.#inbox} WHERE received_at_ms BETWEEN ? AND ? ORDER BY seq LIMIT 1), ${Number.MAX_SAFE_INTEGER})
      ORDER BY seq DESC LIMIT 1`
    const row = this.#database.prepare(sql).get(receivedBeforeMs, receivedBeforeMs, nowMs)
    return row === undefined ? undefined : readNumber(row, 'seq')
  }

  async prune({ throughSeq, isUnhandledIncluded, limit }: PruneFilter): Promise<number> {
    const { changes } = this.#database
      .prepare(
        `DELETE FROM ${this.#inbox} WHERE seq IN (SELECT seq FROM ${this.#inbox} WHERE seq <= ?
           AND handler_state NOT IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?)`,
      )
      .run(throughSeq, JSON.stringify(toKeptStates(isUnhandledIncluded)), limit)
    this.#seen.notePruned()
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
    const row = this.#database.prepare(this.#sql.findUser).get(environment, userId)
    return row === undefined ? undefined : toStoredUser(row)
  }

  async hasUser(environment: string, userId: string): Promise<boolean> {
    const remembered = this.#remembered()
    if (remembered.hasUser(environment, userId)) return true
    const isKnown = this.#database.prepare(this.#sql.hasUser).get(environment, userId) !== undefined
    if (isKnown) remembered.addUser(environment, userId)
    return isKnown
  }

  async saveUser(environment: string, { record, componentId }: StoredUser): Promise<void> {
    const text = JSON.stringify(record)
    const names = [record.provider?.value ?? null, record.referenceId?.value ?? null] as const
    const isOrphan = record.marks.orphan_reauth === undefined ? 0 : 1
    // Nearly always only the record changes; a statement that names an indexed column rewrites its index, equal or not.
    const { changes } = this.#database
      .prepare(this.#sql.saveRecord)
      .run(text, record.userId, environment, componentId, ...names, isOrphan)
    if (Number(changes) > 0) return
    this.#database
      .prepare(
        `INSERT INTO ${this.#users} (environment, user_id, component_id, provider, reference_id, is_orphan, record)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (user_id, environment) DO UPDATE SET component_id = excluded.component_id,
           provider = excluded.provider, reference_id = excluded.reference_id, is_orphan = excluded.is_orphan,
           record = excluded.record`,
      )
      .run(environment, record.userId, componentId, ...names, isOrphan, text)
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
    // With min(), SQLite takes the other columns from the row that has it.
    const [first, group] =
      filter.isPerComponent === true
        ? ['min(user_id)', 'GROUP BY environment, component_id']
        : ['user_id', '']
    const rows = this.#all(
      `SELECT environment, record, component_id, ${first} AS first FROM ${this.#users}
       WHERE ${conditions.join(' AND ')} ${group} ORDER BY first, environment LIMIT ?`,
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
    this.#seen.forgetUsers()
  }

  async deleteEdge(environment: string, { oldUserId, newUserId }: AliasEdge): Promise<void> {
    this.#database
      .prepare(
        `DELETE FROM ${this.#aliases} WHERE old_user_id = ? AND new_user_id = ? AND environment = ?`,
      )
      .run(oldUserId, newUserId, environment)
  }

  async findCursor(name: string): Promise<string | undefined> {
    const sql = `SELECT value FROM ${this.#cursors} WHERE name = ?`
    const row = this.#database.prepare(sql).get(name)
    return row === undefined ? undefined : readText(row, 'value')
  }

  async saveCursor({ name, value, atMs }: Cursor): Promise<void> {
    this.#database
      .prepare(
        `INSERT INTO ${this.#cursors} (name, value, saved_at_ms) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, saved_at_ms = excluded.saved_at_ms`,
      )
      .run(name, value, atMs)
  }

  async deleteCursor(name: string): Promise<void> {
    this.#database.prepare(`DELETE FROM ${this.#cursors} WHERE name = ?`).run(name)
  }

  async redactEvent({ seq, userId, body, atMs }: EventRedaction): Promise<void> {
    const row = this.#database
      .prepare(`SELECT environment FROM ${this.#inbox} WHERE seq = ?`)
      .get(seq)
    if (row === undefined) return
    const userHash = userId === undefined ? null : hashKey(readText(row, 'environment'), userId)
    this.#database
      .prepare(
        `UPDATE ${this.#inbox} SET user_id = ?, user_hash = ?, body = ?, trace_id = NULL, headers = '{}', handler_state = 'done',
           handler_state_at_ms = ?, handler_due_at_ms = NULL, handler_error = NULL WHERE seq = ?`,
      )
      .run(userId ?? null, userHash, body, atMs, seq)
  }
}

function toUsersParams({
  userIds = [],
  environment = '',
  afterSeq = 0,
}: EventFilter): SqliteValue[] {
  const hashes = userIds.map((userId) => hashKey(environment, userId))
  return [afterSeq, JSON.stringify(hashes), environment, JSON.stringify(userIds)]
}
