import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startApiServer, type ApiServer, type OddAnswer } from '../test/api-server.ts'
import { arbitraryHistory, user, type TestEvent } from '../test/histories.ts'
import { providePostgresStores } from '../test/postgres.ts'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver, ReceiverOptions } from './receiver-api.ts'
import type { ConnectionChange } from './changes.ts'
import { OBSERVATION_MARGIN_MS, type ReconcileOptions, type ReconcileReport } from './reconcile.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'
import { sqliteStore } from './stores/sqlite.ts'

const RUNS = Number(process.env['RECEIVER_MAP_RUNS'] ?? 150)
const HOUR_MS = 3_600_000
let api: ApiServer
let store: ReceiverStore
let nowMs: number
let receiver: Receiver

const create = (change: Partial<ReceiverOptions> = {}): Receiver =>
  createReceiver({ secrets: [SECRET], store, clock: () => nowMs, tolerance: 'off', ...change })
const options = (change: Partial<ReconcileOptions> = {}): ReconcileOptions => ({
  baseUrl: api.baseUrl,
  devId: 'dev-1',
  apiKey: 'key-1',
  ...change,
})
const reconcile = (change?: Partial<ReconcileOptions>): Promise<ReconcileReport> =>
  receiver.reconcile(options(change))
const send = async (type: string, userId: string, agoMs: number, change = {}): Promise<void> => {
  const event = { type, status: type === 'auth' ? 'success' : 'warning', user: user(userId) }
  const time = { 'X-Terra-Ordering-Timestamp': String(NOW_MS - agoMs) }
  await receiver.receive(await sign({ ...event, ...change }, time))
}
const statusOf = async (userId: string): Promise<string | undefined> =>
  (await receiver.resolve(userId))?.status

beforeEach(async () => {
  api = await startApiServer()
  store = sqliteStore({ path: ':memory:' })
  nowMs = NOW_MS
  receiver = create()
})
afterEach(async () => {
  await api.close()
  await store.close()
})

describe('reconcile', () => {
  it.each(['current', 'older'] as const)(
    'learns connections that no event named, from lists in the %s shape',
    async (shape) => {
      api.shape = shape
      api.users = ['a', 'b', 'c'].map(user)
      const report = await reconcile({ pageUsers: 2 })
      expect(report).toMatchObject({ status: 'complete', users: 3, missing: [] })
      expect(report.newUserIds).toEqual(['a', 'b', 'c'])
      expect(await receiver.resolve('b')).toMatchObject({
        status: 'active',
        decidedBy: 'seen_active',
        sinceMs: undefined,
        referenceId: 'tony_stark',
        provider: 'GARMIN',
        scopes: ['ACTIVITY_EXPORT', 'HEALTH_EXPORT'],
      })
      expect((await reconcile({ referenceId: 'tony_stark' })).users).toBe(3)
      expect((await reconcile({ userId: 'a' })).users).toBe(1)
    },
  )

  it('sends the credentials as headers only', async () => {
    api.users = [user('a')]
    await reconcile()
    expect(api.lastHeaders).toMatchObject({ 'dev-id': 'dev-1', 'x-api-key': 'key-1' })
    expect(api.requests.join(' ')).not.toContain('key-1')
  })

  it('hands over data that was parked for a connection that it learns', async () => {
    const seen: unknown[] = []
    receiver = create({
      onEvent: (event, { connection }) => void seen.push([event.type, connection?.userId]),
    })
    await send('daily', 'a', 0, { data: [] })
    expect(seen).toEqual([])
    api.users = [user('a')]
    await reconcile()
    expect(seen).toEqual([['daily', 'a']])
  })

  it('reports who is missing, changes nothing about them, and looks twice', async () => {
    await send('auth', 'here', HOUR_MS)
    await send('auth', 'gone', HOUR_MS)
    await send('auth', 'slipped', HOUR_MS)
    await send('auth', 'young', 0)
    await send('auth', 'ended', 2 * HOUR_MS)
    await send('deauth', 'ended', HOUR_MS)
    api.users = ['here', 'slipped'].map(user)
    const page = { data: { next: null, max_page: 0, results: [user('here')] } }
    api.odd = ({ pathname }) => (pathname.endsWith('/subscriptions') ? { body: page } : undefined)
    const report = await reconcile()
    expect(report.status).toBe('complete')
    expect(report.missing).toMatchObject([{ connection: { userId: 'gone' }, isConfirmed: true }])
    expect(await statusOf('gone')).toBe('active')
  })

  it('does not call an alias missing that was replaced, nor a swap that it has seen half of', async () => {
    await send('auth', 'a', 2 * HOUR_MS)
    api.users = [user('b')]
    expect((await reconcile()).missing).toMatchObject([{ connection: { userId: 'a' } }])
    expect(await statusOf('a')).toBe('active')
    const swap = { old_user: user('a'), new_user: user('b'), user: undefined }
    await send('user_reauth', 'b', HOUR_MS, swap)
    expect(await receiver.resolve('a')).toMatchObject({ userId: 'b', status: 'active' })
    expect((await reconcile()).missing).toEqual([])
  })

  it('believes the API about the end of a connection, and about a new beginning', async () => {
    await send('auth', 'a', 3 * HOUR_MS)
    api.users = [{ ...user('a'), active: false }]
    expect((await reconcile()).inactiveUserIds).toEqual(['a'])
    expect(await receiver.resolve('a')).toMatchObject({
      status: 'revoked',
      decidedBy: 'seen_inactive',
    })
    nowMs += HOUR_MS
    api.users = [user('a')]
    await reconcile()
    expect(await receiver.resolve('a')).toMatchObject({ status: 'active', decidedBy: 'auth' })
    await send('deauth', 'b', HOUR_MS)
    api.users.push(user('b'))
    await reconcile()
    expect(await receiver.resolve('b')).toMatchObject({ decidedBy: 'seen_active' })
  })

  it('does not revive what ended a moment ago, and knows nothing of the health of a connection', async () => {
    await send('auth', 'a', HOUR_MS)
    await send('deauth', 'a', OBSERVATION_MARGIN_MS - 1)
    await send('auth', 'b', HOUR_MS)
    await send('connection_error', 'b', HOUR_MS / 2)
    await send('deauth', 'c', 0)
    api.users = ['a', 'b', 'c'].map(user)
    await reconcile()
    expect(await statusOf('a')).toBe('disconnected')
    expect(await statusOf('b')).toBe('degraded')
    expect(await statusOf('c')).toBe('disconnected')
  })

  it('makes no ghost of a flow that is under way', async () => {
    api.users = [{ ...user('a'), active: false }]
    api.pending.add('a')
    expect(await reconcile({ userId: 'a' })).toMatchObject({ pendingUserIds: ['a'], users: 0 })
    expect(await receiver.resolve('a')).toBeUndefined()
    await reconcile()
    expect(await receiver.resolve('a')).toMatchObject({ status: 'unknown' })
  })

  it('takes the older of both clocks', async () => {
    const date = NOW_MS - HOUR_MS
    const headers = { date: new Date(date).toUTCString() }
    api.odd = () => ({ headers, body: { users: [user('a')] } })
    expect((await reconcile()).observedAtMs).toBe(date - OBSERVATION_MARGIN_MS)
  })

  it('refuses bounds that are none', async () => {
    await expect(reconcile({ pagesMax: 0 })).rejects.toBeInstanceOf(RangeError)
    await expect(reconcile({ pageUsers: 5_001 })).rejects.toBeInstanceOf(RangeError)
  })
})

describe('an answer that cannot be believed', () => {
  const page = (next: unknown): OddAnswer => ({
    body: { data: { next, max_page: 9, results: [{ ...user('a'), active: false }] } },
  })
  const many = Array.from({ length: 12 }, (_, i) => ({ ...user(`m${i}`), active: false }))
  it.each<[string, OddAnswer, string]>([
    ['an empty list', { body: [] }, 'empty'],
    ['an empty older list', { body: { users: [] } }, 'empty'],
    ['an empty page', { body: { data: { next: null, max_page: 0, results: [] } } }, 'empty'],
    ['nothing', { body: '' }, 'not_json'],
    ['half a text', { body: '{"users":[' }, 'not_json'],
    ['null', { body: 'null' }, 'unrecognised'],
    ['another shape', { body: { connections: [] } }, 'unrecognised'],
    ['a page without next', { body: { data: { results: [user('a')] } } }, 'unrecognised'],
    ['a page that names itself', page(0), 'unrecognised'],
    ['a page with a text as next', page('1'), 'unrecognised'],
    ['a list without an end', { body: { data: { next: 1, results: [] } } }, 'unrecognised'],
    ['a list of something else', { body: [1, 'a', null, {}] }, 'unrecognised'],
    ['an error with 200', { body: { status: 'error', users: [] } }, 'unrecognised'],
    ['the end of everybody', { body: { users: many } }, 'strange'],
    ['a redirect', { status: 302, headers: { location: '/v2/other' }, body: '' }, 'status'],
    ['400', { status: 400, body: { title: 'bad request', detail: 'bad page' } }, 'status'],
    ['401', { status: 401, body: { message: 'unauthorized' } }, 'status'],
    ['403', { status: 403, body: { status: 'error', message: 'no' } }, 'status'],
    ['404', { status: 404, body: { title: 'not found' } }, 'status'],
    ['429', { status: 429, body: '' }, 'status'],
    ['500', { status: 500, body: '<html>' }, 'status'],
  ])('changes nothing: %s', async (_, odd, reason) => {
    await send('auth', 'a', 2 * HOUR_MS)
    for (let i = 0; i < 12; i += 1) await send('auth', `m${i}`, 2 * HOUR_MS)
    const before = await receiver.findByReferenceId('tony_stark')
    api.odd = () => odd
    const report = await reconcile()
    expect(report).toMatchObject({ status: 'failed', failure: { reason }, missing: [], users: 0 })
    expect(await receiver.findByReferenceId('tony_stark')).toEqual(before)
  })

  it('changes nothing when the second of two pages fails', async () => {
    api.users = ['a', 'b', 'c'].map(user)
    api.odd = ({ searchParams }) =>
      searchParams.get('page') === '1' ? { status: 503, body: '' } : undefined
    expect(await reconcile({ pageUsers: 2 })).toMatchObject({
      status: 'failed',
      failure: { reason: 'status', httpStatus: 503 },
    })
    expect(await receiver.resolve('a')).toBeUndefined()
  })

  it('changes nothing when there are more pages than allowed, or more bytes, or no server', async () => {
    api.users = ['a', 'b', 'c'].map(user)
    const reasonOf = async (change: Partial<ReconcileOptions>): Promise<string | undefined> =>
      (await reconcile(change)).failure?.reason
    expect(await reasonOf({ pageUsers: 1, pagesMax: 2 })).toBe('too_many_pages')
    expect(await reasonOf({ answerBytesMax: 10 })).toBe('too_large')
    expect(await reasonOf({ baseUrl: 'http://127.0.0.1:1/v2' })).toBe('unreachable')
    const never: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new TypeError('aborted')))
      })
    expect(await reasonOf({ fetch: never, timeoutMs: 5 })).toBe('unreachable')
    expect(await receiver.resolve('a')).toBeUndefined()
  })

  it('takes the readable entries of a list with odd ones, and then calls nobody missing', async () => {
    await send('auth', 'gone', HOUR_MS)
    api.odd = () => ({ body: [user('a'), user('b'), { user_id: 'no provider' }] })
    expect(await reconcile()).toMatchObject({ status: 'partial', unreadable: 1, missing: [] })
    expect(await statusOf('b')).toBe('active')
  })

  it('is not about somebody else than was asked for', async () => {
    api.odd = () => ({ body: { user: user('b'), is_authenticated: true } })
    expect((await reconcile({ userId: 'a' })).failure?.reason).toBe('unrecognised')
    api.odd = () => ({ body: [{ ...user('b'), reference_id: 'pepper' }] })
    expect((await reconcile({ referenceId: 'tony_stark' })).failure?.reason).toBe('unrecognised')
    expect(await receiver.resolve('b')).toBeUndefined()
  })

  it('never has the key in its text', async () => {
    api.odd = () => ({ status: 500, body: { message: 'x'.repeat(5_000) } })
    const { failure } = await reconcile()
    expect(failure?.detail.length).toBeLessThanOrEqual(300)
    expect(JSON.stringify(failure)).not.toContain('key-1')
  })
})

type Step =
  | { kind: 'event'; sent: TestEvent }
  | { kind: 'ask'; ask: { ids: string[]; inactive: string[]; atMs: number } }

describe('events and the API', () => {
  const openers: [string, number, () => ReceiverStore][] = [
    ['memory', RUNS, memoryStore],
    ['postgres', Math.ceil(RUNS / 10), providePostgresStores()],
  ]

  it.each(openers)(
    'end in the same map in any order, over %s',
    async (_, numRuns, open) => {
      const arbitrary = arbitraryHistory().chain((history) => {
        const asked = fc.record({
          ids: fc.subarray(['u1', 'u2', 'u3', 'u4', 'u5', 'u6'], { minLength: 1 }),
          inactive: fc.subarray(['u1', 'u2', 'u3']),
          atMs: fc.integer({ min: 1_000, max: 1_009 }),
        })
        return fc.array(asked, { minLength: 1, maxLength: 3 }).chain((asks) => {
          const steps: Step[] = [
            ...history.map((sent) => ({ kind: 'event', sent }) as const),
            ...asks.map((ask) => ({ kind: 'ask', ask }) as const),
          ]
          const order = fc.shuffledSubarray(steps, { minLength: steps.length })
          return fc.tuple(order, order)
        })
      })
      const run = async (steps: readonly Step[]): Promise<unknown> => {
        store = open()
        receiver = create()
        for (const step of steps) {
          if (step.kind === 'event') {
            const { body, orderingMs } = step.sent
            const headers = {
              'X-Terra-Trace-Id': '',
              'X-Terra-Ordering-Timestamp': String(orderingMs ?? ''),
            }
            await receiver.receive(await sign(body, headers))
            continue
          }
          const { ids, inactive, atMs } = step.ask
          nowMs = atMs + OBSERVATION_MARGIN_MS
          const users = ids.map((id) => ({ ...user(id), active: !inactive.includes(id) }))
          const answer = async (): Promise<Response> => Response.json({ users })
          expect(await reconcile({ fetch: answer })).toMatchObject({ status: 'complete' })
        }
        const found = []
        for (const id of ['u1', 'u2', 'u3', 'u4', 'u5', 'u6'])
          found.push(await receiver.resolve(id))
        return found
      }
      await fc.assert(
        fc.asyncProperty(arbitrary, async ([one, other]) => {
          expect(await run(other)).toEqual(await run(one))
        }),
        { numRuns },
      )
    },
    300_000 + RUNS * 200,
  )

  it('tells subscribers what a reconciliation changed, and nothing when it changed nothing', async () => {
    const seen: ConnectionChange[] = []
    receiver.subscribe((change) => seen.push(change))
    api.users = [user('a')]
    await reconcile()
    nowMs += HOUR_MS
    await reconcile()
    expect(seen).toMatchObject([
      { from: undefined, to: { userId: 'a', status: 'active' }, cause: { kind: 'reconcile' } },
    ])
  })
})

describe('startReconciling', () => {
  it('reconciles now and after each pause, one at a time, until it is stopped', async () => {
    const due: (() => void)[] = []
    const reports: string[] = []
    const waiting: (() => void)[] = []
    const nextReport = (): Promise<void> => new Promise((resolve) => waiting.push(resolve))
    const first = nextReport()
    const schedule = receiver.startReconciling({
      ...options(),
      everyMs: 60_000,
      timer: { set: (fn) => due.push(fn), clear: () => void due.splice(0) },
      onReport: ({ status }) => {
        reports.push(status)
        waiting.shift()?.()
      },
    })
    await first
    await new Promise((resolve) => setImmediate(resolve))
    expect(due).toHaveLength(1)
    api.odd = () => ({ status: 500, body: '' })
    const second = nextReport()
    due.shift()?.()
    await second
    await schedule.stop()
    expect(reports).toEqual(['complete', 'failed'])
    expect(due).toEqual([])
  })

  it('goes on when the store fails, and says so', async () => {
    api.users = [user('a')]
    receiver = create({
      store: { ...store, transaction: () => Promise.reject(new TypeError('full')) },
    })
    const due: (() => void)[] = []
    const error = await new Promise((resolve) => {
      const timer = { set: (fn: () => void) => due.push(fn), clear: () => undefined }
      receiver.startReconciling({ ...options(), everyMs: 1_000, timer, onError: resolve })
    })
    expect(String(error)).toContain('full')
    await new Promise((resolve) => setImmediate(resolve))
    expect(due).toHaveLength(1)
    expect(() => receiver.startReconciling({ ...options(), everyMs: 1 })).toThrow(RangeError)
  })
})
