import { createHash } from 'node:crypto'
import type { AliasEdge } from '../core/facts.ts'
import { toStorable } from '../core/json-fields.ts'
import type { ExpectedReads, NewInboxEvent, StoredUser, UnparkedUser } from '../store.ts'
import { queryOften, type PostgresClient } from './postgres-pool.ts'
import { readText, toStoredUser, type Row } from './rows.ts'

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
  /** From {@link PostgresRows.load}. */
  seq: number
}

/** What {@link PostgresRows.load} found. */
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

/** What {@link PostgresRows.write} writes; no user and no event twice. */
export interface RowsToWrite {
  unparked?: readonly UnparkedUser[]
  users?: readonly UserToSave[]
  edges?: readonly { environment: string; edge: AliasEdge }[]
  events?: readonly NumberedEvent[]
}

/** Adds a value to a statement; returns how the statement names it. */
type Place = (value: unknown) => string

const COLUMNS_LOADED = ['kind', 'environment', 'name'] as const

/**
 * Reads and writes of a transaction that are for many rows at once: a round trip costs more than a row.
 * Rows travel as one JSON text, and bodies as one run of bytes beside it, which neither side has to escape.
 */
export class PostgresRows {
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

  /**
   * Takes a number for each of some events and asks which of them and of some users are there, in one round trip. Each is looked for by itself (LATERAL with a
   * limit): a planner that knows nothing of a young table would otherwise read all of it.
   */
  async load({
    events,
    users,
    asked,
  }: Pick<ExpectedReads, 'events' | 'users' | 'asked'>): Promise<LoadedRows> {
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
  async write({ unparked = [], users = [], edges = [], events = [] }: RowsToWrite): Promise<void> {
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

  #saveEdgesSql(edges: NonNullable<RowsToWrite['edges']>, place: Place): string {
    const columns = [
      edges.map(({ environment }) => environment),
      edges.map(({ edge }) => toKey(edge.oldUserId)),
      edges.map(({ edge }) => toKey(edge.newUserId)),
    ].map((column) => `${place(column)}::text[]`)
    return `INSERT INTO ${this.#aliases} (environment, old_user_id, new_user_id)
      SELECT * FROM unnest(${columns.join(', ')}) ON CONFLICT DO NOTHING`
  }
}

/** Sorts one row of {@link PostgresRows.load}. */
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
