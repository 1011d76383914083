import { describe, expect, it, vi } from 'vitest'
import { type LabEngine, createDeliveryLab, namesOf } from '../../test/support/delivery-lab.ts'
import { readLedgers } from '../../test/support/ledger.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { CLOSED } from '../core/breaker.ts'
import { HOUR_MS, SECOND_MS } from '../core/time.ts'

/** The greatest fraction: every delay is as long as it can be. */
const NEARLY_1 = 1 - Number.EPSILON / 2

describe('a destination that fails', () => {
  it('is tried with one delivery at a time, and gets everything in order when it works again', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    const other = await lab.addApp('B')
    app.answer = () => ({ status: 500 })
    for (let i = 0; i < 300; i += 1) await lab.announce(`e${i}`, `L${i % 100}`)
    const worker = lab.startWorker()
    await lab.advanceByMs(worker, HOUR_MS)
    // Those under way when the breaker opened, then one at a time, at first soon and later every 15 minutes.
    expect(app.received.length).toBeLessThan(40)
    expect(other.accepted).toHaveLength(300)
    app.answer = () => ({ status: 200 })
    await lab.advanceByMs(worker, 15 * 60 * SECOND_MS)
    expect(app.accepted).toHaveLength(300)
    const names = new Set(namesOf(app))
    expect(names.size).toBe(300)
    expect(await readLedgers(lab)).toMatchObject({ delivered: 600, errors: [] })
    expect(await lab.audited()).toEqual(['destination.recovered'])
  })

  it('is tried half a minute after it was away for a moment, however much had failed by then', async () => {
    const lab = await createDeliveryLab({ fraction: () => NEARLY_1 })
    const app = await lab.addApp('A', { concurrency: 64 })
    app.answer = () => 'reset'
    for (let i = 0; i < 300; i += 1) await lab.announce(`e${i}`, `L${i}`)
    const worker = lab.startWorker()
    await worker.idle()
    expect(app.received.length).toBeGreaterThan(20)
    app.answer = () => ({ status: 200 })
    await lab.advanceByMs(worker, 31 * SECOND_MS)
    expect(app.accepted).toHaveLength(300)
  })

  it('is warned of after 8 and 16 hours and disabled after 24, and loses nothing', async () => {
    const lab = await createDeliveryLab({ fraction: () => NEARLY_1 })
    const app = await lab.addApp('A')
    const operator = await lab.addApp('O', {
      wantsExtensions: true,
      eventTypes: ['destination_failing', 'destination_disabled', 'destination_recovered'],
    })
    app.answer = () => 'reset'
    for (let i = 0; i < 20; i += 1) await lab.announce(`e${i}`, `L${i % 5}`)
    const worker = lab.startWorker()
    await lab.advanceByMs(worker, 9 * HOUR_MS)
    expect(await lab.audited()).toEqual(['destination.failing'])
    await lab.advanceByMs(worker, 8 * HOUR_MS)
    expect(await lab.audited()).toEqual(['destination.failing', 'destination.failing'])
    await lab.advanceByMs(worker, 100 * HOUR_MS)
    expect(await lab.audited()).toEqual([
      'destination.failing',
      'destination.failing',
      'destination.disable',
    ])
    expect(lab.logged).toEqual([
      'a destination is failing',
      'a destination is failing',
      'destination disabled',
    ])
    expect(await readLedgers(lab)).toMatchObject({
      held: 20,
      failed: 0,
      delivered: 3,
      errors: [],
    })
    expect(operator.received.map(({ event }) => event)).toMatchObject([
      { type: 'destination_failing', status: 'warning', destination_id: 'A', hours: 8 },
      { type: 'destination_failing', status: 'warning', destination_id: 'A', hours: 16 },
      { type: 'destination_disabled', status: 'error', destination_id: 'A' },
    ])
    // Days later: one more failure is followed by a short delay, and nothing is given up.
    let requests = 0
    app.answer = () => ({ status: (requests += 1) <= 5 ? 503 : 200 })
    await lab.enable('A')
    worker.wake(['A'])
    await lab.advanceByMs(worker, 40 * SECOND_MS)
    expect(await readLedgers(lab)).toMatchObject({ delivered: 23, errors: [] })
    const last = app.received.slice(-15).map(({ event }) => event['lineage'])
    expect(last).toHaveLength(15)
  })

  it('has two days where it says when to try again, and is tried at the pace that it asks for', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    const busy = { status: 429, headers: { 'retry-after': '3600' } }
    app.answer = () => busy
    for (let i = 0; i < 40; i += 1) await lab.announce(`e${i}`, `L${i}`)
    const worker = lab.startWorker()
    await lab.advanceByMs(worker, 30 * HOUR_MS)
    expect(await lab.audited()).toEqual(Array.from({ length: 3 }, () => 'destination.failing'))
    // Eight at once, once an hour.
    expect(app.received.length).toBeLessThanOrEqual(31 * 8)
    // A proxy that is restarted between two such answers.
    let requests = 0
    app.answer = () => ((requests += 1) === 1 ? { status: 502 } : busy)
    await lab.advanceByMs(worker, 2 * HOUR_MS)
    expect(requests).toBeGreaterThan(1)
    expect(await lab.audited()).toEqual(Array.from({ length: 3 }, () => 'destination.failing'))
    // The quota of a new day.
    app.answer = () => ({ status: 200 })
    await lab.advanceByMs(worker, 12 * HOUR_MS)
    expect(await readLedgers(lab)).toMatchObject({ delivered: 40, errors: [] })
    app.answer = () => busy
    await lab.announce('late', 'L1')
    worker.wake(['A'])
    await lab.advanceByMs(worker, 49 * HOUR_MS)
    expect(await lab.store.destinations.find('A')).toMatchObject({
      status: 'disabled',
      disabledReason: expect.stringContaining('48 hours'),
    })
    expect(await readLedgers(lab)).toMatchObject({ held: 1, failed: 0, errors: [] })
  })

  it('is looked at once when each kind may be tried again, and not over and over where nothing is due', async () => {
    const lab = await createDeliveryLab()
    await lab.addApp('A')
    const nowMs = lab.clock.nowMs()
    await lab.store.destinations.saveBreaker('A', {
      ...CLOSED,
      failures: 20,
      failingSinceMs: nowMs,
      probeAtMs: nowMs + 2 * SECOND_MS,
      stateFailures: 15,
      stateProbeAtMs: nowMs + SECOND_MS,
    })
    const worker = lab.startWorker()
    worker.wake(['A'])
    const moves = vi.spyOn(lab.clock, 'moveTo')
    await lab.advanceByMs(worker, 5 * SECOND_MS)
    expect(moves.mock.calls.length).toBeLessThan(10)
  })

  it('keeps its own schedule where it has one', async () => {
    const lab = await createDeliveryLab({ fraction: () => NEARLY_1 })
    const retries = { baseMs: 5 * SECOND_MS, capMs: 5 * SECOND_MS, windowMs: 12 * SECOND_MS }
    const app = await lab.addApp('A', { retries })
    app.answer = () => ({ status: 500 })
    const eventId = await lab.announce('one', 'L1')
    await lab.advanceByMs(lab.startWorker(), HOUR_MS)
    const attempts = await lab.attempts(eventId, 'A')
    expect(attempts.map(({ startedAtMs }) => startedAtMs - EPOCH_MS)).toEqual([
      0, 5_000, 10_000, 15_000,
    ])
    expect(await lab.delivery(eventId, 'A')).toMatchObject({ status: 'failed' })
  })
})

describe.each<LabEngine>(['SQLite', 'PostgreSQL'])(
  'a destination on %s that refuses data',
  (engine) => {
    it('is sent what happened to connections at once, and data with one at a time', async () => {
      const lab = await createDeliveryLab({ engine })
      const app = await lab.addApp('A')
      const refusing = ['sleep']
      app.answer = ({ event }) => ({ status: refusing.includes(event['type']) ? 500 : 200 })
      for (let i = 0; i < 100; i += 1) await lab.announce(`data ${i}`, `L${i}`, 'sleep')
      const worker = lab.startWorker()
      await lab.advanceByMs(worker, 20 * 60 * SECOND_MS)
      const sent = app.received.length
      expect(sent).toBeLessThan(40)
      for (let i = 0; i < 20; i += 1) await lab.announce(`auth ${i}`, `L${i}`)
      worker.wake(['A'])
      await worker.idle()
      expect(
        namesOf(app)
          .slice(sent)
          .filter((name) => name.startsWith('auth')),
      ).toHaveLength(20)
      // What was taken of the one kind does not send all of the other.
      await lab.advanceByMs(worker, 20 * 60 * SECOND_MS)
      expect(app.received.length - sent).toBeLessThan(20 + 40)
      expect(await readLedgers(lab)).toMatchObject({ delivered: 20, pending: 100, errors: [] })
      refusing.pop()
      await lab.advanceByMs(worker, 15 * 60 * SECOND_MS)
      expect(await readLedgers(lab)).toMatchObject({ delivered: 120, errors: [] })
    })

    it('is tried with data at once when it takes what happened to connections again', async () => {
      const lab = await createDeliveryLab({ engine, fraction: () => NEARLY_1 })
      const app = await lab.addApp('A')
      app.answer = () => ({ status: 500 })
      for (let i = 0; i < 20; i += 1) await lab.announce(`auth ${i}`, `L${i}`)
      await lab.announce('data', 'M', 'sleep')
      const worker = lab.startWorker()
      await lab.advanceByMs(worker, HOUR_MS)
      expect(await readLedgers(lab)).toMatchObject({ delivered: 0, errors: [] })
      const sent = app.received.length
      // The breaker's: one delivery every 15 minutes.
      expect(sent).toBeLessThan(60)
      app.answer = () => ({ status: 200 })
      await lab.advanceByMs(worker, 15 * 60 * SECOND_MS)
      expect(await readLedgers(lab)).toMatchObject({ delivered: 21, errors: [] })
      expect(await lab.audited()).toEqual(['destination.recovered'])
    })
  },
)

describe('a destination that is gone', () => {
  it('is disabled by 410 and keeps what it is owed until it is enabled', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    const other = await lab.addApp('B')
    const operator = await lab.addApp('O', {
      wantsExtensions: true,
      eventTypes: ['destination_disabled'],
    })
    app.answer = () => ({ status: 410 })
    const first = await lab.announce('first', 'L1')
    await lab.announce('second', 'L1')
    const worker = lab.startWorker()
    await worker.idle()
    expect(await lab.store.destinations.find('A')).toMatchObject({
      status: 'disabled',
      disabledReason: 'the destination answered 410 Gone',
    })
    await lab.announce('third', 'L1')
    worker.wake()
    await lab.advanceByMs(worker, 100 * HOUR_MS)
    expect(namesOf(app)).toEqual(['first'])
    expect(other.accepted).toHaveLength(3)
    expect(operator.received.map(({ event }) => event)).toMatchObject([
      { type: 'destination_disabled', reason: 'the destination answered 410 Gone' },
    ])
    expect(await readLedgers(lab)).toMatchObject({ held: 3, delivered: 4, errors: [] })

    // Enabled after days: one more failure ends nothing, and all comes in order.
    app.answer = () => ({ status: app.received.length <= 2 ? 503 : 200 })
    await lab.enable('A')
    worker.wake(['A'])
    await lab.advanceByMs(worker, 20 * 60 * SECOND_MS)
    expect(namesOf(app)).toEqual(['first', 'first', 'first', 'second', 'third'])
    expect(await lab.delivery(first, 'A')).toMatchObject({ status: 'delivered', attempts: 3 })
    expect(await readLedgers(lab)).toMatchObject({ held: 0, delivered: 7, errors: [] })
  })

  it('gets what was claimed before it was disabled only after it is enabled', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    const eventId = await lab.announce('one', 'L1')
    await lab.claimAndDie()
    await lab.store.destinations.disable('A', 'by hand')
    await lab.advanceByMs(lab.startWorker(), HOUR_MS)
    expect(app.received).toEqual([])
    expect(await lab.delivery(eventId, 'A')).toMatchObject({ status: 'held', attempts: 0 })
    expect(await readLedgers(lab)).toMatchObject({ held: 1, errors: [] })
  })
})
