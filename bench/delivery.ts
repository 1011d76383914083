/**
 * What the delivery engine does per second, and how late: events of 1 KB, durably announced, signed, sent to a
 * sink that answers after 20 ms, with order, retries and a record of each attempt.
 *
 *     node --conditions=source --import tsx bench/delivery.ts [--engine sqlite|postgres] [--only emit,path,latency,drain,two,hanging,history] [--events 20000]
 *     node --conditions=source --import tsx bench/delivery.ts --only history --users 1000000 --history 0,1000000,10000000 --events 5000 # 25 GB of disk
 */
import { parseArgs } from 'node:util'
import { compareHanging } from './delivery/hanging.ts'
import { compareHistories } from './delivery/flat.ts'
import { compareProcesses } from './delivery/processes.ts'
import { printVerdict } from './delivery/verdict.ts'
import {
  IN_FLIGHT,
  type World,
  addDestinations,
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
    { perSecond, seconds, answering: 1 },
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
    const [id = ''] = await addDestinations(world)
    await world.hub.deps.store.destinations.disable(id, 'bench')
    await emitMany(world, 2_000)
    let perSecond = 0
    const cpu = await measureCpu(world, EVENTS, async () => {
      perSecond = await emitMany(world, EVENTS)
    })
    report(`emit with commit, ${IN_FLIGHT} in flight`, { 'per second': perSecond, ...cpu })
    if (flags.engine !== 'sqlite') return
    printVerdict('emit sqlite', { value: perSecond, unit: 'per second' }, { atLeast: 10_000 })
  },
  async path(world) {
    await addDestinations(world)
    world.hub.start()
    await emitMany(world, 2_000)
    await untilArrived(world, 2_000)
    const figures = await measurePath(world)
    report('whole path, one process', figures)
    const found = { value: figures['per second'] ?? 0, unit: 'per second' }
    printVerdict(`path ${flags.engine}, one process`, found, { atLeast: 6_000 })
  },
  async latency(world) {
    await addDestinations(world)
    world.hub.start()
    await emitMany(world, 2_000)
    await untilArrived(world, 2_000)
    for (const perSecond of [200, 1_000]) {
      const late = await measureLatency(world, perSecond, 10)
      report(`commit to sink at ${perSecond}/s, ms`, late)
      if (perSecond < 1_000) continue
      printVerdict(
        `p95 at 1,000/s ${flags.engine}`,
        { value: late.p95, unit: 'ms' },
        { atMost: 10 },
      )
    }
  },
  async drain(world) {
    const [id = ''] = await addDestinations(world)
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
    await compareProcesses(world, EVENTS)
  },
}

for (const name of flags.only.split(',')) {
  if (name === 'hanging') {
    await compareHanging(flags.engine, USERS)
    continue
  }
  if (name === 'history') {
    const levels = flags.history.split(',').map(Number)
    await compareHistories(flags.engine, { users: USERS, levels, events: EVENTS })
    continue
  }
  const bench = BENCHES[name]
  if (bench === undefined) throw new Error(`there is no bench "${name}"`)
  const world = await openWorld(flags.engine, USERS)
  try {
    await bench(world)
  } finally {
    await world.close()
  }
}
