/** Examples that an operator has announced. */
import { describe, expect, it } from 'vitest'
import { EXTENSION_EVENT_TYPES } from '../src/core/event-body.ts'
import { createTestHub } from './support/create-test-hub.ts'

const PATH = '/admin/v1/events/generate'

describe('generating examples', () => {
  it('announces every event and story, marked, and leaves connections and ledger alone', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    await hub.hub.settle()
    const user = `/admin/v1/users/${userId}`
    const before = (await hub.call('GET', user)).json
    const { data: examples } = (await hub.call('GET', '/admin/v1/events/examples')).json
    expect(examples.length).toBeGreaterThan(35)
    const made: { id: string; body: string; type: string }[] = []
    for (const { name } of examples) {
      const { status, json } = await hub.call('POST', PATH, { example: name, user_id: userId })
      expect([name, status, json.event_id]).toEqual([name, 201, json.events[0].id])
      made.push(...json.events)
    }
    await hub.hub.settle()
    expect(
      hub.app.received
        .slice(1)
        .map(({ event }) => event.type)
        .toSorted(),
    ).toEqual(
      made
        .map(({ type }) => type)
        .filter((type) => !EXTENSION_EVENT_TYPES.includes(type))
        .toSorted(),
    )
    const { json } = await hub.call('GET', `/admin/v1/events/${made[0]?.id}`)
    expect(json).toMatchObject({ generated: true, lineage_id: null, user_id: userId })
    const real = await hub.call('GET', '/admin/v1/events?type=auth&limit=100')
    expect(
      real.json.data.filter(({ generated }: { generated: boolean }) => !generated),
    ).toHaveLength(1)
    expect((await hub.call('GET', user)).json).toEqual(before)
    expect((await hub.call('GET', '/admin/v1/ledger')).json.balanced).toBe(true)
  })

  it('goes to one destination, in order, and says in the audit who did it', async () => {
    const hub = await createTestHub()
    await hub.call('POST', '/admin/v1/destinations', { url: `${hub.app.url}/other` })
    const body = { example: 'reconnect', destination_id: hub.destinationId }
    const { json } = await hub.call('POST', PATH, body)
    await hub.hub.settle()
    expect(hub.app.received.map(({ event }) => event.type)).toEqual([
      'auth',
      'user_reauth',
      'auth',
      'daily',
    ])
    const event = await hub.call('GET', `/admin/v1/events/${json.event_id}`)
    expect(event.json.deliveries).toHaveLength(1)
    const audit = await hub.call('GET', '/admin/v1/audit?action=event.generate')
    expect(audit.json.data).toEqual([
      expect.objectContaining({
        subject: json.event_id,
        detail: { example: 'reconnect', events: 4, destination_id: hub.destinationId },
      }),
    ])
    expect((await hub.call('GET', '/admin/v1/ledger')).json.balanced).toBe(true)
  })

  it('answers the bodies of a preview and announces nothing', async () => {
    const hub = await createTestHub()
    const body = { example: 'athlete', data: { first_name: 'Thor' }, preview: true }
    const { json } = await hub.call('POST', PATH, body)
    expect(json).toMatchObject({ event_id: null, events: [{ id: null, type: 'athlete' }] })
    expect(JSON.parse(json.events[0].body)).toMatchObject({ athlete: { first_name: 'Thor' } })
    expect((await hub.call('GET', '/admin/v1/events')).json.data).toEqual([])
  })

  it('takes every event by its type, and data for an example where it is previewed or sent to one', async () => {
    const hub = await createTestHub()
    const send = async (body: object) => await hub.call('POST', PATH, body)
    const preview = await send({ type: 'daily', user_id: 'x', preview: true })
    expect(preview.json).toMatchObject({ event_id: null, events: [{ type: 'daily' }] })
    const one = await send({ type: 'sleep', destination_id: hub.destinationId })
    expect(one.json.events).toMatchObject([{ id: expect.any(String), type: 'sleep' }])
    // Each example has a lane of its own, and between lanes no order is promised.
    await hub.hub.settle()
    expect((await send({ type: 'auth_error' })).status).toBe(201)
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['sleep', 'auth'])
  })

  it.each([
    [{ example: 'auth', type: 'daily' }, 400],
    [{ example: '__proto__' }, 400],
    [{}, 400],
    [{ type: 'daily' }, 400],
    [{ type: 'daily', user_id: 'x' }, 404],
    [{ type: 'nap', user_id: 'x' }, 400],
    [{ example: 'auth', destination_id: 'x' }, 404],
  ])('refuses %j with %i', async (body, status) => {
    const hub = await createTestHub()
    expect((await hub.call('POST', PATH, body)).status).toBe(status)
  })
})
