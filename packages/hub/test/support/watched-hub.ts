/** The only way for a test to open a hub of its own: what it makes of secrets must not be in its database or its log. */
import { expect, onTestFinished } from 'vitest'
import type { Log } from '../../src/deps.ts'
import { type Hub, type HubOptions, openHub } from '../../src/hub.ts'
import { systemRandom } from '../../src/system.ts'
import { Canaries } from './canaries.ts'
import { type TestDatabase, wrapPostgres, wrapSqlite } from './test-database.ts'

/** What is known of the secrets of one hub or of several, and everything that they have logged. */
export class Watch {
  readonly canaries: Canaries
  readonly logLines: string[] = []

  constructor(options: { isTraced: boolean }) {
    this.canaries = new Canaries(options)
  }

  /** Keeps what is logged, and passes it on. */
  log({ info, warn, error }: Log): Log {
    const keep =
      (next: Log['info']): Log['info'] =>
      (fields, message) => {
        this.logLines.push(JSON.stringify({ ...fields, message }, showErrors))
        next(fields, message)
      }
    return { info: keep(info), warn: keep(warn), error: keep(error) }
  }

  /** In words for the failure of a test. */
  async findLeaks(database: TestDatabase): Promise<string[]> {
    return await this.canaries.findIn(database, this.logLines)
  }
}

const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** Opens a hub whose secrets somebody else will look for. */
export async function openUnder(watch: Watch, options: HubOptions): Promise<Hub> {
  const random = watch.canaries.watch(options.random ?? systemRandom)
  return await openHub({ ...options, random, log: watch.log(options.log ?? SILENT) })
}

/** Opens a hub whose secrets are looked for when it is closed, and when the test has finished. */
export async function openWatchedHub(options: HubOptions): Promise<Hub> {
  const watch = new Watch({ isTraced: true })
  const hub = await openUnder(watch, options)
  let leaks: string[] | undefined
  const find = async (): Promise<void> => {
    const database = databaseOf(options)
    // Where the test has taken its database away by now, nothing is left to look into.
    leaks ??= await watch.findLeaks(database).catch(() => undefined)
    await database.close()
  }
  onTestFinished(async () => {
    await find()
    expect(leaks ?? []).toEqual([])
  })
  const close = async (): Promise<void> => {
    await hub.close()
    await find()
  }
  return { ...hub, close }
}

function databaseOf(options: HubOptions): TestDatabase {
  if ('sqlite' in options) return wrapSqlite(options.sqlite)
  return wrapPostgres({ url: options.postgresUrl, drop: async () => undefined })
}

/** Errors have no enumerable fields; what a real log would print of them counts too. */
function showErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? `${value.stack} ${String(value.cause)}` : value
}
