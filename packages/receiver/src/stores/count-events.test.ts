import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { user } from '../../test/histories.ts'
import { openTestDatabase, type TestDatabase } from '../../test/postgres.ts'
import { toIncoming } from '../../test/describe-store.ts'
import { acceptEvent } from '../inbox.ts'
import type { ReceiverStore } from '../store.ts'
import { memoryStore } from './memory.ts'
import { postgresStore } from './postgres.ts'
import { sqliteStore } from './sqlite.ts'

describe('countEvents', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openTestDatabase()
  })
  afterAll(async () => {
    await database.close()
  })

  it.each<[string, () => ReceiverStore]>([
    ['memory', memoryStore],
    ['sqlite', () => sqliteStore({ path: ':memory:' })],
    ['postgres', () => postgresStore({ pool: database.pool })],
  ])('counts what waits in %s, up to a bound', async (_, open) => {
    const store = open()
    for (let orderingMs = 1; orderingMs <= 3; orderingMs += 1) {
      const body = { type: 'daily', user: user('unknown'), data: [] }
      await store.transaction(async (tx) => {
        await acceptEvent(tx, toIncoming({ body, orderingMs }))
      })
    }
    const read = { kind: 'read' } as const
    expect(await store.transaction((tx) => tx.countEvents('parked', 10), read)).toBe(3)
    expect(await store.transaction((tx) => tx.countEvents('parked', 2), read)).toBe(2)
    expect(await store.transaction((tx) => tx.countEvents('dead', 10))).toBe(0)
    await store.close()
  })
})
