/** Fills the tables of a receiver with as many connections and events as months bring, by SQL: to receive them would take hours. */
import type { SqliteHandle } from 'firma-receiver/sqlite'
import { Client } from 'pg'
import { createReceiver, type ReceiverStore } from 'firma-receiver'
import { SECRET, signBody, toAuthEvent, toUserId } from './events.ts'

const USERS_AT_ONCE = 5_000
const ROWS_AT_ONCE = 250_000

interface FilledUser {
  readonly userId: string
  readonly referenceId: string
  readonly record: string
}

/** Connects the first user the usual way: what it is stored as, the others are like. */
async function connectFirst(store: ReceiverStore): Promise<void> {
  const receiver = createReceiver({ secrets: [SECRET], store, tolerance: 'off' })
  const { body, signature } = signBody(toAuthEvent(0))
  const headers = { 'x-terra-signature': signature, 'x-terra-ordering-timestamp': '1' }
  await receiver.receive({ body, headers })
}

function* listUsers(first: string, users: number): Generator<FilledUser[]> {
  const record: { referenceId: object } = JSON.parse(first)
  for (let at = 1; at < users; at += USERS_AT_ONCE) {
    yield Array.from({ length: Math.min(USERS_AT_ONCE, users - at) }, (_, i) => {
      const [userId, referenceId] = [toUserId(at + i), `person-${at + i}`]
      const named = {
        ...record,
        userId,
        referenceId: { ...record.referenceId, value: referenceId },
      }
      return { userId, referenceId, record: JSON.stringify(named) }
    })
  }
}

/** Connections in SQLite. */
export async function fillSqlite(
  store: ReceiverStore,
  handle: SqliteHandle,
  users: number,
): Promise<void> {
  await connectFirst(store)
  await handle.exclusive((database) => {
    const first = database.prepare('SELECT record FROM firma_users').get()?.['record']
    const insert = database.prepare(
      `INSERT INTO firma_users (environment, user_id, component_id, provider, reference_id, is_orphan, record)
       VALUES ('', ?, ?, 'GARMIN', ?, 0, ?)`,
    )
    for (const part of listUsers(String(first), users)) {
      database.exec('BEGIN')
      for (const { userId, referenceId, record } of part) {
        insert.run(userId, userId, referenceId, record)
      }
      database.exec('COMMIT')
    }
  })
}

/** Connections in PostgreSQL, and events of nobody, of 0.6 KB each. */
export async function fillPostgres(
  store: ReceiverStore,
  url: string,
  { users, rows }: { users: number; rows: number },
): Promise<void> {
  await connectFirst(store)
  const client = new Client({ connectionString: url })
  await client.connect()
  const found = await client.query<{ record: string }>('SELECT record FROM firma_users')
  for (const part of listUsers(found.rows[0]?.record ?? '', users)) {
    await client.query(
      `INSERT INTO firma_users (environment, user_id, component_id, provider, reference_id, is_orphan, record)
       SELECT '', u, u, 'GARMIN', p, 0, r FROM unnest($1::text[], $2::text[], $3::text[]) AS t (u, p, r)`,
      [
        part.map(({ userId }) => userId),
        part.map(({ referenceId }) => referenceId),
        part.map(({ record }) => record),
      ],
    )
  }
  for (let at = 0; at < rows; at += ROWS_AT_ONCE) {
    await client.query(
      `INSERT INTO firma_inbox (seq, environment, event_key, type, user_id, ordering_ms, received_at_ms, body, headers, handler_state,
         handler_state_at_ms, attempts)
       SELECT nextval('firma_inbox_seq'), '', 'trace:' || gen_random_uuid(), 'daily', md5(random()::text), 1, 1,
         decode(repeat(md5(random()::text), 40), 'hex'), '{}', 'none', 1, 0 FROM generate_series(1, $1)`,
      [Math.min(ROWS_AT_ONCE, rows - at)],
    )
  }
  await client.query('VACUUM ANALYZE')
  await client.end()
}
