import { describe, expect, it } from 'vitest'
import {
  type DeliveryLab,
  type LabEngine,
  createDeliveryLab,
  namesOf,
  until,
} from '../../test/support/delivery-lab.ts'
import { readLedgers } from '../../test/support/ledger.ts'
import type { Answer } from '../../test/support/test-app.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { HOUR_MS, SECOND_MS } from '../core/time.ts'
import { CONCURRENCY_DEFAULT } from '../store/destinations.ts'
import { DELIVERIES_IN_FLIGHT_MAX } from './places.ts'
import type { DeliveryWorker } from './worker.ts'

/** Long enough that whoever hangs hangs until the test is over. */
const HANGING = { timeoutMs: 30_000 }
/** The greatest fraction: every delay is as long as it can be. */
const NEARLY_1 = 1 - Number.EPSILON / 2

/** Hours in which other events are accepted, so that it is the event that fails and not the destination. */
async function passHours(lab: DeliveryLab, worker: DeliveryWorker, hours: number): Promise<void> {
  for (let hour = 0; hour < hours; hour += 1) {
    await lab.announce('alive', `alive ${hour}`)
    worker.wake(['A'])
    await lab.advanceByMs(worker, HOUR_MS)
  }
}

describe('trying again', () => {
  it('doubles the delay up to 8 hours until the destination accepts', async () => {
    const lab = await createDeliveryLab({ fraction: () => NEARLY_1 })
    const app = await lab.addApp('A')
    let tries = 0
    app.answer = ({ event }) => {
      if (event['name'] === 'one') tries += 1
      return { status: event['name'] === 'one' && tries <= 13 ? 500 : 200, body: 'why' }
    }
    const eventId = await lab.announce('one', 'L1')
    await passHours(lab, lab.startWorker(), 72)
    const attempts = await lab.attempts(eventId, 'A')
    const delays = attempts
      .slice(1)
      .map((one, i) => one.startedAtMs - (attempts[i]?.startedAtMs ?? 0))
    const doubling = Array.from({ length: 10 }, (_, i) => 30 * SECOND_MS * 2 ** i)
    expect(delays).toEqual([...doubling, 8 * HOUR_MS, 8 * HOUR_MS, 8 * HOUR_MS])
    expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, i) => i + 1))
    expect(attempts[0]).toMatchObject({ httpStatus: 500, error: null, responseBody: 'why' })
    expect(attempts.at(-1)).toMatchObject({ httpStatus: 200 })
    expect(await lab.delivery(eventId, 'A')).toMatchObject({ status: 'delivered', attempts: 14 })
    expect(await readLedgers(lab)).toMatchObject({ delivered: 73, errors: [] })
  })

  it.each<[string, Answer, string]>([
    ['a reset', 'reset', 'reset'],
    ['a redirect', { status: 302, headers: { location: '/elsewhere' } }, '302'],
    ['a refusal', { status: 400 }, '400'],
  ])('follows %s', async (_what, answer, outcome) => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    app.answer = () => (app.received.length === 1 ? answer : { status: 204 })
    const eventId = await lab.announce('one', 'L1')
    await lab.advanceByMs(lab.startWorker(), HOUR_MS)
    const attempts = await lab.attempts(eventId, 'A')
    expect(attempts.map(({ error, httpStatus }) => error ?? String(httpStatus))).toEqual([
      outcome,
      '204',
    ])
  })

  it('ends after 72 hours, says so, and lets the next event of the lineage have its own', async () => {
    const lab = await createDeliveryLab({ fraction: () => NEARLY_1 })
    const app = await lab.addApp('A')
    app.answer = ({ event }) => ({ status: event['name'] === 'alive' ? 200 : 500 })
    const first = await lab.announce('first', 'L1')
    const second = await lab.announce('second', 'L1')
    const worker = lab.startWorker()
    await passHours(lab, worker, 81)
    expect(await lab.delivery(first, 'A')).toMatchObject({ status: 'failed' })
    const [attempts] = [await lab.attempts(first, 'A')]
    expect((attempts.at(-1)?.startedAtMs ?? 0) - EPOCH_MS).toBeGreaterThanOrEqual(72 * HOUR_MS)
    expect(lab.logged).toHaveLength(1)
    // It waited for 72 hours behind the first, and has hardly been tried itself.
    expect(await lab.delivery(second, 'A')).toMatchObject({ status: 'pending' })
    app.answer = () => ({ status: 200 })
    await passHours(lab, worker, 8)
    expect(await lab.delivery(second, 'A')).toMatchObject({ status: 'delivered' })
    expect(await readLedgers(lab)).toMatchObject({ failed: 1, delivered: 90, errors: [] })
  })

  it.each([
    ['seconds', '7200'],
    ['a date', new Date(EPOCH_MS + 2 * HOUR_MS).toUTCString()],
  ])('waits as long as Retry-After asks in %s', async (_form, retryAfter) => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    app.answer = () =>
      app.received.length === 1
        ? { status: 429, headers: { 'retry-after': retryAfter } }
        : { status: 200 }
    const eventId = await lab.announce('one', 'L1')
    const worker = lab.startWorker()
    await lab.advanceByMs(worker, 2 * HOUR_MS - 1)
    expect(app.received).toHaveLength(1)
    await lab.advanceByMs(worker, 1)
    expect(await lab.delivery(eventId, 'A')).toMatchObject({ status: 'delivered', attempts: 2 })
  })
})

describe('order and isolation', () => {
  it('keeps the order of a lineage while another one flows', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    let isBroken = true
    app.answer = ({ event }) => ({ status: isBroken && event['lineage'] === 'L1' ? 500 : 200 })
    for (const name of ['1', '2', '3']) await lab.announce(`broken ${name}`, 'L1')
    for (const name of ['1', '2', '3']) await lab.announce(`well ${name}`, 'L2')
    const worker = lab.startWorker()
    await worker.idle()
    expect(namesOf(app).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'broken 1',
      'well 1',
      'well 2',
      'well 3',
    ])
    isBroken = false
    await lab.advanceByMs(worker, HOUR_MS)
    expect(namesOf(app).filter((name) => name.startsWith('broken'))).toEqual([
      'broken 1',
      'broken 1',
      'broken 2',
      'broken 3',
    ])
    expect(await readLedgers(lab)).toMatchObject({ delivered: 6, errors: [] })
  })

  it('lets no destination wait for one that hangs, however much that one is owed', async () => {
    const lab = await createDeliveryLab()
    const hanging = await lab.addApp('A', { ...HANGING, eventTypes: ['auth'] })
    const well = await lab.addApp('B', { eventTypes: ['deauth'] })
    hanging.answer = () => 'hang'
    // More than the worker takes at once, and all of it due before what B is owed.
    for (let i = 0; i < 150; i += 1) await lab.announce(`for A ${i}`, `L${i}`, 'auth')
    for (let i = 0; i < 3; i += 1) await lab.announce(`for B ${i}`, 'L', 'deauth')
    lab.startWorker()
    await until(async () => (await readLedgers(lab)).delivered === 3)
    expect(namesOf(well)).toEqual(['for B 0', 'for B 1', 'for B 2'])
    await until(() => hanging.received.length === CONCURRENCY_DEFAULT)
    expect(await readLedgers(lab)).toMatchObject({ pending: 150, errors: [] })
  })

  it('keeps a place for whoever answers while many destinations hang', async () => {
    const lab = await createDeliveryLab()
    const [most, more] = [DELIVERIES_IN_FLIGHT_MAX / CONCURRENCY_DEFAULT, 8]
    for (let i = 0; i < most + more; i += 1) {
      const app = await lab.addApp(`hangs ${i}`, { ...HANGING, eventTypes: ['auth'] })
      app.answer = () => 'hang'
    }
    const well = await lab.addApp('well', { eventTypes: ['deauth'] })
    for (let i = 0; i < CONCURRENCY_DEFAULT; i += 1) await lab.announce(`e${i}`, `L${i}`, 'auth')
    const worker = lab.startWorker()
    for (let i = 0; i < 20; i += 1) {
      await lab.announce(`w${i}`, `W${i}`, 'deauth')
      worker.wake(['well'])
    }
    await until(() => well.accepted.length === 20)
    expect((await readLedgers(lab)).errors).toEqual([])
  })

  it('lets nothing that happened to a connection wait for data', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    app.answer = ({ event }) => ({ status: event.type === 'sleep' ? 500 : 200 })
    await lab.announce('data 1', 'L1', 'sleep')
    await lab.announce('data 2', 'L1', 'sleep')
    await lab.announce('revoked', 'L1', 'access_revoked')
    await lab.startWorker().idle()
    expect(app.accepted).toEqual(['access_revoked'])
    expect(namesOf(app).toSorted()).toEqual(['data 1', 'revoked'])
  })

  it('has no more under way to one destination than it may', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A', HANGING)
    const waiting: (() => void)[] = []
    let [present, most] = [0, 0]
    app.answer = async () => {
      present += 1
      most = Math.max(most, present)
      await new Promise<void>((resolve) => waiting.push(resolve))
      present -= 1
      return { status: 200 }
    }
    for (let i = 0; i < 30; i += 1) await lab.announce(`e${i}`, `L${i}`)
    const worker = lab.startWorker()
    while (app.accepted.length < 30) {
      const awaited = Math.min(CONCURRENCY_DEFAULT, 30 - app.accepted.length)
      await until(() => waiting.length === awaited)
      waiting.shift()?.()
      const accepted = app.accepted.length
      await until(() => app.accepted.length > accepted)
    }
    await worker.idle()
    expect(most).toBe(CONCURRENCY_DEFAULT)
    expect(await readLedgers(lab)).toMatchObject({ delivered: 30, errors: [] })
  })

  it('sends each delivery once when two workers share the store', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    for (let i = 0; i < 60; i += 1) await lab.announce(`e${i}`, `L${i % 20}`)
    const workers = [lab.startWorker(), lab.startWorker()]
    await until(async () => {
      for (const worker of workers) worker.wake()
      return (await readLedgers(lab)).delivered === 60
    })
    expect(app.received).toHaveLength(60)
    expect(await readLedgers(lab)).toMatchObject({ attempts: 60, errors: [] })
  })
})

it.each<LabEngine>(['SQLite', 'PostgreSQL'])(
  'writes down on %s what an app has answered with a NUL, and all that others have',
  async (engine) => {
    const lab = await createDeliveryLab({ engine })
    const app = await lab.addApp('A')
    const other = await lab.addApp('B')
    app.answer = () => ({ status: 200, body: 'o\0k' })
    const eventId = await lab.announce('one', 'L1')
    await lab.startWorker().idle()
    expect(await lab.attempts(eventId, 'A')).toMatchObject([{ responseBody: 'o\ufffdk' }])
    expect(other.accepted).toHaveLength(1)
    expect(await readLedgers(lab)).toMatchObject({ delivered: 2, attempts: 2, errors: [] })
  },
)

describe('a process that ends', () => {
  it('loses nothing that it had claimed: it is sent when the lease is over', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    await lab.announce('first', 'L1')
    await lab.announce('second', 'L1')
    await lab.claimAndDie()
    const worker = lab.startWorker()
    await lab.advanceByMs(worker, 35 * SECOND_MS - 1)
    expect(app.received).toEqual([])
    await lab.advanceByMs(worker, 1)
    expect(namesOf(app)).toEqual(['first', 'second'])
    expect(await readLedgers(lab)).toMatchObject({ delivered: 2, errors: [] })
  })

  it('finishes what is under way before it stops, and begins nothing', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A', HANGING)
    let answer = (): void => {}
    app.answer = async () => {
      await new Promise<void>((resolve) => (answer = resolve))
      return { status: 200 }
    }
    await lab.announce('first', 'L1')
    await lab.announce('second', 'L1')
    const worker = lab.startWorker()
    await until(() => app.received.length === 1)
    let hasStopped = false
    const stopped = worker.stop().then(() => (hasStopped = true))
    worker.wake()
    expect(hasStopped).toBe(false)
    answer()
    await stopped
    expect(namesOf(app)).toEqual(['first'])
    expect(await readLedgers(lab)).toMatchObject({ delivered: 1, pending: 1, errors: [] })
  })

  it('records nothing for a delivery that somebody else has claimed meanwhile', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A', HANGING)
    let answer = (): void => {}
    app.answer = async () => {
      await new Promise<void>((resolve) => (answer = resolve))
      return { status: 500 }
    }
    const eventId = await lab.announce('one', 'L1')
    const worker = lab.startWorker()
    await until(() => app.received.length === 1)
    // The process slept for a minute, and another one took over.
    lab.clock.moveTo(lab.clock.nowMs() + 36 * SECOND_MS)
    await lab.store.deliveries.freeExpired(lab.clock.nowMs())
    const [taken] = await lab.claimAndDie()
    answer()
    await worker.idle()
    expect(await lab.attempts(eventId, 'A')).toEqual([])
    expect(await lab.delivery(eventId, 'A')).toMatchObject({ status: 'pending', attempts: 0 })
    expect(taken).toMatchObject({ event: { id: eventId } })
  })

  it('writes down once what it has sent twice because its clock was put forward', async () => {
    const lab = await createDeliveryLab()
    await lab.addApp('A')
    const answers: (() => void)[] = []
    const eventId = await lab.announce('one', 'L1')
    await lab.announce('other', 'L2')
    const worker = lab.startWorker({
      send: async () => {
        await new Promise<void>((resolve) => answers.push(resolve))
        return { type: 'answered', httpStatus: 200, retryAfter: undefined, headers: '{}', body: '' }
      },
      close: async () => undefined,
    })
    await until(() => answers.length === 2)
    // Both leases have ended. Both are sent again as soon as the destination answers anything.
    lab.clock.moveTo(lab.clock.nowMs() + 61 * SECOND_MS)
    answers[1]?.()
    await until(() => answers.length === 4)
    for (const answer of answers) answer()
    await lab.advanceByMs(worker, 10 * SECOND_MS)
    expect(await lab.attempts(eventId, 'A')).toHaveLength(1)
    expect(await readLedgers(lab)).toMatchObject({ delivered: 2, attempts: 2, errors: [] })
  })

  it('sends again after the lease what could not be carried out, and says so', async () => {
    const lab = await createDeliveryLab()
    await lab.addApp('A')
    const eventId = await lab.announce('one', 'L1')
    let sends = 0
    const worker = lab.startWorker({
      send: async () => {
        sends += 1
        if (sends === 1) throw new TypeError('assertion failed: a bug')
        return { type: 'answered', httpStatus: 200, retryAfter: undefined, headers: '{}', body: '' }
      },
      close: async () => undefined,
    })
    await lab.advanceByMs(worker, 34 * SECOND_MS)
    expect(sends).toBe(1)
    expect(lab.logged).toEqual(['a delivery could not be carried out'])
    await lab.advanceByMs(worker, SECOND_MS)
    expect(await lab.delivery(eventId, 'A')).toMatchObject({ status: 'delivered' })
  })

  it.each<LabEngine>(['SQLite', 'PostgreSQL'])(
    'writes down on %s all but the one attempt that the database refuses, which is sent again after its lease',
    async (engine) => {
      const lab = await createDeliveryLab({ engine })
      await lab.addApp('A')
      let sends = 0
      const worker = lab.startWorker({
        send: async () => {
          sends += 1
          // No column of ours takes half a status.
          const httpStatus = sends === 1 || sends === 5 ? 200.5 : 200
          return { type: 'answered', httpStatus, retryAfter: undefined, headers: '{}', body: '' }
        },
        close: async () => undefined,
      })
      await lab.announce('alone', 'L')
      worker.wake(['A'])
      await lab.advanceByMs(worker, 10 * SECOND_MS)
      expect(lab.logged).toContain('an attempt could not be written down')
      for (let i = 0; i < 19; i += 1) await lab.announce(`e${i}`, `L${i}`)
      worker.wake(['A'])
      await lab.advanceByMs(worker, 20 * SECOND_MS)
      expect(await readLedgers(lab)).toMatchObject({ delivered: 18, attempts: 18, errors: [] })
      await lab.advanceByMs(worker, 30 * SECOND_MS)
      expect(await readLedgers(lab)).toMatchObject({ delivered: 20, attempts: 20, errors: [] })
    },
  )

  it('writes down what has ended also while the database does not say what else is due', async () => {
    const lab = await createDeliveryLab()
    await lab.addApp('A')
    const eventId = await lab.announce('one', 'L1')
    const worker = lab.startWorker()
    await worker.idle()
    lab.store.deliveries.listDue = async () => {
      throw new Error('the connection broke')
    }
    const next = await lab.announce('two', 'L1')
    worker.wake()
    worker.wake(['A'])
    // The clock stands still: the turn that has failed is not tried again by itself.
    await until(async () => (await lab.delivery(next, 'A')).status === 'delivered')
    expect(await lab.delivery(eventId, 'A')).toMatchObject({ status: 'delivered' })
  })

  it.each<LabEngine>(['SQLite', 'PostgreSQL'])(
    'begins nothing new on %s while nothing can be written down',
    async (engine) => {
      const lab = await createDeliveryLab({ engine })
      const app = await lab.addApp('A')
      for (let i = 0; i < 100; i += 1) await lab.announce(`e${i}`, `L${i}`)
      const { store } = lab
      const { together } = store
      let isFull = true
      // As on a full disk: a claim changes rows where they are, an attempt needs a new one.
      store.together = async (run) =>
        await together(async (tx) => {
          const settle = tx.deliveries.settleMany.bind(tx.deliveries)
          tx.deliveries.settleMany = async (settled) => {
            if (isFull && settled.length > 0) throw new Error('the disk is full')
            return await settle(settled)
          }
          return await run(tx)
        })
      const worker = lab.startWorker()
      await lab.advanceByMs(worker, 10 * SECOND_MS)
      const sent = app.received.length
      // What there were places for, and what was claimed before the first could not be written down.
      expect(sent).toBeLessThanOrEqual(3 * CONCURRENCY_DEFAULT)
      await lab.advanceByMs(worker, 10 * SECOND_MS)
      expect(app.received).toHaveLength(sent)
      isFull = false
      await lab.advanceByMs(worker, 6 * SECOND_MS)
      await worker.idle()
      expect(await readLedgers(lab)).toMatchObject({ delivered: 100, attempts: 100, errors: [] })
    },
  )
})
