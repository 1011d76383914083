import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toIncoming } from '../test/describe-store.ts'
import { providePostgresStores } from '../test/postgres.ts'
import { SECRET } from '../test/send.ts'
import { acceptEvent } from './inbox.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver } from './receiver-api.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'
import { sqliteStore } from './stores/sqlite.ts'

const HOUR_MS = 3_600_000
const openPostgres = providePostgresStores()
const openers: [string, () => ReceiverStore][] = [
  ['memory', memoryStore],
  ['sqlite', () => sqliteStore({ path: ':memory:' })],
  ['postgres', openPostgres],
]

describe.each(openers)('listEvents by type and time, store %s', (_, open) => {
  let store: ReceiverStore
  let receiver: Receiver

  /** One event an hour, of two kinds by turns. */
  beforeEach(async () => {
    store = open()
    receiver = createReceiver({ secrets: [SECRET], store })
    for (let n = 0; n < 48; n += 1) {
      const body = { type: n % 2 === 0 ? 'daily' : 'sleep' }
      const incoming = {
        ...toIncoming({ body, orderingMs: n }),
        receivedAtMs: n * HOUR_MS,
        hasHandler: false,
      }
      await store.transaction((tx) => acceptEvent(tx, incoming))
    }
  })
  afterEach(async () => {
    await store.close()
  })

  const list = async (options: Parameters<Receiver['listEvents']>[0]): Promise<number[]> => {
    const hours: number[] = []
    for (let after = 0; ;) {
      const { events, next } = await receiver.listEvents({ ...options, after })
      hours.push(...events.map(({ receivedAtMs }) => receivedAtMs / HOUR_MS))
      if (next === undefined) return hours
      after = next
    }
  }

  it('gives what was accepted in a span of time, and no more', async () => {
    const span = { receivedFromMs: 10 * HOUR_MS, receivedBeforeMs: 13 * HOUR_MS }
    expect(await list(span)).toEqual([10, 11, 12])
    expect(await list({ ...span, types: ['sleep'] })).toEqual([11])
    expect(await list({ receivedFromMs: 46.5 * HOUR_MS })).toEqual([47])
    expect(await list({ receivedBeforeMs: 1.5 * HOUR_MS, limit: 1 })).toEqual([0, 1])
    expect(await list({ receivedFromMs: 99 * HOUR_MS })).toEqual([])
    expect(await list({ receivedBeforeMs: -1 })).toEqual([])
  })

  it('is not misled by what a clock that was far ahead has marked', async () => {
    const ahead = toIncoming({ body: { type: 'ahead' }, orderingMs: 1 })
    await store.transaction((tx) =>
      acceptEvent(tx, { ...ahead, receivedAtMs: Date.now() + 999 * HOUR_MS }),
    )
    for (let n = 48; n < 50; n += 1) {
      const incoming = {
        ...toIncoming({ body: { type: 'daily' }, orderingMs: n }),
        hasHandler: false,
      }
      await store.transaction((tx) => acceptEvent(tx, { ...incoming, receivedAtMs: n * HOUR_MS }))
    }
    expect(await list({ receivedFromMs: 47 * HOUR_MS, receivedBeforeMs: 50 * HOUR_MS })).toEqual([
      47, 48, 49,
    ])
  })

  it('gives the types that are asked for, in pages', async () => {
    const hours = await list({ types: ['sleep', 'nothing'], limit: 5 })
    expect(hours).toHaveLength(24)
    expect(hours.every((hour) => hour % 2 === 1)).toBe(true)
    expect(await list({ types: ['nothing'] })).toEqual([])
  })

  it('finds by time where old events have gone', async () => {
    await store.transaction(async (tx) => {
      const old = { receivedBeforeMs: 20 * HOUR_MS, nowMs: 50 * HOUR_MS }
      const throughSeq = (await tx.findLastBefore(old)) ?? 0
      await tx.prune({ throughSeq, isUnhandledIncluded: true, limit: 100 })
    })
    expect(await list({ receivedBeforeMs: 22 * HOUR_MS })).toEqual([20, 21])
    expect(await list({ receivedFromMs: 5 * HOUR_MS, types: ['daily'], limit: 7 })).toHaveLength(14)
  })
})
