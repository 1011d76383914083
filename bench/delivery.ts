/**
 * What the delivery engine does per second, and how late: events of 1 KB, durably announced, signed, sent to a
 * sink that answers after 20 ms, with order, retries and a record of each attempt.
 *
 *     node --conditions=source --import tsx bench/delivery.ts [--engine sqlite|postgres] [--only emit,path,latency,drain,hanging,history] [--events 20000] [--history 1000000]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openSqlite } from 'firma-receiver/sqlite'
import { type Hub, openHub } from '../packages/hub/src/hub.ts'
import { announceData } from '../packages/hub/src/operations/announce-data.ts'
import { addDestination, createEnvironment } from '../packages/hub/src/operations/set-up.ts'
import { createLog } from '../packages/hub/src/system.ts'
import { startPostgres } from '../scripts/postgres.ts'

const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string', default: 'sqlite' },
    only: { type: 'string', default: 'emit,path,latency,drain,hanging,history' },
    events: { type: 'string', default: '20000' },
    history: { type: 'string', default: '0' },
    users: { type: 'string', default: '1000' },
  },
})
const ENVIRONMENT = { id: 'bench' }
const EVENTS = Number(flags.events)
const USERS = Number(flags.users)
const IN_FLIGHT = 64
/** With the envelope about 1 KB. */
const DATA = [{ note: 'x'.repeat(650) }]
const folder = path.dirname(fileURLToPath(import.meta.url))

interface World {
  readonly hub: Hub
  readonly sink: ChildProcess
  readonly sinkUrl: string
  close(): Promise<void>
}

/** A hub with users, and a sink. */
async function openWorld(): Promise<World> {
  const place = mkdtempSync(path.join(tmpdir(), 'firma-bench-'))
  const settings = {
    baseUrl: 'http://127.0.0.1',
    keys: { primaryId: 'bench', keys: new Map([['bench', new Uint8Array(32).fill(1)]]) },
    allowedRanges: ['127.0.0.0/8'],
    log: createLog('warn'),
  }
  const postgres =
    flags.engine === 'postgres' ? await startPostgres({ isDurable: true }) : undefined
  const sqlite = postgres === undefined ? await openSqlite(path.join(place, 'hub.db')) : undefined
  const hub = await openHub(
    sqlite === undefined
      ? { ...settings, postgresUrl: postgres?.url ?? '' }
      : { ...settings, sqlite },
  )
  await createEnvironment(hub.deps, { ...ENVIRONMENT, name: 'bench' })
  await addUsers(hub, USERS)
  const sink = fork(path.join(folder, 'delivery', 'sink.ts'), ['20'])
  const { port } = await ask<{ port: number }>(sink)
  return {
    hub,
    sink,
    sinkUrl: `http://127.0.0.1:${port}`,
    close: async () => {
      await hub.close()
      await sqlite?.close()
      postgres?.stop()
      sink.kill()
      rmSync(place, { recursive: true, force: true })
    },
  }
}

async function ask<T>(child: ChildProcess, question?: string): Promise<T> {
  const answer = new Promise<T>((resolve) => child.once('message', resolve as () => void))
  if (question !== undefined) child.send(question)
  return await answer
}

async function addUsers({ deps }: Hub, count: number): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    await deps.store.transaction(async (tx) => {
      for (let i = from; i < Math.min(count, from + 500); i += 1) {
        const user = {
          userId: `user-${i}`,
          referenceId: `person-${i}`,
          provider: 'GARMIN',
          scopes: ['ACTIVITY_EXPORT'],
          createdAtMs: 0,
          lastWebhookUpdateMs: null,
        }
        const state = {
          status: 'active' as const,
          user,
          providerAccountId: `account-${i}`,
          tokenVersion: 1,
          degradedAtMs: null,
          degradedBy: null,
          errorAnnouncedAtMs: null,
        }
        const lineageId = `lineage-${i}`
        const connection = { lineageId, environmentId: ENVIRONMENT.id, matchKey: lineageId }
        await tx.connections.save({ ...connection, lastOrderingMs: 0, state }, 0)
      }
    })
  }
}

async function emit({ deps }: Hub, i: number): Promise<string> {
  return await announceData(deps, ENVIRONMENT, `user-${(i * 7_919) % USERS}`, {
    type: 'daily',
    data: DATA,
  })
}

/** Announces with so many waiting for their commit. @returns Per second. */
async function emitMany(hub: Hub, count: number): Promise<number> {
  let next = 0
  const startedMs = performance.now()
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (next < count) await emit(hub, next++)
    }),
  )
  return (count * 1_000) / (performance.now() - startedMs)
}

async function untilArrived({ sink }: World, count: number): Promise<void> {
  for (;;) {
    const { distinct } = await ask<{ distinct: number }>(sink, 'count')
    if (distinct >= count) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const percentile = (sorted: readonly number[], p: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0

/** Announces at a rate. @returns Milliseconds from before the announcement to the sink. */
async function measureLatency(world: World, perSecond: number, seconds: number) {
  await ask(world.sink, 'clear')
  const emitted = new Map<string, number>()
  const pending: Promise<void>[] = []
  const total = perSecond * seconds
  const startedMs = performance.now()
  for (let i = 0; i < total; i += 1) {
    const waitMs = startedMs + (i * 1_000) / perSecond - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    const beforeMs = Date.now()
    pending.push(emit(world.hub, i).then((id) => void emitted.set(id, beforeMs)))
  }
  await Promise.all(pending)
  await untilArrived(world, total)
  const { arrivals } = await ask<{ arrivals: [string, number][] }>(world.sink, 'figures')
  const late = arrivals
    .flatMap(([id, atMs]) => {
      const beforeMs = emitted.get(id)
      return beforeMs === undefined ? [] : [atMs - beforeMs]
    })
    .sort((a, b) => a - b)
  return { p50: percentile(late, 0.5), p95: percentile(late, 0.95), p99: percentile(late, 0.99) }
}

const addSink = async (world: World, pathname = '', concurrency = 256): Promise<string> => {
  const url = world.sinkUrl + pathname
  const added = { environmentId: ENVIRONMENT.id, url, concurrency }
  return (await addDestination(world.hub.deps, added)).id
}

function report(what: string, figures: Record<string, number>): void {
  const texts = Object.entries(figures).map(([name, value]) => `${name} ${Math.round(value)}`)
  const rssMb = Math.round(process.memoryUsage().rss / 1_048_576)
  process.stdout.write(`${flags.engine} · ${what}: ${texts.join(', ')} (RSS ${rssMb} MB)\n`)
}

type Bench = (world: World) => Promise<void>

const BENCHES: Readonly<Record<string, Bench>> = {
  async emit(world) {
    const id = await addSink(world)
    await world.hub.deps.store.destinations.disable(id, 'bench')
    await emitMany(world.hub, 2_000)
    report(`emit with commit, ${IN_FLIGHT} in flight`, {
      'per second': await emitMany(world.hub, EVENTS),
    })
  },
  async path(world) {
    await addSink(world)
    world.hub.start()
    await emitMany(world.hub, 2_000)
    await untilArrived(world, 2_000)
    const startedMs = performance.now()
    await emitMany(world.hub, EVENTS)
    await untilArrived(world, EVENTS + 2_000)
    const perSecond = (EVENTS * 1_000) / (performance.now() - startedMs)
    await world.hub.settle()
    report('whole path, one process', { 'per second': perSecond })
  },
  async latency(world) {
    await addSink(world)
    world.hub.start()
    await emitMany(world.hub, 2_000)
    await untilArrived(world, 2_000)
    for (const perSecond of [200, 1_000]) {
      report(`commit to sink at ${perSecond}/s, ms`, await measureLatency(world, perSecond, 10))
    }
  },
  async drain(world) {
    const id = await addSink(world)
    const { store, wake } = world.hub.deps
    await store.destinations.disable(id, 'bench')
    await emitMany(world.hub, EVENTS)
    await store.destinations.enable(id, Date.now())
    const startedMs = performance.now()
    world.hub.start()
    wake.deliveries([id])
    await untilArrived(world, EVENTS)
    const perSecond = (EVENTS * 1_000) / (performance.now() - startedMs)
    report(`drain of ${EVENTS} waiting`, { 'per second': perSecond })
  },
  async hanging(world) {
    for (let i = 0; i < 99; i += 1) await addSink(world, `/?${i}`, 8)
    world.hub.start()
    await emitMany(world.hub, 50)
    report('100 destinations, all well, at 20/s, ms', await measureLatency(world, 20, 10))
    await addSink(world, '/hang', 8)
    report('1 of 100 hangs, at 20/s, ms', await measureLatency(world, 20, 10))
  },
  async history(world) {
    const history = Number(flags.history)
    if (history === 0) return
    await addSink(world)
    world.hub.start()
    const step = Math.max(EVENTS, Math.floor(history / 10))
    for (let made = 0; made < history; made += step) {
      const startedMs = performance.now()
      await emitMany(world.hub, step)
      await untilArrived(world, step)
      report(`whole path with ${made} events in history`, {
        'per second': (step * 1_000) / (performance.now() - startedMs),
      })
      await ask(world.sink, 'clear')
    }
  },
}

for (const name of flags.only.split(',')) {
  const bench = BENCHES[name]
  if (bench === undefined) throw new Error(`there is no bench "${name}"`)
  const world = await openWorld()
  try {
    await bench(world)
  } finally {
    await world.close()
  }
}
