/** Kysely on one SQLite connection that is shared through a lock: see `SqliteHandle`. */
import type { SqliteDatabase, SqliteHandle, SqliteValue } from 'firma-receiver/sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type LimitNode,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  ValueNode,
} from 'kysely'
import { assert } from '../errors.ts'
import { BoundRows } from './batch.ts'
import type { Direct } from './context.ts'
import { toDatabaseError } from './database-error.ts'

/** @param handle Stays the caller's: destroying Kysely does not close it. */
export function createSqliteDialect(handle: SqliteHandle): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteDriver(handle),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new Compiler(),
  }
}

/** Runs statements that are compiled, each by itself, past what the builder does for each. */
export function runDirectly(handle: SqliteHandle): Direct {
  return async <Row>(query: CompiledQuery<Row>) =>
    await handle.exclusive((database): QueryResult<Row> => {
      try {
        return runOn(database, query)
      } catch (error) {
        throw toDatabaseError(error)
      }
    })
}

/**
 * SQLite plans by a number that is bound as the limit, and so compiles a statement that has one anew each time it is
 * run, which takes several times as long as running it. Not where it stands in the text, or is an expression.
 */
class Compiler extends SqliteQueryCompiler {
  protected override visitLimit(node: LimitNode): void {
    const { limit } = node
    if (ValueNode.is(limit) && typeof limit.value === 'number') {
      this.append(`limit ${limit.value}`)
      return
    }
    super.visitLimit(node)
    this.append(' + 0')
  }
}

class SqliteDriver implements Driver {
  readonly #handle: SqliteHandle

  constructor(handle: SqliteHandle) {
    this.#handle = handle
  }

  async init(): Promise<void> {}

  acquireConnection(): Promise<DatabaseConnection> {
    return new Promise((resolve, reject) => {
      // The lock is held from here until releaseConnection resolves `done`.
      this.#handle
        .exclusive(
          (database) =>
            new Promise<void>((done) => {
              resolve(new SqliteConnection(database, done))
            }),
        )
        .catch(reject)
    })
  }

  // Immediate: a transaction that starts as a reader could be refused when it wants to write.
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('BEGIN IMMEDIATE'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('COMMIT'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await connection.executeQuery(CompiledQuery.raw('ROLLBACK'))
    } catch {
      // A full disk has rolled it back already; why it was to be rolled back is what matters.
    }
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    assert(
      connection instanceof SqliteConnection,
      'a connection returns to the driver that gave it',
    )
    connection.release()
  }

  async destroy(): Promise<void> {}
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: SqliteDatabase
  readonly release: () => void
  /**
   * Why nothing more is run. A full disk ends the whole transaction by itself; what was sent behind the statement that
   * failed would stand alone, committed by itself.
   */
  #failure: { readonly error: unknown } | undefined

  constructor(database: SqliteDatabase, release: () => void) {
    this.#database = database
    this.release = release
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#failure !== undefined && !isRollback(query)) throw this.#failure.error
    try {
      return runOn(this.#database, query)
    } catch (error) {
      this.#failure = { error: toDatabaseError(error) }
      throw this.#failure.error
    }
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('SQLite lists are bounded: use limit and a cursor instead of streaming')
  }
}

function runOn<R>(database: SqliteDatabase, query: CompiledQuery): QueryResult<R> {
  const statement = database.prepare(query.sql)
  const [first] = query.parameters
  if (first instanceof BoundRows) {
    const rows = first.rows.map((row) => ({ id: Number(statement.run(...row).lastInsertRowid) }))
    return { rows: rows as R[] }
  }
  // Kysely's SQLite compiler binds only values that SQLite takes; booleans do not exist in our schema.
  const parameters = query.parameters as readonly SqliteValue[]
  if (returnsRows(query)) {
    return { rows: statement.all(...parameters) as R[] }
  }
  const { changes, lastInsertRowid } = statement.run(...parameters)
  return { numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid), rows: [] }
}

function isRollback({ sql }: CompiledQuery): boolean {
  return sql.toLowerCase() === 'rollback'
}

function returnsRows({ query }: CompiledQuery): boolean {
  // Written by hand: SQLite gives no rows for a statement that returns none.
  if (query.kind === 'SelectQueryNode' || query.kind === 'RawNode') return true
  return 'returning' in query && query.returning !== undefined
}
