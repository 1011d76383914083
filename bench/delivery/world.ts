/** What the benches of delivery have in common: a hub with users, a sink, and how both are driven. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSqlite } from 'firma-receiver/sqlite'
import { defaultThreads } from '../../packages/hub/src/delivery/courier-threads.ts'
import { type Hub, type HubDatabase, openHub } from '../../packages/hub/src/hub.ts'
import { announceData } from '../../packages/hub/src/operations/announce-data.ts'
import { addDestination, createEnvironment } from '../../packages/hub/src/operations/set-up.ts'
import { createLog } from '../../packages/hub/src/system.ts'
import { Client } from 'pg'
import { type TestPostgres, startPostgres } from '../../scripts/postgres.ts'
import { readPostgresUs } from '../ingest/processor-time.ts'
import { warmLog } from '../warm-log.ts'
import { readClockMs } from './clock.ts'
import { percentile } from './verdict.ts'

export const ENVIRONMENT = { id: 'bench' }
/** Announcements that wait for their commit at once. */
export const IN_FLIGHT = 64
/** With the envelope about 1 KB. */
const DATA = [{ note: 'x'.repeat(650) }]
const SINK_DELAY_MS = 20
const folder = path.dirname(fileURLToPath(import.meta.url))

/** The apps at the other end. */
export interface Sink {
  readonly process: ChildProcess
  /** One for each app. */
  readonly urls: readonly string[]
}

/** How many apps there are, and how many of them, the last ones, never answer. */
interface Apps {
  readonly apps: number
  readonly hanging: number
}

const ONE_APP: Apps = { apps: 1, hanging: 0 }

export interface World {
  /** Another one after {@link World.refill}. */
  readonly hub: Hub
  readonly sink: Sink
  readonly users: number
  /** Undefined on SQLite. */
  readonly postgresUrl: string | undefined
  /** Statements of our own on its database. */
  execute(sql: string): Promise<void>
  /** Closes the hub, runs statements that write millions of rows, and opens and starts it again. */
  refill(statements: readonly string[]): Promise<void>
  close(): Promise<void>
}

export async function startSink({ apps, hanging }: Apps = ONE_APP): Promise<Sink> {
  const sink = fork(path.join(folder, 'sink.ts'), [SINK_DELAY_MS, apps, hanging].map(String))
  const { ports } = await ask<{ ports: number[] }>({ process: sink })
  return { process: sink, urls: ports.map((port) => `http://127.0.0.1:${port}`) }
}

/** A hub as the benches have it. */
export async function openBenchHub(database: HubDatabase): Promise<Hub> {
  return await openHub({
    ...database,
    baseUrl: 'http://127.0.0.1',
    keys: { primaryId: 'bench', keys: new Map([['bench', new Uint8Array(32).fill(1)]]) },
    allowedRanges: ['127.0.0.0/8'],
    senderThreads: defaultThreads(availableParallelism()),
    log: createLog('warn'),
  })
}

/** A hub with users, and a sink. */
export async function openWorld(
  engine: string,
  users: number,
  apps: Apps = ONE_APP,
): Promise<World> {
  const place = mkdtempSync(path.join(tmpdir(), 'firma-bench-'))
  const database =
    engine === 'postgres' ? await openServer() : await openFile(path.join(place, 'hub.db'))
  let hub = await openBenchHub(database.options())
  await createEnvironment(hub.deps, { ...ENVIRONMENT, name: 'bench' })
  const sink = await startSink(apps)
  await addUsers(database.execute, users)
  return {
    get hub() {
      return hub
    },
    sink,
    users,
    postgresUrl: database.postgresUrl,
    execute: database.execute,
    refill: async (statements) => {
      await hub.close()
      await database.refill(statements)
      hub = await openBenchHub(database.options())
      hub.start()
    },
    close: async () => {
      await hub.close()
      await database.close()
      sink.process.kill()
      rmSync(place, { recursive: true, force: true })
    },
  }
}

interface Database extends Pick<World, 'postgresUrl' | 'execute' | 'refill' | 'close'> {
  options(): HubDatabase
}

/** A server that has been used before, as far as the files of its log are concerned. */
export async function startServer(): Promise<TestPostgres> {
  const server = await startPostgres({ isDurable: true })
  await warmLog(server.url)
  return server
}

async function openServer(): Promise<Database> {
  const server = await startServer()
  const execute: World['execute'] = async (sql) => await executeOnPostgres(server.url, sql)
  return {
    postgresUrl: server.url,
    options: () => ({ postgresUrl: server.url }),
    execute,
    refill: async (statements) => {
      for (const sql of statements) await execute(sql)
      await execute('VACUUM ANALYZE')
      await execute('CHECKPOINT')
    },
    close: async () => server.stop(),
  }
}

async function openFile(file: string): Promise<Database> {
  let sqlite = await openSqlite(file)
  return {
    postgresUrl: undefined,
    options: () => ({ sqlite }),
    execute: async (sql) => await sqlite.exclusive((database) => database.exec(sql)),
    refill: async (statements) => {
      await sqlite.close()
      const filler = fork(path.join(folder, 'fill-sqlite.ts'))
      const ended = once(filler, 'exit')
      filler.send({ file, statements })
      const [code] = (await ended) as [number | null]
      if (code !== 0) throw new Error(`the file could not be filled: exit code ${code}`)
      sqlite = await openSqlite(file)
    },
    close: async () => await sqlite.close(),
  }
}

async function executeOnPostgres(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
}

/** Runs something. @returns Microseconds of processor time per event: of this process, and of PostgreSQL. */
export async function measureCpu(
  { postgresUrl }: Pick<World, 'postgresUrl'>,
  events: number,
  run: () => Promise<void>,
): Promise<Record<string, number>> {
  const readServer = async (): Promise<number> =>
    postgresUrl === undefined ? 0 : await readPostgresUs(postgresUrl)
  const serverUs = await readServer()
  const ours = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(ours)
  const cpu = { 'CPU µs/event': (user + system) / events }
  const server = ((await readServer()) - serverUs) / events
  return postgresUrl === undefined ? cpu : { ...cpu, 'of PostgreSQL': server }
}

export async function ask<T>(
  { process: child }: Pick<Sink, 'process'>,
  question?: string,
): Promise<T> {
  const answer = new Promise<T>((resolve) => child.once('message', resolve as () => void))
  if (question !== undefined) child.send(question)
  return await answer
}

/** In one statement, because a million of them one by one takes longer than the bench. */
async function addUsers(execute: World['execute'], count: number): Promise<void> {
  await execute(`
    INSERT INTO connection (lineage_id, environment_id, match_key, provider, reference_id, provider_account_id,
      user_id, status, scopes, token_version, user_created_at_ms, last_ordering_ms, updated_at_ms)
    ${series(0, count)} SELECT 'lineage-' || i, '${ENVIRONMENT.id}', 'lineage-' || i, 'GARMIN', 'person-' || i,
      'account-' || i, 'user-' || i, 'active', '["ACTIVITY_EXPORT"]', 1, 0, 0, 0 FROM series`)
  await execute(`
    INSERT INTO user_alias (user_id, environment_id, lineage_id, created_at_ms)
    SELECT user_id, environment_id, lineage_id, 0 FROM connection`)
  await execute(`
    INSERT INTO lineage_reference (environment_id, reference_id, lineage_id)
    SELECT environment_id, reference_id, lineage_id FROM connection`)
}

/** The numbers from `from` to below `to` as `series(i)`, on both engines. */
export function series(from: number, to: number): string {
  return `WITH RECURSIVE series (i) AS (
    SELECT CAST(${from} AS bigint) UNION ALL SELECT i + 1 FROM series WHERE i < ${to - 1})`
}

/** Announces event number `i`. @returns Its id, when it is committed. */
export async function emit(
  { hub, users }: Pick<World, 'hub' | 'users'>,
  i: number,
): Promise<string> {
  return await announceData(hub.deps, ENVIRONMENT, `user-${(i * 7_919) % users}`, {
    type: 'daily',
    data: DATA,
  })
}

/** Makes event number `i` durable. @returns The id that the sink will see. */
export type Emit = (i: number) => Promise<string>

/** Announces with so many waiting for their commit. @returns Per second. */
export async function emitMany(emitOne: Emit, count: number): Promise<number> {
  let next = 0
  const startedMs = performance.now()
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < count) await emitOne(next++)
    }),
  )
  return (count * 1_000) / (performance.now() - startedMs)
}

/** When nothing more has arrived for so long, nothing will. */
const STANDSTILL_MS = 30_000

export async function untilArrived(sink: Sink, count: number): Promise<void> {
  let [arrived, atMs] = [-1, performance.now()]
  for (;;) {
    const { distinct } = await ask<{ distinct: number }>(sink, 'count')
    if (distinct >= count) return
    if (distinct > arrived) [arrived, atMs] = [distinct, performance.now()]
    else if (performance.now() - atMs > STANDSTILL_MS) {
      throw new Error(`${distinct} of ${count} events arrived, and none for ${STANDSTILL_MS} ms`)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

interface Load {
  readonly perSecond: number
  readonly seconds: number
  /** Apps that answer. */
  readonly answering: number
}

/** How late an event came to an app, in milliseconds. */
export interface Delay {
  /** From before it was announced. */
  readonly wholeMs: number
  /** From when whoever announced it knew that it was committed; below nothing where it came before. */
  readonly afterCommitMs: number
}

/** Announces at a rate. @returns How late each event came to each app that answers. */
export async function listDelays(
  { sink, emitOne }: { readonly sink: Sink; readonly emitOne: Emit },
  load: Load,
): Promise<Delay[]> {
  await ask(sink, 'clear')
  const emitted = new Map<string, { readonly beforeMs: number; readonly committedMs: number }>()
  const pending: Promise<void>[] = []
  const total = load.perSecond * load.seconds
  const startedMs = performance.now()
  for (let i = 0; i < total; i += 1) {
    const waitMs = startedMs + (i * 1_000) / load.perSecond - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    const beforeMs = readClockMs()
    pending.push(
      emitOne(i).then((id) => void emitted.set(id, { beforeMs, committedMs: readClockMs() })),
    )
  }
  await Promise.all(pending)
  await untilArrived(sink, total * load.answering)
  const { arrivals } = await ask<{ arrivals: [string, number][] }>(sink, 'figures')
  return arrivals.flatMap(([id, atMs]) => {
    const times = emitted.get(id)
    if (times === undefined) return []
    return [{ wholeMs: atMs - times.beforeMs, afterCommitMs: atMs - times.committedMs }]
  })
}

/** Announces at a rate. @returns Percentiles of {@link listDelays}. */
export async function measureLatency(side: Parameters<typeof listDelays>[0], load: Load) {
  const delays = await listDelays(side, load)
  const whole = delays.map(({ wholeMs }) => wholeMs)
  const afterCommit = delays.map(({ afterCommitMs }) => afterCommitMs)
  return { whole: summarize(whole), afterCommit: summarize(afterCommit) }
}

function summarize(late: readonly number[]) {
  return { p50: percentile(late, 0.5), p95: percentile(late, 0.95), p99: percentile(late, 0.99) }
}

/** A destination for each app. @returns Their ids. */
export async function addDestinations(
  { hub, sink }: World,
  concurrencyOf: (app: number) => number = () => 256,
): Promise<string[]> {
  const ids: string[] = []
  for (const [app, url] of sink.urls.entries()) {
    const added = { environmentId: ENVIRONMENT.id, url, concurrency: concurrencyOf(app) }
    ids.push((await addDestination(hub.deps, added)).id)
  }
  return ids
}
