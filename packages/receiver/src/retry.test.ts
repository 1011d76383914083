import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { toIncoming } from '../test/describe-store.ts'
import { user } from '../test/histories.ts'
import { openTestDatabase, type TestDatabase } from '../test/postgres.ts'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import { acceptEvent, PENDING_STALE_MS } from './inbox.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver, ReceiverOptions } from './receiver-api.ts'
import type { Timers } from './retry-loop.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'
import { postgresStore } from './stores/postgres.ts'
import { sqliteStore } from './stores/sqlite.ts'

const auth = (userId: string): object => ({ type: 'auth', status: 'success', user: user(userId) })

let database: TestDatabase
let prefixes = 0
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(async () => {
  await database.close()
})

/** Timers that go off when the test says so. */
class ManualTimers implements Timers {
  readonly #due = new Map<number, { fn: () => void; delayMs: number }>()
  #ids = 0

  set(fn: () => void, delayMs: number): number {
    this.#ids += 1
    this.#due.set(this.#ids, { fn, delayMs })
    return this.#ids
  }

  clear(timer: unknown): void {
    this.#due.delete(Number(timer))
  }

  get delaysMs(): number[] {
    return [...this.#due.values()].map(({ delayMs }) => delayMs)
  }

  /** Lets everything that waits go off, until something waits again. */
  async fire(): Promise<void> {
    const due = [...this.#due.values()]
    this.#due.clear()
    for (const { fn } of due) fn()
    while (this.#due.size === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

const openers: [string, () => ReceiverStore][] = [
  ['memory', memoryStore],
  ['sqlite', () => sqliteStore({ path: ':memory:' })],
  [
    'postgres',
    () => postgresStore({ pool: database.pool, tablePrefix: `retry${(prefixes += 1)}_` }),
  ],
]

describe.each(openers)('retries, store %s', (_, open) => {
  let store: ReceiverStore
  let nowMs: number
  let timers: ManualTimers
  let calls: string[]
  let failing: Set<string>

  const create = (change: Partial<ReceiverOptions> = {}): Receiver =>
    createReceiver({
      secrets: [SECRET],
      store,
      clock: () => nowMs,
      random: () => 1,
      timers,
      retry: { attemptsMax: 3, delayMsBase: 1_000 },
      onEvent: ({ type, body }) => {
        const name = typeof body['name'] === 'string' ? body['name'] : type
        calls.push(name)
        if (failing.has(name)) throw new TypeError(`${name} is poison`)
      },
      ...change,
    })
  const send = async (receiver: Receiver, event: object): Promise<number> =>
    (await receiver.receive(await sign(event))).seq
  const states = async (receiver: Receiver): Promise<string[]> =>
    (await receiver.listEvents()).events.map(({ handlerState }) => handlerState)

  beforeEach(() => {
    store = open()
    nowMs = NOW_MS
    timers = new ManualTimers()
    calls = []
    failing = new Set()
  })
  afterEach(async () => {
    await store.close()
  })

  it('come when they are due, further and further apart, and end with an event set aside', async () => {
    const receiver = create()
    failing.add('auth')
    const seq = await send(receiver, auth('a'))
    expect((await receiver.listEvents({ handlerStates: ['failed'] })).events).toMatchObject([
      {
        seq,
        attempts: 1,
        handlerDueAtMs: NOW_MS + 1_000,
        handlerError: expect.stringContaining('poison'),
      },
    ])
    receiver.start()
    await timers.fire()
    expect(calls).toHaveLength(1)
    nowMs += 1_000
    await timers.fire()
    expect(calls).toHaveLength(2)
    nowMs += 1_999
    await timers.fire()
    expect(calls).toHaveLength(2)
    nowMs += 1
    await timers.fire()
    expect(calls).toHaveLength(3)
    expect((await receiver.listEvents({ handlerStates: ['dead'] })).events).toMatchObject([
      { seq, attempts: 3, handlerDueAtMs: undefined },
    ])
    nowMs += 365 * 86_400_000
    await timers.fire()
    expect(await receiver.retryFailed()).toEqual({ done: 0, failed: 0 })
    expect(calls).toHaveLength(3)
    await receiver.stop()
  })

  it('are given again to a dead event, and to any other, by a replay', async () => {
    const receiver = create({ retry: { attemptsMax: 1 } })
    failing.add('auth')
    const seq = await send(receiver, auth('a'))
    expect(await states(receiver)).toEqual(['dead'])
    expect(await receiver.replay(seq)).toBe('dead')
    failing.clear()
    expect(await receiver.replay(seq)).toBe('done')
    expect(await receiver.replay(seq)).toBe('done')
    expect(calls).toHaveLength(4)
    expect((await receiver.listEvents()).events).toMatchObject([{ attempts: 1 }])
    expect(await receiver.replay(seq + 1)).toBe('none')
    const parked = await send(receiver, { type: 'daily', user: user('b') })
    expect(await receiver.replay(parked)).toBe('none')
    expect(await create({ onEvent: undefined as never }).replay(seq)).toBe('none')
  })

  it('take up what a process accepted and did not live to hand over', async () => {
    await store.transaction((tx) => acceptEvent(tx, toIncoming({ body: auth('a'), orderingMs: 1 })))
    const receiver = create()
    receiver.start()
    await timers.fire()
    expect(calls).toEqual([])
    nowMs += PENDING_STALE_MS
    await timers.fire()
    expect(calls).toEqual(['auth'])
    expect(await states(receiver)).toEqual(['done'])
    await receiver.stop()
  })

  it('are shared out between processes, so that no event is taken by two', async () => {
    for (let n = 0; n < 20; n += 1) {
      const name = `event ${n}`
      const body = { type: 'brand_new', name }
      await store.transaction((tx) => acceptEvent(tx, toIncoming({ body, orderingMs: n })))
    }
    nowMs += PENDING_STALE_MS
    const others = [timers, new ManualTimers(), new ManualTimers()]
    const receivers = others.map((each) => create({ timers: each }))
    for (const receiver of receivers) receiver.start()
    for (let round = 0; round < 4; round += 1) {
      await Promise.all(others.map((each) => each.fire()))
    }
    expect(calls).toHaveLength(20)
    expect(new Set(calls).size).toBe(20)
    for (const receiver of receivers) await receiver.stop()
  })

  it('are made by one process at a time, whoever asks for them', async () => {
    failing.add('auth')
    const event = await sign(auth('a'))
    await create().receive(event)
    let end = (): void => undefined
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const slow = create({
      onEvent: async ({ type }) => {
        calls.push(`slow ${type}`)
        await ended
      },
    })
    const retried = slow.retryFailed()
    while (calls.length < 2) await new Promise((resolve) => setImmediate(resolve))
    // Another process, while the first one is at it: by hand, and because the sender repeats the event.
    const other = create()
    expect(await other.retryFailed()).toEqual({ done: 0, failed: 0 })
    expect(await other.receive(event)).toMatchObject({ status: 'duplicate', handler: 'none' })
    end()
    expect(await retried).toEqual({ done: 1, failed: 0 })
    expect(calls).toEqual(['auth', 'slow auth'])
    expect((await other.listEvents()).events).toMatchObject([{ handlerState: 'done', attempts: 2 }])
  })

  it('of one connection do not hold up others, nor later events of its own', async () => {
    const receiver = create()
    failing.add('first')
    await send(receiver, { ...auth('a'), name: 'first' })
    await send(receiver, { ...auth('a'), name: 'second' })
    await send(receiver, { ...auth('b'), name: 'other' })
    expect(calls).toEqual(['first', 'second', 'other'])
    expect(await states(receiver)).toEqual(['failed', 'done', 'done'])
  })

  it('hold up later events of the same connection, and only those, in order "lineage"', async () => {
    const receiver = create({ order: 'lineage' })
    failing.add('first')
    await send(receiver, { ...auth('a'), name: 'first' })
    const reauth = { type: 'user_reauth', old_user: user('a'), new_user: user('b') }
    await send(receiver, { ...reauth, name: 'second' })
    await send(receiver, { type: 'deauth', user: user('b'), name: 'third' })
    await send(receiver, { ...auth('z'), name: 'other' })
    expect(calls).toEqual(['first', 'other'])
    expect(await states(receiver)).toEqual(['failed', 'pending', 'pending', 'done'])
    failing.clear()
    calls = []
    nowMs += 1_000
    receiver.start()
    await timers.fire()
    expect(calls).toEqual(['first', 'second', 'third'])
    expect(await states(receiver)).toEqual(['done', 'done', 'done', 'done'])
    await receiver.stop()
  })

  it('let later events go on in order "lineage" when an event is set aside', async () => {
    const receiver = create({ order: 'lineage', retry: { attemptsMax: 2, delayMsBase: 1_000 } })
    failing.add('first')
    const seq = await send(receiver, { ...auth('a'), name: 'first' })
    await send(receiver, { ...auth('a'), name: 'second' })
    expect(await receiver.retryFailed()).toEqual({ done: 0, failed: 1 })
    expect(calls).toEqual(['first', 'first', 'second'])
    expect(await states(receiver)).toEqual(['dead', 'done'])
    failing.clear()
    expect(await receiver.replay(seq)).toBe('done')
  })

  it('hand over in order of acceptance across a re-authentication', async () => {
    const log: string[] = []
    const receiver = create({
      onEvent: async ({ body }) => {
        log.push(`${String(body['name'])} starts`)
        await new Promise((resolve) => setImmediate(resolve))
        log.push(`${String(body['name'])} ends`)
      },
    })
    const reauth = { type: 'user_reauth', old_user: user('a'), new_user: user('b') }
    const events = [
      { ...auth('a'), name: 1 },
      { ...reauth, name: 2 },
      { ...auth('b'), name: 3 },
    ]
    const requests = await Promise.all(events.map((event) => sign(event)))
    await Promise.all(requests.map((request) => receiver.receive(request)))
    expect(log).toEqual(['1 starts', '1 ends', '2 starts', '2 ends', '3 starts', '3 ends'])
  })

  it('hand over what was parked before what came after its user was known', async () => {
    const log: unknown[] = []
    let open = (): void => undefined
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const receiver = create({
      onEvent: async ({ type, body }) => {
        log.push(body['name'] ?? type)
        await (type === 'auth' ? opened : new Promise((resolve) => setImmediate(resolve)))
      },
    })
    const activity = (name: number): object => ({ type: 'activity', user: user('a'), name })
    for (const name of [1, 2, 3, 4]) await send(receiver, activity(name))
    const first = sign(auth('a')).then((request) => receiver.receive(request))
    while (log.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const second = sign(activity(5)).then((request) => receiver.receive(request))
    while ((await states(receiver)).length < 6)
      await new Promise((resolve) => setImmediate(resolve))
    open()
    expect(await first).toMatchObject({ handler: 'done' })
    expect(await second).toMatchObject({ handler: 'done' })
    expect(log).toEqual(['auth', 1, 2, 3, 4, 5])
    expect(await states(receiver)).toEqual(Array.from({ length: 6 }, () => 'done'))
  })

  it('keep to the order of acceptance in order "lineage" when a user becomes known', async () => {
    const receiver = create({ order: 'lineage' })
    for (const name of ['1', '2', '3']) {
      await send(receiver, { type: 'activity', user: user('a'), name })
    }
    await send(receiver, { ...auth('a'), name: '4' })
    await send(receiver, { type: 'activity', user: user('a'), name: '5' })
    expect(calls).toEqual(['1', '2', '3', '4', '5'])
    expect(await states(receiver)).toEqual(['done', 'done', 'done', 'done', 'done'])
  })

  it('of a hundred events that always fail do not keep the others from theirs', async () => {
    const receiver = create({ retry: { attemptsMax: 9, delayMsBase: 1_000 } })
    for (let n = 0; n < 101; n += 1) failing.add(`event ${n}`)
    for (let n = 0; n < 101; n += 1) {
      await send(receiver, { type: 'brand_new', name: `event ${n}` })
    }
    failing.delete('event 100')
    calls = []
    const sums = [await receiver.retryFailed(), await receiver.retryFailed()]
    expect(sums).toEqual([
      { done: 0, failed: 100 },
      { done: 1, failed: 99 },
    ])
    expect(calls.filter((name) => name === 'event 100')).toHaveLength(1)
  })

  it('survive a store that fails for a while', async () => {
    const errors: unknown[] = []
    let isDown = true
    const fragile: ReceiverStore = {
      ...store,
      transaction: (fn, options) =>
        isDown ? Promise.reject(new TypeError('down')) : store.transaction(fn, options),
    }
    await store.transaction((tx) => acceptEvent(tx, toIncoming({ body: auth('a'), orderingMs: 1 })))
    nowMs += PENDING_STALE_MS
    const receiver = create({ store: fragile })
    receiver.start({ pollMs: 250, onError: (error) => errors.push(error) })
    receiver.start()
    await timers.fire()
    expect(timers.delaysMs).toEqual([250])
    isDown = false
    await timers.fire()
    expect(errors).toEqual([new TypeError('down')])
    expect(calls).toEqual(['auth'])
    await receiver.stop()
    expect(timers.delaysMs).toEqual([])
  })

  it('take few events of a long list at once, each of them once, and leave the others to other processes', async () => {
    const receiver = create({ retry: { toDelayMs: () => 0 } })
    for (let n = 0; n < 20; n += 1) {
      failing.add(`${n}`)
      await send(receiver, { type: 'brand_new', name: `${n}` })
    }
    let goOn = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      goOn = resolve
    })
    let entered = 0
    let retried: ReturnType<Receiver['retryFailed']> | undefined
    const all = new Promise<void>((resolve) => {
      const slow = create({
        onEvent: async () => {
          entered += 1
          if (entered === 8) resolve()
          await gate
        },
      })
      retried = slow.retryFailed({ limit: 1_000 })
    })
    await all
    calls.length = 0
    expect(await receiver.retryFailed({ limit: 1_000 })).toEqual({ done: 0, failed: 12 })
    expect(calls).toHaveLength(12)
    failing.clear()
    expect(await receiver.retryFailed({ limit: 9 })).toEqual({ done: 9, failed: 0 })
    goOn()
    expect(await retried).toEqual({ done: 11, failed: 0 })
  })
})

describe('hostTimers', () => {
  it('run the loop on the host without any setting', async () => {
    const store = memoryStore()
    await store.transaction((tx) => acceptEvent(tx, toIncoming({ body: auth('a'), orderingMs: 1 })))
    const called = new Promise<string>((resolve) => {
      const receiver = createReceiver({
        secrets: [SECRET],
        store,
        clock: () => NOW_MS + PENDING_STALE_MS,
        onEvent: ({ type }) => {
          resolve(type)
          void receiver.stop()
        },
      })
      receiver.start()
    })
    expect(await called).toBe('auth')
  })

  it('refuse transactions over a store that shares no database', () => {
    const transactions = { transaction: () => Promise.reject(new TypeError('never called')) }
    const options = { secrets: [SECRET], store: memoryStore(), onEvent: () => undefined }
    expect(() => createReceiver({ ...options, transactions })).toThrow(/SQLite or PostgreSQL/)
  })
})
