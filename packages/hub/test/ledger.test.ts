/** What operators do while events come and go: the ledger names the outcome of every event at every destination. */
import { describe, expect, it } from 'vitest'
import { DAY_MS } from '../src/core/time.ts'
import { createApiKey } from '../src/operations/api-keys.ts'
import { type TestHub, createTestHub } from './support/create-test-hub.ts'

const DESTINATIONS = '/admin/v1/destinations'

async function addDestination(hub: TestHub, body: Record<string, unknown> = {}): Promise<string> {
  const { json } = await hub.call('POST', DESTINATIONS, { url: hub.app.url, ...body })
  return json.id
}

async function connect(hub: TestHub, referenceId: string): Promise<string> {
  const landed = await hub.connect('GARMIN', { referenceId })
  return landed.searchParams.get('user_id') ?? ''
}

async function announce(hub: TestHub, userId: string): Promise<void> {
  const body = { type: 'daily', user_id: userId, data: [] }
  expect((await hub.call('POST', '/admin/v1/events/generate', body)).status).toBe(201)
  await hub.hub.settle()
}

async function read(hub: Pick<TestHub, 'call'>) {
  const { json } = await hub.call('GET', '/admin/v1/ledger')
  expect(json.discrepancies).toEqual([])
  const sum = Object.values<number>(json.totals).reduce((all, one) => all + one, 0)
  expect(json.deliveries).toBe(sum)
  const named = Object.values<number>(json.suppressed_reasons).reduce((all, one) => all + one, 0)
  expect(json.totals.suppressed).toBe(named)
  const { events, totals, pruned, suppressed_reasons: reasons } = json
  return { events, totals, pruned, reasons }
}

const NONE = { delivered: 0, pending: 0, held: 0, failed: 0, suppressed: 0 }

describe('the ledger', () => {
  it('counts each event for the destinations that there were, with the wishes that they had', async () => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'ada')
    const second = await addDestination(hub, { event_types: ['auth'] })
    await announce(hub, userId)
    await hub.call('PATCH', `${DESTINATIONS}/${second}`, { event_types: null })
    await announce(hub, userId)
    await hub.call('PATCH', `${DESTINATIONS}/${second}`, { event_types: ['deauth'] })
    await announce(hub, userId)
    // auth: 1 destination; then three of data: 2 each, of which the second wanted one.
    expect(await read(hub)).toEqual({
      events: 4,
      totals: { ...NONE, delivered: 5, suppressed: 2 },
      pruned: NONE,
      reasons: { event_type: 2 },
    })
    // A resend counts nothing twice, and sends nobody what they did not want.
    const before = hub.app.received.length
    await hub.call('POST', '/admin/v1/resends', {})
    await hub.hub.settle()
    expect(hub.app.received).toHaveLength(before + 5)
    expect((await read(hub)).totals).toEqual({ ...NONE, delivered: 5, suppressed: 2 })
  })

  it('says what became of what was held when its destination was deleted', async () => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'ada')
    const second = await addDestination(hub)
    await hub.call('POST', `${DESTINATIONS}/${second}/disable`)
    await announce(hub, userId)
    await announce(hub, userId)
    expect((await read(hub)).totals).toEqual({ ...NONE, delivered: 3, held: 2 })
    await hub.call('DELETE', `${DESTINATIONS}/${second}`)
    await hub.hub.settle()
    await announce(hub, userId)
    expect(await read(hub)).toEqual({
      events: 4,
      totals: { ...NONE, delivered: 4, suppressed: 2 },
      pruned: NONE,
      reasons: { destination_deleted: 2 },
    })
    // What was not wanted any more is not sent again either.
    const before = hub.app.received.length
    await hub.call('POST', '/admin/v1/resends', {})
    await hub.hub.settle()
    expect(hub.app.received).toHaveLength(before + 4)
    await read(hub)
  })

  it('keeps count of what retention and erasure have removed, also in the middle of a resend', async () => {
    const hub = await createTestHub()
    const ada = await connect(hub, 'ada')
    await announce(hub, ada)
    const grace = await connect(hub, 'grace')
    hub.app.answer = () => ({ status: 503 })
    await announce(hub, grace)
    await hub.call('POST', '/admin/v1/resends', {})
    await hub.hub.settle()
    // Two of ada have ended and are being sent again; one of grace has not ended at all.
    expect((await read(hub)).totals).toEqual({ ...NONE, delivered: 3, pending: 1 })
    const erased = await hub.call('DELETE', '/admin/v1/people/grace?owed_events=remove')
    expect(erased.json).toMatchObject({ events: 3, events_owed: 0 })
    expect(await read(hub)).toEqual({
      events: 2,
      totals: { ...NONE, delivered: 2 },
      pruned: { ...NONE, delivered: 1, suppressed: 2 },
      reasons: {},
    })
    // Whoever is still owed them keeps them beyond their retention.
    await hub.call('POST', `${DESTINATIONS}/${hub.destinationId}/disable`)
    hub.clock.moveTo(hub.clock.nowMs() + 15 * DAY_MS)
    await hub.hub.settle()
    expect((await read(hub)).events).toBe(2)
    hub.app.answer = () => ({ status: 200 })
    await hub.call('POST', `${DESTINATIONS}/${hub.destinationId}/enable`)
    await hub.hub.settle()
    hub.clock.moveTo(hub.clock.nowMs() + 2 * DAY_MS)
    await expect.poll(async () => (await read(hub)).events).toBe(0)
    expect(await read(hub)).toEqual({
      events: 0,
      totals: NONE,
      pruned: { ...NONE, delivered: 3, suppressed: 2 },
      reasons: {},
    })
  })

  it('is each environment’s own, that of an archived one too', async () => {
    const hub = await createTestHub()
    await connect(hub, 'ada')
    const other = await hub.addEnvironment('acme-staging')
    await other.call('POST', DESTINATIONS, { url: hub.app.url })
    await hub.connectIn(other, 'GARMIN')
    await hub.hub.settle()
    hub.app.answer = () => ({ status: 503 })
    await hub.connectIn(other, 'FITBIT')
    await hub.hub.settle()
    const { secret } = await createApiKey(hub.hub.deps, 'cli', { environmentId: null, name: 'ops' })
    const headers = { 'x-api-key': secret, 'content-type': 'application/json' }
    const archived = await fetch(`${hub.url}/admin/v1/environments/acme-staging`, {
      method: 'PATCH',
      headers,
      body: JSON.stringify({ archived: true }),
    })
    expect(archived.status).toBe(200)
    const asOperator: TestHub['call'] = async (method, path) => {
      const response = await fetch(hub.url + path, {
        method,
        headers: { ...headers, 'dev-id': 'acme-staging' },
      })
      return { status: response.status, json: await response.json() }
    }
    expect((await read({ call: asOperator })).totals).toEqual({ ...NONE, delivered: 1, pending: 1 })
    hub.app.answer = () => ({ status: 200 })
    await hub.advanceByMs(60_000)
    expect((await read({ call: asOperator })).totals).toEqual({ ...NONE, delivered: 2 })
    expect((await read(hub)).totals).toEqual({ ...NONE, delivered: 1 })
  })
})
