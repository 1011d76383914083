/** A delivery worker with a real store and real HTTP, and nothing of the hub around it. */
import { onTestFinished, vi } from 'vitest'
import type { Log } from '../../src/deps.ts'
import { createCourier } from '../../src/delivery/courier.ts'
import { createCourierThreads } from '../../src/delivery/courier-threads.ts'
import { type Sender, createSender } from '../../src/delivery/send.ts'
import { createUrlGuard } from '../../src/delivery/url-guard.ts'
import { type DeliveryWorker, startDeliveryWorker } from '../../src/delivery/worker.ts'
import { Metrics } from '../../src/metrics.ts'
import { announce } from '../../src/operations/announce.ts'
import { Redacted } from '../../src/secret.ts'
import type { Attempt } from '../../src/store/attempts.ts'
import type { Delivery } from '../../src/store/deliveries.ts'
import type { ClaimedDelivery } from '../../src/store/delivery-claims.ts'
import type { Destination } from '../../src/store/destinations.ts'
import { type Store, openPostgresStore, openSqliteStore } from '../../src/store/open.ts'
import { createIds, systemRandom } from '../../src/system.ts'
import { createTestSealer } from './describe-store.ts'
import { type Ledger, readLedger, readLedgerBy } from './ledger.ts'
import { openTestSchema } from './postgres.ts'
import { ENVIRONMENT_ID, addEnvironments, destinationRow } from './store-rows.ts'
import { type TestApp, startTestApp } from './test-app.ts'
import { TestClock } from './test-clock.ts'
import { openTestSqlite, wrapPostgres } from './test-database.ts'

export interface DeliveryLab {
  readonly store: Store
  /** By other queries than the hub's own; on PostgreSQL, nothing may go on meanwhile. */
  secondLedger(): Promise<Ledger>
  readonly clock: TestClock
  /** Messages that were logged as warnings or errors. */
  readonly logged: string[]
  /** Starts a worker, as a process would; more than one share the store. */
  startWorker(sender?: Sender): DeliveryWorker
  /** A destination with an app of its own behind it. */
  addApp(id: string, change?: Partial<Destination>): Promise<TestApp>
  /**
   * Announces an event of a lineage to whoever wants it; its body says which it is.
   *
   * @returns Its id.
   */
  announce(name: string, lineageId: string, type?: string): Promise<string>
  /** Moves time in steps, so that the worker acts when it is due. */
  advanceByMs(worker: DeliveryWorker, ms: number): Promise<void>
  /** What became of an event at a destination. */
  delivery(eventId: string, destinationId: string): Promise<Delivery>
  attempts(eventId: string, destinationId: string): Promise<Attempt[]>
  /** Actions that were recorded for the operator, in order. */
  audited(): Promise<string[]>
  /** Enables a destination, as an operator does. */
  enable(destinationId: string): Promise<void>
  /** Claims what is due at every destination, as a process would that ends then. The lease lasts 35 s. */
  claimAndDie(limit?: number, claimId?: string): Promise<ClaimedDelivery[]>
  /** When something at an enabled destination is due or a lease ends; undefined when there is neither. */
  nextDueAtMs(): Promise<number | undefined>
}

/** As long as a worker's own lease. */
const LEASE_MS = 35_000
const ALLOWED_RANGES = ['127.0.0.0/8']

export interface LabOptions {
  /** Where the jitter is in its range; nearly 1 makes delays as long as they can be. */
  readonly fraction?: () => number
  /** Threads that send; none by default. */
  readonly senderThreads?: number
  /** Default SQLite. */
  readonly engine?: LabEngine
}

export type LabEngine = 'SQLite' | 'PostgreSQL'

interface LabStore extends Pick<DeliveryLab, 'store' | 'secondLedger'> {
  close(): Promise<void>
}

async function openStore(engine: LabEngine, nowMs: number): Promise<LabStore> {
  const options = { sealer: createTestSealer(), nowMs }
  if (engine === 'SQLite') {
    const sqlite = await openTestSqlite()
    const store = await openSqliteStore(sqlite, options)
    const close = async (): Promise<void> => {
      await store.close()
      await sqlite.close()
    }
    return { store, secondLedger: async () => await readLedger(sqlite), close }
  }
  const schema = await openTestSchema()
  const store = await openPostgresStore(schema.url, options)
  const database = wrapPostgres(schema)
  const close = async (): Promise<void> => {
    await store.close()
    await database.close()
    await schema.drop()
  }
  return { store, secondLedger: async () => await readLedgerBy(database.rows), close }
}

/** Closes itself when the test has finished. */
export async function createDeliveryLab(options: LabOptions = {}): Promise<DeliveryLab> {
  const clock = new TestClock()
  const logged: string[] = []
  const record: Log['warn'] = (_fields, message) => void logged.push(message)
  const log: Log = { info: () => undefined, warn: record, error: record }
  const { store, secondLedger, close } = await openStore(options.engine ?? 'SQLite', clock.nowMs())
  const random = { ...systemRandom, fraction: options.fraction ?? (() => 0.5) }
  const deps = { clock, timer: clock, random, ids: createIds(clock, systemRandom), log, store }
  await addEnvironments(store)
  const apps: TestApp[] = []
  const workers: (() => Promise<void>)[] = []
  onTestFinished(async () => {
    // The apps first: whatever hangs there ends with them, and the workers have nothing to wait for.
    for (const app of apps) await app.close()
    for (const stop of workers) await stop()
    await close()
  })

  const delivery: DeliveryLab['delivery'] = async (eventId, destinationId) => {
    const found = (await store.deliveries.listOfEvents([eventId])).find(
      (one) => one.destinationId === destinationId,
    )
    if (found === undefined) throw new Error(`event ${eventId} is not owed to ${destinationId}`)
    return found
  }
  return {
    store,
    secondLedger,
    clock,
    logged,
    delivery,
    startWorker(sender = createSender(createUrlGuard(ALLOWED_RANGES))) {
      const fallback = createCourier(sender)
      const { senderThreads = 0 } = options
      const courier =
        senderThreads === 0
          ? fallback
          : createCourierThreads({ ...deps, fallback }, senderThreads, {
              allowedRanges: ALLOWED_RANGES,
            })
      const worker = startDeliveryWorker({
        ...deps,
        courier,
        metrics: new Metrics(),
        announce: announce.bind(null, deps),
      })
      workers.push(async () => {
        await worker.stop()
        await courier.close()
      })
      worker.wake()
      return worker
    },
    async addApp(id, change = {}) {
      const app = await startTestApp()
      apps.push(app)
      await store.destinations.add(
        destinationRow({ id, url: app.url, secret: new Redacted(`secret of ${id}`), ...change }),
      )
      return app
    },
    async announce(name, lineageId, type = 'auth') {
      const { eventIds } = await store.transaction(
        async (tx) =>
          await announce(
            deps,
            tx,
            {
              environmentId: ENVIRONMENT_ID,
              lineageId,
              orderKey: lineageId,
              lastOrderingMs: 0,
            },
            [
              {
                type,
                userId: 'user-1',
                referenceId: 'tony_stark',
                provider: 'GARMIN',
                body: JSON.stringify({ type, name, lineage: lineageId }),
              },
            ],
          ),
      )
      return String(eventIds[0])
    },
    async advanceByMs(worker, ms) {
      const endMs = clock.nowMs() + ms
      for (;;) {
        await worker.idle()
        const nextMs = clock.nextTimerMs
        if (nextMs === undefined || nextMs > endMs) break
        clock.moveTo(nextMs)
      }
      clock.moveTo(endMs)
      await worker.idle()
    },
    async audited() {
      const { entries } = await store.audit.list(ENVIRONMENT_ID, {}, { limit: 1_000 })
      return entries.map(({ action }) => action).toReversed()
    },
    async enable(destinationId) {
      await store.destinations.enable(destinationId, clock.nowMs())
      await store.deliveries.makeDue(destinationId, clock.nowMs())
    },
    async claimAndDie(limit = 64, id = 'dead') {
      const nowMs = clock.nowMs()
      const due = await store.deliveries.listDue()
      const ids = new Set(due.map(({ destinationId }) => destinationId))
      const wants = [...ids].map((destinationId) => ({ destinationId, limit }))
      return await store.deliveries.claimDue({ id, nowMs, untilMs: nowMs + LEASE_MS, wants })
    },
    async nextDueAtMs() {
      const due = await store.deliveries.listDue()
      const states = await store.destinations.listStates(due.map((one) => one.destinationId))
      const openAtMs = new Map(
        states.flatMap(({ id, status, quietUntilMs, stateQuietUntilMs }) =>
          status === 'enabled' ? [[id, [stateQuietUntilMs ?? 0, quietUntilMs ?? 0]]] : [],
        ),
      )
      const times = due.flatMap((one) => {
        const fromMs = openAtMs.get(one.destinationId)?.[Number(one.isData)]
        return fromMs === undefined ? [] : [Math.max(one.dueAtMs, fromMs)]
      })
      const leaseEndMs = await store.deliveries.freeExpired(clock.nowMs())
      const nextMs = Math.min(...times, leaseEndMs ?? Infinity)
      return nextMs === Infinity ? undefined : nextMs
    },
    async attempts(eventId, destinationId) {
      const { id } = await delivery(eventId, destinationId)
      return await store.attempts.list([id], 1_000)
    },
  }
}

/** Names of the events that an app has got, in the order of arrival. */
export function namesOf(app: TestApp): string[] {
  return app.received.map(({ event }) => String(event['name']))
}

/** Waits until something is so, however long that takes on this machine. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await condition())) throw new Error(`never came true: ${condition.toString()}`)
    },
    { timeout: 180_000, interval: 2 },
  )
}
