// Another process has the database, or the database has trouble.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { user } from '../test/histories.ts'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import { createReceiver } from './receiver.ts'
import type { ReceiveOutcome } from './receiver-api.ts'
import { openSqlite, type SqliteHandle } from './sqlite-handle.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'
import { sqliteStore } from './stores/sqlite.ts'

const IDS = ['a', 'b', 'c', 'd']

const receiveAll = async (
  store: ReceiverStore,
): Promise<PromiseSettledResult<ReceiveOutcome>[]> => {
  const receiver = createReceiver({ secrets: [SECRET], store, clock: () => NOW_MS })
  const events = IDS.map((id) => ({ type: 'auth', status: 'success', user: user(id) }))
  const requests = await Promise.all(events.map((event) => sign(event)))
  return Promise.allSettled(requests.map((request) => receiver.receive(request)))
}
const countAccepted = (results: readonly PromiseSettledResult<unknown>[]): number =>
  results.filter(({ status }) => status === 'fulfilled').length

/** Tells, without waiting for it, whether a promise has settled. */
const watch = <T>(promise: Promise<T>): { promise: Promise<T>; isSettled: () => boolean } => {
  let isSettled = false
  void promise.finally(() => {
    isSettled = true
  })
  return { promise, isSettled: () => isSettled }
}
/** Resolves when the event loop has run a timer so many times. */
const takeTurns = async (count: number): Promise<void> => {
  let left = count
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      left -= 1
      if (left > 0) return
      clearInterval(timer)
      resolve()
    }, 5)
  })
}

describe('a locked SQLite database', () => {
  let folder: string
  let other: SqliteHandle
  let unlock: () => Promise<void>

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'firma-locked-'))
    const path = join(folder, 'firma.db')
    await sqliteStore({ path }).transaction(async () => undefined)
    other = await openSqlite(path)
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const held = new Promise<void>((begun) => {
      const holding = other.exclusive(async (database) => {
        database.exec('BEGIN IMMEDIATE')
        begun()
        await released
        database.exec('ROLLBACK')
      })
      unlock = async () => {
        release()
        await holding
      }
    })
    await held
  })
  afterEach(async () => {
    await unlock()
    await other.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it.each(['of its own', 'that is shared'])(
    'is waited for without stopping the process, by a store with a handle %s',
    async (whose) => {
      const path = join(folder, 'firma.db')
      const handle = whose === 'of its own' ? undefined : await openSqlite(path)
      const store = sqliteStore(handle === undefined ? { path } : { handle })
      const receiving = watch(receiveAll(store))
      // A process that is stopped by the lock has no turns until it is given up.
      await takeTurns(20)
      expect(receiving.isSettled()).toBe(false)
      await unlock()
      expect(countAccepted(await receiving.promise)).toBe(4)
      await store.close()
      await handle?.close()
    },
  )

  it('is given up after a while, for all events at once, and answers lookups meanwhile', async () => {
    const store = sqliteStore({ path: join(folder, 'firma.db'), busyWaitMs: 10_000 })
    await store.transaction(async () => undefined, { kind: 'read' })
    const receiving = watch(receiveAll(store))
    const read = await store.transaction((tx) => tx.findUser('', 'a'), { kind: 'read' })
    expect(read).toBeUndefined()
    expect(receiving.isSettled()).toBe(false)
    const results = await receiving.promise
    expect(countAccepted(results)).toBe(0)
    expect(String(results.map((each) => Reflect.get(each, 'reason')))).toContain('locked')
    await unlock()
    expect(countAccepted(await receiveAll(store))).toBe(4)
    await store.close()
  })

  it('refuses to wait for a time that is none', () => {
    expect(() => sqliteStore({ path: ':memory:', busyWaitMs: -1 })).toThrow(RangeError)
  })
})

describe('a database in trouble', () => {
  const failing = (
    fail: (transactions: number, inserts: number) => unknown,
  ): {
    store: ReceiverStore
    count: () => number
  } => {
    const inner = memoryStore()
    let transactions = 0
    let inserts = 0
    const store: ReceiverStore = {
      close: () => inner.close(),
      transaction: (fn) =>
        inner.transaction((tx) => {
          transactions += 1
          inserts = 0
          const insertEvent: typeof tx.insertEvent = async (event) => {
            inserts += 1
            const error = fail(transactions, inserts)
            if (error !== undefined) throw Object.assign(new TypeError('no'), error)
            return tx.insertEvent(event)
          }
          return fn(
            new Proxy(tx, {
              get: (target, name) =>
                name === 'insertEvent' ? insertEvent : Reflect.get(target, name).bind(target),
            }),
          )
        }),
    }
    return { store, count: () => transactions }
  }

  it.each([
    ['a locked table', { code: 'ERR_SQLITE_ERROR', errcode: 6 }],
    ['a full disk', { code: 'ERR_SQLITE_ERROR', errcode: 13 }],
    ['a disk that fails', { code: 'ERR_SQLITE_ERROR', errcode: 10 | (3 << 8) }],
    ...[
      'database is locked',
      'attempt to write a readonly database',
      'disk I/O error',
      'database or disk is full',
    ].map((message) => [`"${message}" without a number`, { code: 'ERR_SQLITE_ERROR', message }]),
    ['a server that shuts down', { code: '57P01' }],
    ['a lost connection', { code: 'ECONNRESET' }],
  ] as [string, object][])('that is %s refuses the whole batch at once', async (_, error) => {
    const { store, count } = failing(() => error)
    expect(countAccepted(await receiveAll(store))).toBe(0)
    expect(count()).toBe(1)
  })

  it.each([
    ['too big for SQLite', { code: 'ERR_SQLITE_ERROR', errcode: 18 }],
    [
      'refused by SQLite without a number',
      { code: 'ERR_SQLITE_ERROR', message: 'string or blob too big' },
    ],
    ['no text for PostgreSQL', { code: '22021' }],
    ['more than a program takes', { code: '54000' }],
    ['something nobody thought of', {}],
  ])('over an event that is %s refuses only that event', async (_, error) => {
    const { store } = failing((transactions, inserts) =>
      (transactions === 1 && inserts === 3) || transactions === 4 ? error : undefined,
    )
    const results = await receiveAll(store)
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
  })

  it('that begins when events are tried one by one refuses the rest at once', async () => {
    const { store, count } = failing((transactions) =>
      transactions === 1 ? {} : transactions === 3 ? { code: '53300' } : undefined,
    )
    expect(countAccepted(await receiveAll(store))).toBe(1)
    expect(count()).toBe(3)
  })
})
