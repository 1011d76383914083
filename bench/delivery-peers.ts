import { readCount, readFlags, readNames } from './flags.ts'
import { CONCURRENCY } from './delivery/peers.ts'
import { SIDES, type Side, isFirma, openSide } from './delivery/sides.ts'
import { type Figures, type Turns, printFigures, takeTurns } from './delivery/turns.ts'
import { median, printVerdict } from './delivery/verdict.ts'
import { IN_FLIGHT, ask, emitMany, measureLatency, untilArrived } from './delivery/world.ts'

const HELP = `node --conditions=source --import tsx bench/delivery-peers.ts [options]

Firma's delivery beside job queues that do the same: events of 1 KB, durable before the emitter goes on, posted with the same
signatures to a sink that answers after 20 ms, ${CONCURRENCY} at once, in one process beside the sink. Firma keeps order, a record of each
attempt and the event; the queues keep neither order nor a record. All sides are open, and take turns within a run.

  --only <list>      emit,drain,path,latency (all of them)
  --sides <list>     ${SIDES.join(',')}
                     (all of them; bullmq where there is a redis-server, Debian: apt-get install redis-server)
  --rounds <n>       rounds of each (3), as many as there is time for
  --seconds <n>      time for each of --only (140); its first round takes what it takes, half a minute to one and a half
  --events <n>       waiting deliveries of drain (20000); emit and path have half as many
  --help

PostgreSQL servers have the files of their logs ahead of time. The queues' packages are installed into a folder under the system's
temporary one, once.`

const flags = readFlags(HELP, {
  sides: { type: 'string', default: SIDES.join(',') },
  only: { type: 'string', default: 'emit,drain,path,latency' },
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '140' },
  events: { type: 'string', default: '20000' },
})
const ROUNDS = readCount('rounds', flags.rounds)
const LIMIT_MS = readCount('seconds', flags.seconds) * 1_000
const EVENTS = readCount('events', flags.events)
const HALF = Math.ceil(EVENTS / 2)
/** Code is compiled by then, and SQLite has written its log to its full size once, as the servers have theirs. */
const WARM_UP = 2_000
const EMIT = { perSecond: 10_000, ratio: 4 }
const LATENCY = { rates: [200, 1_000], seconds: 4, p95MsAt1000: 10 }

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

type Mode = (sides: readonly Side[], turns: Turns) => Promise<void>

const MODES: Readonly<Record<string, Mode>> = {
  async emit(sides, turns) {
    process.stdout.write(`emit with commit per second, ${IN_FLIGHT} in flight\n`)
    for (const { emitOne } of sides) await emitMany(emitOne, WARM_UP)
    const figures = await takeTurns(sides, turns, async ({ emitOne }) => emitMany(emitOne, HALF))
    const of = (name: string): number => median(figures.get(name) ?? [])
    const sqlite = { value: of('firma-sqlite'), unit: 'per second' }
    printVerdict('emit sqlite', sqlite, { atLeast: EMIT.perSecond })
    const ratio = of('firma-postgres') / of('graphile-worker')
    const postgres = { value: ratio, unit: '× graphile-worker' }
    printVerdict('emit postgres', postgres, { atLeast: EMIT.ratio })
  },
  async drain(sides, turns) {
    process.stdout.write(`${EVENTS} waiting, sent per second, ${CONCURRENCY} at once\n`)
    const figures = await takeTurns(sides, turns, async (side) => {
      await ask(side.sink, 'clear')
      await emitMany(side.emitOne, EVENTS)
      const perSecond = await pace(EVENTS, async () => {
        await side.start()
        await untilArrived(side.sink, EVENTS)
      })
      await side.stop()
      return perSecond
    })
    compareWithBest('drain', figures)
  },
  async path(sides, turns) {
    process.stdout.write(`announced, sent and answered per second, ${CONCURRENCY} at once\n`)
    const figures = await takeTurns(sides, turns, async (side) => {
      await side.start()
      await deliver(side, WARM_UP)
      const perSecond = await pace(HALF, async () => await deliver(side, HALF))
      await side.stop()
      return perSecond
    })
    compareWithBest('path', figures)
  },
  async latency(sides, { rounds, untilMs }) {
    const { rates, seconds } = LATENCY
    const startedMs = performance.now()
    for (const [i, perSecond] of rates.entries()) {
      process.stdout.write(`p95 from before the announcement to the sink at ${perSecond}/s, ms\n`)
      const partMs = ((untilMs - startedMs) * (i + 1)) / rates.length
      const turns = { rounds, untilMs: startedMs + partMs }
      const afterCommit = new Map<string, number[]>(sides.map(({ name }) => [name, []]))
      const whole = await takeTurns(sides, turns, async (side) => {
        await side.start()
        await deliver(side, WARM_UP)
        const late = await measureLatency(side, { perSecond, seconds, answering: 1 })
        await side.stop()
        afterCommit.get(side.name)?.push(late.afterCommit.p95)
        return late.whole.p95
      })
      process.stdout.write(`p95 from the commit to the sink at ${perSecond}/s, ms\n`)
      printFigures(afterCommit)
      judgeLatency(`p95 at ${perSecond}/s from the commit`, perSecond, afterCommit)
      judgeLatency(`p95 at ${perSecond}/s from before the announcement`, perSecond, whole)
    }
  },
}

function judgeLatency(what: string, perSecond: number, figures: Figures): void {
  const best = findBest(figures, false)
  for (const [name, found] of figures) {
    if (!isFirma(name)) continue
    const value = median(found)
    const ratio = { value: value / best.value, unit: `× ${best.name}` }
    if (perSecond === 200) printVerdict(`${what} ${name}`, ratio, { atMost: 1 })
    else printVerdict(`${what} ${name}`, { value, unit: 'ms' }, { atMost: LATENCY.p95MsAt1000 })
  }
}

const names = readNames('sides', flags.sides, SIDES)
for (const mode of readNames('only', flags.only, Object.keys(MODES))) {
  const startedMs = performance.now()
  const sides: Side[] = []
  try {
    for (const name of names) sides.push(await openSide(name))
    await MODES[mode]?.(sides, { rounds: ROUNDS, untilMs: startedMs + LIMIT_MS })
  } finally {
    for (const side of sides) await side.close()
  }
  const tookSeconds = Math.round((performance.now() - startedMs) / 1_000)
  process.stdout.write(`(${mode}: ${tookSeconds} s)\n\n`)
}
