/**
 * Firma's delivery beside job queues that do the same: events of 1 KB, durable before the emitter goes on, posted with the same
 * signatures to a sink that answers after 20 ms, 100 at once, in one process beside the sink. Firma keeps order, a record of each
 * attempt and the event; the queues keep neither order nor a record. All sides are open, and take turns within a run.
 *
 *     node --conditions=source --import tsx bench/delivery-peers.ts [--only emit,drain,path,latency] [--sides firma-sqlite,firma-postgres,pg-boss,graphile-worker,graphile-batching,bullmq]
 *
 * Each of the four takes about four minutes. The queues' packages are installed into a folder under the system's temporary
 * one, once. BullMQ needs a `redis-server` (Debian: `apt-get install redis-server`); npm has none that comes without a download of its own.
 */
import { parseArgs } from 'node:util'
import { CONCURRENCY, PEERS } from './delivery/peers.ts'
import { median, printRow, printVerdict, round } from './delivery/verdict.ts'
import {
  type Emit,
  IN_FLIGHT,
  type Sink,
  addDestinations,
  ask,
  emit,
  emitMany,
  measureLatency,
  openWorld,
  startSink,
  untilArrived,
} from './delivery/world.ts'

const { values: flags } = parseArgs({
  options: {
    sides: {
      type: 'string',
      default: 'firma-sqlite,firma-postgres,pg-boss,graphile-worker,graphile-batching,bullmq',
    },
    only: { type: 'string', default: 'emit,drain,path,latency' },
  },
})
const USERS = 1_000
const WARM_UP = 1_000
const EMIT = { events: 10_000, rounds: 3, perSecond: 10_000, ratio: 4 }
const DRAIN = { events: 20_000, rounds: 2 }
const PATH = { events: 10_000, rounds: 2 }
const LATENCY = { rates: [200, 1_000], rounds: 2, seconds: 8, p95MsAt1000: 10 }

/** Who delivers. */
interface Side {
  readonly name: string
  readonly sink: Sink
  readonly emitOne: Emit
  /** Begins to send. */
  start(): Promise<void> | void
  /** Finishes what is under way, and sends nothing more. */
  stop(): Promise<void>
  close(): Promise<void>
}

async function openFirma(name: string): Promise<Side> {
  const world = await openWorld(name.replace('firma-', ''), USERS)
  const [id = ''] = await addDestinations(world, () => CONCURRENCY)
  const { store, wake } = world.hub.deps
  const { destinations } = store
  // It would send at once what it announces; the queues begin when they are started.
  await destinations.disable(id, 'bench')
  world.hub.start()
  return {
    name,
    sink: world.sink,
    emitOne: async (i) => await emit(world, i),
    start: async () => {
      await destinations.enable(id, Date.now())
      wake.deliveries([id])
    },
    stop: async () => {
      await destinations.disable(id, 'bench')
      await world.hub.settle()
    },
    close: world.close,
  }
}

async function openPeer(name: string): Promise<Side> {
  const open = PEERS[name]
  if (open === undefined) throw new Error(`there is no side "${name}"`)
  const sink = await startSink()
  const peer = await open(sink.urls[0] ?? '')
  return {
    ...peer,
    name,
    sink,
    close: async () => {
      await peer.close()
      sink.process.kill()
    },
  }
}

/** Figures by side, in the order of rounds. */
type Figures = ReadonlyMap<string, number[]>

const isFirma = (name: string): boolean => name.startsWith('firma-')

/** Lets the sides take turns. */
async function takeTurns(
  sides: readonly Side[],
  rounds: number,
  measure: (side: Side) => Promise<number>,
): Promise<Figures> {
  const figures = new Map<string, number[]>(sides.map(({ name }) => [name, []]))
  for (let i = 0; i < rounds; i += 1) {
    for (const side of sides) figures.get(side.name)?.push(await measure(side))
  }
  const widths = [17, ...Array.from({ length: rounds }, () => 7), 7]
  const heads = Array.from({ length: rounds }, (_, i) => `round ${i + 1}`)
  printRow(['side', ...heads, 'median'], widths)
  printRow(
    widths.map((width) => '-'.repeat(width)),
    widths,
  )
  for (const [name, found] of figures) {
    printRow([name, ...found.map(round), round(median(found))], widths)
  }
  return figures
}

/** @returns The best median of the queues, and whose it is. */
function findBest(figures: Figures, isHigher: boolean): { name: string; value: number } {
  const peers = [...figures].flatMap(([name, found]) =>
    isFirma(name) ? [] : [{ name, value: median(found) }],
  )
  peers.sort((a, b) => (isHigher ? b.value - a.value : a.value - b.value))
  return peers[0] ?? { name: 'nobody', value: Number.NaN }
}

function compareWithBest(what: string, figures: Figures): void {
  const best = findBest(figures, true)
  for (const [name, found] of figures) {
    if (!isFirma(name)) continue
    const value = median(found) / best.value
    printVerdict(`${what} ${name}`, { value, unit: `× ${best.name}` }, { atLeast: 1 })
  }
}

/** Runs and says how many per second that was. */
async function pace(events: number, run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await run()
  return (events * 1_000) / (performance.now() - startedMs)
}

/** Announces so many, and waits until all of them have arrived. */
async function deliver({ sink, emitOne }: Side, events: number): Promise<void> {
  await ask(sink, 'clear')
  await emitMany(emitOne, events)
  await untilArrived(sink, events)
}

const MODES: Readonly<Record<string, (sides: readonly Side[]) => Promise<void>>> = {
  async emit(sides) {
    process.stdout.write(`emit with commit per second, ${IN_FLIGHT} in flight\n`)
    for (const { emitOne } of sides) await emitMany(emitOne, WARM_UP)
    const figures = await takeTurns(sides, EMIT.rounds, async ({ emitOne }) =>
      emitMany(emitOne, EMIT.events),
    )
    const of = (name: string): number => median(figures.get(name) ?? [])
    const sqlite = { value: of('firma-sqlite'), unit: 'per second' }
    printVerdict('emit sqlite', sqlite, { atLeast: EMIT.perSecond })
    const ratio = of('firma-postgres') / of('graphile-worker')
    const postgres = { value: ratio, unit: '× graphile-worker' }
    printVerdict('emit postgres', postgres, { atLeast: EMIT.ratio })
  },
  async drain(sides) {
    process.stdout.write(`${DRAIN.events} waiting, sent per second, ${CONCURRENCY} at once\n`)
    const figures = await takeTurns(sides, DRAIN.rounds, async (side) => {
      await ask(side.sink, 'clear')
      await emitMany(side.emitOne, DRAIN.events)
      const perSecond = await pace(DRAIN.events, async () => {
        await side.start()
        await untilArrived(side.sink, DRAIN.events)
      })
      await side.stop()
      return perSecond
    })
    compareWithBest('drain', figures)
  },
  async path(sides) {
    process.stdout.write(`announced, sent and answered per second, ${CONCURRENCY} at once\n`)
    const figures = await takeTurns(sides, PATH.rounds, async (side) => {
      await side.start()
      await deliver(side, WARM_UP)
      const perSecond = await pace(PATH.events, async () => await deliver(side, PATH.events))
      await side.stop()
      return perSecond
    })
    compareWithBest('path', figures)
  },
  async latency(sides) {
    const { rounds, seconds } = LATENCY
    for (const perSecond of LATENCY.rates) {
      process.stdout.write(`p95 from before the announcement to the sink at ${perSecond}/s, ms\n`)
      const figures = await takeTurns(sides, rounds, async (side) => {
        await side.start()
        await deliver(side, WARM_UP)
        const late = await measureLatency(side, { perSecond, seconds, answering: 1 })
        await side.stop()
        return late.p95
      })
      const best = findBest(figures, false)
      for (const [name, found] of figures) {
        if (!isFirma(name)) continue
        const value = median(found)
        const what = `p95 at ${perSecond}/s ${name}`
        if (perSecond === 200) {
          const ratio = { value: value / best.value, unit: `× ${best.name}` }
          printVerdict(what, ratio, { atMost: 1 })
        } else printVerdict(what, { value, unit: 'ms' }, { atMost: LATENCY.p95MsAt1000 })
      }
    }
  },
}

for (const mode of flags.only.split(',')) {
  const run = MODES[mode]
  if (run === undefined) throw new Error(`there is no "${mode}"`)
  const startedMs = performance.now()
  const sides: Side[] = []
  try {
    for (const name of flags.sides.split(',')) {
      sides.push(isFirma(name) ? await openFirma(name) : await openPeer(name))
    }
    await run(sides)
  } finally {
    for (const side of sides) await side.close()
  }
  const tookSeconds = Math.round((performance.now() - startedMs) / 1_000)
  process.stdout.write(`(${mode}: ${tookSeconds} s)\n\n`)
}
