import { beforeEach, describe, expect, it } from 'vitest'
import { createReceiver } from './receiver.ts'
import type { Receiver } from './receiver-api.ts'
import { verifyRedirect } from './redirect.ts'
import { memoryStore } from './stores/memory.ts'
import * as kit from './testing.ts'

const secret = 'kit-secret'
const reference = { secret, signedAtMs: 1_790_000_000_000 }
let receiver: Receiver
let seen: string[]

const create = (): Receiver =>
  createReceiver({
    secrets: [secret],
    store: memoryStore(),
    onEvent: ({ type }) => void seen.push(type),
  })

beforeEach(() => {
  seen = []
  receiver = create()
})

describe('signedRequest', () => {
  it.each<[string, kit.WireEvent, string]>([
    ['auth', kit.auth(), 'auth'],
    ['auth_cancelled', kit.authCancelled(), 'auth_failed'],
    ['auth', kit.authError(), 'auth_failed'],
    ['user_reauth', kit.userReauth({ oldUserId: 'a', newUserId: 'b' }), 'user_reauth'],
    ['deauth', kit.deauth(), 'deauth'],
    ['access_revoked', kit.accessRevoked(), 'access_revoked'],
    ['connection_error', kit.connectionError(), 'connection_error'],
    ['connection_recovered', kit.connectionRecovered(), 'connection_recovered'],
    ['permission_change', kit.permissionChange(), 'permission_change'],
    ['google_no_datasource', kit.googleNoDatasource(), 'google_no_datasource'],
    ['daily', kit.data('daily'), 'data'],
    ['athlete', kit.athlete(), 'data'],
    ['large_request_processing', kit.largeRequestProcessing(), 'operational'],
    ['large_request_sending', kit.largeRequestSending(), 'operational'],
    ['rate_limit_hit', kit.rateLimitHit(), 'operational'],
    ['healthcheck', kit.healthcheck(), 'operational'],
    ['s3_payload', kit.s3Payload({ url: 'https://bucket.example/x' }), 'operational'],
    ['brand_new', kit.unknownType(), 'unknown'],
  ])('makes a genuine %s', async (type, event, kind) => {
    for (const scheme of ['terra', 'standard-webhooks'] as const) {
      const sent = await kit.signedRequest(event, { secret, scheme })
      const outcome = await receiver.receive(sent)
      expect(outcome).toMatchObject({ status: 'accepted', event: { type, kind } })
      expect(outcome.traceId).toBe(sent.traceId)
    }
  })

  it('can be sent as often as one likes, and says more when told to', async () => {
    const how = { secret, traceId: 't-1', orderingMs: null, headers: { 'Terra-Reference': 'r' } }
    const sent = await kit.signedRequest(kit.auth({ referenceId: null, scopes: null }), how)
    expect(sent.headers).not.toHaveProperty('x-terra-ordering-timestamp')
    for (const status of ['accepted', 'duplicate']) {
      expect(await (await receiver.fetch(sent.toRequest())).json()).toEqual({ status })
    }
    const { events } = await receiver.listEvents()
    expect(events[0]?.headers).toMatchObject({ 'terra-reference': 'r', 'x-terra-trace-id': 't-1' })
    const forged = await kit.signedRequest(kit.auth(), { secret: 'other' })
    expect((await receiver.fetch(forged.toRequest())).status).toBe(401)
  })

  it('orders what is made one after the other', async () => {
    const first = await kit.signedRequest(kit.auth(), { secret })
    const second = await kit.signedRequest(kit.deauth(), { secret })
    await receiver.receive(second)
    await receiver.receive(first)
    expect(await receiver.resolve(kit.EXAMPLE_USER_ID)).toMatchObject({ status: 'disconnected' })
  })
})

describe('times of a connection', () => {
  it('are what the test says', () => {
    expect(kit.wireUser()).toMatchObject({
      created_at: '2024-10-07T03:45:00.000000+00:00',
      last_webhook_update: null,
    })
    const createdAtMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
    expect(kit.auth({ createdAtMs, lastWebhookUpdateMs: 0 })).toMatchObject({
      user: {
        created_at: '2026-01-02T03:04:05.678000+00:00',
        last_webhook_update: '1970-01-01T00:00:00.000000+00:00',
      },
    })
    const again = { oldUserId: 'a', newUserId: 'b', createdAtMs }
    expect(kit.userReauth({ ...again, oldCreatedAtMs: 0 })).toMatchObject({
      old_user: { user_id: 'a', active: false, created_at: '1970-01-01T00:00:00.000000+00:00' },
      new_user: { user_id: 'b', active: true, created_at: '2026-01-02T03:04:05.678000+00:00' },
    })
    expect(kit.userReauth(again)).toMatchObject({
      old_user: { created_at: '2024-10-07T03:45:00.000000+00:00' },
    })
    expect(() => kit.auth({ createdAtMs: Number.NaN })).toThrow(RangeError)
  })

  it('are the same in a story', async () => {
    const [first] = await kit.stories.connect({ ...reference, createdAtMs: 0 })
    expect(first?.event).toMatchObject({
      user: { created_at: '1970-01-01T00:00:00.000000+00:00' },
    })
  })
})

describe('forgeries', () => {
  it.each([
    ['terra', secret],
    ['terra', 'AAAA'],
    ['standard-webhooks', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
  ] as const)('are refused in both schemes: %s, %s', async (scheme, key) => {
    receiver = createReceiver({
      secrets: [key],
      store: memoryStore(),
      onEvent: ({ type }) => void seen.push(type),
      onRefused: () => undefined,
    })
    const answers: unknown[] = []
    for (const sent of await kit.forgeries(kit.auth(), { secret: key, scheme })) {
      const answer = await receiver.fetch(sent.toRequest())
      expect([sent.reason, answer.status]).toEqual([sent.reason, 401])
      answers.push(await answer.json())
    }
    expect(answers).toMatchObject([
      { reason: 'header_missing' },
      { reason: 'header_malformed' },
      { reason: 'signature_mismatch' },
      { reason: 'signature_mismatch' },
      { reason: 'timestamp_too_old' },
      { reason: 'timestamp_in_future' },
    ])
    expect(seen).toEqual([])
    expect((await receiver.listEvents()).events).toEqual([])
  })
})

describe('signedRequests', () => {
  it('tell a story of ones own, which ends the same in another order', async () => {
    const events = [kit.auth(), kit.connectionError(), kit.deauth()]
    const told = await kit.signedRequests(events, { secret })
    for (const sent of told.toReversed()) await receiver.receive(sent)
    expect(await receiver.resolve(kit.EXAMPLE_USER_ID)).toMatchObject({ status: 'disconnected' })
  })
})

describe('redirectBack', () => {
  it('is an address that the flow would come back to, signed or not', async () => {
    const url = await kit.redirectBack('https://app.test/done?tab=1', { userId: 'u', secret: 's' })
    expect(url).toContain('?tab=1&user_id=u&reference_id=tony_stark&resource=GARMIN&firma_exp=')
    expect(await verifyRedirect(url, 's')).toMatchObject({ userId: 'u', referenceId: 'tony_stark' })
    const failed = await kit.redirectBack('app://done', { referenceId: null, reason: 'x' })
    expect(failed).toBe('app://done?resource=GARMIN&reason=x')
    const late = await kit.redirectBack('https://app.test/', { secret: 's', expiresAtMs: 0 })
    await expect(verifyRedirect(late, 's')).rejects.toMatchObject({ name: 'VerificationError' })
  })
})

describe('stories', () => {
  const ends: Record<keyof typeof kit.stories, [string, number][]> = {
    connect: [['active', 1]],
    dataAheadOfAuth: [['active', 1]],
    cancelled: [],
    cancelledLegacy: [],
    reconnect: [['active', 2]],
    reconnectUnnamed: [['active', 2]],
    reconnectTwice: [['active', 3]],
    lateNews: [['active', 2]],
    disconnected: [['disconnected', 1]],
    disconnectedThenConnected: [
      ['disconnected', 1],
      ['active', 1],
    ],
    revoked: [['revoked', 1]],
    degraded: [['degraded', 1]],
    recovered: [['active', 1]],
    permissions: [['active', 1]],
    largeRequest: [['active', 1]],
  }

  it.each(Object.entries(ends))('%s ends as it says, in any disorder', async (name, end) => {
    const { [name as keyof typeof kit.stories]: story } = kit.stories
    const requests = await story({ ...reference, signedAtMs: Date.now(), referenceId: 'pepper' })
    for (let seed = 0; seed < 10; seed += 1) {
      receiver = create()
      seen = []
      for (const sent of kit.shuffle(kit.duplicate(requests, seed), seed + 1)) {
        expect((await receiver.fetch(sent.toRequest())).status).toBe(200)
      }
      const found = await receiver.findByReferenceId('pepper')
      expect(found.map(({ status, aliases }) => [status, aliases.length])).toEqual(end)
      expect(seen.toSorted()).toEqual(requests.map(({ event }) => event.type).toSorted())
    }
  })

  it('takes the names it is given, and can leave times out', async () => {
    const names = {
      userId: 'a',
      secondUserId: 'b',
      thirdUserId: 'c',
      provider: 'OURA',
      scopes: 'x',
    }
    const told = await kit.stories.reconnectTwice({
      ...reference,
      ...names,
      isDated: false,
      url: 'https://x.test/',
    })
    expect(told.map(({ event }) => event.type)).toHaveLength(5)
    expect(JSON.stringify(told.at(-1)?.event)).toContain('"user_id":"c","provider":"OURA"')
    expect(told[0]?.headers).not.toHaveProperty('x-terra-ordering-timestamp')
    expect(told[0]?.toRequest().url).toBe('https://x.test/')
  })
})

describe('disorder', () => {
  it('is the same for the same seed, and loses nothing', () => {
    const items = Array.from({ length: 50 }, (_, i) => i)
    expect(kit.shuffle(items, 7)).toEqual(kit.shuffle(items, 7))
    expect(kit.shuffle(items, 7)).not.toEqual(kit.shuffle(items, 8))
    expect(kit.shuffle(items, 7).toSorted((a, b) => a - b)).toEqual(items)
    const repeated = kit.duplicate(items, 7)
    expect([...new Set(repeated)]).toEqual(items)
    expect(repeated.length).toBeGreaterThan(items.length)
    expect(repeated.length).toBeLessThanOrEqual(items.length * 3)
  })
})
