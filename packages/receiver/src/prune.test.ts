import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { user } from '../test/histories.ts'
import { providePostgresStores } from '../test/postgres.ts'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver } from './receiver-api.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'
import { sqliteStore } from './stores/sqlite.ts'

const DAY_MS = 86_400_000
const auth = (userId: string): object => ({ type: 'auth', status: 'success', user: user(userId) })
const openers: [string, () => ReceiverStore][] = [
  ['memory', memoryStore],
  ['sqlite', () => sqliteStore({ path: ':memory:' })],
  ['postgres', providePostgresStores()],
]

describe.each(openers)('prune, store %s', (_, open) => {
  let store: ReceiverStore
  let nowMs: number

  const create = (): Receiver =>
    createReceiver({
      secrets: [SECRET],
      store,
      clock: () => nowMs,
      tolerance: 'off',
      retry: { attemptsMax: 1 },
      onError: () => undefined,
      onEvent: ({ type }) => {
        if (type === 'poison') throw new TypeError('poison')
      },
    })
  const send = async (receiver: Receiver, event: object): Promise<number> =>
    (await receiver.receive(await sign(event))).seq
  const states = async (receiver: Receiver): Promise<string[]> =>
    (await receiver.listEvents()).events.map(({ handlerState }) => handlerState)

  beforeEach(() => {
    store = open()
    nowMs = NOW_MS
  })
  afterEach(async () => {
    await store.close()
  })

  it('takes what a clock that was far ahead has marked, and everything around it', async () => {
    const receiver = create()
    await send(receiver, auth('a'))
    const realMs = nowMs
    nowMs += 3_650 * DAY_MS
    await send(receiver, auth('b'))
    nowMs = realMs + 1_000
    await send(receiver, auth('c'))
    nowMs = realMs + 8 * DAY_MS
    await send(receiver, auth('d'))
    expect(await receiver.prune({ olderThanMs: 7 * DAY_MS })).toBe(3)
    nowMs += 3_650 * DAY_MS
    await send(receiver, auth('e'))
    nowMs = realMs + 8 * DAY_MS + 1_000
    // Nothing came after it, so nobody knows that it is old.
    expect(await receiver.prune({ olderThanMs: 7 * DAY_MS })).toBe(0)
    expect(await states(receiver)).toEqual(['done', 'done'])
  })

  it('leaves the map and what nobody has had', async () => {
    const receiver = create()
    await send(receiver, auth('a'))
    await send(receiver, { type: 'daily', user: user('unknown') })
    await send(receiver, { type: 'poison' })
    nowMs += 8 * DAY_MS
    const young = await send(receiver, auth('b'))
    await expect(receiver.prune({ olderThanMs: DAY_MS })).rejects.toBeInstanceOf(RangeError)
    expect(await receiver.prune({ olderThanMs: 7 * DAY_MS })).toBe(1)
    expect(await states(receiver)).toEqual(['parked', 'dead', 'done'])
    expect(await receiver.resolve('a')).toMatchObject({ status: 'active' })
    const all = { olderThanMs: 7 * DAY_MS, isUnhandledIncluded: true }
    expect(await receiver.prune(all)).toBe(2)
    expect(await send(receiver, auth('c'))).toBeGreaterThan(young)
  })
})
