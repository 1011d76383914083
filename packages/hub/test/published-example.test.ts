/** The published example of an authentication event, at both ends of it. */
import { createReceiver, memoryStore, signTerra } from 'firma-receiver'
import { expect, it } from 'vitest'
import { createTestHub } from './support/create-test-hub.ts'

/** As published, byte for byte. */
const EXAMPLE = `{"type":"auth","status":"success","widget_session_id":"a9a0c7a4-c05e-4550-a973-f87a31a7c558","user":{"scopes":"COURSE_IMPORT,WORKOUT_IMPORT,ACTIVITY_EXPORT,HEALTH_EXPORT","active":true,"last_webhook_update":null,"created_at":"2024-10-07T03:45:00.000000+00:00","user_id":"4735eac4-31a2-47ef-8b11-51e98d84c680","reference_id":"tony_stark","provider":"GARMIN"},"reference_id":"tony_stark","message":"User has successfully authenticated","version":"2022-03-16"}`

const EXAMPLE_HEADERS = { 'content-type': 'application/json' }

it('announces a connection with exactly the fields of the published example, in its order', async () => {
  const hub = await createTestHub()
  const landing = await hub.connect('GARMIN')
  expect(landing.href).toMatch(
    /^https:\/\/app\.example\/connected\?tab=devices&user_id=[0-9a-f-]{36}&reference_id=tony_stark&resource=GARMIN&firma_exp=\d+&firma_sig=[0-9a-f]{64}#top$/,
  )
  const [session] = await hub.rows('SELECT id FROM widget_session')
  const example = JSON.parse(EXAMPLE)
  const body = JSON.parse(hub.app.received[0]?.body ?? '{}')
  // Everything is as in the example but what is different for every connection, and the order of scopes.
  expect(new Set(body.user.scopes.split(','))).toEqual(new Set(example.user.scopes.split(',')))
  const expected = {
    ...example,
    widget_session_id: session?.['id'],
    user: {
      ...example.user,
      scopes: body.user.scopes,
      user_id: landing.searchParams.get('user_id'),
    },
  }
  expect(hub.app.received[0]?.body).toBe(JSON.stringify(expected))
  await hub.advanceByMs(3_600_000)
  expect(hub.app.accepted).toEqual(['auth'])
})

it('is stored by the receiver field for field', async () => {
  const secret = 'published-example'
  const receiver = createReceiver({ secrets: [secret], store: memoryStore() })
  const body = new TextEncoder().encode(EXAMPLE)
  const timestampSeconds = Math.floor(Date.now() / 1_000)
  const signature = await signTerra({ secret, timestampSeconds, body: EXAMPLE })
  const headers = { ...EXAMPLE_HEADERS, 'terra-signature': signature }
  const outcome = await receiver.receive({ body, headers })
  expect(outcome).toMatchObject({ status: 'accepted', isParked: false })
  expect(outcome.event).toMatchObject({
    kind: 'auth',
    status: 'success',
    referenceId: 'tony_stark',
    message: 'User has successfully authenticated',
    version: '2022-03-16',
    user: {
      userId: '4735eac4-31a2-47ef-8b11-51e98d84c680',
      provider: 'GARMIN',
      referenceId: 'tony_stark',
      scopes: ['ACTIVITY_EXPORT', 'COURSE_IMPORT', 'HEALTH_EXPORT', 'WORKOUT_IMPORT'],
      isActive: true,
      createdAt: '2024-10-07T03:45:00.000000+00:00',
      lastWebhookUpdate: undefined,
    },
  })
  expect(outcome.event.body).toEqual(JSON.parse(EXAMPLE))
  const { events } = await receiver.listEvents()
  expect(new TextDecoder().decode(events[0]?.body)).toBe(EXAMPLE)
  expect(await receiver.resolve('4735eac4-31a2-47ef-8b11-51e98d84c680')).toMatchObject({
    referenceId: 'tony_stark',
    provider: 'GARMIN',
    status: 'active',
  })
})

it('reaches the receiver as the hub sent it, through every stage of a connection', async () => {
  const hub = await createTestHub()
  const receiver = createReceiver({
    secrets: [hub.destinationSecret],
    store: memoryStore(),
    clock: () => hub.clock.nowMs(),
  })
  const first = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
  const second = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
  await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${second}`)
  await hub.hub.settle()
  for (const { body, headers } of hub.app.received) {
    const bytes = new TextEncoder().encode(body)
    const outcome = await receiver.receive({ body: bytes, headers })
    expect(outcome.status).toBe('accepted')
  }
  const connection = await receiver.resolve(first)
  expect(connection).toMatchObject({
    userId: second,
    aliases: [first, second],
    referenceId: 'tony_stark',
    provider: 'GARMIN',
  })
  expect(connection?.decidedBy).toBe('deauth')
})
