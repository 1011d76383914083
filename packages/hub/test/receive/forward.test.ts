import { verifySignature, type Hmac } from 'firma-receiver'
import { auth, data } from 'firma-receiver/testing'
import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { APP_SECRET, TestApp, TestService, toForward } from './support.ts'

const USER = '4735eac4-31a2-47ef-8b11-51e98d84c680'
const hmac: Hmac = (key, ...parts) =>
  createHmac('sha256', key)
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest()

async function open(given: NodeJS.ProcessEnv = {}) {
  const app = await TestApp.open()
  const service = await TestService.open({ ...toForward(app), ...given })
  return { app, service }
}

describe('calls of the app', () => {
  it('hand over an event with its connection, signed in both ways', async () => {
    const { app, service } = await open()
    const answer = await service.send(auth(), { traceId: 'trace.1' })
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'accepted' }])
    const [call] = await app.calledTimes(1)
    expect(call!.body).toMatchObject({
      event: auth(),
      connection: { user_id: USER, reference_id: 'tony_stark', status: 'active', aliases: [USER] },
      environment: '',
      trace_id: 'trace.1',
      event_key: 'trace:trace.1',
      attempt: 1,
      is_replay: false,
    })
    const signed = call!.headers as Record<string, string>
    const proof = await verifySignature({
      body: Buffer.from(call!.raw),
      headers: {
        terra: signed['x-terra-signature'],
        webhookId: undefined,
        webhookTimestamp: undefined,
        webhookSignature: undefined,
      },
      secrets: [{ secret: APP_SECRET }],
      nowSeconds: service.time.nowMs / 1_000,
      hmac,
    })
    expect(proof.scheme).toBe('terra')
    expect(new Webhook(APP_SECRET).verify(call!.raw, signed)).toEqual(call!.body)
  })

  it('come once for an event that is sent twice', async () => {
    const { app, service } = await open()
    await service.send(auth(), { traceId: 't-1', orderingMs: 1 })
    const again = await service.send(auth(), { traceId: 't-1', orderingMs: 1 })
    expect(await again.json()).toEqual({ status: 'duplicate' })
    await service.close()
    expect(app.calls).toHaveLength(1)
  })

  it('hand over parked data when its user becomes known, under the connection of then', async () => {
    const { app, service } = await open()
    await service.send(data('daily', { userId: USER }), { traceId: 'data-1' })
    const { body } = await service.ask('/v1/events?state=parked')
    expect(body['events']).toMatchObject([{ type: 'daily', user_id: USER, state: 'parked' }])
    expect(app.calls).toEqual([])
    await service.send(auth({ userId: USER }))
    const calls = await app.calledTimes(2)
    expect(new Set(calls.map((call) => call.body['event'].type))).toEqual(
      new Set(['auth', 'daily']),
    )
    const daily = calls.find((call) => call.body['event'].type === 'daily')
    expect(daily!.body['connection']).toMatchObject({ reference_id: 'tony_stark', user_id: USER })
  })

  it('come again later while the app is down, in the order of the connection', async () => {
    const { app, service } = await open()
    app.status = 503
    await service.send(auth({ userId: 'u-1' }), { traceId: 'first' })
    await app.calledTimes(1)
    await service.askUntil('/v1/events', ({ events }) => events[0].state === 'failed')
    app.status = 200
    await service.send(data('daily', { userId: 'u-1' }), { traceId: 'second' })
    expect(app.calls).toHaveLength(1)
    await service.askUntil('/v1/events', () => {
      service.time.advanceByMs(60_000)
      return app.calls.length === 3
    })
    const { calls } = app
    expect(calls.map(({ body }) => [body['trace_id'], body['attempt']])).toEqual([
      ['first', 1],
      ['first', 2],
      ['second', 1],
    ])
    expect(calls[0]!.headers['webhook-id']).toBe(calls[1]!.headers['webhook-id'])
    await service.askUntil('/v1/events', ({ events }) =>
      events.every(({ state }: { state: string }) => state === 'done'),
    )
  })

  it('do not follow redirects, and count them as failures', async () => {
    const { app, service } = await open()
    app.status = 302
    app.headers = { location: `${app.url}/elsewhere` }
    await service.send(auth())
    const body = await service.askUntil('/v1/events', ({ events }) => events[0].state === 'failed')
    expect(body['events'][0]).toMatchObject({ attempts: 1, error: expect.stringContaining('302') })
    expect(app.calls).toHaveLength(1)
  })

  it('fail when the app does not answer in time, and come again', async () => {
    const { app, service } = await open({ FIRMA_RECEIVE_FORWARD_TIMEOUT_MS: '100' })
    app.isSilent = true
    await service.send(auth())
    const body = await service.askUntil('/v1/events', ({ events }) => events[0].state === 'failed')
    expect(body['events'][0]).toMatchObject({
      attempts: 1,
      error: expect.stringContaining('no answer from the app'),
    })
    app.isSilent = false
    await service.askUntil('/v1/events', ({ events }) => {
      // On a busy machine the answer may be late more than once.
      service.time.advanceByMs(8 * 3_600_000)
      return events[0].state === 'done'
    })
  })

  it('are repeated when somebody asks for it', async () => {
    const { app, service } = await open()
    await service.send(auth())
    const { events } = await service.askUntil(
      '/v1/events',
      ({ events }) => events[0].state === 'done',
    )
    const replay = await service.ask(`/v1/events/${events[0].seq}/replay`, { method: 'POST' })
    expect(replay).toMatchObject({ status: 200, body: { seq: events[0].seq, result: 'done' } })
    expect(app.calls).toHaveLength(2)
    await service.send(data('daily', { userId: 'stranger' }))
    const parked = await service.ask(`/v1/events/${events[0].seq + 1}/replay`, { method: 'POST' })
    expect(parked).toMatchObject({ status: 409, body: { code: 'conflict' } })
    const absent = await service.ask('/v1/events/999/replay', { method: 'POST' })
    expect(absent).toMatchObject({ status: 404, body: { code: 'event_not_found' } })
  })

  it('are given up after fifteen times, and can be asked for then', async () => {
    const { app, service } = await open()
    app.status = 500
    await service.send(auth())
    const { events } = await service.askUntil('/v1/events', ({ events }) => {
      // The next time is set a moment after the event counts as failed.
      service.time.advanceByMs(8 * 3_600_000)
      return events[0].state === 'dead'
    })
    expect(events[0].attempts).toBe(15)
    expect(await service.metrics()).toContain('firma_receive_events_waiting{state="dead"} 1')
    expect(await service.metrics()).toContain('handler_results_total{result="dead"} 1')
    app.status = 200
    const { body } = await service.ask('/v1/events')
    const replay = await service.ask(`/v1/events/${body['events'][0].seq}/replay`, {
      method: 'POST',
    })
    expect(replay.body).toMatchObject({ result: 'done' })
  })
})
