/** What the store needs of node-postgres, and nothing else of it, so that any pool of that shape works. */
import { hashKey } from './seen-keys.ts'

/** Result of a query. */
export interface PostgresResult {
  /** Rows by column name. */
  rows: Record<string, unknown>[]
  /** Rows that were changed, for statements that return none. */
  rowCount?: number | null
}

/** A connection that was taken from a {@link PostgresPool}, in the shape of `pg`'s `PoolClient`. */
export interface PostgresClient {
  /** Runs a statement; several of them, separated by semicolons, when there are no values. */
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  /** Runs a statement that is prepared under its name; used where {@link PostgresClient.pipeline} is set and no pooler stands in between. */
  query(statement: { name: string; text: string; values: unknown[] }): Promise<PostgresResult>
  /** Whether a statement is sent before the answer to the one before is there; `pg` calls it so, from 8.23 on. */
  readonly pipeline?: boolean
  /** What the other end has called the session: the server its process, a pooler something else. */
  readonly processID?: number | null
  /** Gives it back; closes it instead when told so. */
  release(isBroken?: boolean): void
  /** Called when the connection breaks; an error without a listener would end the process. */
  on?(event: 'error', listener: (error: Error) => void): unknown
  /** Takes the listener off again. */
  off?(event: 'error', listener: (error: Error) => void): unknown
}

/** Connections to take and give back, in the shape of `pg`'s `Pool`. */
export interface PostgresPool {
  /** Takes a connection, and waits for one where all are taken. */
  connect(): Promise<PostgresClient>
  /** Closes all connections. Called only for a pool that the store has made. */
  end?(): Promise<void>
}

/** A connection that is nobody else's, in the shape of `pg`'s `Client`. */
export interface PostgresConnection {
  /** Runs a statement; several of them, separated by semicolons, when there are no values. */
  query(text: string, values?: unknown[]): Promise<PostgresResult>
  /** What the other end has called the session: the server its process, a pooler something else. */
  readonly processID?: number | null
  /** Closes it, whatever it does. */
  end(): Promise<void>
}

/** Where a store connects to by itself. */
export interface PostgresServer {
  connectionString: string
  /** Further settings, as `pg` takes them for a pool. */
  poolOptions: object | undefined
}

/** Times that a transaction is run before its conflict with others is reported. */
const ATTEMPTS_MAX = 5
/** `serialization_failure` and `deadlock_detected`: PostgreSQL asks to run the transaction again. */
const RETRIED_CODES = new Set(['40001', '40P01'])

/** The optional peer dependency `pg`. */
async function importPg(): Promise<Pg> {
  try {
    // Left to Node: the package need not be there to bundle the app, and Next.js, which bundles what a route imports, would not find it.
    const module: { default: Pg } = await import(
      /* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ 'pg'
    )
    return module.default
  } catch (error) {
    throw new TypeError(
      'postgresStore({ connectionString }) needs the package pg; run "npm install pg@8", or hand over a pool',
      { cause: error },
    )
  }
}

/** Makes a pool. */
export async function openPool({
  connectionString,
  poolOptions,
}: PostgresServer): Promise<PostgresPool> {
  const { Pool } = await importPg()
  const pool = new Pool({ ...DEFAULTS, pipeline: true, ...poolOptions, connectionString })
  // An idle connection broke. The pool has dropped it and opens another one; who uses it next need not know.
  pool.on('error', () => undefined)
  return pool
}

/** Makes one connection. */
export async function openConnection({
  connectionString,
  poolOptions,
}: PostgresServer): Promise<PostgresConnection> {
  const { Client } = await importPg()
  // Where statements are sent ahead, end() waits for what was sent, which may take minutes.
  const client = new Client({ ...DEFAULTS, ...poolOptions, connectionString, pipeline: false })
  // It broke; so did what it was asked, which rejects.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Names under which each connection parses and plans a text once, by text. */
const names = new Map<string, string>()

/**
 * Of connections that send ahead: whether they lead to the server itself. A pooler may give each transaction another connection of the server's, which does
 * not know what was prepared on this one.
 */
const areDirect = new WeakMap<PostgresClient, boolean>()

async function noteWhetherDirect(client: PostgresClient): Promise<void> {
  if (client.pipeline !== true || typeof client.processID !== 'number') return
  if (areDirect.has(client)) return
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
  areDirect.set(client, isDirect(client, rows))
}

/**
 * Whether a connection leads to the server itself.
 *
 * @param rows What was answered when it was asked for the server's process as `pid`.
 */
export function isDirect(
  { processID }: { readonly processID?: number | null },
  [row = {}]: readonly Record<string, unknown>[],
): boolean {
  return typeof row['pid'] === 'number' && row['pid'] === processID
}

/** Runs a statement of the hot path: prepared where the connection sends ahead and leads to the server itself. */
export function queryOften(
  client: PostgresClient,
  text: string,
  values: unknown[],
): Promise<PostgresResult> {
  if (areDirect.get(client) !== true) return client.query(text, values)
  return client.query({ name: toName(text), text, values })
}

/** Made of the text: a bundled app can have several copies of this library on one pool, and a name stands for one text. */
function toName(text: string): string {
  const known = names.get(text)
  if (known !== undefined) return known
  const name = `firma_${hashKey('statement', text).toString(36)}`
  names.set(text, name)
  return name
}

/** Runs steps one after the other, and sends them at once where the connection can; rejects with the first error. */
async function inOrder(client: PostgresClient, steps: (() => Promise<unknown>)[]): Promise<void> {
  // A step that throws at once keeps the ones behind it from being sent.
  if (client.pipeline === true) await Promise.all(steps.map((step) => step()))
  else for (const step of steps) await step()
}

const DEFAULTS = { application_name: 'firma-receiver' }

interface Breakable {
  on(event: 'error', listener: (error: Error) => void): unknown
}

interface Pg {
  Pool: new (options: object) => PostgresPool & Breakable
  Client: new (options: object) => PostgresConnection & Breakable & { connect(): Promise<unknown> }
}

/** How to run a transaction. */
export interface PostgresTransactionOptions<Client extends PostgresClient> {
  /** Where the connection comes from. */
  pool: { connect(): Promise<Client> }
  /** What to run at the start, from `BEGIN` on. */
  begin: string
  /** Times that it may be run when PostgreSQL asks to run it again; 5 by default. */
  attemptsMax?: number
  /** Sent together with the beginning. */
  first?: (client: Client) => Promise<void>
  /** Sent together with the commit, which fails when it does. What it cannot send it throws at once, so that nothing is committed. */
  last?: () => Promise<unknown>
  /** Called when the commit has been sent. */
  onCommitting?: (() => void) | undefined
}

/** Runs `fn` in a transaction: commits when it resolves, rolls back when it rejects. */
export async function inPostgresTransaction<T, Client extends PostgresClient>(
  options: PostgresTransactionOptions<Client>,
  fn: (client: Client) => Promise<T>,
): Promise<T> {
  const { attemptsMax = ATTEMPTS_MAX } = options
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runOnce(options, fn)
    } catch (error) {
      if (attempt >= attemptsMax || !RETRIED_CODES.has(findCode(error))) throw error
    }
  }
}

/** Runs `fn` on a connection, and gives it back. */
export async function withConnection<T, Client extends PostgresClient>(
  pool: { connect(): Promise<Client> },
  fn: (client: Client, markBroken: () => void) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  let isBroken = false
  // The query that was under way rejects with the same error; this only keeps the process alive.
  const markBroken = (): void => {
    isBroken = true
  }
  client.on?.('error', markBroken)
  try {
    await noteWhetherDirect(client)
    return await fn(client, markBroken)
  } finally {
    client.off?.('error', markBroken)
    client.release(isBroken)
  }
}

async function runOnce<T, Client extends PostgresClient>(
  { pool, begin, first, last, onCommitting }: PostgresTransactionOptions<Client>,
  fn: (client: Client) => Promise<T>,
): Promise<T> {
  return withConnection(pool, async (client, markBroken) => {
    try {
      await inOrder(client, [() => client.query(begin), async () => first?.(client)])
      const result = await fn(client)
      const end = [() => client.query('COMMIT')]
      const committed = inOrder(client, last === undefined ? end : [last, ...end])
      onCommitting?.()
      await committed
      return result
    } catch (error) {
      try {
        await client.query('ROLLBACK')
      } catch {
        // The connection is gone, and the transaction with it; the first error is the one that says why.
        markBroken()
      }
      throw error
    }
  })
}

function findCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}
