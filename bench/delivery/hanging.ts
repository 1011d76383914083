/**
 * What a destination that never answers costs the others: a hundred apps that all answer, and a hundred of which one never does,
 * take turns. Both begin anew with each engine, so that the first round has the time before the breaker opens in it and the
 * later ones the time after.
 */
import { median, printRow, printVerdict, round } from './verdict.ts'
import {
  type World,
  addDestinations,
  emit,
  emitMany,
  measureLatency,
  openWorld,
  untilArrived,
} from './world.ts'

const APPS = 100
/** So many deliveries in a second are a hundred times that, which leaves the hub's process idle for most of it. */
const EVENTS_PER_SECOND = 5
const SECONDS = 10
const ROUNDS = 3
/** The default of destinations, and the most that one can be given. */
const CONCURRENCIES = [8, 256]
const RATIO_MAX = 1.2
const WIDTHS = [7, 8, 11, 6, 6, 6, 17]

export async function compareHanging(engine: string, users: number): Promise<void> {
  for (const concurrency of CONCURRENCIES) await compare(engine, users, concurrency)
}

async function compare(engine: string, users: number, concurrency: number): Promise<void> {
  const load = `${EVENTS_PER_SECOND} events/s × ${APPS} destinations`
  process.stdout.write(`${engine} · ${load}, ${concurrency} at once to the hanging one\n`)
  const healthy = await open(engine, users, { hanging: 0, concurrency })
  const hanging = await open(engine, users, { hanging: 1, concurrency })
  const ratios: number[] = []
  try {
    printRow(['round', 'engine', 'which', 'p50 ms', 'p95 ms', 'p99 ms', '% of a processor'], WIDTHS)
    printRow(
      WIDTHS.map((width) => '-'.repeat(width)),
      WIDTHS,
    )
    for (let i = 1; i <= ROUNDS; i += 1) {
      const well = await measure(healthy, [String(i), engine, 'all answer'], APPS)
      const ill = await measure(hanging, [String(i), engine, '1 hangs'], APPS - 1)
      ratios.push(ill / well)
    }
  } finally {
    await healthy.close()
    await hanging.close()
  }
  process.stdout.write(`p95 of the others, hanging / healthy: ${ratios.map(round).join(', ')}\n`)
  const found = { value: median(ratios), unit: '× the healthy run (median)' }
  printVerdict(`hanging ${engine}, ${concurrency} at once`, found, { atMost: RATIO_MAX })
}

/** A hub that has opened its connections, and whose code has been compiled. */
async function open(
  engine: string,
  users: number,
  { hanging, concurrency }: { hanging: number; concurrency: number },
): Promise<World> {
  const world = await openWorld(engine, users, { apps: APPS, hanging })
  await addDestinations(world, (app) => (app >= APPS - 1 ? concurrency : 8))
  world.hub.start()
  const warmUp = 50
  await emitMany(async (i) => await emit(world, i), warmUp)
  await untilArrived(world.sink, warmUp * (APPS - hanging))
  return world
}

async function measure(world: World, cells: string[], answering: number): Promise<number> {
  const startedMs = performance.now()
  const before = process.cpuUsage()
  const load = { perSecond: EVENTS_PER_SECOND, seconds: SECONDS, answering }
  const emitOne = async (i: number): Promise<string> => await emit(world, i)
  const late = await measureLatency({ sink: world.sink, emitOne }, load)
  const { user, system } = process.cpuUsage(before)
  const busy = (user + system) / 10 / (performance.now() - startedMs)
  printRow([...cells, ...[late.p50, late.p95, late.p99, busy].map(round)], WIDTHS)
  return late.p95
}
