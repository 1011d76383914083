/** Sending again what was sent, as an operator asks for it. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { TEST_KEYS } from './faults/settings.ts'
import { type TestHub, advanceByMs, createTestHub } from './support/create-test-hub.ts'
import { readLedgerBy } from './support/ledger.ts'
import { openWatchedHub } from './support/watched-hub.ts'

const BASE = '/admin/v1/resends'

/** A hub whose app has taken the events of some people already. */
async function hubWithEvents(people: number): Promise<TestHub> {
  const hub = await createTestHub()
  for (let i = 0; i < people; i += 1) await hub.connect('GARMIN', { referenceId: `person ${i}` })
  await hub.hub.settle()
  hub.app.received.length = 0
  return hub
}

/** Announces so much data of one person, beside the event that they have connected. */
async function announceData(hub: TestHub, count: number): Promise<void> {
  const [{ user_id: userId }] = (await hub.call('GET', '/admin/v1/events')).json.data
  for (let i = 0; i < count; i += 1) {
    const data = { type: 'daily', user_id: userId, data: [] }
    await hub.call('POST', '/admin/v1/events/generate', data)
  }
  await hub.hub.settle()
}

describe('resending', () => {
  it('sends one event again under the same trace id, and says that it does', async () => {
    const hub = await hubWithEvents(2)
    const { json } = await hub.call('GET', '/admin/v1/events?limit=1')
    const [event] = json.data
    const count = async (query: string): Promise<number> =>
      (await hub.call('GET', `/admin/v1/events?${query}`)).json.data.length
    expect(await count('outcome=delivered')).toBe(2)
    expect(await count('outcome=owed')).toBe(0)
    expect(await count(`destination_id=${hub.destinationId}&outcome=failed`)).toBe(0)
    expect(await count(`destination_id=${hub.destinationId}&until=2025-01-01T00:00:00Z`)).toBe(2)
    expect(await count('since=2025-01-01T00:00:00Z')).toBe(0)
    const started = await hub.call('POST', `/admin/v1/events/${event.id}/resend`)
    expect(started).toMatchObject({ status: 201, json: { status: 'running', deliveries: 0 } })
    await hub.hub.settle()
    expect(hub.app.received.map(({ headers }) => headers)).toEqual([
      expect.objectContaining({ 'x-firma-replay-of': event.id, 'x-terra-trace-id': event.id }),
    ])
    const ended = await hub.call('GET', `${BASE}/${started.json.id}`)
    expect(ended.json).toMatchObject({ status: 'done', deliveries: 1, progress: 1 })
    const ledger = await hub.call('GET', '/admin/v1/ledger')
    expect(ledger.json).toMatchObject({ balanced: true, deliveries: 2 })
  })

  it('says beforehand what it would send, and sends as much', async () => {
    const hub = await hubWithEvents(3)
    await announceData(hub, 700)
    const other = await hub.call('POST', '/admin/v1/destinations', {
      url: hub.app.url,
      event_types: ['auth'],
    })
    await hub.advanceByMs(60_000)
    await hub.connect('FITBIT')
    await hub.hub.settle()
    const preview = async (filter: object) =>
      (await hub.call('POST', `${BASE}/preview`, filter)).json
    const times = { first_at: '2024-10-07T03:45:00.000000+00:00', is_complete: true }
    expect(await preview({ type: 'auth' })).toMatchObject({
      ...times,
      last_at: '2024-10-07T03:46:00.000000+00:00',
      events: 4,
      deliveries: 5,
      destinations: [
        { destination_id: hub.destinationId, deliveries: 4 },
        { destination_id: other.json.id, deliveries: 1 },
      ],
    })
    expect(await preview({ provider: 'OURA' })).toMatchObject({
      events: 0,
      first_at: null,
      last_at: null,
      destinations: [],
    })
    const all = await preview({})
    expect(all).toMatchObject({ ...times, events: 704, deliveries: 705 })
    expect((await hub.call('GET', BASE)).json.data).toEqual([])
    const { json } = await hub.call('POST', BASE, {})
    await hub.advanceByMs(60_000)
    expect((await hub.call('GET', `${BASE}/${json.id}`)).json).toMatchObject({
      status: 'done',
      deliveries: all.deliveries,
    })
  })

  it('refuses an event that is not there, and begins nothing', async () => {
    const hub = await createTestHub()
    const answer = await hub.call('POST', BASE, { event_id: 'nope' })
    expect(answer).toMatchObject({ status: 404, json: { code: 'event_not_found' } })
    expect((await hub.call('GET', BASE)).json.data).toEqual([])
  })

  it('sends everything of a filter again, in the order of each connection', async () => {
    const hub = await hubWithEvents(3)
    await hub.connect('GARMIN', { referenceId: 'person 1' })
    await hub.hub.settle()
    hub.app.received.length = 0
    await hub.call('POST', BASE, { reference_id: 'person 1' })
    await hub.hub.settle()
    expect(hub.app.received.map(({ event }) => event.type)).toEqual(['auth', 'user_reauth', 'auth'])
    await hub.call('POST', BASE, { since: '2024-01-01T00:00:00Z', type: 'auth' })
    await hub.hub.settle()
    expect(hub.app.received).toHaveLength(3 + 4)
    await hub.call('POST', BASE, { until: '2024-01-01T00:00:00Z' })
    await hub.call('POST', BASE, { provider: 'FITBIT' })
    await hub.hub.settle()
    expect(hub.app.received).toHaveLength(7)
    const list = await hub.call('GET', `${BASE}?limit=2`)
    expect(list.json.data).toHaveLength(2)
    expect(list.json.next).not.toBeNull()
  })

  it('makes no more than a window at a time, and can be paused, resumed and cancelled', async () => {
    const hub = await hubWithEvents(1)
    await announceData(hub, 700)
    hub.app.answer = () => ({ status: 503 })
    const { json } = await hub.call('POST', BASE, {})
    await hub.advanceByMs(5_000)
    const path = `${BASE}/${json.id}`
    const running = await hub.call('GET', path)
    expect(running.json).toMatchObject({ status: 'running' })
    expect(running.json.deliveries).toBeLessThan(700)
    expect((await hub.call('POST', `${path}/pause`)).json).toMatchObject({ status: 'paused' })
    hub.app.answer = () => ({ status: 200 })
    await hub.advanceByMs(3_600_000)
    const paused = await hub.call('GET', path)
    expect(paused.json.deliveries).toBe(running.json.deliveries)
    await hub.call('POST', `${path}/resume`)
    await hub.advanceByMs(60_000)
    expect((await hub.call('GET', path)).json).toMatchObject({ status: 'done', deliveries: 701 })
    expect((await hub.call('POST', `${path}/cancel`)).status).toBe(409)
    expect((await hub.call('GET', '/admin/v1/ledger')).json.balanced).toBe(true)
  })

  it('is finished by the next hub when the one that began it is closed', async () => {
    const hub = await hubWithEvents(1)
    await announceData(hub, 600)
    const sent = (await hub.rows('SELECT id FROM event ORDER BY seq')).map(({ id }) => id)
    hub.app.answer = () => ({ status: 503 })
    const { json } = await hub.call('POST', BASE, {})
    await hub.advanceByMs(5_000)
    await hub.hub.close()
    // What one window holds, and no more.
    const read = async () =>
      (await hub.rows('SELECT status, deliveries FROM resend WHERE id = ?', json.id))[0]
    const left = await read()
    expect(left?.['status']).toBe('running')
    expect(Number(left?.['deliveries'])).toBeGreaterThan(0)
    expect(Number(left?.['deliveries'])).toBeLessThan(601)
    hub.app.answer = () => ({ status: 200 })
    hub.app.received.length = 0
    const silent = (): void => undefined
    const next = await openWatchedHub({
      ...hub.database.options,
      baseUrl: hub.url,
      keys: TEST_KEYS,
      allowedRanges: ['127.0.0.0/8'],
      beatMs: 3_600_000,
      clock: hub.clock,
      timer: hub.clock,
      log: { info: silent, warn: silent, error: silent },
    })
    onTestFinished(async () => await next.close())
    next.start()
    await advanceByMs(next, hub.clock, 3_600_000)
    expect(await read()).toEqual({ status: 'done', deliveries: 601 })
    // Each once, and in the order of the connection.
    expect(hub.app.received.map(({ headers }) => headers['x-firma-replay-of'])).toEqual(sent)
    expect((await readLedgerBy(hub.database.rows)).errors).toEqual([])
  })

  it('knows nothing of other environments', async () => {
    const hub = await hubWithEvents(1)
    const { json } = await hub.call('POST', BASE, {})
    const other = await hub.addEnvironment('acme-staging')
    expect((await other.call('GET', `${BASE}/${json.id}`)).status).toBe(404)
    const foreign = { destination_id: hub.destinationId }
    expect((await other.call('POST', BASE, foreign)).status).toBe(404)
  })
})
