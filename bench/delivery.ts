import { compareHanging } from './delivery/hanging.ts'
import { compareHistories } from './delivery/flat.ts'
import { compareProcesses } from './delivery/processes.ts'
import { printVerdict, round } from './delivery/verdict.ts'
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
import { readCount, readFlags, readNames } from './flags.ts'

const HELP = `node --conditions=source --import tsx bench/delivery.ts [options]

What the delivery engine does per second, and how late: events of 1 KB, durably announced, signed, sent to a sink that answers after
20 ms, with order, retries and a record of each attempt. A PostgreSQL server has the files of its log ahead of time.

  --engine <name>      sqlite or postgres (sqlite)
  --only <list>        emit,path,latency,drain,two,hanging (all of these; each ends within two and a half minutes), or history
  --events <n>         events of emit, path, drain, two and history (20000)
  --users <n>          connections that events are about (1000)
  --rounds <n>         rounds of two and hanging (3 and 12), as many as there is time for
  --seconds <n>        time for two and for hanging (140)
  --places <list>      hanging: deliveries at once to the one that hangs; 8 is the default of destinations, 256 the most (8,256)
  --history <list>     history: events in the history, rising (0,1000000); ten million need 25 GB of disk
  --help`

const flags = readFlags(HELP, {
  engine: { type: 'string', default: 'sqlite' },
  only: { type: 'string', default: 'emit,path,latency,drain,two,hanging' },
  events: { type: 'string', default: '20000' },
  history: { type: 'string', default: '0,1000000' },
  users: { type: 'string', default: '1000' },
  rounds: { type: 'string' },
  seconds: { type: 'string', default: '140' },
  places: { type: 'string', default: '8,256' },
})
const [ENGINE = ''] = readNames('engine', flags.engine, ['sqlite', 'postgres'])
const ROUNDS = flags.rounds === undefined ? undefined : readCount('rounds', flags.rounds)
const LIMIT_MS = readCount('seconds', flags.seconds) * 1_000
const EVENTS = readCount('events', flags.events)
const USERS = readCount('users', flags.users)

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
  const texts = Object.entries(figures).map(([name, value]) => `${name} ${round(value)}`)
  const rssMb = Math.round(process.memoryUsage().rss / 1_048_576)
  process.stdout.write(`${ENGINE} · ${what}: ${texts.join(', ')} (RSS ${rssMb} MB)\n`)
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
    if (ENGINE !== 'sqlite') return
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
    printVerdict(`path ${ENGINE}, one process`, found, { atLeast: 6_000 })
  },
  async latency(world) {
    await addDestinations(world)
    world.hub.start()
    await emitMany(world, 2_000)
    await untilArrived(world, 2_000)
    for (const perSecond of [200, 1_000]) {
      const late = await measureLatency(world, perSecond, 10)
      report(`from before the announcement to the sink at ${perSecond}/s, ms`, late.whole)
      report(`from the commit to the sink at ${perSecond}/s, ms`, late.afterCommit)
      if (perSecond < 1_000) continue
      const found = { value: late.whole.p95, unit: 'ms' }
      printVerdict(`p95 at 1,000/s ${ENGINE}`, found, { atMost: 10 })
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
    await compareProcesses(world, EVENTS, { rounds: ROUNDS ?? 3, limitMs: LIMIT_MS })
  },
}

/** Those that open hubs of their own. */
const COMPARISONS: Readonly<Record<string, () => Promise<void>>> = {
  async hanging() {
    const places = flags.places.split(',').map((one) => readCount('places', one))
    await compareHanging(ENGINE, USERS, { places, rounds: ROUNDS ?? 12, limitMs: LIMIT_MS })
  },
  async history() {
    const levels = flags.history.split(',').map(Number)
    await compareHistories(ENGINE, { users: USERS, levels, events: EVENTS })
  },
}

const KNOWN = [...Object.keys(BENCHES), ...Object.keys(COMPARISONS)]
for (const name of readNames('only', flags.only, KNOWN)) {
  await COMPARISONS[name]?.()
  const bench = BENCHES[name]
  if (bench === undefined) continue
  const world = await openWorld(ENGINE, USERS)
  try {
    await bench(world)
  } finally {
    await world.close()
  }
}
