/**
 * Hub processes are killed without warning while people connect, reconnect and disconnect.
 *
 * `FIRMA_KILL_CYCLES=500 npx vitest run packages/hub/test/faults/kill.test.ts` for longer; `FIRMA_SEED=…` for
 * the same choices again, as far as processes can be made to repeat themselves.
 */
import { expect, it } from 'vitest'
import { readLedgerBy } from '../support/ledger.ts'
import { chooseSeed, createChance } from '../support/seeded.ts'
import type { HubProcess } from './hub-processes.ts'
import { disturbed, judgeArrivals } from './recorder.ts'
import { drain, progress, seeArrivals } from './wait.ts'
import { type World, openWorld } from './world.ts'

const seed = chooseSeed()
/** Longer than anybody here waits. */
const LEASE_MS = 3_600_000
/** Each twice, with two browsers: what they do to one connection at the same time meets in two processes. */
const PEOPLE = ['ada', 'ada', 'grace', 'grace']

/** How often per engine; together at least 50. */
const CYCLES = {
  postgres: Number(process.env['FIRMA_KILL_CYCLES'] ?? 30),
  sqlite: Number(process.env['FIRMA_KILL_CYCLES'] ?? 25),
}

/** Every other one sends in a thread. */
async function start({ processes }: World, number: number): Promise<HubProcess> {
  return await processes.start({ senderThreads: number % 2 })
}

async function killAgainAndAgain(
  world: World,
  processCount: number,
  cycles: number,
): Promise<number[]> {
  const chance = createChance(seed + 1)
  const processes: HubProcess[] = []
  for (let i = 0; i < processCount; i += 1) processes.push(await start(world, i))
  const people = PEOPLE.map((name) => world.live(name))
  const killedAtMs: number[] = []
  for (let i = 0; i < cycles; i += 1) {
    // Most kills come while there is something to break, the others before anything has happened.
    await progress(world, chance.integer(0, 6))
    const [victim] = processes.splice(chance.integer(0, processes.length - 1), 1)
    await victim?.kill()
    await seeArrivals()
    killedAtMs.push(performance.now())
    processes.push(await start(world, i))
  }
  for (const person of people) await person.stop()
  return killedAtMs
}

it.each(['postgres', 'sqlite'] as const)(
  `loses nothing and keeps the order on %s, however often a process is killed (FIRMA_SEED=${seed})`,
  { timeout: 600_000 + (CYCLES.postgres + CYCLES.sqlite) * 5_000 },
  async (engine) => {
    const world = await openWorld(engine, seed)
    const killedAtMs = await killAgainAndAgain(world, engine === 'postgres' ? 2 : 1, CYCLES[engine])
    await drain(world)
    const events = await world.events()
    expect(
      judgeArrivals(
        events,
        world.recorder.arrivals,
        disturbed([...killedAtMs, ...world.processes.buriedAtMs]),
      ),
    ).toEqual([])
    expect(await world.broken()).toEqual([])
    expect(await world.discrepancies()).toEqual([])
    const ledger = await readLedgerBy(world.database.rows)
    expect(ledger).toMatchObject({ delivered: events.length, errors: [] })
    expect([...world.refusals.keys()].filter((name) => name.startsWith('500'))).toEqual([])
    // Else nothing was tried.
    expect(events.length).toBeGreaterThan(CYCLES[engine] / 2)
    const lineages = new Set(events.map(({ orderKey }) => orderKey))
    console.info(
      `${engine}: ${killedAtMs.length} kills, ${events.length} events of ${lineages.size} lineages, ` +
        `${world.recorder.arrivals.length - events.length} sent twice, ` +
        `${world.confirmed.connected.length} connects, ${world.confirmed.disconnected.length} disconnects`,
    )
  },
)

it.each([0, 1])(
  'sends what a killed process was sending before its leases end, with %d threads that send',
  { timeout: 600_000 },
  async (senderThreads) => {
    const world = await openWorld('postgres', seed)
    const first = await world.processes.start({ senderThreads })
    const people = PEOPLE.map((name) => world.live(name))
    await expect.poll(() => world.recorder.arrivals.length, { timeout: 180_000 }).toBeGreaterThan(3)
    world.recorder.isHanging = true
    await expect.poll(() => world.recorder.hanging, { timeout: 180_000 }).toBeGreaterThan(0)
    await first.kill()
    await seeArrivals()
    const killedAtMs = performance.now()
    world.recorder.isHanging = false
    for (const person of people) await person.stop()
    // However slow this machine is, they end too late: whoever goes on with it has noticed the death.
    const underWay = await world.database.rows(
      `UPDATE delivery SET claim_until_ms = claim_until_ms + ${LEASE_MS} WHERE status = 'sending' RETURNING id`,
    )
    expect(underWay.length).toBeGreaterThan(0)
    await world.processes.start({ senderThreads })
    await drain(world)
    const tookMs = performance.now() - killedAtMs
    const events = await world.events()
    expect(
      judgeArrivals(
        events,
        world.recorder.arrivals,
        disturbed([killedAtMs, ...world.processes.buriedAtMs]),
      ),
    ).toEqual([])
    expect(await world.discrepancies()).toEqual([])
    const ledger = await readLedgerBy(world.database.rows)
    expect(ledger).toMatchObject({ delivered: events.length, errors: [] })
    console.info(
      `${underWay.length} under way in a killed process came ${Math.round(tookMs)} ms later`,
    )
  },
)

it.each([0, 1])(
  'sends what a sleeping process was sending, and has no use for what that one says when it wakes, with %d threads that send',
  { timeout: 300_000 },
  async (senderThreads) => {
    const world = await openWorld('postgres', seed)
    const first = await world.processes.start({ senderThreads })
    const people = PEOPLE.map((name) => world.live(name))
    await expect.poll(() => world.recorder.arrivals.length, { timeout: 180_000 }).toBeGreaterThan(3)
    world.recorder.isHanging = true
    await expect.poll(() => world.recorder.hanging, { timeout: 180_000 }).toBeGreaterThan(0)
    for (const person of people) await person.stop()
    await world.processes.start({ senderThreads })
    const wake = first.freeze()
    await seeArrivals()
    const frozenAtMs = performance.now()
    world.recorder.isHanging = false
    await drain(world)
    // What it was about to send has gone out elsewhere by now, and it sends it when it wakes.
    const wokenAtMs = performance.now()
    wake()
    const later = PEOPLE.map((name) => world.live(name))
    await progress(world, 20)
    for (const person of later) await person.stop()
    await drain(world)
    const events = await world.events()
    const repetitions = {
      ...disturbed([frozenAtMs, wokenAtMs, ...world.processes.buriedAtMs]),
      isLateRepetitionRight: true,
    }
    expect(judgeArrivals(events, world.recorder.arrivals, repetitions)).toEqual([])
    expect(await world.broken()).toEqual([])
    expect(await world.discrepancies()).toEqual([])
    const ledger = await readLedgerBy(world.database.rows)
    expect(ledger).toMatchObject({ delivered: events.length, errors: [] })
  },
)
