import { createHash } from 'node:crypto'
import type { AliasEdge } from '../core/facts.ts'
import { toStorable } from '../core/json-fields.ts'
import type {
  DueClaim,
  EventFilter,
  EventRedaction,
  ExpectedReads,
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
import { queryOften, type PostgresClient } from './postgres-pool.ts'
import { readText, toInboxEvent, toStoredUser, type Row } from './rows.ts'

const ENVIRONMENTS_MAX = 16
/** Longest identifier that is its own key, in UTF-16 units: three of 3 bytes each fit an index entry of 2,704 bytes. */
const KEY_LENGTH_MAX = 255
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
  /** From {@link PostgresTransaction.load}. */
  seq: number
}

/** What {@link PostgresTransaction.load} found. */
export interface LoadedRows {
  /** A number for each event, ascending, greater than all before. */
  seqs: number[]
  /** Keys that the inbox has. */
  keys: { environment: string; eventKey: string }[]
  /** Users that are known. */
  users: UserToSave[]
  /** Which of those that were asked for are known, by their place in the question. */
  asked: number[]
}

/** What {@link PostgresTransaction.write} writes; no user and no event twice. */
export interface RowsToWrite {
  unparked: readonly UnparkedUser[]
  users: readonly UserToSave[]
  edges: readonly { environment: string; edge: AliasEdge }[]
  events: readonly NumberedEvent[]
}

/** Adds a value to a statement; returns how the statement names it. */
type Place = (value: unknown) => string

const NOTHING: RowsToWrite = { unparked: [], users: [], edges: [], events: [] }
const COLUMNS_LOADED = ['kind', 'environment', 'name'] as const

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

  /**
   * Takes a number for each of some events and asks which of them and of some users are there, in one round trip. Each is looked for by itself (LATERAL with a
   * limit): a planner that knows nothing of a young table would otherwise read all of it.
   */
  async load({ events, users, asked }: ExpectedReads): Promise<LoadedRows> {
    // Numbers are taken under the lock of all who take them, so that one jump is enough for all.
    const sequence = `'${this.#prefix}inbox_seq'`
    const { rows } = await queryOften(
      this.#client,
      `SELECT 'seq' AS kind, '' AS environment, setval(${sequence}, nextval(${sequence}) + $1::bigint - 1)::text AS name,
         NULL AS record WHERE $1 > 0
       UNION ALL SELECT 'key', e, k, NULL FROM unnest($2::text[], $3::text[]) AS t (e, k)
         JOIN LATERAL (SELECT 1 FROM ${this.#inbox} WHERE event_key = k AND environment = e LIMIT 1) AS found ON true
       UNION ALL SELECT 'user', e, component_id, record FROM unnest($4::text[], $5::text[]) AS t (e, u)
         JOIN LATERAL (SELECT component_id, record FROM ${this.#users} WHERE user_id = u AND environment = e LIMIT 1) AS found
           ON true
       UNION ALL SELECT 'asked', '', n::text, NULL FROM unnest($6::text[], $7::text[]) WITH ORDINALITY AS t (e, u, n)
         JOIN LATERAL (SELECT 1 FROM ${this.#users} WHERE user_id = u AND environment = e LIMIT 1) AS found ON true`,
      [
        events.length,
        events.map(({ environment }) => environment),
        events.map(({ eventKey }) => toStorable(eventKey)),
        users.map(({ environment }) => environment),
        users.map(({ userId }) => toKey(userId)),
        asked.map(({ environment }) => environment),
        asked.map(({ userId }) => toKey(userId)),
      ],
    )
    const loaded: LoadedRows = { seqs: [], keys: [], users: [], asked: [] }
    for (const row of rows) addLoaded(loaded, row, events.length)
    return loaded
  }

  /** Writes all of it in one statement; sends it before it returns. */
  async write({ unparked, users, edges, events }: RowsToWrite): Promise<void> {
    const values: unknown[] = []
    const place = (value: unknown): string => `$${values.push(value)}`
    const statements: string[] = []
    if (unparked.length > 0) statements.push(this.#unparkSql(unparked, place))
    if (users.length > 0) statements.push(this.#saveUsersSql(users, place))
    if (edges.length > 0) statements.push(this.#saveEdgesSql(edges, place))
    if (events.length > 0) statements.push(this.#insertSql(events, place))
    const last = statements.pop()
    if (last === undefined) return
    const others = statements.map((sql, i) => `w${i} AS (${sql})`)
    const sql = others.length === 0 ? last : `WITH ${others.join(', ')} ${last}`
    await queryOften(this.#client, sql, values)
  }

  #insertSql(events: readonly NumberedEvent[], place: Place): string {
    let offset = 0
    const rows = events.map((event) => {
      const start = offset
      offset += event.body.length
      return { ...toInboxRow(event), body_at: start + 1, body_length: event.body.length }
    })
    const bodies = place(Buffer.concat(events.map(({ body }) => body)))
    return `INSERT INTO ${this.#inbox} (${INBOX_COLUMNS}, body, attempts)
      SELECT ${INBOX_COLUMNS}, substring(${bodies}::bytea FROM body_at FOR body_length), 0
      FROM json_to_recordset(${place(JSON.stringify(rows))}::json) AS t (seq bigint, environment text, event_key text,
        trace_id text, type text, user_id text, ordering_ms bigint, received_at_ms bigint, headers text, handler_state text,
        handler_state_at_ms bigint, handler_due_at_ms bigint, body_at int, body_length int)`
  }

  async insertEvent(event: NewInboxEvent): Promise<number | undefined> {
    const { seqs, keys } = await this.load({ events: [event], users: [], asked: [] })
    const [seq] = seqs
    if (seq === undefined) throw new TypeError('the sequence of the inbox gave no number')
    if (keys.length > 0) return undefined
    await this.write({ ...NOTHING, events: [{ ...event, seq }] })
    return seq
  }

  async findEvent(environment: string, eventKey: string): Promise<InboxEvent | undefined> {
    const sql = `SELECT * FROM ${this.#inbox} WHERE environment = $1 AND event_key = $2`
    const [row] = await this.#all(sql, environment, toStorable(eventKey))
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
      error === undefined ? null : toStorable(error),
      attemptsAdded,
      dueAtMs ?? null,
      seq,
    )
  }

  async claimDue(claim: DueClaim): Promise<InboxEvent[]> {
    const { nowMs, untilMs, limit, isFailedIncluded = false } = claim
    const early = isFailedIncluded
      ? " OR (handler_state = 'failed' AND handler_due_at_ms IS NOT NULL)"
      : ''
    const rows = await this.#all(
      `UPDATE ${this.#inbox} SET handler_due_at_ms = $1 WHERE seq IN (
         SELECT seq FROM ${this.#inbox} WHERE handler_due_at_ms <= $2${early}
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
    await this.write({ ...NOTHING, unparked: [user] })
  }

  #unparkSql(users: readonly UnparkedUser[], place: Place): string {
    const rows = users.map(({ environment, userId, state, atMs, dueAtMs }) => ({
      of_environment: environment,
      of_user: userId,
      new_state: state,
      at_ms: atMs,
      due_at_ms: dueAtMs ?? null,
    }))
    // OFFSET 0 keeps the planner from turning the search for each user into one through everything.
    return `UPDATE ${this.#inbox} AS i SET handler_state = new_state, handler_state_at_ms = at_ms, handler_due_at_ms = due_at_ms
      FROM json_to_recordset(${place(JSON.stringify(rows))}::json) AS t (of_environment text, of_user text, new_state text,
          at_ms bigint, due_at_ms bigint)
        JOIN LATERAL (SELECT seq AS parked_seq FROM ${this.#inbox} WHERE left(user_id, 255) = left(of_user, 255)
          AND user_id = of_user AND environment = of_environment AND handler_state = 'parked' OFFSET 0) AS parked ON true
      WHERE i.seq = parked_seq`
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
    await this.write({ ...NOTHING, users: [{ environment, user }] })
  }

  #saveUsersSql(users: readonly UserToSave[], place: Place): string {
    const rows = users.map(({ environment, user: { record, componentId } }) => ({
      environment,
      user_id: toKey(record.userId),
      component_id: toKey(componentId),
      provider: record.provider === undefined ? null : toKey(record.provider.value),
      reference_id: record.referenceId === undefined ? null : toKey(record.referenceId.value),
      is_orphan: record.marks.orphan_reauth === undefined ? 0 : 1,
      record: JSON.stringify(record),
    }))
    return `INSERT INTO ${this.#users} (environment, user_id, component_id, provider, reference_id, is_orphan, record)
      SELECT * FROM json_to_recordset(${place(JSON.stringify(rows))}::json) AS t (environment text, user_id text,
        component_id text, provider text, reference_id text, is_orphan integer, record text)
      ON CONFLICT (user_id, environment) DO UPDATE SET component_id = excluded.component_id, provider = excluded.provider,
        reference_id = excluded.reference_id, is_orphan = excluded.is_orphan, record = excluded.record`
  }

  async saveEdge(environment: string, edge: AliasEdge): Promise<void> {
    await this.write({ ...NOTHING, edges: [{ environment, edge }] })
  }

  #saveEdgesSql(edges: RowsToWrite['edges'], place: Place): string {
    const columns = [
      edges.map(({ environment }) => environment),
      edges.map(({ edge }) => toKey(edge.oldUserId)),
      edges.map(({ edge }) => toKey(edge.newUserId)),
    ].map((column) => `${place(column)}::text[]`)
    return `INSERT INTO ${this.#aliases} (environment, old_user_id, new_user_id)
      SELECT * FROM unnest(${columns.join(', ')}) ON CONFLICT DO NOTHING`
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

/** Sorts one row of {@link PostgresTransaction.load}. */
function addLoaded(loaded: LoadedRows, row: Row, seqs: number): void {
  const [kind, environment, name] = COLUMNS_LOADED.map((column) => readText(row, column))
  if (environment === undefined || name === undefined) return
  if (kind === 'seq') {
    for (let n = seqs - 1; n >= 0; n -= 1) loaded.seqs.push(Number(name) - n)
  } else if (kind === 'key') loaded.keys.push({ environment, eventKey: name })
  else if (kind === 'asked') loaded.asked.push(Number(name) - 1)
  else loaded.users.push({ environment, user: toStoredUser({ ...row, component_id: name }) })
}

function toInboxRow(event: NumberedEvent): Row {
  return {
    seq: event.seq,
    environment: event.environment,
    event_key: toStorable(event.eventKey),
    trace_id: event.traceId === undefined ? null : toStorable(event.traceId),
    type: toStorable(event.type),
    user_id: event.userId ?? null,
    ordering_ms: event.orderingMs ?? null,
    received_at_ms: event.receivedAtMs,
    headers: toStorable(JSON.stringify(event.headers)),
    handler_state: event.handlerState,
    handler_state_at_ms: event.receivedAtMs,
    handler_due_at_ms: event.handlerDueAtMs ?? null,
  }
}

function readUserId(row: Row, column: string): string {
  const record: { userId: string } = JSON.parse(readText(row, column))
  return record.userId
}
