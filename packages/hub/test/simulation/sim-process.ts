/** One life of the hub: it can be ended at any statement, and nothing of it goes on afterwards. */
import type { SqliteDatabase, SqliteHandle, SqliteStatement } from 'firma-receiver/sqlite'
import type { Timer } from '../../src/deps.ts'

/** What no code of the hub gets to see as an answer. */
const NEVER = new Promise<never>(() => undefined)

export class SimProcess {
  #isDead = false
  /** Statements until something happens to the database; undefined: nothing does. */
  #fault: { left: number; readonly kind: 'crash_before' | 'crash_after' | 'disk_full' } | undefined
  readonly handle: SqliteHandle
  readonly timer: Timer

  constructor(disk: SqliteHandle, timer: Timer) {
    this.handle = {
      driver: disk.driver,
      exclusive: async (fn) => {
        if (this.#isDead) return await NEVER
        return await disk.exclusive((database) => {
          if (this.#isDead) throw new Error('this process is gone')
          return fn(this.#wrap(database))
        })
      },
      close: async () => undefined,
    }
    this.timer = {
      after: (delayMs, run) => {
        const cancel = timer.after(delayMs, () => {
          if (!this.#isDead) run()
        })
        return cancel
      },
    }
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** What the outside world answers reaches nobody any more. */
  async answer<T>(answer: Promise<T>): Promise<T> {
    const value = await answer
    return this.#isDead ? await NEVER : value
  }

  kill(): void {
    this.#isDead = true
  }

  /** @param after So many statements from now. */
  plan(kind: 'crash_before' | 'crash_after' | 'disk_full', after: number): void {
    this.#fault = { kind, left: after }
  }

  #wrap(database: SqliteDatabase): SqliteDatabase {
    const run = <T>(statement: () => T): T => this.#run(database, statement)
    return {
      exec: (sql) => run(() => database.exec(sql)),
      prepare: (sql) => {
        const statement = database.prepare(sql)
        const wrapped: SqliteStatement = {
          run: (...values) => run(() => statement.run(...values)),
          get: (...values) => run(() => statement.get(...values)),
          all: (...values) => run(() => statement.all(...values)),
        }
        return wrapped
      },
      close: () => undefined,
    }
  }

  #run<T>(database: SqliteDatabase, statement: () => T): T {
    if (this.#isDead) throw new Error('this process is gone')
    if (this.#fault === undefined || (this.#fault.left -= 1) > 0) return statement()
    const { kind } = this.#fault
    this.#fault = undefined
    if (kind === 'disk_full') {
      throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
    }
    if (kind === 'crash_after') statement()
    this.#isDead = true
    // What a database does with a transaction whose process has died.
    try {
      database.exec('ROLLBACK')
    } catch {
      // There was none, or the statement was its COMMIT.
    }
    throw new Error('this process is gone')
  }
}
