/**
 * What a destination that never answers costs the others: a hundred apps that all answer, and a hundred of which one never does,
 * take short turns, so that what the machine and its disk do at the time happens to both. Compared are the medians of the turns' p95: a
 * turn has ten events, each of which is late or in time at ninety-nine apps at once, so one hiccup of the disk decides a whole turn.
 */
import { median, percentile, printRow, printVerdict, round } from './verdict.ts'
import {
  type World,
  addDestinations,
  emit,
  emitMany,
  listDelays,
  openWorld,
  untilArrived,
} from './world.ts'

const APPS = 100
/** So many deliveries in a second are a hundred times that, which leaves the hub's process idle for most of it. */
const EVENTS_PER_SECOND = 5
const TURN_SECONDS = 2
const RATIO_MAX = 1.2
const WIDTHS = [10, 6, 6, 6, 23, 17]

interface Side {
  readonly name: string
  readonly world: World
  /** Apps that answer. */
  readonly answering: number
  /** Milliseconds of each delivery, by turn. */
  readonly turns: number[][]
  busyMs: number
}

/** How much is measured. */
export interface HangingRuns {
  /** Deliveries at once to the one that hangs. */
  readonly places: readonly number[]
  readonly rounds: number
  /** For all of them together. */
  readonly limitMs: number
}

export async function compareHanging(
  engine: string,
  users: number,
  { places, rounds, limitMs }: HangingRuns,
): Promise<void> {
  const startedMs = performance.now()
  for (const [i, concurrency] of places.entries()) {
    const untilMs = startedMs + (limitMs * (i + 1)) / places.length
    const load = `${EVENTS_PER_SECOND} events/s × ${APPS} destinations`
    process.stdout.write(`${engine} · ${load}, ${concurrency} at once to the hanging one\n`)
    const healthy = await open(engine, users, { hanging: 0, concurrency })
    const hanging = await open(engine, users, { hanging: 1, concurrency })
    try {
      await compare([healthy, hanging], rounds, untilMs)
      report([healthy, hanging])
      const [well = Number.NaN, ill = Number.NaN] = [healthy, hanging].map(findTypicalP95)
      const found = { value: ill / well, unit: '× the healthy side (medians of p95 of turns)' }
      printVerdict(`hanging ${engine}, ${concurrency} at once`, found, { atMost: RATIO_MAX })
    } finally {
      await healthy.world.close()
      await hanging.world.close()
    }
  }
}

async function compare(sides: Side[], rounds: number, untilMs: number): Promise<void> {
  const roundMs = sides.length * (TURN_SECONDS + 0.2) * 1_000
  for (let i = 0; i < rounds && (i === 0 || performance.now() + roundMs <= untilMs); i += 1) {
    // Neither has the first turn of each round.
    for (const side of i % 2 === 0 ? sides : sides.toReversed()) await takeTurn(side)
    const texts = sides.map(
      ({ name, turns }) => `${name} ${round(percentile(turns[i] ?? [], 0.95))}`,
    )
    process.stderr.write(`  round ${i + 1} of ${rounds}, p95 in ms: ${texts.join(', ')}\n`)
  }
}

function report(sides: readonly Side[]): void {
  const heads = [
    'which',
    'p50 ms',
    'p95 ms',
    'p99 ms',
    'median of p95 of turns',
    '% of a processor',
  ]
  printRow(heads, WIDTHS)
  printRow(
    WIDTHS.map((width) => '-'.repeat(width)),
    WIDTHS,
  )
  for (const side of sides) {
    const { name, turns, busyMs } = side
    const all = turns.flat()
    const busy = busyMs / (turns.length * TURN_SECONDS * 10)
    const figures = [
      ...[0.5, 0.95, 0.99].map((p) => percentile(all, p)),
      findTypicalP95(side),
      busy,
    ]
    printRow([name, ...figures.map(round)], WIDTHS)
  }
}

function findTypicalP95({ turns }: Side): number {
  return median(turns.map((turn) => percentile(turn, 0.95)))
}

/** A hub that has opened its connections, and whose code has been compiled. */
async function open(
  engine: string,
  users: number,
  { hanging, concurrency }: { hanging: number; concurrency: number },
): Promise<Side> {
  const world = await openWorld(engine, users, { apps: APPS, hanging })
  await addDestinations(world, (app) => (app >= APPS - 1 ? concurrency : 8))
  world.hub.start()
  const warmUp = 50
  const answering = APPS - hanging
  await emitMany(async (i) => await emit(world, i), warmUp)
  await untilArrived(world.sink, warmUp * answering)
  const name = hanging === 0 ? 'all answer' : '1 hangs'
  return { name, world, answering, turns: [], busyMs: 0 }
}

async function takeTurn(side: Side): Promise<void> {
  const { world, answering } = side
  const before = process.cpuUsage()
  const load = { perSecond: EVENTS_PER_SECOND, seconds: TURN_SECONDS, answering }
  const emitOne = async (i: number): Promise<string> => await emit(world, i)
  const delays = await listDelays({ sink: world.sink, emitOne }, load)
  side.turns.push(delays.map(({ wholeMs }) => wholeMs))
  const { user, system } = process.cpuUsage(before)
  side.busyMs += (user + system) / 1_000
}
