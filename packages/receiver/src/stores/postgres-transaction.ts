import type { AliasEdge } from '../core/facts.ts'
import { toStorable } from '../core/json-fields.ts'
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
import { toInboxSearch, type InboxSearch } from './postgres-buckets.ts'
import type { PostgresClient } from './postgres-pool.ts'
import { PostgresRows, toKey, type PostgresTables } from './postgres-rows.ts'
import {
  readNumber,
  readText,
  toBounds,
  toInboxEvent,
  toKeptStates,
  toStoredUser,
  type Row,
} from './rows.ts'

/** One transaction on one connection. */
export class PostgresTransaction implements StoreTransaction {
  /** What is read and written many at once. */
  readonly rows: PostgresRows
  readonly #client: PostgresClient
  readonly #inbox: string
  readonly #users: string
  readonly #aliases: string
  readonly #cursors: string
  readonly #search: InboxSearch

  constructor(client: PostgresClient, tables: PostgresTables) {
    const { prefix } = tables
    this.#client = client
    this.rows = new PostgresRows(client, tables)
    this.#inbox = `${prefix}inbox`
    this.#users = `${prefix}users`
    this.#aliases = `${prefix}aliases`
    this.#cursors = `${prefix}cursors`
    this.#search = toInboxSearch(this.#inbox, tables.firstSeq)
  }

  async #all(sql: string, ...values: unknown[]): Promise<Row[]> {
    return (await this.#client.query(sql, values)).rows
  }

  async insertEvent(event: NewInboxEvent): Promise<number | undefined> {
    const { seqs, keys } = await this.rows.load({ events: [event], users: [], asked: [] })
    const [seq] = seqs
    if (seq === undefined) throw new TypeError('the sequence of the inbox gave no number')
    if (keys.length > 0) return undefined
    await this.rows.write({ events: [{ ...event, seq }] })
    return seq
  }

  async findEvent(environment: string, eventKey: string): Promise<InboxEvent | undefined> {
    const values: unknown[] = [environment, toStorable(eventKey)]
    const hasKey = this.#search.hasKey('$2', (value) => `$${values.push(value)}`)
    const sql = `SELECT * FROM ${this.#inbox} WHERE environment = $1 AND ${hasKey} LIMIT 1`
    const [row] = await this.#all(sql, ...values)
    return row === undefined ? undefined : toInboxEvent(row)
  }

  async listEvents(filter: EventFilter): Promise<InboxEvent[]> {
    const values: unknown[] = []
    const place = (value: unknown): string => `$${values.push(value)}`
    const conditions = [`seq > ${place(filter.afterSeq ?? 0)}`]
    for (const [condition, value] of toBounds(filter))
      conditions.push(`${condition} ${place(value)}`)
    if (filter.environment !== undefined) {
      conditions.push(`environment = ${place(filter.environment)}`)
    }
    if (filter.userIds !== undefined) {
      const users = `${place(filter.userIds)}::text[]`
      conditions.push(this.#search.isAbout(users, '$1', place))
    }
    const states = filter.handlerStates
    if (states !== undefined) {
      conditions.push(`handler_state = ANY (${place(states)}::text[])`)
      if (!states.includes('done') && !states.includes('none')) {
        conditions.push("handler_state NOT IN ('done', 'none')")
      }
    }
    if (filter.handlerStateBeforeMs !== undefined) {
      conditions.push(`handler_state_at_ms < ${place(filter.handlerStateBeforeMs)}`)
    }
    if (filter.types !== undefined) {
      conditions.push(`type = ANY (${place(filter.types)}::text[])`)
    }
    const order = filter.isNewestFirst === true ? 'DESC' : 'ASC'
    const sql = `SELECT * FROM ${this.#inbox} WHERE ${conditions.join(' AND ')} ORDER BY seq ${order} LIMIT ${place(filter.limit)}`
    return (await this.#all(sql, ...values)).map(toInboxEvent)
  }

  async setHandlerState(update: HandlerUpdate): Promise<void> {
    const { seq, state, atMs, attemptsAdded, error, dueAtMs } = update
    await this.#all(
      `UPDATE ${this.#inbox} SET handler_state = $1, handler_state_at_ms = $2, handler_error = $3, attempts = attempts + $4,
         handler_due_at_ms = $5
       WHERE seq = $6 AND (handler_state <> 'done' OR $1 NOT IN ('failed', 'dead'))`,
      state,
      atMs,
      error === undefined ? null : toStorable(error),
      attemptsAdded,
      dueAtMs ?? null,
      seq,
    )
  }

  async claimDue(claim: DueClaim): Promise<InboxEvent[]> {
    const { seq, exceptSeqs = [], nowMs, untilMs, limit, isFailedIncluded = false } = claim
    const early = isFailedIncluded
      ? " OR (handler_state = 'failed' AND handler_due_at_ms IS NOT NULL)"
      : ''
    const one = seq === undefined ? '' : 'seq = $5 AND '
    const rows = await this.#all(
      `UPDATE ${this.#inbox} SET handler_state = 'pending', handler_state_at_ms = $2, handler_due_at_ms = $1 WHERE seq IN (
         SELECT seq FROM ${this.#inbox} WHERE ${one}(handler_due_at_ms <= $2${early})
           AND seq <> ALL ($4::bigint[])
         ORDER BY handler_due_at_ms, seq LIMIT $3 FOR UPDATE SKIP LOCKED
       ) RETURNING *`,
      untilMs,
      nowMs,
      limit,
      exceptSeqs,
      ...(seq === undefined ? [] : [seq]),
    )
    return rows.map(toInboxEvent).sort((a, b) => a.seq - b.seq)
  }

  async countEvents(state: WaitingState, max: number): Promise<number> {
    const { rows } = await this.#client.query(
      `SELECT count(*) AS count FROM (SELECT 1 FROM ${this.#inbox} WHERE handler_state = $1
         AND handler_state NOT IN ('done', 'none') LIMIT $2) waiting`,
      [state, max],
    )
    return Number(rows[0]?.['count'])
  }

  async findLastBefore({ receivedBeforeMs, nowMs }: ReceivedFilter): Promise<number | undefined> {
    // The first young one ends the walk.
    const [row] = await this.#all(
      `SELECT seq FROM ${this.#inbox} WHERE received_at_ms < $1 AND seq < coalesce(
         (SELECT seq FROM ${this.#inbox} WHERE received_at_ms BETWEEN $1 AND $2 ORDER BY seq LIMIT 1), ${Number.MAX_SAFE_INTEGER})
       ORDER BY seq DESC LIMIT 1`,
      receivedBeforeMs,
      nowMs,
    )
    return row === undefined ? undefined : readNumber(row, 'seq')
  }

  async prune({ throughSeq, isUnhandledIncluded, limit }: PruneFilter): Promise<number> {
    const { rowCount } = await this.#client.query(
      `DELETE FROM ${this.#inbox} WHERE seq IN (SELECT seq FROM ${this.#inbox} WHERE seq <= $1
         AND handler_state <> ALL ($2::text[]) ORDER BY seq LIMIT $3 FOR UPDATE SKIP LOCKED)`,
      [throughSeq, toKeptStates(isUnhandledIncluded), limit],
    )
    return rowCount ?? 0
  }

  async unpark(user: UnparkedUser): Promise<void> {
    await this.rows.write({ unparked: [user] })
  }

  async findUser(environment: string, userId: string): Promise<StoredUser | undefined> {
    const sql = `SELECT record, component_id FROM ${this.#users} WHERE environment = $1 AND user_id = $2`
    const [row] = await this.#all(sql, environment, toKey(userId))
    return row === undefined ? undefined : toStoredUser(row)
  }

  async hasUser(environment: string, userId: string): Promise<boolean> {
    return (await this.findUser(environment, userId)) !== undefined
  }

  async saveUser(environment: string, user: StoredUser): Promise<void> {
    await this.rows.write({ users: [{ environment, user }] })
  }

  async saveEdge(environment: string, edge: AliasEdge): Promise<void> {
    await this.rows.write({ edges: [{ environment, edge }] })
  }

  async mergeComponents(environment: string, from: string, into: string): Promise<void> {
    const sql = `UPDATE ${this.#users} SET component_id = $1 WHERE environment = $2 AND component_id = $3`
    await this.#all(sql, toKey(into), environment, toKey(from))
  }

  async listComponent(environment: string, componentId: string): Promise<StoredUser[]> {
    const sql = `SELECT record, component_id FROM ${this.#users} WHERE environment = $1 AND component_id = $2`
    return (await this.#all(sql, environment, toKey(componentId))).map(toStoredUser)
  }

  async listEdges(environment: string, componentId: string): Promise<AliasEdge[]> {
    // The tables hold keys; what they stand for is in the records, which both ends of an edge have.
    const rows = await this.#all(
      `SELECT o.record AS old_record, n.record AS new_record FROM ${this.#users} o
       JOIN ${this.#aliases} a ON a.environment = o.environment AND a.old_user_id = o.user_id
       JOIN ${this.#users} n ON n.environment = a.environment AND n.user_id = a.new_user_id
       WHERE o.environment = $1 AND o.component_id = $2`,
      environment,
      toKey(componentId),
    )
    return rows.map((row) => ({
      oldUserId: readUserId(row, 'old_record'),
      newUserId: readUserId(row, 'new_record'),
    }))
  }

  async listGroup(filter: GroupFilter): Promise<GroupMember[]> {
    const values: unknown[] = []
    const place = (value: unknown): string => `$${values.push(value)}`
    const conditions = [`reference_id = ${place(toKey(filter.referenceId))}`]
    if (filter.provider !== undefined)
      conditions.push(`provider = ${place(toKey(filter.provider))}`)
    if (filter.environment !== undefined) {
      conditions.push(`environment = ${place(filter.environment)}`)
    }
    if (filter.isOrphan === true) conditions.push('is_orphan = 1')
    const members = `SELECT environment, record, component_id, user_id FROM ${this.#users} WHERE ${conditions.join(' AND ')}`
    const firsts = `SELECT DISTINCT ON (component_id, environment) * FROM (${members}) AS members
      ORDER BY component_id, environment, user_id`
    const rows = await this.#all(
      `SELECT environment, record, component_id FROM (${filter.isPerComponent === true ? firsts : members}) AS found
       ORDER BY user_id, environment LIMIT ${place(filter.limit)}`,
      ...values,
    )
    return rows.map((row) => ({ ...toStoredUser(row), environment: readText(row, 'environment') }))
  }

  async listEnvironments(userId: string): Promise<string[]> {
    const sql = `SELECT environment FROM ${this.#users} WHERE user_id = $1 ORDER BY environment LIMIT ${ENVIRONMENTS_MAX}`
    return (await this.#all(sql, toKey(userId))).map((row) => readText(row, 'environment'))
  }

  async listUsers({ environment, afterUserId = '', limit }: UserFilter): Promise<StoredUser[]> {
    const sql = `SELECT record, component_id FROM ${this.#users} WHERE user_id > $1 AND environment = $2 ORDER BY user_id LIMIT $3`
    return (await this.#all(sql, toKey(afterUserId), environment, limit)).map(toStoredUser)
  }

  async deleteUser(environment: string, userId: string): Promise<void> {
    const sql = `DELETE FROM ${this.#users} WHERE user_id = $1 AND environment = $2`
    await this.#all(sql, toKey(userId), environment)
  }

  async deleteEdge(environment: string, { oldUserId, newUserId }: AliasEdge): Promise<void> {
    const sql = `DELETE FROM ${this.#aliases} WHERE old_user_id = $1 AND new_user_id = $2 AND environment = $3`
    await this.#all(sql, toKey(oldUserId), toKey(newUserId), environment)
  }

  async findCursor(name: string): Promise<string | undefined> {
    const [row] = await this.#all(`SELECT value FROM ${this.#cursors} WHERE name = $1`, name)
    return row === undefined ? undefined : readText(row, 'value')
  }

  async saveCursor({ name, value, atMs }: Cursor): Promise<void> {
    await this.#all(
      `INSERT INTO ${this.#cursors} (name, value, saved_at_ms) VALUES ($1, $2, $3)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value, saved_at_ms = excluded.saved_at_ms`,
      name,
      value,
      atMs,
    )
  }

  async deleteCursor(name: string): Promise<void> {
    await this.#all(`DELETE FROM ${this.#cursors} WHERE name = $1`, name)
  }

  async redactEvent({ seq, userId, body, atMs }: EventRedaction): Promise<void> {
    await this.#all(
      `UPDATE ${this.#inbox} SET user_id = $1, body = $2, trace_id = NULL, headers = '{}', handler_state = 'done',
         handler_state_at_ms = $3, handler_due_at_ms = NULL, handler_error = NULL WHERE seq = $4`,
      userId ?? null,
      Buffer.from(body),
      atMs,
      seq,
    )
  }
}

function readUserId(row: Row, column: string): string {
  const record: { userId: string } = JSON.parse(readText(row, column))
  return record.userId
}
