/**
 * What the delivery engine does per second, and how late: events of 1 KB, durably announced, signed, sent to a
 * sink that answers after 20 ms, with order, retries and a record of each attempt.
 *
 *     node --conditions=source --import tsx bench/delivery.ts [--engine sqlite|postgres] [--only emit,path,latency,drain,hanging,history] [--events 20000] [--history 1000000]
 */
import { parseArgs } from 'node:util'
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
    only: { type: 'string', default: 'emit,path,latency,drain,hanging,history' },
    events: { type: 'string', default: '20000' },
    history: { type: 'string', default: '0' },
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
  async hanging(world) {
    for (let i = 0; i < 99; i += 1) await addSink(world, `/?${i}`, 8)
    world.hub.start()
    await emitMany(world, 50)
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
      await emitMany(world, step)
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
  const world = await openWorld(flags.engine, USERS)
  try {
    await bench(world)
  } finally {
    await world.close()
  }
}
