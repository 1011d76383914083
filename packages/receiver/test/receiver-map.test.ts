// The promise of the map, at the level of a receiver with its store: whatever arrives, in whatever order, cut however, with whatever
// crashes between, the answers are those of the set of events. RECEIVER_MAP_RUNS raises the number of histories.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ReceiverStore } from '../src/store.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { postgresStore } from '../src/stores/postgres.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { arbitraryArrival, ask, deliver, expected, USER_IDS } from './arrivals.ts'
import { arbitraryDeliveries } from './histories.ts'
import { open, secrets } from './open-receiver.ts'
import { openTestDatabase } from './postgres.ts'

const RUNS = Number(process.env['RECEIVER_MAP_RUNS'] ?? 200)
const TIMEOUT_MS = 300_000 + RUNS * 200

/** Fails once after all work of a transaction is done, at the worst moment. */
function withPowerCut(store: ReceiverStore): ReceiverStore {
  let isCut = false
  return {
    close: () => store.close(),
    transaction: (fn, options) =>
      store.transaction(async (tx) => {
        const result = await fn(tx)
        if (isCut) return result
        isCut = true
        throw new TypeError('power cut')
      }, options),
  }
}

describe('a receiver with its store', () => {
  it(
    'answers the same over memory for every order, repetition and batching',
    async () => {
      await fc.assert(
        fc.asyncProperty(arbitraryArrival, async ({ history, batches }) => {
          const receiver = open(memoryStore())
          for (const { deliveries } of batches) {
            await Promise.all(deliveries.map((each) => deliver(receiver, each)))
          }
          expect(await ask(receiver)).toEqual(await expected(history))
        }),
        { numRuns: RUNS },
      )
    },
    TIMEOUT_MS,
  )

  it(
    'answers the same over SQLite, with failed commits and restarts between',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'firma-map-'))
      let files = 0
      await fc.assert(
        fc.asyncProperty(arbitraryArrival, async ({ history, batches }) => {
          files += 1
          const path = join(folder, `${files}.db`)
          let store = sqliteStore({ path })
          let receiver = open(store)
          for (const { deliveries, accident } of batches) {
            if (accident === 'rollback') {
              const cut = open(withPowerCut(store))
              await Promise.allSettled(deliveries.map((each) => deliver(cut, each)))
            }
            await Promise.all(deliveries.map((each) => deliver(receiver, each)))
            if (accident !== 'restart') continue
            await store.close()
            store = sqliteStore({ path })
            receiver = open(store)
          }
          expect(await ask(receiver)).toEqual(await expected(history))
          await store.close()
          for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
        }),
        { numRuns: Math.ceil(RUNS / 4) },
      )
      rmSync(folder, { recursive: true, force: true })
    },
    TIMEOUT_MS,
  )

  it(
    'answers the same over PostgreSQL, with failed commits and several processes',
    async () => {
      const database = await openTestDatabase()
      const pools = [database.pool, database.openPool()]
      let stores = 0
      await fc.assert(
        fc.asyncProperty(arbitraryArrival, async ({ history, batches }) => {
          stores += 1
          const tablePrefix = `map${stores}_`
          const [store, other] = pools.map((pool) => postgresStore({ pool, tablePrefix }))
          if (store === undefined || other === undefined) throw new TypeError('two were opened')
          let receiver = open(store)
          for (const { deliveries, accident } of batches) {
            if (accident === 'rollback') {
              const cut = open(withPowerCut(store))
              await Promise.allSettled(deliveries.map((each) => deliver(cut, each)))
            }
            await Promise.all(deliveries.map((each) => deliver(receiver, each)))
            if (accident === 'restart') receiver = open(other)
          }
          expect(await ask(receiver)).toEqual(await expected(history))
        }),
        { numRuns: Math.ceil(RUNS / 10) },
      )
      await database.close()
    },
    TIMEOUT_MS,
  )

  it(
    'has every alias in exactly one connection of its environment, and never guesses',
    async () => {
      await fc.assert(
        fc.asyncProperty(arbitraryDeliveries(), async (history) => {
          const receiver = open(memoryStore())
          for (const delivery of history) await deliver(receiver, delivery)
          for (const { environment } of secrets) {
            for (const userId of USER_IDS) {
              const connection = await receiver.resolve(userId, { environment })
              if (connection === undefined) continue
              expect(connection.aliases).toContain(userId)
              for (const alias of connection.aliases) {
                expect(await receiver.resolve(alias, { environment })).toEqual(connection)
              }
              // Candidates are other connections, and reported ones are left as they are.
              expect(connection.ambiguousWith ?? []).not.toContain(connection.lineageId)
              for (const lineageId of connection.ambiguousWith ?? []) {
                const other = await receiver.findLineage(lineageId, { environment })
                expect(other?.lineageId).toBe(lineageId)
              }
            }
          }
        }),
        { numRuns: RUNS },
      )
    },
    TIMEOUT_MS,
  )
})
