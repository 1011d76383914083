/** What a process does when it is asked to end, with real processes and real signals. */
import { expect, it } from 'vitest'
import { CLOSE_MS_MAX } from '../../src/shutdown.ts'
import { readLedgerBy } from '../support/ledger.ts'
import { chooseSeed } from '../support/seeded.ts'
import { disturbed, judgeArrivals } from './recorder.ts'
import { drain, progress } from './wait.ts'
import { type World, openWorld } from './world.ts'

const seed = chooseSeed()
/** Longer than anybody here waits. */
const LEASE_MS = 3_600_000

/** Waits until deliveries hang at the app, and lets nothing new come. */
async function hang(world: World): Promise<void> {
  const people = ['ada', 'grace'].map((name) => world.live(name))
  await progress(world, 5)
  world.recorder.isHanging = true
  await expect.poll(() => world.recorder.hanging, { timeout: 180_000 }).toBeGreaterThan(0)
  for (const person of people) await person.stop()
}

it.each(['postgres', 'sqlite'] as const)(
  'finishes what is under way and exits with 0 on SIGTERM, on %s',
  { timeout: 600_000 },
  async (engine) => {
    const world = await openWorld(engine, seed)
    const process = await world.processes.start()
    const person = world.live('ada')
    await progress(world, 20)
    expect(await process.end('SIGTERM')).toEqual({ exitCode: 0, signal: null })
    await person.stop()
    await world.processes.start()
    await drain(world)
    // Nothing twice: what was under way was finished.
    const events = await world.events()
    expect(judgeArrivals(events, world.recorder.arrivals, disturbed([]))).toEqual([])
    expect(await world.broken()).toEqual([])
    expect(await world.discrepancies()).toEqual([])
    expect(await readLedgerBy(world.database.rows)).toMatchObject({
      delivered: events.length,
      errors: [],
    })
  },
)

it(
  'lets go of what hangs after 10 s: another process sends it, and no attempt is counted',
  { timeout: 600_000 },
  async () => {
    const world = await openWorld('postgres', seed)
    const leaving = await world.processes.start()
    await hang(world)
    const before = world.recorder.arrivals.length
    const askedAtMs = performance.now()
    const ending = leaving.end('SIGTERM')
    // However slow this machine is, leases end too late: what is sent later has been let go of.
    await world.database.execute(
      `UPDATE delivery SET claim_until_ms = claim_until_ms + ${LEASE_MS} WHERE status = 'sending'`,
    )
    expect(await ending).toEqual({ exitCode: 0, signal: null })
    expect(performance.now() - askedAtMs).toBeGreaterThan(CLOSE_MS_MAX - 1_000)
    world.recorder.isHanging = false
    await world.processes.start()
    await drain(world)
    expect(world.recorder.arrivals.length).toBeGreaterThan(before)
    const events = await world.events()
    expect(judgeArrivals(events, world.recorder.arrivals, disturbed([]))).toEqual([])
    expect(await readLedgerBy(world.database.rows)).toMatchObject({
      delivered: events.length,
      attempts: events.length,
      errors: [],
    })
  },
)

it('ends at once on the second signal', { timeout: 600_000 }, async () => {
  const world = await openWorld('sqlite', seed)
  const process = await world.processes.start()
  await hang(world)
  const ending = process.end('SIGTERM')
  // It listens no more: the first signal has been noticed.
  const isEnding = async (): Promise<boolean> =>
    await fetch(`${process.url}/healthz`).then(
      () => false,
      () => true,
    )
  await expect.poll(isEnding).toBe(true)
  process.signal('SIGTERM')
  expect((await ending).signal).toBe('SIGTERM')
  world.recorder.isHanging = false
  await world.processes.start()
  await drain(world)
  expect(await world.broken()).toEqual([])
  expect(await world.discrepancies()).toEqual([])
  expect(await readLedgerBy(world.database.rows)).toMatchObject({
    delivered: (await world.events()).length,
    errors: [],
  })
})
