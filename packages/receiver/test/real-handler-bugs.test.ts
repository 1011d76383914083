// Bugs that were found in handlers of these events in the wild, one test each: what goes wrong elsewhere, and does not here.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createReceiver } from '../src/receiver.ts'
import type { Receiver, ReceiverOptions } from '../src/receiver-api.ts'
import type { EventContext } from '../src/dispatcher.ts'
import type { Event } from '../src/core/event.ts'
import { signTerra } from '../src/sign.ts'
import type { ReceiverStore } from '../src/store.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { startApiServer, type ApiServer } from './api-server.ts'
import { user } from './histories.ts'
import { NOW_MS, SECRET, sign } from './send.ts'

const HOUR_MS = 3_600_000
let store: ReceiverStore
let api: ApiServer
let nowMs: number
let receiver: Receiver
let handled: { event: Event; context: EventContext }[]

const create = (change: Partial<ReceiverOptions> = {}): Receiver =>
  createReceiver({
    secrets: [SECRET],
    store,
    clock: () => nowMs,
    onEvent: (event, context) => void handled.push({ event, context }),
    ...change,
  })

const post = async (...args: Parameters<typeof sign>): Promise<number> => {
  const { body, headers } = await sign(...args)
  const request = new Request('https://app.test/terra', { method: 'POST', body, headers })
  return (await receiver.fetch(request)).status
}
const auth = (userId: string, change: object = {}): object => ({
  type: 'auth',
  status: 'success',
  user: { ...user(userId), ...change },
})
const about = (type: string, userId: string): object => ({
  type,
  status: 'warning',
  user: user(userId),
})
const daily = (userId: string, day = 1): object => ({
  type: 'daily',
  user: user(userId),
  version: '2022-03-16',
  data: [{ day }],
})
const reauth = (oldUserId: string | null, newUserId: string): object => ({
  type: 'user_reauth',
  status: 'warning',
  message: 'User has reauthenticated and old ID has been deleted',
  old_user: oldUserId === null ? null : user(oldUserId),
  new_user: user(newUserId),
})
const reconcile = (scope: { referenceId?: string } = {}): ReturnType<Receiver['reconcile']> =>
  receiver.reconcile({ baseUrl: api.baseUrl, devId: 'dev', apiKey: 'the-api-key', ...scope })
const countEvents = async (): Promise<number> => (await receiver.listEvents()).events.length

beforeEach(async () => {
  store = sqliteStore({ path: ':memory:' })
  api = await startApiServer()
  nowMs = NOW_MS
  handled = []
  receiver = create()
})
afterEach(async () => {
  await store.close()
  await api.close()
})

describe('accepting deliveries', () => {
  it('1. takes every chunk of a large request, although all share one terra-reference', async () => {
    await post(auth('a'))
    // Two of them have the same bytes: nothing but the trace id tells them apart.
    for (const [chunk, day] of [1, 2, 2].entries()) {
      const headers = { 'terra-reference': 'ref', 'X-Terra-Trace-Id': `t:chunk:${chunk}` }
      expect(await post(daily('a', day), headers)).toBe(200)
    }
    expect(handled.map(({ event }) => event.type)).toEqual(['auth', 'daily', 'daily', 'daily'])
  })

  it('2. answers 2xx to the same delivery sent twice at once, with and without a trace id', async () => {
    for (const headers of [{ 'X-Terra-Trace-Id': 't' }, { 'X-Terra-Trace-Id': '' }]) {
      const same = { ...headers, 'X-Terra-Ordering-Timestamp': String(NOW_MS) }
      const before = await countEvents()
      const statuses = await Promise.all([1, 2, 3, 4].map(() => post(daily('x'), same)))
      expect(statuses).toEqual([200, 200, 200, 200])
      expect(await countEvents()).toBe(before + 1)
    }
  })

  it('13. accepts and keeps a type that it has never heard of, instead of failing until it is switched off', async () => {
    expect(await post({ type: 'moon_phase', status: 7, user: 'nobody', data: null })).toBe(200)
    expect(handled[0]?.event.kind).toBe('unknown')
    expect(await countEvents()).toBe(1)
    await post(auth('a'))
    await post(reauth('a', 'b'))
    expect((await receiver.findByReferenceId('tony_stark')).map(({ userId }) => userId)).toEqual([
      'b',
    ])
  })

  it('18. accepts the first event of a connection that it does not know yet', async () => {
    expect(await post(auth('first'))).toBe(200)
    expect(await receiver.resolve('first')).toMatchObject({ status: 'active' })
  })

  it('19. accepts connections without a reference_id', async () => {
    expect(await post(auth('a', { reference_id: null }))).toBe(200)
    expect(await receiver.resolve('a')).toMatchObject({ status: 'active', referenceId: undefined })
  })

  it('24. knows the names of the types that are really sent', async () => {
    await post(auth('a'))
    await post({ type: 'auth_cancelled', status: 'error', reason: 'access_denied' })
    await post({ type: 'auth_success', user: user('b') })
    expect(handled.map(({ event }) => event.kind)).toEqual(['auth', 'auth_failed'])
    expect(await receiver.resolve('b')).toBeUndefined()
  })
})

describe('proving that a delivery is genuine', () => {
  const forge = async (): Promise<number> => post(auth('a'), {}, 'not the secret')

  it('16. compares nothing but the documented signature, within a tolerance, and makes no ghosts', async () => {
    const { body } = await sign(auth('a'))
    const send = async (signature: string): Promise<number> => {
      const headers = { 'terra-signature': signature }
      const request = new Request('https://app.test/', { method: 'POST', body, headers })
      return (await receiver.fetch(request)).status
    }
    const good = await signTerra({ secret: SECRET, timestampSeconds: NOW_MS / 1_000, body })
    const old = await signTerra({ secret: SECRET, timestampSeconds: NOW_MS / 1_000 - 301, body })
    expect(await send(good.split('v1=')[1] ?? '')).toBe(401)
    expect(await send(good.replace('v1=', 'v0='))).toBe(401)
    expect(await send(old)).toBe(401)
    expect(await send(good)).toBe(200)
    await post({ ...auth('ghost'), status: 'error' })
    expect(await receiver.resolve('ghost')).toBeUndefined()
  })

  it('20. refuses to start without a secret, instead of accepting everything', () => {
    expect(() => create({ secrets: [''] })).toThrow(/secret number 1 is empty/)
    expect(() => create({ secrets: [] })).toThrow(/no signing secret/)
  })

  it('21. parses nothing before it is verified', async () => {
    expect(await post('{"type": broken', {}, 'not the secret')).toBe(401)
    expect(await post('{"type": broken')).toBe(400)
  })

  it('25. answers 401 to a forged event and stores nothing of it', async () => {
    expect(await forge()).toBe(401)
    expect(await countEvents()).toBe(0)
    expect(handled).toEqual([])
  })

  it('23. takes nobody for the owner of data because an unproved body or address says so', async () => {
    await post(auth('victim'))
    expect(await forge()).toBe(401)
    const address = 'https://app.test/ok?user_id=victim&reference_id=mallory&resource=GARMIN'
    const session = { referenceId: 'mallory' }
    expect(await receiver.confirmRedirect(address, session)).toMatchObject({ status: 'refused' })
    await post({ ...daily('victim'), reference_id: 'mallory' })
    expect(handled.at(-1)?.context.connection?.referenceId).toBe('tony_stark')
  })

  it('22. asks nothing of the browser that needs the API key', async () => {
    await post(auth('a'))
    const seen = await receiver.confirmRedirect('/ok?user_id=a', { referenceId: 'tony_stark' })
    expect(seen).toMatchObject({ status: 'confirmed', by: 'event' })
    const report = await reconcile()
    expect(api.requests.join()).not.toContain('the-api-key')
    expect(JSON.stringify([seen, report])).not.toContain('the-api-key')
  })
})

describe('connecting', () => {
  it('4. makes no connection of a failed authentication, in either form', async () => {
    await post({ ...auth('ghost'), status: 'error', reason: 'access_denied' })
    await post({ type: 'auth_cancelled', status: 'error', reference_id: 'tony_stark' })
    expect(await receiver.findByReferenceId('tony_stark')).toEqual([])
    expect(handled.map(({ event }) => event.kind)).toEqual(['auth_failed', 'auth_failed'])
  })

  it('5. reads a reference_id of any form, at the top or in the user', async () => {
    await post({ ...auth('a', { reference_id: undefined }), reference_id: 'Ω/42' })
    await post(auth('b', { reference_id: 'tony@stark.example' }))
    expect((await receiver.resolve('a'))?.referenceId).toBe('Ω/42')
    expect((await receiver.resolve('b'))?.referenceId).toBe('tony@stark.example')
  })

  it('17. never puts a reference_id where a user_id belongs, and ends the connection that is meant', async () => {
    await post(auth('a', { reference_id: 'b' }))
    await post(auth('b', { reference_id: null }))
    expect(await receiver.resolve('b')).toMatchObject({ userId: 'b', referenceId: undefined })
    await post({ type: 'deauth', user: { user_id: 'b', provider: 'GARMIN' } })
    expect(await receiver.resolve('a')).toMatchObject({ status: 'active' })
    expect(await receiver.resolve('b')).toMatchObject({ status: 'disconnected' })
  })

  it('26. does not take a failed authentication for trouble of a living connection', async () => {
    await post(auth('a'))
    await post({ type: 'auth', status: 'error', user: user('a'), reason: 'access_denied' })
    await post({ type: 'auth_cancelled', status: 'error', user: user('a') })
    expect(await receiver.resolve('a')).toMatchObject({ status: 'active' })
  })
})

describe('reconnecting', () => {
  it('3. swaps ids when the new connection is known already, and leaves no old one active', async () => {
    for (const event of [auth('a'), daily('a'), auth('b'), reauth('a', 'b')]) {
      expect(await post(event)).toBe(200)
    }
    expect(await receiver.findByReferenceId('tony_stark')).toMatchObject([
      { userId: 'b', aliases: ['a', 'b'], lineageId: 'lin_a' },
    ])
    const { events } = await receiver.listEvents({ lineageId: 'lin_a' })
    expect(events.map(({ type }) => type)).toEqual(['auth', 'daily', 'auth', 'user_reauth'])
  })

  it('6. takes a reconnection whose old user is null, and finds the one connection that it continues', async () => {
    await post(auth('a'))
    expect(await post(reauth(null, 'b'))).toBe(200)
    expect(await receiver.resolve('a')).toMatchObject({ userId: 'b' })
  })

  it('7. files a reconnection under its users, although it has no "user"', async () => {
    await post(reauth('a', 'b'))
    const { events } = await receiver.listEvents({ userId: 'b' })
    expect(events.map(({ type }) => type)).toEqual(['user_reauth'])
    expect((await receiver.explain('a'))?.timeline).toMatchObject([{ type: 'user_reauth' }])
  })

  it('14. keeps the history of a connection over a reconnection', async () => {
    for (const event of [
      auth('a'),
      daily('a', 1),
      reauth('a', 'b'),
      daily('b', 2),
      daily('a', 3),
    ]) {
      await post(event)
    }
    const { events } = await receiver.listEvents({ lineageId: 'lin_a' })
    expect(events).toHaveLength(5)
    const lineages = handled.map(({ context }) => context.connection?.lineageId)
    expect(new Set(lineages)).toEqual(new Set(['lin_a']))
  })

  it('15. reads the users of a reconnection, and does not end a connection without a data source', async () => {
    await post(auth('a'))
    await post(reauth('a', 'b'))
    expect(await receiver.resolve('a')).toMatchObject({ userId: 'b', status: 'active' })
    await post(about('google_no_datasource', 'b'))
    expect(await receiver.resolve('b')).toMatchObject({ status: 'active' })
  })
})

describe('ends and trouble', () => {
  it('8. does not let late data bring a revoked connection back to life', async () => {
    for (const event of [auth('a'), about('access_revoked', 'a'), daily('a')]) await post(event)
    expect(await receiver.resolve('a')).toMatchObject({ status: 'revoked' })
  })

  it('12. keeps several connections of one provider apart, and deletes nothing for a moment of trouble', async () => {
    await post(auth('a'))
    await post(auth('b'))
    await post(daily('a'))
    await post(about('connection_error', 'a'))
    const running = { type: 'large_request_sending', user: user('a'), expected_payloads: 3 }
    expect(await post(running)).toBe(200)
    expect(await receiver.findByReferenceId('tony_stark')).toMatchObject([
      { userId: 'a', status: 'degraded' },
      { userId: 'b', status: 'active' },
    ])
    await post(about('access_revoked', 'a'))
    expect((await receiver.listEvents({ userId: 'a' })).events).toHaveLength(5)
  })
})

describe('data', () => {
  it('9. keeps data that is ahead of its connection, and hands it over when that is known', async () => {
    expect(await post(daily('a', 1))).toBe(200)
    expect(await post(daily('a', 2))).toBe(200)
    expect(handled).toEqual([])
    await post(auth('a'))
    expect(handled.map(({ event }) => event.body['data'])).toEqual([
      undefined,
      [{ day: 1 }],
      [{ day: 2 }],
    ])
  })

  it('28. stores data without its user, and no swap of ids takes data along', async () => {
    await post(daily('b'))
    await post(auth('a'))
    await post(daily('a'))
    await post(reauth('a', 'b'))
    const { events } = await receiver.listEvents({ lineageId: 'lin_a' })
    expect(events.map(({ type }) => type)).toEqual(['daily', 'auth', 'daily', 'user_reauth'])
  })
})

describe('asking the API', () => {
  beforeEach(async () => {
    const longAgo = { 'X-Terra-Ordering-Timestamp': String(NOW_MS - HOUR_MS) }
    for (const id of ['a', 'b']) await post(auth(id), longAgo)
  })

  it('10. revokes nobody when the answer has the other documented shape, or another one', async () => {
    api.users = [user('a'), user('b')]
    for (const shape of ['current', 'older'] as const) {
      api.shape = shape
      const listed = `listed by the ${shape} one`
      api.users.push(user(listed))
      // Asked for one person the API has a bare array, and Terra's template reads "users" of it.
      for (const scope of [{ referenceId: 'tony_stark' }, {}]) {
        expect(await reconcile(scope)).toMatchObject({ status: 'complete', missing: [] })
        expect(await receiver.resolve(listed)).toMatchObject({ status: 'active' })
      }
    }
    for (const body of [[], {}, { users: [] }, { users: null }, 'null', { result: [] }]) {
      api.odd = () => ({ body })
      expect((await reconcile()).status).toBe('failed')
    }
    expect(await receiver.resolve('a')).toMatchObject({ status: 'active' })
  })

  it('11. revokes nobody for being missing, so a swap of ids still finds what it swaps', async () => {
    api.users = [user('b'), user('c')]
    const { missing } = await reconcile()
    expect(missing).toMatchObject([{ connection: { userId: 'a' }, isConfirmed: true }])
    expect(await receiver.resolve('a')).toMatchObject({ status: 'active' })
    await post(reauth('a', 'c'))
    expect(await receiver.resolve('a')).toMatchObject({ userId: 'c', aliases: ['a', 'c'] })
  })

  it('8. and 10. ends what an older answer calls inactive in its own words', async () => {
    api.users = [
      { ...user('a'), active: 'false' },
      { ...user('b'), active: 'true' },
    ]
    expect(await reconcile()).toMatchObject({ status: 'complete', inactiveUserIds: ['a'] })
    expect(await receiver.resolve('a')).toMatchObject({ status: 'revoked' })
    expect(await receiver.resolve('b')).toMatchObject({ status: 'active' })
  })

  it('27. does not take "there is no such user" for success', async () => {
    const asked = { baseUrl: api.baseUrl, devId: 'dev', apiKey: 'k', userId: 'nobody' }
    expect(await receiver.reconcile(asked)).toMatchObject({
      status: 'failed',
      failure: { reason: 'status', httpStatus: 404, detail: 'HTTP 404: user not found' },
    })
  })
})
