import { describe, expect, it } from 'vitest'
import {
  type DeliveryLab,
  type LabEngine,
  createDeliveryLab,
  namesOf,
  until,
} from '../../test/support/delivery-lab.ts'
import { readLedgers } from '../../test/support/ledger.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../core/time.ts'

const HANGING = { timeoutMs: 30_000 }
const busy = (retryAfterSeconds: number) => ({
  status: 429,
  headers: { 'retry-after': String(retryAfterSeconds) },
})

describe('what happened to connections', () => {
  it.each([1, 3])('has places of its own, where data has taken all %d', async (concurrency) => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A', { ...HANGING, concurrency })
    app.answer = ({ event }) => (event['type'] === 'sleep' ? 'hang' : { status: 200 })
    for (let i = 0; i < 10; i += 1) await lab.announce(`data ${i}`, `L${i}`, 'sleep')
    const worker = lab.startWorker()
    await until(() => app.received.length === concurrency)
    for (let i = 0; i < 5; i += 1) await lab.announce(`auth ${i}`, `M${i}`)
    worker.wake(['A'])
    await until(async () => (await readLedgers(lab)).delivered === 5)
    expect(namesOf(app).slice(concurrency).toSorted()).toEqual(
      [0, 1, 2, 3, 4].map((i) => `auth ${i}`),
    )
  })

  it('goes to a silent destination beside the data that it is tried with', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A', HANGING)
    app.answer = ({ event }) => (event['type'] === 'sleep' ? 'hang' : { status: 200 })
    for (let i = 0; i < 10; i += 1) await lab.announce(`data ${i}`, `L${i}`, 'sleep')
    const worker = lab.startWorker()
    await until(() => app.received.length === 8)
    lab.clock.moveTo(lab.clock.nowMs() + 2 * SECOND_MS)
    await lab.announce('auth', 'M')
    worker.wake(['A'])
    await until(async () => (await readLedgers(lab)).delivered === 1)
    expect(namesOf(app)).toHaveLength(9)
  })
})

describe.each<LabEngine>(['SQLite', 'PostgreSQL'])(
  'a destination on %s that asks to be left alone',
  (engine) => {
    it('is sent nothing until then, and then all of it in order', async () => {
      const lab = await createDeliveryLab({ engine })
      const app = await lab.addApp('A', { concurrency: 1 })
      const other = await lab.addApp('B')
      let isBusy = true
      app.answer = () => (isBusy ? busy(600) : { status: 200 })
      for (let i = 0; i < 6; i += 1) await lab.announce(`${i}`, `L${i % 2}`)
      await lab.announce('data', 'L2', 'sleep')
      const workers = [lab.startWorker(), lab.startWorker()]
      const [first, second] = workers
      if (first === undefined || second === undefined) throw new Error('two were started')
      const pass = async (ms: number): Promise<void> => {
        await lab.advanceByMs(first, ms)
        await second.idle()
      }
      await pass(1)
      expect(other.accepted).toHaveLength(7)
      const sent = app.received.length
      // One of each kind for each worker, at most, was under way when the answer to what happened to a connection came.
      expect(sent).toBeLessThanOrEqual(4)
      await pass(600 * SECOND_MS - 2)
      expect(app.received).toHaveLength(sent)
      isBusy = false
      await pass(MINUTE_MS)
      expect(await readLedgers(lab)).toMatchObject({ delivered: 14, errors: [] })
      const names = namesOf(app).filter((name) => name !== 'data')
      expect(new Set(names).size).toBe(6)
    })

    it('goes on taking what happened to connections where it answered so to data', async () => {
      const lab = await createDeliveryLab({ engine })
      const app = await lab.addApp('A')
      app.answer = ({ event }) => (event['type'] === 'sleep' ? busy(600) : { status: 200 })
      await lab.announce('data', 'L0', 'sleep')
      const worker = lab.startWorker()
      await worker.idle()
      for (let i = 1; i < 20; i += 1) await lab.announce(`auth ${i}`, `L${i}`)
      for (let i = 1; i < 20; i += 1) await lab.announce(`data ${i}`, `L${i}`, 'sleep')
      worker.wake(['A'])
      await worker.idle()
      expect(namesOf(app).toSorted()).toEqual(
        ['data', ...Array.from({ length: 19 }, (_, i) => `auth ${i + 1}`)].toSorted(),
      )
      // Refused once, what happened to connections waits too.
      app.answer = () => busy(900)
      await lab.announce('deauth', 'L30')
      worker.wake(['A'])
      await worker.idle()
      await lab.announce('auth', 'L31')
      worker.wake(['A'])
      await lab.advanceByMs(worker, 900 * SECOND_MS - 1)
      expect(namesOf(app).slice(20)).toEqual(['deauth'])
      app.answer = () => ({ status: 200 })
      await lab.advanceByMs(worker, HOUR_MS)
      expect(await readLedgers(lab)).toMatchObject({ delivered: 41, errors: [] })
    })

    it('is sent none in the places of those that were answered so', async () => {
      const lab = await createDeliveryLab({ engine })
      const app = await lab.addApp('A', { concurrency: 3 })
      app.answer = () => busy(600)
      for (let i = 0; i < 12; i += 1) await lab.announce(`${i}`, `L${i}`)
      await lab.startWorker().idle()
      expect(app.received).toHaveLength(3)
    })

    it('is left alone for an hour at most', async () => {
      const lab = await createDeliveryLab({ engine })
      const app = await lab.addApp('A', { concurrency: 1 })
      app.answer = () => (app.received.length === 1 ? busy(86_400) : { status: 200 })
      await lab.announce('refused', 'L1')
      const worker = lab.startWorker()
      await worker.idle()
      await lab.announce('another', 'L2')
      worker.wake(['A'])
      await lab.advanceByMs(worker, HOUR_MS - 1)
      expect(namesOf(app)).toEqual(['refused'])
      await lab.advanceByMs(worker, 1)
      expect(namesOf(app)).toEqual(['refused', 'another'])
      // What it refused comes when it said.
      await lab.advanceByMs(worker, 23 * HOUR_MS)
      expect(namesOf(app)).toEqual(['refused', 'another', 'refused'])
    })

    it.each([
      ['enabled', async (lab: DeliveryLab) => await lab.enable('A')],
      [
        'moved',
        async (lab: DeliveryLab) => await lab.store.destinations.moveTo('A', 'http://127.0.0.1:1/'),
      ],
    ])('is asked anew when it is %s', async (_how, change) => {
      const lab = await createDeliveryLab({ engine })
      const app = await lab.addApp('A')
      app.answer = () => busy(600)
      await lab.announce('one', 'L1')
      await lab.startWorker().idle()
      const quietUntilMs = async () =>
        (await lab.store.destinations.listStates(['A']))[0]?.quietUntilMs
      expect(await quietUntilMs()).toBe(lab.clock.nowMs() + 600 * SECOND_MS)
      await change(lab)
      expect(await quietUntilMs()).toBeNull()
    })

    it('is sent other events where it only postpones one', async () => {
      const lab = await createDeliveryLab({ engine })
      const app = await lab.addApp('A')
      // 500 with Retry-After is about the event, not about the destination.
      app.answer = ({ event }) =>
        event['name'] === 'one' ? { ...busy(600), status: 500 } : { status: 200 }
      await lab.announce('one', 'L1')
      const worker = lab.startWorker()
      await worker.idle()
      await lab.announce('two', 'L2')
      worker.wake(['A'])
      await worker.idle()
      expect(namesOf(app)).toEqual(['one', 'two'])
    })
  },
)
