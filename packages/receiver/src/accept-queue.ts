import { acceptEvent, type Acceptance, type IncomingEvent } from './inbox.ts'
import type { ReceiverStore } from './store.ts'

/** Most events in one transaction. */
const BATCH_EVENTS_MAX = 256

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
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, BATCH_EVENTS_MAX))
    this.#isRunning = false
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    try {
      const acceptances = await this.#store.transaction(async (tx) => {
        const done: Acceptance[] = []
        for (const { incoming } of batch) done.push(await acceptEvent(tx, incoming))
        return done
      })
      for (const [i, acceptance] of acceptances.entries()) batch[i]?.resolve(acceptance)
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error)
      // One event that the database refuses must not cost the others their acceptance.
      else for (const each of batch) await this.#commit([each])
    }
  }
}
