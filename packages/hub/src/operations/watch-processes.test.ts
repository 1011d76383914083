import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  addEnvironments,
  addOwedEvent,
  destinationRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS, TestClock } from '../../test/support/test-clock.ts'
import { Redacted } from '../secret.ts'
import type { Store } from '../store/open.ts'
import { createIds, systemRandom } from '../system.ts'
import { SILENT_LOOKS_MAX, createProcessWatch } from './watch-processes.ts'

/** All have the one key. */
const SAME_KEYS = { keys: { opens: ['test'], seals: ['test'] }, apply: () => undefined }
const AGREEMENT = { join: () => SAME_KEYS, judge: () => SAME_KEYS }

/** A process on the store, with a clock of its own that nobody may compare with another. */
function startProcess(store: Store, startMs = EPOCH_MS) {
  const clock = new TestClock(startMs)
  const ids = createIds(clock, systemRandom)
  const logged: string[] = []
  const log = {
    info: () => undefined,
    warn: (_: unknown, message: string) => void logged.push(message),
    error: () => undefined,
  }
  const claim = { nowMs: EPOCH_MS, untilMs: EPOCH_MS + 600_000, limit: 10 }
  return {
    ids,
    logged,
    watch: createProcessWatch({ clock, timer: clock, ids, log, store }, AGREEMENT),
    claimDeliveries: async () => {
      const due = await store.deliveries.listDue()
      const destinations = new Set(due.map(({ destinationId }) => destinationId))
      const wants = [...destinations].map((destinationId) => ({ destinationId, limit: 10 }))
      const claimed = await store.deliveries.claimDue({ ...claim, wants, id: ids.claim() })
      return claimed.map(({ event }) => event.id)
    },
    claimRevocations: async () => {
      const own = { ...claim, id: ids.claim(), provider: 'GARMIN' }
      const claimed = await store.revocations.claimDue(own)
      return claimed.map(({ id }) => id)
    },
    claimJob: async () => (await store.jobs.claimNext({ ...claim, id: ids.claim() }))?.id,
  }
}

async function look(watch: { look(): Promise<boolean> }, times: number): Promise<boolean[]> {
  const answers: boolean[] = []
  for (let i = 0; i < times; i += 1) answers.push(await watch.look())
  return answers
}

async function addWork(store: Store): Promise<void> {
  await addEnvironments(store)
  await store.destinations.add(destinationRow({ id: 'd1' }))
  await addOwedEvent(store, { id: 'e1' }, ['d1'])
  await store.revocations.add({
    id: 'r1',
    environmentId: ENVIRONMENT_ID,
    provider: 'GARMIN',
    providerAccountId: 'account-1',
    lineageId: 'lineage-1',
    flowId: null,
    tokenSetJson: new Redacted('{}'),
    createdAtMs: EPOCH_MS,
  })
  await store.jobs.add({
    id: 'j1',
    environmentId: ENVIRONMENT_ID,
    kind: 'disconnect_users',
    filter: {},
    actor: 'key',
    status: 'running',
    total: 1,
    done: 0,
    failed: 0,
    cursor: '',
    createdAtMs: EPOCH_MS,
    endedAtMs: null,
  })
}

describeStore('createProcessWatch', (open) => {
  it('takes a process for dead after so many looks without a sign, and frees what it had', async () => {
    const store = await open()
    await addWork(store)
    const dead = startProcess(store)
    // Hours apart: clocks are not what counts.
    const living = startProcess(store, EPOCH_MS + 7 * 3_600_000)
    await dead.watch.look()
    expect(await dead.claimDeliveries()).toEqual(['e1'])
    expect(await dead.claimRevocations()).toEqual(['r1'])
    expect(await dead.claimJob()).toBe('j1')
    const before = await look(living.watch, SILENT_LOOKS_MAX)
    expect(before).toEqual(before.map(() => false))
    expect(await living.claimDeliveries()).toEqual([])
    expect(await living.claimJob()).toBeUndefined()
    expect(await living.watch.look()).toBe(true)
    expect(await living.claimDeliveries()).toEqual(['e1'])
    expect(await living.claimRevocations()).toEqual(['r1'])
    expect(await living.claimJob()).toBe('j1')
    expect(living.logged).toEqual(['a process is gone; its work is taken over'])
    expect(await living.watch.look()).toBe(false)
  })

  it('takes nothing from a process that shows signs, however slowly', async () => {
    const store = await open()
    await addWork(store)
    const [slow, fast] = [startProcess(store), startProcess(store)]
    await slow.watch.look()
    await slow.claimDeliveries()
    for (let i = 0; i < 5; i += 1) {
      expect(await look(fast.watch, SILENT_LOOKS_MAX)).not.toContain(true)
      await slow.watch.look()
    }
    expect(await fast.claimDeliveries()).toEqual([])
  })

  it('lets one of many bury a dead process, and takes it back when it was only slow', async () => {
    const store = await open()
    const [slow, one, two] = [startProcess(store), startProcess(store), startProcess(store)]
    await slow.watch.look()
    const turns = SILENT_LOOKS_MAX + 2
    const buried: boolean[] = []
    for (let i = 0; i < turns; i += 1) {
      buried.push(...(await Promise.all([one.watch.look(), two.watch.look()])))
    }
    expect(buried.filter(Boolean)).toHaveLength(1)
    expect([one.watch.processes, two.watch.processes]).toEqual([2, 2])
    await slow.watch.look()
    expect(slow.watch.processes).toBe(3)
    expect(await store.processes.list()).toHaveLength(3)
  })

  it('frees the claims of a process that leaves at once, and no others', async () => {
    const store = await open()
    await addWork(store)
    const [leaving, staying] = [startProcess(store), startProcess(store)]
    await leaving.watch.look()
    await staying.watch.look()
    await leaving.claimDeliveries()
    await staying.claimRevocations()
    await leaving.watch.leave()
    expect(await staying.claimDeliveries()).toEqual(['e1'])
    expect(await leaving.claimRevocations()).toEqual([])
    expect((await store.processes.list()).map(({ id }) => id)).toEqual([staying.ids.processId])
  })
})
