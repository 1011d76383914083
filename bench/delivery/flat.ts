/**
 * What an event costs in a database that has a history and users by the million, beside one that is new: both are open, and take
 * turns at each level, because processor time depends on what else the machine does.
 */
import { fillHistory } from './history.ts'
import { median, printRow, printVerdict, round } from './verdict.ts'
import {
  type World,
  addDestinations,
  ask,
  emit,
  emitMany,
  measureCpu,
  openWorld,
  untilArrived,
} from './world.ts'

const ROUNDS = 5
const NEW_USERS = 1_000
/** So much more than in a new database an event may cost. */
const RATIO_MAX = 1.2
const WIDTHS = [8, 7, 13, 7, 7, 7, 7, 7, 6, 6]

type Cost = Readonly<Record<string, number>>

interface Side {
  readonly world: World
  readonly destinationId: string
}

/** @param levels Numbers of events in the history, rising. */
export async function compareHistories(
  engine: string,
  { users, levels, events }: { users: number; levels: readonly number[]; events: number },
): Promise<void> {
  const fresh = await open(engine, NEW_USERS)
  const grown = await open(engine, users)
  try {
    process.stdout.write(`${engine} · µs of processor time per event\n`)
    const heads = Array.from({ length: ROUNDS }, (_, i) => `round ${i + 1}`)
    printRow(['events', 'users', 'whose', ...heads, 'median', 'RSS MB'], WIDTHS)
    printRow(
      WIDTHS.map((width) => '-'.repeat(width)),
      WIDTHS,
    )
    let made = 0
    for (const level of levels) {
      await fillHistory(grown.world, grown.destinationId, { from: made, to: level })
      made = level
      await compare({ fresh, grown }, level, events)
    }
  } finally {
    await fresh.world.close()
    await grown.world.close()
  }
}

async function open(engine: string, users: number): Promise<Side> {
  const world = await openWorld(engine, users)
  const [destinationId = ''] = await addDestinations(world)
  // Its users have just been written: on PostgreSQL that is cleaned up before anything is measured.
  await world.refill([])
  const side = { world, destinationId }
  await measure(side, 2_000)
  return side
}

async function compare(
  { fresh, grown }: { fresh: Side; grown: Side },
  level: number,
  events: number,
): Promise<void> {
  const costs: Record<'fresh' | 'grown', Cost[]> = { fresh: [], grown: [] }
  // What the fill has pushed out of the caches comes back first.
  await measure(grown, events)
  for (let i = 0; i < ROUNDS; i += 1) {
    costs.fresh.push(await measure(fresh, events))
    costs.grown.push(await measure(grown, events))
  }
  printCosts('new', fresh.world.users, costs.fresh)
  printCosts(String(level), grown.world.users, costs.grown)
  const whole = (all: readonly Cost[]): number => median(all.map(sum))
  const found = { value: whole(costs.grown) / whole(costs.fresh), unit: '× a new database' }
  printVerdict(`cost with ${level} events of history`, found, { atMost: RATIO_MAX })
}

function printCosts(name: string, users: number, found: readonly Cost[]): void {
  const rssMb = Math.round(process.memoryUsage().rss / 1_048_576)
  for (const whose of Object.keys(found[0] ?? {})) {
    const each = found.map((cost) => cost[whose] ?? Number.NaN)
    const cells = [name, String(users), whose, ...each.map(round), round(median(each)), `${rssMb}`]
    printRow(cells, WIDTHS)
  }
}

const sum = (cost: Cost): number => Object.values(cost).reduce((all, us) => all + us, 0)

/** Announces and delivers so many. @returns Microseconds of processor time per event, by whose they are. */
async function measure({ world }: Side, events: number): Promise<Cost> {
  await ask(world.sink, 'clear')
  return await measureCpu(world, events, async () => {
    await emitMany(async (i) => await emit(world, i), events)
    await untilArrived(world.sink, events)
    await world.hub.settle()
  })
}
