import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { user } from '../test/histories.ts'
import { NOW_MS, SECRET, sign, type Sent } from '../test/send.ts'
import { parseEvent } from './core/event.ts'
import type { EventContext } from './dispatcher.ts'
import { acceptEvent, PENDING_STALE_MS } from './inbox.ts'
import { createReceiver } from './receiver.ts'
import type { ReceiveOutcome, Receiver, ReceiverOptions } from './receiver-api.ts'
import { signStandardWebhooks } from './sign.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'
import { sqliteStore } from './stores/sqlite.ts'

/** The documented example of an auth event, to the byte. */
const EXAMPLE =
  '{"type":"auth","status":"success","widget_session_id":"a9a0c7a4-c05e-4550-a973-f87a31a7c558","user":{"scopes":"COURSE_IMPORT,WORKOUT_IMPORT,ACTIVITY_EXPORT,HEALTH_EXPORT","active":true,"last_webhook_update":null,"created_at":"2024-10-07T03:45:00.000000+00:00","user_id":"4735eac4-31a2-47ef-8b11-51e98d84c680","reference_id":"tony_stark","provider":"GARMIN"},"reference_id":"tony_stark","message":"User has successfully authenticated","version":"2022-03-16"}'

const auth = (userId: string): object => ({ type: 'auth', status: 'success', user: user(userId) })
const data = (userId: string, item = 0): object => ({
  type: 'daily',
  user: user(userId),
  data: [item],
})
const reauth = (oldUserId: string, newUserId: string): object => ({
  type: 'user_reauth',
  status: 'warning',
  old_user: user(oldUserId),
  new_user: user(newUserId),
})

let store: ReceiverStore
let nowMs: number
let seen: { type: string; context: EventContext }[]

const create = (change: Partial<ReceiverOptions> = {}): Receiver =>
  createReceiver({ secrets: [SECRET], store, clock: () => nowMs, ...change })
const createListening = (change: Partial<ReceiverOptions> = {}): Receiver =>
  create({ onEvent: ({ type }, context) => void seen.push({ type, context }), ...change })
const send = async (
  receiver: Receiver,
  ...args: Parameters<typeof sign>
): Promise<ReceiveOutcome> => receiver.receive(await sign(...args))

beforeEach(() => {
  store = sqliteStore({ path: ':memory:' })
  nowMs = NOW_MS
  seen = []
})
afterEach(async () => {
  await store.close()
})

describe('createReceiver', () => {
  it('refuses to be made without a usable secret, tolerance or limit', () => {
    expect(() => create({ secrets: [] })).toThrow(/no signing secret/)
    expect(() => create({ secrets: ['good', ''] })).toThrow(/number 2 is empty/)
    expect(() => create({ tolerance: 0 })).toThrow(RangeError)
    expect(() => create({ bodyBytesMax: 0 })).toThrow(RangeError)
  })
})

describe('receive', () => {
  it('stores the documented auth event to the byte and answers whose it is', async () => {
    const receiver = create()
    const outcome = await send(receiver, EXAMPLE)
    expect(outcome).toMatchObject({ status: 'accepted', isParked: false, handler: 'none' })
    const { events } = await receiver.listEvents()
    expect(new TextDecoder().decode(events[0]?.body)).toBe(EXAMPLE)
    expect(await receiver.resolve('4735eac4-31a2-47ef-8b11-51e98d84c680')).toEqual({
      environment: '',
      lineageId: 'lin_4735eac4-31a2-47ef-8b11-51e98d84c680',
      userId: '4735eac4-31a2-47ef-8b11-51e98d84c680',
      aliases: ['4735eac4-31a2-47ef-8b11-51e98d84c680'],
      referenceId: 'tony_stark',
      provider: 'GARMIN',
      scopes: ['ACTIVITY_EXPORT', 'COURSE_IMPORT', 'HEALTH_EXPORT', 'WORKOUT_IMPORT'],
      status: 'active',
      sinceMs: expect.any(Number),
      decidedBy: 'auth',
      ambiguousWith: undefined,
    })
  })

  it('stores nothing that is not verified, no event, or too large', async () => {
    const receiver = create({ bodyBytesMax: 1_000 })
    const forged = sign(auth('a'), {}, 'wrong')
    await expect(forged.then((each) => receiver.receive(each))).rejects.toMatchObject({
      reason: 'signature_mismatch',
    })
    await expect(send(receiver, 'no json')).rejects.toMatchObject({ reason: 'not_json' })
    await expect(send(receiver, 'x'.repeat(1_001))).rejects.toMatchObject({
      reason: 'body_too_large',
    })
    expect((await receiver.listEvents()).events).toEqual([])
  })

  it('tells a body that was parsed before from a wrong signature', async () => {
    const input = { ...(await sign(auth('a'))), body: auth('a') }
    await expect(Reflect.apply(create().receive, undefined, [input])).rejects.toMatchObject({
      reason: 'body_not_raw',
    })
  })

  it('accepts both names of the header, in any case, and Standard Webhooks', async () => {
    const receiver = create()
    const { body, headers } = await sign(auth('a'))
    const signature = headers['X-Terra-Signature'] ?? ''
    await receiver.receive({ body, headers: { 'TERRA-SIGNATURE': [signature] } })
    await receiver.receive({
      body,
      headers: new Headers({ 'x-terra-signature': signature, 'x-terra-trace-id': '1' }),
    })
    const id = 'msg_1'
    const timestampSeconds = NOW_MS / 1_000
    const standard = await signStandardWebhooks({ secret: SECRET, id, timestampSeconds, body })
    const outcome = await receiver.receive({
      body,
      headers: {
        'webhook-id': id,
        'webhook-timestamp': String(timestampSeconds),
        'webhook-signature': standard,
      },
    })
    expect(outcome).toMatchObject({ status: 'accepted', traceId: id })
  })

  it('accepts an event once, however often and concurrently it comes', async () => {
    const receiver = createListening()
    const request = await sign(auth('a'))
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => receiver.receive(request)))
    expect(outcomes.filter(({ status }) => status === 'accepted')).toHaveLength(1)
    expect(seen).toHaveLength(1)
    expect((await receiver.receive(request)).status).toBe('duplicate')
  })

  it('tells apart by body and time what has no trace id', async () => {
    const receiver = create()
    const request = async (time: string): Promise<Sent> => {
      const headers = { 'X-Terra-Trace-Id': '', 'X-Terra-Ordering-Timestamp': time }
      return sign({ type: 'connection_error', user: user('a') }, headers)
    }
    const statuses = []
    for (const time of ['5', '5', '6', 'soon', 'soon']) {
      statuses.push((await receiver.receive(await request(time))).status)
    }
    expect(statuses).toEqual(['accepted', 'duplicate', 'accepted', 'accepted', 'duplicate'])
  })

  it('takes a header that a proxy repeats for what it says once', async () => {
    const receiver = create()
    const headers = { 'X-Terra-Ordering-Timestamp': '7', 'X-Terra-Trace-Id': 'a' }
    const { body, headers: sent } = await sign(auth('a'), headers)
    await receiver.receive({ body, headers: sent })
    const twice = Object.entries(sent).map(([name, value]) => [name, `${value}, ${value}`])
    const again = await receiver.receive({ body, headers: Object.fromEntries(twice) })
    expect(again).toMatchObject({ status: 'duplicate', traceId: 'a' })
    const lists = Object.entries(sent).map(([name, value]) => [name, [value, value, value]])
    const thrice = await receiver.receive({ body, headers: Object.fromEntries(lists) })
    expect(thrice.status).toBe('duplicate')
    const both = { ...sent, 'X-Terra-Trace-Id': 'b, c' }
    expect(await receiver.receive({ body, headers: both })).toMatchObject({ traceId: 'b, c' })
  })

  it('accepts chunks that share one reference', async () => {
    const receiver = create()
    await send(receiver, data('a', 1), { 'terra-reference': 'r', 'X-Terra-Trace-Id': 't:chunk:1' })
    const second = { 'terra-reference': 'r', 'X-Terra-Trace-Id': 't:chunk:2' }
    expect((await send(receiver, data('a', 2), second)).status).toBe('accepted')
  })

  it('rejects with the error of the store, and only for the event that met it', async () => {
    const broken: ReceiverStore = {
      ...memoryStore(),
      transaction: () => Promise.reject(new TypeError('disk full')),
    }
    await expect(send(create({ store: broken }), auth('a'))).rejects.toThrow('disk full')
    const inner = memoryStore()
    const picky: ReceiverStore = {
      ...inner,
      transaction: (fn) =>
        inner.transaction((tx) =>
          fn(
            new Proxy(tx, {
              get: (target, name) =>
                name === 'insertEvent'
                  ? async (event: Parameters<typeof tx.insertEvent>[0]) => {
                      if (event.userId === 'poison') throw new TypeError('poison')
                      return target.insertEvent(event)
                    }
                  : Reflect.get(target, name).bind(target),
            }),
          ),
        ),
    }
    const receiver = create({ store: picky })
    const requests = await Promise.all(['a', 'poison', 'b'].map((id) => sign(auth(id))))
    const results = await Promise.allSettled(requests.map((each) => receiver.receive(each)))
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })
})

describe('environments', () => {
  const secrets = [
    { secret: 'live-secret', environment: 'live' },
    { secret: 'test-secret', environment: 'testing' },
  ]

  it('keeps them apart: one cannot speak about users of another', async () => {
    const receiver = create({ secrets })
    await send(receiver, auth('a'), {}, 'live-secret')
    await send(receiver, { type: 'deauth', user: user('a') }, {}, 'test-secret')
    expect(await receiver.resolve('a', { environment: 'live' })).toMatchObject({ status: 'active' })
    await expect(receiver.resolve('a')).rejects.toMatchObject({ reason: 'environment_required' })
    expect(await receiver.findByReferenceId('tony_stark')).toHaveLength(2)
    const live = { environment: 'live' }
    expect(await receiver.findByReferenceId('tony_stark', live)).toHaveLength(1)
    expect((await receiver.listEvents(live)).events).toHaveLength(1)
  })

  it('finds a user without being told where, when only one environment has it', async () => {
    const receiver = create({ secrets })
    await send(receiver, auth('a'), {}, 'test-secret')
    expect(await receiver.resolve('a')).toMatchObject({ environment: 'testing' })
    expect(await receiver.resolve('b')).toBeUndefined()
  })

  it('cannot share a secret, with which their events could not be told apart', () => {
    const both = ['live', 'testing'].map((environment) => ({ secret: 'same', environment }))
    expect(() => create({ secrets: both })).toThrow(/"live" and "testing" have the same secret/)
    expect(() => create({ secrets: ['same', 'same'] })).not.toThrow()
  })

  it('labels plain secrets with the label of the receiver', async () => {
    const receiver = create({ environment: 'live' })
    await send(receiver, auth('a'))
    expect(await receiver.resolve('a')).toMatchObject({ environment: 'live' })
  })
})

describe('lookups', () => {
  it('find a connection by any alias, by former lineage ids and by reference_id', async () => {
    const receiver = create()
    await send(receiver, auth('b'))
    expect(await receiver.resolve('b')).toMatchObject({ lineageId: 'lin_b' })
    await send(receiver, reauth('a', 'b'))
    const connection = await receiver.resolve('a')
    expect(connection).toMatchObject({ lineageId: 'lin_a', userId: 'b', aliases: ['a', 'b'] })
    expect(await receiver.resolve('b')).toEqual(connection)
    expect(await receiver.findLineage('lin_b')).toEqual(connection)
    expect(await receiver.findLineage('lin_a')).toEqual(connection)
    expect(await receiver.findLineage('b')).toBeUndefined()
    expect(await receiver.findByReferenceId('tony_stark', { provider: 'garmin' })).toEqual([
      connection,
    ])
    expect(await receiver.findByReferenceId('tony_stark', { provider: 'FITBIT' })).toEqual([])
    expect(await receiver.findByReferenceId('nobody')).toEqual([])
  })

  it('page through the events of a user or a lineage', async () => {
    const receiver = create()
    for (const event of [auth('a'), data('x'), reauth('a', 'b'), data('b')])
      await send(receiver, event)
    const first = await receiver.listEvents({ lineageId: 'lin_b', limit: 2 })
    expect(first.events.map(({ type }) => type)).toEqual(['auth', 'user_reauth'])
    const rest = await receiver.listEvents({ lineageId: 'lin_b', limit: 2, after: first.next ?? 0 })
    expect(rest.events.map(({ type }) => type)).toEqual(['daily'])
    expect(rest.next).toBeUndefined()
    expect((await receiver.listEvents({ userId: 'b' })).events).toHaveLength(2)
    expect((await receiver.listEvents({ userId: 'x', lineageId: 'lin_b' })).events).toEqual([])
    expect((await receiver.listEvents({ lineageId: 'lin_z' })).events).toEqual([])
    expect((await receiver.listEvents({ handlerStates: ['parked'] })).events).toHaveLength(1)
    await expect(receiver.listEvents({ limit: 1_001 })).rejects.toBeInstanceOf(RangeError)
  })
})

describe('onEvent', () => {
  it('is told once, after the commit, with the connection', async () => {
    const receiver = createListening()
    const outcome = await send(receiver, auth('a'), { 'X-Firma-Replay-Of': 'evt' })
    expect(outcome.handler).toBe('done')
    expect(seen).toMatchObject([
      {
        type: 'auth',
        context: {
          connection: { userId: 'a', referenceId: 'tony_stark' },
          traceId: outcome.traceId,
          isReplay: true,
          attempt: 1,
        },
      },
    ])
    expect((await receiver.listEvents({ handlerStates: ['done'] })).events).toHaveLength(1)
  })

  it('is told of failed flows and unknown types, without a connection', async () => {
    const receiver = createListening()
    await send(receiver, { type: 'auth_cancelled', status: 'error', reason: 'access_denied' })
    await send(receiver, { type: 'auth', status: 'error', user: user('ghost') })
    await send(receiver, { type: 'brand_new' })
    expect(seen.map(({ type, context }) => [type, context.connection])).toEqual([
      ['auth_cancelled', undefined],
      ['auth', undefined],
      ['brand_new', undefined],
    ])
  })

  it('is given parked data in order, after the event that made the user known', async () => {
    const items: unknown[] = []
    const receiver = create({
      onEvent: ({ type, body }, context) => {
        seen.push({ type, context })
        items.push(body['data'])
      },
    })
    for (let item = 0; item < 3; item += 1) {
      expect(await send(receiver, data('b', item))).toMatchObject({
        isParked: true,
        handler: 'none',
      })
    }
    expect(seen).toEqual([])
    await send(receiver, reauth('a', 'b'))
    expect(seen.map(({ type }) => type)).toEqual(['user_reauth', 'daily', 'daily', 'daily'])
    expect(seen.map(({ context }) => context.connection?.lineageId)).toEqual(
      Array.from({ length: 4 }, () => 'lin_a'),
    )
    expect(items).toEqual([undefined, [0], [1], [2]])
  })

  it('loses no event when it throws, and is called again by a repetition or by retryFailed', async () => {
    let failures = 2
    const onEvent = ({ type }: { type: string }, context: EventContext): void => {
      seen.push({ type, context })
      failures -= 1
      if (failures >= 0) throw new TypeError('app is down')
    }
    const receiver = create({ onEvent })
    const request = await sign(auth('a'))
    expect(await receiver.receive(request)).toMatchObject({ status: 'accepted', handler: 'failed' })
    const [event] = (await receiver.listEvents({ handlerStates: ['failed'] })).events
    expect(event?.handlerError).toContain('app is down')
    expect(await receiver.receive(request)).toMatchObject({
      status: 'duplicate',
      handler: 'failed',
    })
    expect(await receiver.retryFailed()).toEqual({ done: 1, failed: 0 })
    expect(await receiver.retryFailed()).toEqual({ done: 0, failed: 0 })
    expect(seen.map(({ context }) => context.attempt)).toEqual([1, 2, 3])
  })

  it('gets events whose process ended before the call, but not those whose call is under way', async () => {
    const receiver = createListening()
    const lost = await sign(auth('a'))
    await store.transaction(async (tx) => {
      await acceptEvent(tx, {
        event: parseEvent(lost.body),
        environment: '',
        eventKey: `trace:${lost.headers['X-Terra-Trace-Id']}`,
        traceId: undefined,
        orderingMs: 1,
        digest: 'd',
        receivedAtMs: nowMs,
        body: lost.body,
        headers: {},
        hasHandler: true,
      })
    })
    expect(await receiver.retryFailed()).toEqual({ done: 0, failed: 0 })
    nowMs += PENDING_STALE_MS + 1
    expect(await receiver.receive(lost)).toMatchObject({ status: 'duplicate', handler: 'done' })
    expect(seen).toHaveLength(1)
  })

  it('is called one event at a time per user', async () => {
    const log: string[] = []
    const receiver = create({
      onEvent: async ({ type }) => {
        log.push(`${type} starts`)
        await new Promise((resolve) => setImmediate(resolve))
        log.push(`${type} ends`)
      },
    })
    const requests = await Promise.all(
      ['auth', 'permission_change', 'deauth'].map((type) => sign({ type, user: user('a') })),
    )
    await Promise.all(requests.map((request) => receiver.receive(request)))
    expect(log).toEqual([
      'auth starts',
      'auth ends',
      'permission_change starts',
      'permission_change ends',
      'deauth starts',
      'deauth ends',
    ])
  })

  it('can be left to the host, so that the answer does not wait', async () => {
    const work: Promise<unknown>[] = []
    const receiver = createListening({ waitUntil: (promise) => void work.push(promise) })
    expect(await send(receiver, auth('a'))).toMatchObject({ handler: 'deferred' })
    await Promise.all(work)
    expect(seen).toHaveLength(1)
  })

  it('may look things up', async () => {
    const found: unknown[] = []
    const receiver: Receiver = create({
      onEvent: async () => void found.push((await receiver.resolve('a'))?.status),
    })
    await send(receiver, auth('a'))
    expect(found).toEqual(['active'])
  })
})
