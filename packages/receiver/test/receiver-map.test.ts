// The promise of the map, at the level of a receiver with its store: whatever arrives, in whatever order, cut however, with whatever
// crashes between, the answers are those of the set of events. RECEIVER_MAP_RUNS raises the number of histories.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createReceiver } from '../src/receiver.ts'
import type { Receiver } from '../src/receiver-api.ts'
import type { ReceiverStore } from '../src/store.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { postgresStore } from '../src/stores/postgres.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { arbitraryDeliveries, type TestDelivery } from './histories.ts'
import { openTestDatabase } from './postgres.ts'
import { NOW_MS, sign } from './send.ts'

const RUNS = Number(process.env['RECEIVER_MAP_RUNS'] ?? 200)
const TIMEOUT_MS = 20_000 + RUNS * 200
const USER_IDS = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']
const secrets = ['live', 'testing'].map((environment) => ({ secret: environment, environment }))

/** What happens to a batch of deliveries that arrive at once. */
interface Batch {
  deliveries: TestDelivery[]
  /** `rollback`: the commit fails, and all are sent again; `restart`: the process ends after it and a new one opens the store. */
  accident: 'none' | 'rollback' | 'restart'
}

const arbitraryArrival = arbitraryDeliveries().chain((history) =>
  fc.record({
    history: fc.constant(history),
    batches: fc
      .record({
        // Every event at least once, any of them again, in any order.
        all: fc.shuffledSubarray(history, { minLength: history.length }),
        again: fc.shuffledSubarray(history),
        mix: fc.boolean(),
        cuts: fc.array(fc.nat(history.length * 2), { maxLength: 6 }),
        accidents: fc.array(fc.constantFrom('none', 'rollback', 'restart'), {
          minLength: 7,
          maxLength: 7,
        }),
      })
      .map(({ all, again, mix, cuts, accidents }): Batch[] => {
        const arrived = mix ? [...again, ...all] : [...all, ...again]
        const ends = [0, ...cuts.toSorted((a, b) => a - b), arrived.length]
        return ends.slice(1).map((end, i) => ({
          deliveries: arrived.slice(ends[i], end),
          accident:
            accidents[i] === 'rollback' || accidents[i] === 'restart' ? accidents[i] : 'none',
        }))
      }),
  }),
)

const open = (store: ReceiverStore): Receiver =>
  createReceiver({ secrets, store, clock: () => NOW_MS, onError: () => undefined })

async function deliver(receiver: Receiver, { body, ...rest }: TestDelivery): Promise<void> {
  const { orderingMs, environment, traceId } = rest
  const headers = {
    'X-Terra-Trace-Id': traceId,
    'X-Terra-Ordering-Timestamp': String(orderingMs ?? ''),
  }
  await receiver.receive(await sign(body, headers, environment))
}

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

/** Everything that can be asked. */
async function ask(receiver: Receiver): Promise<unknown> {
  const answers: unknown[] = []
  for (const { environment } of secrets) {
    for (const userId of USER_IDS) {
      const connection = await receiver.resolve(userId, { environment })
      answers.push(connection)
      if (connection === undefined) continue
      const { lineageId } = connection
      expect(await receiver.findLineage(lineageId, { environment })).toEqual(connection)
      expect(await receiver.findLineage(`lin_${userId}`, { environment })).toEqual(connection)
    }
  }
  for (const referenceId of ['tony', 'pepper']) {
    const all = await receiver.findByReferenceId(referenceId)
    for (const provider of ['GARMIN', 'FITBIT']) {
      const some = await receiver.findByReferenceId(referenceId, { provider })
      expect(some).toEqual(all.filter((connection) => connection.provider === provider))
    }
    answers.push(all)
  }
  return answers
}

async function expected(history: readonly TestDelivery[]): Promise<unknown> {
  const receiver = open(memoryStore())
  for (const delivery of history) await deliver(receiver, delivery)
  return ask(receiver)
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
