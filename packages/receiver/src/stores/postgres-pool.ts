/** What the store needs of node-postgres, and nothing else of it, so that any pool of that shape works. */

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

/** Times that a transaction is run before its conflict with others is reported. */
const ATTEMPTS_MAX = 5
/** `serialization_failure` and `deadlock_detected`: PostgreSQL asks to run the transaction again. */
const RETRIED_CODES = new Set(['40001', '40P01'])

/** Makes a pool with the optional peer dependency `pg`. */
export async function openPool(connectionString: string): Promise<PostgresPool> {
  // Its name in a variable: it may not be needed to type-check or bundle the application around this library.
  const specifier = 'pg'
  let module: { default: { Pool: new (options: object) => OwnPool } }
  try {
    module = await import(specifier)
  } catch (error) {
    throw new TypeError(
      'postgresStore({ connectionString }) needs the package pg; run "npm install pg@8", or hand over a pool',
      { cause: error },
    )
  }
  const pool = new module.default.Pool({ connectionString, application_name: 'firma-receiver' })
  // An idle connection broke. The pool has dropped it and opens another one; who uses it next need not know.
  pool.on('error', () => undefined)
  return pool
}

interface OwnPool extends PostgresPool {
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** How to run a transaction. */
export interface PostgresTransactionOptions<Client extends PostgresClient> {
  /** Where the connection comes from. */
  pool: { connect(): Promise<Client> }
  /** What to run at the start, from `BEGIN` on. */
  begin: string
  /** Times that it may be run when PostgreSQL asks to run it again; 5 by default. */
  attemptsMax?: number
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

async function runOnce<T, Client extends PostgresClient>(
  { pool, begin }: PostgresTransactionOptions<Client>,
  fn: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  let isBroken = false
  // The query that was under way rejects with the same error; this only keeps the process alive.
  const onError = (): void => {
    isBroken = true
  }
  client.on?.('error', onError)
  try {
    await client.query(begin)
    const result = await fn(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    try {
      await client.query('ROLLBACK')
    } catch {
      // The connection is gone, and the transaction with it; the first error is the one that says why.
      isBroken = true
    }
    throw error
  } finally {
    client.off?.('error', onError)
    client.release(isBroken)
  }
}

function findCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}
