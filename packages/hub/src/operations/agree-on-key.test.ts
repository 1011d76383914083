/** Processes that come, sleep, go and change their keys, in any order: none meets what it cannot open. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import { EPOCH_MS, TestClock } from '../../test/support/test-clock.ts'
import { FirmaError } from '../errors.ts'
import type { SealedValues } from '../store/sealed-values.ts'
import type { Store } from '../store/open.ts'
import { createIds, systemRandom } from '../system.ts'
import { createKeyAgreement } from './agree-on-key.ts'
import { SILENT_LOOKS_MAX, createProcessWatch } from './watch-processes.ts'

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined }
const WAKE = { keys: () => undefined } as never

/** A process with these keys; the first is the one that it would like to seal with. */
function createProcess(store: Store, keyIds: readonly string[], clock = new TestClock(EPOCH_MS)) {
  const sealing = {
    keyIds,
    primaryId: keyIds[0] ?? '',
    sealWith: (id: string) => void (sealing.primaryId = id),
  }
  const ids = createIds(clock, systemRandom)
  const own = { ...store, sealedValues: sealing as unknown as SealedValues }
  const deps = { clock, timer: clock, ids, log: SILENT, store: own }
  const agreement = createKeyAgreement({ ...deps, wake: WAKE })
  return { ids, clock, sealing, watch: createProcessWatch(deps, agreement) }
}

type Process = ReturnType<typeof createProcess>

/** Whatever one seals with, each that takes part opens. */
function expectReadable(processes: Iterable<Process>): void {
  const all = [...processes]
  expect(all.flatMap((one) => blindTo(one, all))).toEqual([])
}

function blindTo({ sealing: { primaryId } }: Process, all: readonly Process[]): string[] {
  return all.flatMap(({ sealing: { keyIds } }) =>
    keyIds.includes(primaryId) ? [] : [`${keyIds.join(' ')} cannot open ${primaryId}`],
  )
}

const isRefused = { code: 'configuration_invalid' }

describeStore('createKeyAgreement', (open) => {
  it('refuses a process that slept while the others changed the key, when it looks again', async () => {
    const store = await open()
    const sleeping = createProcess(store, ['k1'])
    await sleeping.watch.join()
    const others = [createProcess(store, ['k2', 'k1']), createProcess(store, ['k2', 'k1'])]
    for (const { watch } of others) await watch.join()
    for (let i = 0; i <= SILENT_LOOKS_MAX + 3; i += 1) {
      for (const { watch } of others) await watch.look()
    }
    expect(others.map(({ sealing }) => sealing.primaryId)).toEqual(['k2', 'k2'])
    await expect(sleeping.watch.look()).rejects.toMatchObject(isRefused)
    expect(await store.processes.list()).toHaveLength(2)
    // One that has the new key, too, takes part again, and seals as the others do.
    const awake = createProcess(store, ['k1', 'k2'])
    await awake.watch.look()
    expect(awake.sealing.primaryId).toBe('k2')
  })

  it('lets processes that start in the same moment see each other', async () => {
    const store = await open()
    const starting = [['k2', 'k1'], ['k1'], ['k3', 'k1'], ['k1', 'k2']].map((keys) =>
      createProcess(store, keys),
    )
    const starts = await Promise.allSettled(starting.map(async ({ watch }) => await watch.join()))
    const joined = starting.filter((_, at) => starts[at]?.status === 'fulfilled')
    expect(joined.length).toBeGreaterThan(0)
    expectReadable(joined)
    const reasons = starts.flatMap((start) => (start.status === 'rejected' ? [start.reason] : []))
    expect(reasons).toEqual(reasons.map(() => expect.objectContaining(isRefused)))
    for (let i = 0; i < 3; i += 1) {
      await Promise.all(joined.map(async ({ watch }) => await watch.look()))
      expectReadable(joined)
    }
  })

  it('takes no clock’s word for it that a process has ended: it watches for a sign of it', async () => {
    const store = await open()
    const living = createProcess(store, ['k1'], new TestClock(EPOCH_MS - 3_600_000))
    await living.watch.join()
    const starting = createProcess(store, ['k2'])
    const start = starting.watch.join()
    await expect.poll(() => starting.clock.nextTimerMs, { timeout: 180_000 }).toBeDefined()
    await living.watch.look()
    starting.clock.moveTo(starting.clock.nextTimerMs ?? 0)
    await expect(start).rejects.toMatchObject(isRefused)
    await living.watch.look()
    expect(living.sealing.primaryId).toBe('k1')
    const ids = (await store.processes.list()).map(({ id }) => id)
    expect(ids).toEqual([living.ids.processId])
  })

  it('takes the place of one that was killed, with other keys', async () => {
    const store = await open()
    const killed = createProcess(store, ['k1'], new TestClock(EPOCH_MS - 3_600_000))
    await killed.watch.join()
    const starting = createProcess(store, ['k2'])
    const start = starting.watch.join()
    await expect.poll(() => starting.clock.nextTimerMs, { timeout: 180_000 }).toBeDefined()
    starting.clock.moveTo(starting.clock.nextTimerMs ?? 0)
    await start
    expect(starting.sealing.primaryId).toBe('k2')
    expect(await store.processes.list()).toHaveLength(1)
    // If it was only asleep, it has to end.
    await expect(killed.watch.look()).rejects.toMatchObject(isRefused)
  })
})

describe('any order of what processes do', () => {
  const step = fc.record({
    of: fc.nat(3),
    does: fc.constantFrom('start' as const, 'look' as const, 'look' as const, 'sleep' as const),
    keys: fc.shuffledSubarray(['k1', 'k2', 'k3'], { minLength: 1 }),
  })

  describeStore('of four of them', (open) => {
    it('leaves every key in use readable by all who take part', async () => {
      const store = await open()
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
          const places = new Map<number, Process>()
          const asleep = new Set<number>()
          for (const { of, does, keys } of steps) {
            await take({ store, places, asleep }, { of, does, keys })
            // Those that sleep do nothing; whoever is buried meanwhile has to join again.
            const awake = [...places].filter(([at]) => !asleep.has(at)).map(([, one]) => one)
            expect(awake.flatMap((one) => blindTo(one, awake))).toEqual([])
          }
          for (const { watch } of places.values()) await watch.leave()
        }),
        { numRuns: 40 },
      )
    })
  })
})

interface World {
  readonly store: Store
  readonly places: Map<number, Process>
  readonly asleep: Set<number>
}

async function take(
  { store, places, asleep }: World,
  step: { of: number; does: 'start' | 'look' | 'sleep'; keys: string[] },
): Promise<void> {
  const { of, does, keys } = step
  const present = places.get(of)
  if (does === 'sleep') {
    if (present === undefined) return
    asleep.add(of)
    // The others have looked often enough to take it for dead.
    await store.processes.remove({ id: present.ids.processId })
    return
  }
  const starting = does === 'start' ? createProcess(store, keys) : present
  if (starting === undefined) return
  if (does === 'start') await present?.watch.leave()
  places.set(of, starting)
  asleep.delete(of)
  try {
    if (does === 'start') await starting.watch.join()
    else await starting.watch.look()
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    // It ends.
    places.delete(of)
  }
}
