/** The whole path with one process of the hub and with more, on one PostgreSQL: they take turns. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { median, printRow, printVerdict, round } from './verdict.ts'
import { IN_FLIGHT, type World, addDestinations, ask, untilArrived } from './world.ts'

const COUNTS = [1, 2, 3]
/**
 * Announced by each process before it is measured: its code is compiled then, and its connections are open. Of the same events, each of
 * two processes sees half as many, and would spend the more of its time on compiling.
 */
const WARM_UP = 5_000
const WIDTHS = [5, 9, 10]

export async function compareProcesses(
  world: World,
  events: number,
  { rounds, limitMs }: { readonly rounds: number; readonly limitMs: number },
): Promise<void> {
  const { postgresUrl } = world
  if (postgresUrl === undefined) {
    process.stdout.write('sqlite · two: one process owns the file, by design; not run\n')
    return
  }
  await addDestinations(world, () => 256)
  const rates = new Map<number, number[]>(COUNTS.map((count) => [count, []]))
  process.stdout.write(
    `postgres · whole path, ${events} events, ${IN_FLIGHT} in flight per process\n`,
  )
  printRow(['round', 'processes', 'per second'], WIDTHS)
  printRow(
    WIDTHS.map((width) => '-'.repeat(width)),
    WIDTHS,
  )
  const startedMs = performance.now()
  // No further round is begun that would probably not end in time.
  const isTimeFor = (round: number): boolean =>
    round === 1 || ((performance.now() - startedMs) * round) / (round - 1) <= limitMs
  for (let i = 1; i <= rounds && isTimeFor(i); i += 1) {
    for (const count of COUNTS) {
      const perSecond = await measure(world, postgresUrl, count, events)
      rates.get(count)?.push(perSecond)
      printRow([String(i), String(count), round(perSecond)], WIDTHS)
    }
  }
  const one = median(rates.get(1) ?? [])
  for (const count of COUNTS.slice(1)) {
    const value = median(rates.get(count) ?? []) / one
    // More must give more: beyond what the rounds differ by.
    const found = { value, unit: '× one process (medians)' }
    printVerdict(`${count} processes postgres`, found, { atLeast: count === 2 ? 1.1 : 1 })
  }
}

async function measure(
  world: World,
  postgresUrl: string,
  count: number,
  events: number,
): Promise<number> {
  const args = [postgresUrl, String(world.users)]
  const hubs = Array.from({ length: count }, () =>
    fork(new URL('hub-process.ts', import.meta.url), args),
  )
  try {
    await Promise.all(hubs.map(async (hub) => await once(hub, 'message')))
    const share = Math.ceil(events / count)
    const run = async (each: number): Promise<void> => {
      await ask(world.sink, 'clear')
      await Promise.all(
        // Events are about one connection after the other. Processes that begin with the same one would wait for each other all the time.
        hubs.map(
          async (hub, i) => await announce(hub, Math.floor((i * world.users) / count), each),
        ),
      )
      await untilArrived(world.sink, each * count)
    }
    await run(WARM_UP)
    const startedMs = performance.now()
    await run(share)
    return (share * count * 1_000) / (performance.now() - startedMs)
  } finally {
    await Promise.all(
      hubs.map(async (hub) => {
        const ended = once(hub, 'exit')
        hub.disconnect()
        await ended
      }),
    )
  }
}

async function announce(hub: ChildProcess, from: number, count: number): Promise<void> {
  const done = once(hub, 'message')
  hub.send({ from, count })
  await done
}
