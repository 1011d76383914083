import { createHash } from 'node:crypto'
import type { AliasEdge } from '../core/facts.ts'
import type {
  DueClaim,
  EventFilter,
  EventRedaction,
  GroupFilter,
  GroupMember,
  HandlerUpdate,
  InboxEvent,
  NewInboxEvent,
  PruneFilter,
  StoredUser,
  StoreTransaction,
  UnparkedUser,
  UserFilter,
  WaitingState,
} from '../store.ts'
import type { PostgresClient } from './postgres-pool.ts'
import { readNumber, readText, toInboxEvent, toStoredUser, type Row } from './rows.ts'

const ENVIRONMENTS_MAX = 16
/** Longest identifier that is its own key, in UTF-16 units: three of 3 bytes each fit an index entry of 2,704 bytes. */
const KEY_LENGTH_MAX = 255
/** What PostgreSQL refuses in a text. Identifiers come without it; other texts may hold anything. */
const UNSTORABLE = /\p{Surrogate}|\0/gu
const INBOX_COLUMNS = `seq, environment, event_key, trace_id, type, user_id, ordering_ms, received_at_ms, headers,
  handler_state, handler_state_at_ms, handler_due_at_ms`

/** A name for an identifier that fits an index: itself, or its beginning and a digest of all of it. */
export function toKey(id: string): string {
  if (id.length <= KEY_LENGTH_MAX) return id
  return `${id.slice(0, 128)}…${createHash('sha256').update(id).digest('hex')}`
}

/** A user with its environment, to be saved. */
export interface UserToSave {
  /** Its label; empty without one. */
  environment: string
  /** The user. */
  user: StoredUser
}

/** An event that has its number already. */
export interface NumberedEvent extends NewInboxEvent {
  /** From {@link PostgresTransaction.takeSeqs}. */
  seq: number
}

/**
 * One transaction on one connection. Whatever is written many times has a form for many rows: a round trip costs more than a row.
 * Rows travel as one JSON text, and bodies as one run of bytes beside it, which neither side has to escape.
 */
export class PostgresTransaction implements StoreTransaction {
  readonly #client: PostgresClient
  readonly #prefix: string
  readonly #inbox: string
  readonly #users: string
  readonly #aliases: string

  constructor(client: PostgresClient, prefix: string) {
    this.#client = client
    this.#prefix = prefix
    this.#inbox = `${prefix}inbox`
    this.#users = `${prefix}users`
    this.#aliases = `${prefix}aliases`
  }

  async #all(sql: string, ...values: unknown[]): Promise<Row[]> {
    return (await this.#client.query(sql, values)).rows
  }

  /** Numbers for as many events, ascending, greater than all before. */
  async takeSeqs(count: number): Promise<number[]> {
    const sql = `SELECT nextval('${this.#prefix}inbox_seq') AS seq FROM generate_series(1, $1::int)`
    const rows = await this.#all(sql, count)
    return rows.map((row) => readNumber(row, 'seq'))
  }

  /** Which of these keys the inbox has. */
  async findKeys(
    keys: readonly { environment: string; eventKey: string }[],
  ): Promise<{ environment: string; eventKey: string }[]> {
    const rows = await this.#all(
      `SELECT environment, event_key FROM ${this.#inbox}
       JOIN (SELECT * FROM unnest($1::text[], $2::text[]) AS t (of_environment, of_key)) AS asked
         ON environment = of_environment AND event_key = of_key`,
      keys.map(({ environment }) => environment),
      keys.map(({ eventKey }) => toText(eventKey)),
    )
    return rows.map((row) => ({
      environment: readText(row, 'environment'),
      eventKey: readText(row, 'event_key'),
    }))
  }

  /** Those of these users that are known. */
  async findUsers(
    users: readonly { environment: string; userId: string }[],
  ): Promise<UserToSave[]> {
    const rows = await this.#all(
      `SELECT environment, record, component_id FROM ${this.#users}
       JOIN (SELECT * FROM unnest($1::text[], $2::text[]) AS t (of_environment, of_user)) AS asked
         ON environment = of_environment AND user_id = of_user`,
      users.map(({ environment }) => environment),
      users.map(({ userId }) => toKey(userId)),
    )
    return rows.map((row) => ({
      environment: readText(row, 'environment'),
      user: toStoredUser(row),
    }))
  }

  async insertEvents(events: readonly NumberedEvent[]): Promise<number> {
    let offset = 0
    const rows = events.map((event) => {
      const start = offset
      offset += event.body.length
      return { ...toInboxRow(event), body_at: start + 1, body_length: event.body.length }
    })
    const bodies = Buffer.concat(events.map(({ body }) => body))
    const { rowCount } = await this.#client.query(
      `INSERT INTO ${this.#inbox} (${INBOX_COLUMNS}, body, attempts)
       SELECT ${INBOX_COLUMNS}, substring($2::bytea FROM body_at FOR body_length), 0
       FROM json_to_recordset($1::json) AS t (seq bigint, environment text, event_key text, trace_id text, type text,
         user_id text, ordering_ms bigint, received_at_ms bigint, headers text, handler_state text,
         handler_state_at_ms bigint, handler_due_at_ms bigint, body_at int, body_length int)
       ON CONFLICT (event_key, environment) DO NOTHING`,
      [JSON.stringify(rows), bodies],
    )
    return rowCount ?? 0
  }

  async insertEvent(event: NewInboxEvent): Promise<number | undefined> {
    const [seq] = await this.takeSeqs(1)
    if (seq === undefined) throw new TypeError('the sequence of the inbox gave no number')
    return (await this.insertEvents([{ ...event, seq }])) === 0 ? undefined : seq
  }

  async findEvent(environment: string, eventKey: string): Promise<InboxEvent | undefined> {
    const sql = `SELECT * FROM ${this.#inbox} WHERE environment = $1 AND event_key = $2`
    const [row] = await this.#all(sql, environment, toText(eventKey))
    return row === undefined ? undefined : toInboxEvent(row)
  }

  async listEvents(filter: EventFilter): Promise<InboxEvent[]> {
    const values: unknown[] = []
    const place = (value: unknown): string => `$${values.push(value)}`
    const conditions = [`seq > ${place(filter.afterSeq ?? 0)}`]
    if (filter.environment !== undefined) {
      conditions.push(`environment = ${place(filter.environment)}`)
    }
    if (filter.userIds !== undefined) {
      const ids = place(filter.userIds)
      conditions.push(`user_id = ANY (${ids}::text[])`)
      // The expression of the index; see the migration.
      conditions.push(
        `left(user_id, 255) = ANY (SELECT left(t, 255) FROM unnest(${ids}::text[]) t)`,
      )
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
      error === undefined ? null : toText(error),
      attemptsAdded,
      dueAtMs ?? null,
      seq,
    )
  }

  async claimDue({ nowMs, untilMs, limit }: DueClaim): Promise<InboxEvent[]> {
    const rows = await this.#all(
      `UPDATE ${this.#inbox} SET handler_due_at_ms = $1 WHERE seq IN (
         SELECT seq FROM ${this.#inbox} WHERE handler_due_at_ms <= $2
         ORDER BY handler_due_at_ms, seq LIMIT $3 FOR UPDATE SKIP LOCKED
       ) RETURNING *`,
      untilMs,
      nowMs,
      limit,
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

  async prune({ receivedBeforeMs, isUnhandledIncluded, limit }: PruneFilter): Promise<number> {
    const kept = isUnhandledIncluded
      ? ['pending', 'failed']
      : ['pending', 'failed', 'parked', 'dead']
    const { rowCount } = await this.#client.query(
      `DELETE FROM ${this.#inbox} WHERE seq IN (
         SELECT seq FROM ${this.#inbox} WHERE received_at_ms < $1 AND handler_state <> ALL ($2::text[])
         ORDER BY seq LIMIT $3 FOR UPDATE SKIP LOCKED)`,
      [receivedBeforeMs, kept, limit],
    )
    return rowCount ?? 0
  }

  async unpark(user: UnparkedUser): Promise<void> {
    await this.unparkUsers([user])
  }

  async unparkUsers(users: readonly UnparkedUser[]): Promise<void> {
    const rows = users.map(({ environment, userId, state, atMs, dueAtMs }) => ({
      of_environment: environment,
      of_user: userId,
      new_state: state,
      at_ms: atMs,
      due_at_ms: dueAtMs ?? null,
    }))
    await this.#all(
      `UPDATE ${this.#inbox} SET handler_state = new_state, handler_state_at_ms = at_ms, handler_due_at_ms = due_at_ms
       FROM json_to_recordset($1::json) AS t (of_environment text, of_user text, new_state text, at_ms bigint, due_at_ms bigint)
       WHERE left(user_id, 255) = left(of_user, 255) AND user_id = of_user AND environment = of_environment
         AND handler_state = 'parked'`,
      JSON.stringify(rows),
    )
  }

  async findUser(environment: string, userId: string): Promise<StoredUser | undefined> {
    const sql = `SELECT record, component_id FROM ${this.#users} WHERE environment = $1 AND user_id = $2`
    const [row] = await this.#all(sql, environment, toKey(userId))
    return row === undefined ? undefined : toStoredUser(row)
  }

  async saveUser(environment: string, user: StoredUser): Promise<void> {
    await this.saveUsers([{ environment, user }])
  }

  /** Saves users, each of them once. */
  async saveUsers(users: readonly UserToSave[]): Promise<void> {
    const rows = users.map(({ environment, user: { record, componentId } }) => ({
      environment,
      user_id: toKey(record.userId),
      component_id: toKey(componentId),
      provider: record.provider === undefined ? null : toKey(record.provider.value),
      reference_id: record.referenceId === undefined ? null : toKey(record.referenceId.value),
      is_orphan: record.marks.orphan_reauth === undefined ? 0 : 1,
      record: JSON.stringify(record),
    }))
    await this.#all(
      `INSERT INTO ${this.#users} (environment, user_id, component_id, provider, reference_id, is_orphan, record)
       SELECT * FROM json_to_recordset($1::json) AS t (environment text, user_id text, component_id text, provider text,
         reference_id text, is_orphan integer, record text)
       ON CONFLICT (user_id, environment) DO UPDATE SET component_id = excluded.component_id,
         provider = excluded.provider, reference_id = excluded.reference_id, is_orphan = excluded.is_orphan,
         record = excluded.record`,
      JSON.stringify(rows),
    )
  }

  async saveEdge(environment: string, edge: AliasEdge): Promise<void> {
    await this.saveEdges([{ environment, edge }])
  }

  async saveEdges(edges: readonly { environment: string; edge: AliasEdge }[]): Promise<void> {
    await this.#all(
      `INSERT INTO ${this.#aliases} (environment, old_user_id, new_user_id)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING`,
      edges.map(({ environment }) => environment),
      edges.map(({ edge }) => toKey(edge.oldUserId)),
      edges.map(({ edge }) => toKey(edge.newUserId)),
    )
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
    const rows = await this.#all(
      `SELECT environment, record, component_id FROM ${this.#users} WHERE ${conditions.join(' AND ')}
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

function toInboxRow(event: NumberedEvent): Row {
  return {
    seq: event.seq,
    environment: event.environment,
    event_key: toText(event.eventKey),
    trace_id: event.traceId === undefined ? null : toText(event.traceId),
    type: toText(event.type),
    user_id: event.userId ?? null,
    ordering_ms: event.orderingMs ?? null,
    received_at_ms: event.receivedAtMs,
    headers: toText(JSON.stringify(event.headers)),
    handler_state: event.handlerState,
    handler_state_at_ms: event.receivedAtMs,
    handler_due_at_ms: event.handlerDueAtMs ?? null,
  }
}

/** A text as PostgreSQL can store it. */
export function toText(text: string): string {
  return text.replaceAll(UNSTORABLE, '\uFFFD')
}

function readUserId(row: Row, column: string): string {
  const record: { userId: string } = JSON.parse(readText(row, column))
  return record.userId
}
