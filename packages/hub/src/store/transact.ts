import {
  CompiledQuery,
  type ConnectionProvider,
  type Dialect,
  DummyDriver,
  type Kysely,
  Transaction,
} from 'kysely'
import { assert } from '../errors.ts'
import type { Direct, Engine } from './context.ts'
import type { Db, Schema } from './schema.ts'

/** Where a transaction is run. */
export interface TransactContext {
  readonly db: Kysely<Schema>
  readonly dialect: Dialect
  readonly engine: Engine
}

/**
 * Runs a transaction. In Kysely's own, each statement waits for the answer to the one before; here statements that need
 * nothing of each other's answers can be sent one behind the other, and take effect in that order.
 */
export async function transact<T>(
  { db, dialect, engine }: TransactContext,
  run: (tx: Db, direct: Direct) => Promise<T>,
): Promise<T> {
  const executor = db.getExecutor()
  return await executor.provideConnection(async (connection) => {
    const execute = async (text: string): Promise<unknown> =>
      await connection.executeQuery(CompiledQuery.raw(text))
    let isOver = false
    const connectionProvider: ConnectionProvider = {
      provideConnection: async (use) => {
        assert(!isOver, 'a transaction is not used after its end')
        return await use(connection)
      },
    }
    const direct: Direct = async (query) => {
      assert(!isOver, 'a transaction is not used after its end')
      return await connection.executeQuery(query)
    }
    const tx = new Transaction<Schema>({
      config: { dialect },
      dialect,
      // Connections come from the provider alone.
      driver: new DummyDriver(),
      executor: executor.withConnectionProvider(connectionProvider),
    })
    // Immediate: a transaction that starts as a reader could be refused when it wants to write.
    await execute(engine === 'sqlite' ? 'begin immediate' : 'begin')
    try {
      const result = await run(tx, direct)
      isOver = true
      await execute('commit')
      return result
    } catch (error) {
      // What was begun beside the statement that failed would stand alone behind the end.
      isOver = true
      // Why it is rolled back is what matters: a full disk has done so already.
      await execute('rollback').catch(() => undefined)
      throw error
    }
  })
}
