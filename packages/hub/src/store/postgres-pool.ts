/** Connections to PostgreSQL, and what Kysely sees of them. */
import { createHash } from 'node:crypto'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { type ClientBase, Pool, type PoolClient, type QueryResult, types } from 'pg'
import { SECOND_MS } from '../core/time.ts'
import { isStale, toDatabaseError } from './database-error.ts'

/** Connections that one process has at most: 100 of a server's own making are enough for nine processes. */
const CONNECTIONS_MAX = 10
/** For a connection, also to a server that drops packets; where the URL does not say it. */
const CONNECT_TIMEOUT_SECONDS = 5
/** For one statement; the longest of ours read a page of a list. */
const STATEMENT_TIMEOUT_MS = 20 * SECOND_MS
/** For rows that another transaction has locked; ours are open for milliseconds. */
const LOCK_TIMEOUT_MS = 10 * SECOND_MS
/** After this the server ends a transaction whose process has stopped in the middle of it. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10 * SECOND_MS
/** A server that is gone without a word answers nothing: later than its own limit would. */
const SILENCE_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5 * SECOND_MS

/**
 * Every hot statement of ours has its index. By the statistics of an empty table, or of a quiet hour, reading all of it
 * looks cheaper, and a plan that is kept goes on doing so while the table grows. What has no index is still read from
 * end to end. Plans that avoid something count as dear, which must not make the server compile them.
 */
const PLAN_BY_INDEX =
  'SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off'

/** Not where a connection begins: a pooler refuses to connect with settings that it does not know. */
const LIMITS =
  `SET statement_timeout = ${STATEMENT_TIMEOUT_MS}; SET lock_timeout = ${LOCK_TIMEOUT_MS}; ` +
  `SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_TIMEOUT_MS}`

/**
 * Opens a pool; nothing is connected yet.
 *
 * @param url `postgres://user:password@host:5432/database`; with `?connect_timeout=` in seconds, as libpq has it.
 */
export function openPostgresPool(url: string): Pool {
  const pool = new Pool({
    connectionString: url,
    application_name: 'firma',
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: readConnectTimeout(url) * SECOND_MS,
    query_timeout: SILENCE_TIMEOUT_MS,
    keepAlive: true,
    // A statement is sent before the answer to the one before it is there.
    pipeline: true,
    onConnect: setUp,
    types: { getTypeParser: chooseParser },
  })
  // A connection broke. Whoever was using it is told by the query, the pool opens another one for the next;
  // an error without a listener would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => void client.on('error', () => undefined))
  return pool
}

function readConnectTimeout(url: string): number {
  const given = Number(new URL(url).searchParams.get('connect_timeout'))
  return given > 0 ? given : CONNECT_TIMEOUT_SECONDS
}

/**
 * Connections to the server itself. A pooler calls a session by a name of its own, and may give each transaction another
 * session of the server's, which does not know what this one has prepared, or knows something else by that name.
 */
const direct = new WeakSet<ClientBase>()

/** A promise, which the pool awaits before anybody gets the connection. */
const setUp: (client: ClientBase) => unknown = async (client) => {
  await client.query(`${LIMITS}; ${PLAN_BY_INDEX}`)
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  if ('processID' in client && client.processID === rows[0]?.pid) direct.add(client)
}

/** The address of a database as it may be shown. */
export function withoutSecrets(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

/** Counts and times are int8, and sums of them numeric: as texts by default, and below 2^53 here. */
const NUMBERS: readonly number[] = [types.builtins.INT8, types.builtins.NUMERIC]

const chooseParser: typeof types.getTypeParser = (oid, format) =>
  NUMBERS.includes(oid) ? Number : types.getTypeParser(oid, format)

/** Runs `use` with a connection of its own and gives it back. */
export async function inClient<T>(pool: Pool, use: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await use(client)
  } finally {
    client.release()
  }
}

/** Statements that are prepared by name; texts that are not known yet are counted up to this, too. */
const NAMED_MAX = 500
/** Preparing is worth it for what is said again and again. */
const NAMED_AFTER = 10

/** Names for the texts of statements that come often, so that each connection reads and plans them once. */
class StatementNames {
  readonly #uses = new Map<string, number>()
  readonly #names = new Map<string, string>()

  find(text: string): string | undefined {
    const name = this.#names.get(text)
    if (name !== undefined || this.#names.size >= NAMED_MAX) return name
    const uses = (this.#uses.get(text) ?? 0) + 1
    if (uses < NAMED_AFTER) {
      if (this.#uses.size >= NAMED_MAX) this.#uses.clear()
      this.#uses.set(text, uses)
      return undefined
    }
    this.#uses.delete(text)
    // Made of the text, so that it stands for the same in every process.
    const digest = createHash('sha256').update(text).digest('base64url')
    this.#names.set(text, `firma_${digest}`)
    return this.#names.get(text)
  }
}

/** The pool for Kysely: failures of the world get words, and a broken connection does not hide the first failure. */
export function toKyselyPool(pool: Pool): PostgresPool {
  const names = new StatementNames()
  return {
    connect: async () => {
      const client = await pool.connect().catch(rethrow)
      let broken: Error | undefined
      let begun: Promise<unknown> | undefined
      let hasOnlyRead = true
      const send = async (text: string, values: unknown[]): Promise<QueryResult> => {
        const name = direct.has(client) ? names.find(text) : undefined
        const statement = { text, values, ...(name !== undefined && { name }) }
        return await client.query(statement).catch((error: unknown) => {
          // A newer version has changed a table: the next connection prepares its statements anew.
          if (isStale(error)) broken = error
          return rethrow(error)
        })
      }
      const query = async (sql: string, parameters: unknown[]): Promise<unknown> => {
        if (sql === 'rollback') {
          // Writes that wait for BEGIN are sent first. Behind ROLLBACK they would stand alone.
          await Promise.allSettled([begun])
          return await rollBack(client)
        }
        if (sql === 'begin') {
          begun = send(sql, parameters)
          // Reported with the first statement.
          begun.catch(() => undefined)
          return { command: 'BEGIN', rowCount: null, rows: [] }
        }
        // What reads goes along with BEGIN. A write would stand alone if that had failed, and nothing overtakes it.
        hasOnlyRead &&= READS.test(sql)
        if (!hasOnlyRead) await begun
        const [, result] = await Promise.all([begun, send(sql, parameters)])
        // So PostgreSQL says that a statement had failed: somebody caught its error and went on.
        if (sql === 'commit' && result.command !== 'COMMIT') {
          throw new TypeError('a transaction goes on after one of its statements has failed')
        }
        return result
      }
      return { query, release: () => client.release(broken) } as PostgresPoolClient
    },
    end: async () => await pool.end(),
  }
}

const READS = /^\s*SELECT\b/i

async function rollBack(client: PoolClient): Promise<unknown> {
  try {
    return await client.query('ROLLBACK')
  } catch {
    // The connection is gone, and the transaction with it; why it was to be rolled back is what matters.
    return { command: 'ROLLBACK', rowCount: null, rows: [] }
  }
}

function rethrow(error: unknown): never {
  throw toDatabaseError(error)
}
