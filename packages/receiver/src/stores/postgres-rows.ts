import { createHash } from 'node:crypto'
import type { AliasEdge } from '../core/facts.ts'
import { toStorable } from '../core/json-fields.ts'
import type { ExpectedReads, NewInboxEvent, StoredUser, UnparkedUser } from '../store.ts'
import { toInboxSearch, type InboxSearch, type Place } from './postgres-buckets.ts'
import { queryOften, type PostgresClient } from './postgres-pool.ts'
import { readText, toStoredUser, type Row } from './rows.ts'

/** Longest identifier that is its own key, in UTF-16 units: three of 3 bytes each fit an index entry of 2,704 bytes. */
const KEY_LENGTH_MAX = 255
const INBOX_COLUMNS = `seq, environment, event_key, trace_id, type, user_id, ordering_ms, received_at_ms, handler_state,
  handler_due_at_ms`

/** A name for an identifier that fits an index: itself, or its beginning and a digest of all of it. */
export function toKey(id: string): string {
  if (id.length <= KEY_LENGTH_MAX) return id
  return `${id.slice(0, 128)}…${createHash('sha256').update(id).digest('hex')}`
}

/** Where rows are. */
export interface PostgresTables {
  /** Begins the names of the tables, with the schema. */
  readonly prefix: string
  /** No event has a smaller number; `undefined` while keys and users are not searched in buckets. See `postgres-buckets.ts`. */
  readonly firstSeq: number | undefined
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
  /** Which of those that were asked for are not known, by their place in the question. */
  unknown: number[]
}

/** What {@link PostgresRows.write} writes; no user and no event twice. */
export interface RowsToWrite {
  unparked?: readonly UnparkedUser[]
  users?: readonly UserToSave[]
  edges?: readonly { environment: string; edge: AliasEdge }[]
  events?: readonly NumberedEvent[]
}

const COLUMNS_LOADED = ['kind', 'environment', 'name'] as const

/**
 * Reads and writes of a transaction that are for many rows at once: a round trip costs more than a row.
 * Columns travel as arrays, what is JSON already as one JSON text, and bodies as one run of bytes beside them, which neither side has to escape.
 */
export class PostgresRows {
  readonly #client: PostgresClient
  readonly #prefix: string
  readonly #inbox: string
  readonly #users: string
  readonly #aliases: string
  readonly #search: InboxSearch

  constructor(client: PostgresClient, { prefix, firstSeq }: PostgresTables) {
    this.#client = client
    this.#prefix = prefix
    this.#inbox = `${prefix}inbox`
    this.#users = `${prefix}users`
    this.#aliases = `${prefix}aliases`
    this.#search = toInboxSearch(this.#inbox, firstSeq)
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
    const values: unknown[] = [
      events.length,
      toTextArray(events, ({ environment }) => environment),
      toTextArray(events, ({ eventKey }) => toStorable(eventKey)),
      toTextArray(users, ({ environment }) => environment),
      toTextArray(users, ({ userId }) => toKey(userId)),
      toTextArray(asked, ({ environment }) => environment),
      toTextArray(asked, ({ userId }) => toKey(userId)),
    ]
    const hasKey = this.#search.hasKey('k', (value) => `$${values.push(value)}`)
    const { rows } = await queryOften(
      this.#client,
      `SELECT 'seq' AS kind, '' AS environment, setval(${sequence}, nextval(${sequence}) + $1::bigint - 1)::text AS name,
         NULL AS record WHERE $1 > 0
       UNION ALL SELECT 'key', e, k, NULL FROM unnest($2::text[], $3::text[]) AS t (e, k)
         JOIN LATERAL (SELECT 1 FROM ${this.#inbox} WHERE ${hasKey} AND environment = e LIMIT 1) AS found ON true
       UNION ALL SELECT 'user', e, component_id, record FROM unnest($4::text[], $5::text[]) AS t (e, u)
         JOIN LATERAL (SELECT component_id, record FROM ${this.#users} WHERE user_id = u AND environment = e LIMIT 1) AS found
           ON true
       UNION ALL SELECT 'unknown', '', coalesce(string_agg(n::text, ','), ''), NULL
         FROM unnest($6::text[], $7::text[]) WITH ORDINALITY AS t (e, u, n)
         LEFT JOIN LATERAL (SELECT 1 AS known FROM ${this.#users} WHERE user_id = u AND environment = e LIMIT 1) AS found ON true
         WHERE known IS NULL`,
      values,
    )
    const loaded: LoadedRows = { seqs: [], keys: [], users: [], unknown: [] }
    for (const row of rows) addLoaded(loaded, row, events.length)
    return loaded
  }

  /** Writes all of it in one statement; sends it before it returns, or throws at once. */
  write({ unparked = [], users = [], edges = [], events = [] }: RowsToWrite): Promise<unknown> {
    const values: unknown[] = []
    const place = (value: unknown): string => `$${values.push(value)}`
    const statements: string[] = []
    if (unparked.length > 0) statements.push(this.#unparkSql(unparked, place))
    if (users.length > 0) statements.push(this.#saveUsersSql(users, place))
    if (edges.length > 0) statements.push(this.#saveEdgesSql(edges, place))
    if (events.length > 0) statements.push(this.#insertSql(events, place))
    const last = statements.pop()
    if (last === undefined) return Promise.resolve()
    const others = statements.map((sql, i) => `w${i} AS (${sql})`)
    const sql = others.length === 0 ? last : `WITH ${others.join(', ')} ${last}`
    return queryOften(this.#client, sql, values)
  }

  #insertSql(events: readonly NumberedEvent[], place: Place): string {
    const ends: number[] = []
    for (const { body } of events) ends.push((ends.at(-1) ?? 0) + body.length)
    const bodies = place(Buffer.concat(events.map(({ body }) => body)))
    const bigints = (read: (event: NumberedEvent) => number | undefined): string =>
      `${place(toNumberArray(events, read))}::bigint[]`
    const texts = (read: (event: NumberedEvent) => string | undefined): string =>
      `${place(toTextArray(events, read))}::text[]`
    const columns = [
      bigints(({ seq }) => seq),
      texts(({ environment }) => environment),
      texts(({ eventKey }) => toStorable(eventKey)),
      texts(({ traceId }) => (traceId === undefined ? undefined : toStorable(traceId))),
      texts(({ type }) => toStorable(type)),
      texts(({ userId }) => userId),
      bigints(({ orderingMs }) => orderingMs),
      bigints(({ receivedAtMs }) => receivedAtMs),
      texts(({ handlerState }) => handlerState),
      bigints(({ handlerDueAtMs }) => handlerDueAtMs),
      bigints(({ body }) => body.length),
      `${place(toNumberArray(ends, (end) => end))}::bigint[]`,
    ]
    const headers = place(toJsonArray(events, ({ headers }) => headers))
    return `INSERT INTO ${this.#inbox} (${INBOX_COLUMNS}, handler_state_at_ms, headers, body, attempts)
      SELECT ${INBOX_COLUMNS}, received_at_ms, of_headers::text,
        substring(${bodies}::bytea FROM (body_end - body_length + 1)::int FOR body_length::int), 0
      FROM ROWS FROM (unnest(${columns.join(', ')}), json_array_elements(${headers}::json))
        AS t (${INBOX_COLUMNS}, body_length, body_end, of_headers)`
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
    const texts = (read: (user: StoredUser) => string | undefined): string =>
      `${place(toTextArray(users, ({ user }) => read(user)))}::text[]`
    const columns = [
      `${place(toTextArray(users, ({ environment }) => environment))}::text[]`,
      texts(({ record }) => toKey(record.userId)),
      texts(({ componentId }) => toKey(componentId)),
      texts(({ record: { provider } }) =>
        provider === undefined ? undefined : toKey(provider.value),
      ),
      texts(({ record: { referenceId } }) =>
        referenceId === undefined ? undefined : toKey(referenceId.value),
      ),
      texts(({ record }) => (record.marks.orphan_reauth === undefined ? '0' : '1')),
    ]
    const records = place(toJsonArray(users, ({ user }) => user.record))
    return `INSERT INTO ${this.#users} (environment, user_id, component_id, provider, reference_id, is_orphan, record)
      SELECT e, u, c, p, r, o::integer, of_record::text
      FROM ROWS FROM (unnest(${columns.join(', ')}), json_array_elements(${records}::json)) AS t (e, u, c, p, r, o, of_record)
      ON CONFLICT (user_id, environment) DO UPDATE SET component_id = excluded.component_id, provider = excluded.provider,
        reference_id = excluded.reference_id, is_orphan = excluded.is_orphan, record = excluded.record`
  }

  #saveEdgesSql(edges: NonNullable<RowsToWrite['edges']>, place: Place): string {
    const columns = [
      toTextArray(edges, ({ environment }) => environment),
      toTextArray(edges, ({ edge }) => toKey(edge.oldUserId)),
      toTextArray(edges, ({ edge }) => toKey(edge.newUserId)),
    ].map((column) => `${place(column)}::text[]`)
    return `INSERT INTO ${this.#aliases} (environment, old_user_id, new_user_id)
      SELECT * FROM unnest(${columns.join(', ')}) ON CONFLICT DO NOTHING`
  }
}

/** What means something inside a quoted element of an array. */
const QUOTED_SPECIAL = /["\\]/

/** The text form of an array of texts: the drivers' own takes three times as long, for every event. */
function toTextArray<T>(items: readonly T[], read: (item: T) => string | undefined): string {
  let text = '{'
  for (const item of items) {
    const value = read(item)
    if (text.length > 1) text += ','
    if (value === undefined) text += 'NULL'
    else if (QUOTED_SPECIAL.test(value)) text += `"${value.replaceAll(/["\\]/g, '\\$&')}"`
    else text += `"${value}"`
  }
  return `${text}}`
}

/** The text form of an array of whole numbers. */
function toNumberArray<T>(items: readonly T[], read: (item: T) => number | undefined): string {
  let text = '{'
  for (const item of items) text += `${text.length > 1 ? ',' : ''}${read(item) ?? 'NULL'}`
  return `${text}}`
}

/** A JSON array, whose elements are stored as they stand in it. */
function toJsonArray<T>(items: readonly T[], read: (item: T) => object): string {
  let text = '['
  for (const item of items) {
    text += `${text.length > 1 ? ',' : ''}${toStorable(JSON.stringify(read(item)))}`
  }
  return `${text}]`
}

/** Sorts one row of {@link PostgresRows.load}. */
function addLoaded(loaded: LoadedRows, row: Row, seqs: number): void {
  const [kind, environment, name] = COLUMNS_LOADED.map((column) => readText(row, column))
  if (environment === undefined || name === undefined) return
  if (kind === 'seq') {
    for (let n = seqs - 1; n >= 0; n -= 1) loaded.seqs.push(Number(name) - n)
  } else if (kind === 'key') loaded.keys.push({ environment, eventKey: name })
  else if (kind === 'unknown') {
    for (const n of name.split(',')) if (n !== '') loaded.unknown.push(Number(n) - 1)
  } else loaded.users.push({ environment, user: toStoredUser({ ...row, component_id: name }) })
}
