import { acceptEvent, toExpectedReads, type Acceptance, type IncomingEvent } from './inbox.ts'
import type { ExpectedReads, ReceiverStore, StoreTransaction } from './store.ts'

/** Most events in one transaction. */
const BATCH_EVENTS_MAX = 256
/** Most bytes of bodies in one transaction, unless a single event has more: what a store copies at once. */
const BATCH_BYTES_MAX = 4 * 1_024 * 1_024

interface Waiting {
  incoming: IncomingEvent
  resolve(acceptance: Acceptance): void
  reject(error: unknown): void
}

/**
 * Commits once for everything that arrived in one turn of the event loop, or while the last commit was under way: a durable
 * commit costs a disk flush, whatever is in it. There is no time window, so a single event does not wait for company.
 */
export class AcceptQueue {
  readonly #store: ReceiverStore
  readonly #waiting: Waiting[] = []
  #isRunning = false

  constructor(store: ReceiverStore) {
    this.#store = store
  }

  /** Resolves after the commit. Rejects with the store's error, and then nothing of this event is stored. */
  accept(incoming: IncomingEvent): Promise<Acceptance> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ incoming, resolve, reject })
      if (this.#isRunning) return
      this.#isRunning = true
      // After the callbacks of this turn, in which more events may arrive. Runtimes without it lose the batching only.
      if (typeof setImmediate === 'function') setImmediate(() => void this.#drain())
      else void this.#drain()
    })
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) await this.#commit(this.#takeBatch())
    this.#isRunning = false
  }

  #takeBatch(): Waiting[] {
    let count = 0
    let bytes = 0
    for (const { incoming } of this.#waiting) {
      bytes += incoming.body.length
      if (count === BATCH_EVENTS_MAX || (count > 0 && bytes > BATCH_BYTES_MAX)) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    try {
      const expected = (): Promise<ExpectedReads> =>
        toExpectedReads(batch.map(({ incoming }) => incoming))
      const accept = async (tx: StoreTransaction): Promise<Acceptance[]> => {
        const done: Acceptance[] = []
        for (const { incoming } of batch) done.push(await acceptEvent(tx, incoming))
        return done
      }
      const acceptances = await this.#store.transaction(accept, { kind: 'map', expected })
      for (const [i, acceptance] of acceptances.entries()) batch[i]?.resolve(acceptance)
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error)
      // One event that the database refuses must not cost the others their acceptance.
      else for (const each of batch) await this.#commit([each])
    }
  }
}
