/**
 * What the delivery engine does per second, and how late: events of 1 KB, durably announced, signed, sent to a
 * sink that answers after 20 ms, with order, retries and a record of each attempt.
 *
 *     node --conditions=source --import tsx bench/delivery.ts [--engine sqlite|postgres] [--only emit,path,latency,drain,two,hanging,history] [--events 20000]
 *     node --conditions=source --import tsx bench/delivery.ts --only history --users 1000000 --history 0,1000000,10000000 --events 10000 # 25 GB of disk
 */
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { fillHistory } from './delivery/history.ts'
import {
  IN_FLIGHT,
  type World,
  addSink,
  ask,
  emit,
  emitMany as emitEach,
  measureCpu,
  measureLatency as measure,
  openWorld,
  untilArrived as untilSinkHas,
} from './delivery/world.ts'

const { values: flags } = parseArgs({
  options: {
    engine: { type: 'string', default: 'sqlite' },
    only: { type: 'string', default: 'emit,path,latency,drain,two,hanging' },
    events: { type: 'string', default: '20000' },
    history: { type: 'string', default: '0,1000000' },
    users: { type: 'string', default: '1000' },
  },
})
const EVENTS = Number(flags.events)
const USERS = Number(flags.users)

const emitMany = async (world: World, count: number): Promise<number> =>
  await emitEach(async (i) => await emit(world, i), count)
const untilArrived = async ({ sink }: World, count: number): Promise<void> =>
  await untilSinkHas(sink, count)
const measureLatency = async (world: World, perSecond: number, seconds: number) =>
  await measure(
    { sink: world.sink, emitOne: async (i) => await emit(world, i) },
    perSecond,
    seconds,
  )

function report(what: string, figures: Record<string, number>): void {
  const texts = Object.entries(figures).map(([name, value]) => `${name} ${Math.round(value)}`)
  const rssMb = Math.round(process.memoryUsage().rss / 1_048_576)
  process.stdout.write(`${flags.engine} · ${what}: ${texts.join(', ')} (RSS ${rssMb} MB)\n`)
}

/** Announces and delivers {@link EVENTS}. */
async function measurePath(world: World): Promise<Record<string, number>> {
  await ask(world.sink, 'clear')
  let perSecond = 0
  const cpu = await measureCpu(world, EVENTS, async () => {
    const startedMs = performance.now()
    await emitMany(world, EVENTS)
    await untilArrived(world, EVENTS)
    perSecond = (EVENTS * 1_000) / (performance.now() - startedMs)
    await world.hub.settle()
  })
  return { 'per second': perSecond, ...cpu }
}

type Bench = (world: World) => Promise<void>

const BENCHES: Readonly<Record<string, Bench>> = {
  async emit(world) {
    const id = await addSink(world)
    await world.hub.deps.store.destinations.disable(id, 'bench')
    await emitMany(world, 2_000)
    let perSecond = 0
    const cpu = await measureCpu(world, EVENTS, async () => {
      perSecond = await emitMany(world, EVENTS)
    })
    report(`emit with commit, ${IN_FLIGHT} in flight`, { 'per second': perSecond, ...cpu })
  },
  async path(world) {
    await addSink(world)
    world.hub.start()
    await emitMany(world, 2_000)
    await untilArrived(world, 2_000)
    report('whole path, one process', await measurePath(world))
  },
  async latency(world) {
    await addSink(world)
    world.hub.start()
    await emitMany(world, 2_000)
    await untilArrived(world, 2_000)
    for (const perSecond of [200, 1_000]) {
      report(`commit to sink at ${perSecond}/s, ms`, await measureLatency(world, perSecond, 10))
    }
  },
  async drain(world) {
    const id = await addSink(world)
    const { store, wake } = world.hub.deps
    await store.destinations.disable(id, 'bench')
    await emitMany(world, EVENTS)
    await store.destinations.enable(id, Date.now())
    await ask(world.sink, 'clear')
    let perSecond = 0
    const cpu = await measureCpu(world, EVENTS, async () => {
      const startedMs = performance.now()
      world.hub.start()
      wake.deliveries([id])
      await untilArrived(world, EVENTS)
      perSecond = (EVENTS * 1_000) / (performance.now() - startedMs)
    })
    report(`drain of ${EVENTS} waiting`, { 'per second': perSecond, ...cpu })
  },
  async two(world) {
    if (world.postgresUrl === undefined) return
    await addSink(world)
    world.hub.start()
    const args = [world.postgresUrl, String(USERS)]
    const second = fork(new URL('delivery/second.ts', import.meta.url), args)
    const told = async (): Promise<void> =>
      await new Promise((resolve) => second.once('message', () => resolve()))
    await told()
    const half = EVENTS / 2
    for (const isWarm of [false, true]) {
      await ask(world.sink, 'clear')
      const startedMs = performance.now()
      second.send({ from: EVENTS, count: half })
      await Promise.all([emitMany(world, half), told()])
      await untilArrived(world, 2 * half)
      const perSecond = (2 * half * 1_000) / (performance.now() - startedMs)
      if (isWarm) report('whole path, two processes', { 'per second': perSecond })
    }
    second.disconnect()
    await new Promise((resolve) => second.once('exit', resolve))
  },
  async hanging(world) {
    for (let i = 0; i < 99; i += 1) await addSink(world, `/?${i}`, 8)
    world.hub.start()
    // Opens the connections, which a healthy hub has open.
    await emitMany(world, 50)
    await world.hub.settle()
    const healthy = await measureLatency(world, 20, 10)
    report('100 destinations, all well, at 20/s, ms', healthy)
    await addSink(world, '/hang', 8)
    const hanging = await measureLatency(world, 20, 10)
    report('1 of 100 hangs, at 20/s, ms', {
      ...hanging,
      'p95 in % of healthy': (100 * hanging.p95) / healthy.p95,
    })
  },
  async history(world) {
    const id = await addSink(world)
    world.hub.start()
    let made = 0
    for (const level of flags.history.split(',').map(Number)) {
      await emitMany(world, 2_000)
      await world.hub.settle()
      await fillHistory(world, id, { from: made, to: level })
      made = Math.max(made, level)
      // What the fill has pushed out of the caches comes back first.
      await measurePath(world)
      const figures = await measurePath(world)
      report(`whole path with ${level} events of history, ${USERS} users`, figures)
    }
  },
}

for (const name of flags.only.split(',')) {
  const bench = BENCHES[name]
  if (bench === undefined) throw new Error(`there is no bench "${name}"`)
  const world = await openWorld(flags.engine, USERS)
  try {
    await bench(world)
  } finally {
    await world.close()
  }
}
