import { nextTurn } from './next-turn.ts'
import { acceptEvent, toExpectedReads, type Acceptance, type IncomingEvent } from './inbox.ts'
import { toSqliteResultCode } from './sqlite-result-code.ts'
import type { ExpectedReads, ReceiverStore, StoreTransaction } from './store.ts'

/** How to commit a batch that is not the first. */
interface CommitOptions {
  /** Settles with the batch before. */
  before?: Promise<unknown>
  /** See `TransactionOptions.onCommitting`. */
  onCommitting?: () => void
}

/** Most events in one transaction. */
const BATCH_EVENTS_MAX = 256
/** Most events in one transaction that is begun while another one is committed, unless half of all that wait and are under way is more. */
const OVERLAPPING_EVENTS = 16
/** Most bytes of bodies in one transaction, unless a single event has more: what a store copies at once. */
const BATCH_BYTES_MAX = 4 * 1_024 * 1_024

const MISSING_RESULT =
  "the store's transaction() did not resolve with what its function resolved with; return that"

/** Turns of the event loop that a commit waits at most while each brings more events. */
const GATHER_TURNS_MAX = 4

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
  /** Settles with the batch that was begun last. */
  #last: Promise<unknown> = Promise.resolve()
  /** Events of the batch that is being committed. */
  #underWay = 0
  /** Whether the store has let the next batch begin while one was being committed. */
  #isOverlapping = false

  constructor(store: ReceiverStore) {
    this.#store = store
  }

  /** Resolves after the commit. Rejects with the store's error, and then nothing of this event is stored. */
  accept(incoming: IncomingEvent): Promise<Acceptance> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ incoming, resolve, reject })
      if (this.#isRunning) return
      this.#isRunning = true
      void this.#drain()
    })
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather()
      // A store that can begins with the next batch while one is being committed. Whoever waits hears of them in their order.
      let begin = (): void => undefined
      const canBegin = new Promise<void>((resolve) => {
        begin = (): void => {
          this.#isOverlapping = true
          resolve()
        }
      })
      const before = this.#last
      const batch = this.#takeBatch()
      this.#last = this.#commit(batch, { before, onCommitting: begin })
      await Promise.race([canBegin, this.#last])
      await before
      this.#underWay = batch.length
    }
    this.#isRunning = false
  }

  /** Waits while every turn of the event loop brings more events: what is on its way shares the commit, and nothing waits for what is not. */
  async #gather(): Promise<void> {
    for (let turn = 0, count = 0; turn < GATHER_TURNS_MAX; turn += 1) {
      if (this.#waiting.length === count || this.#waiting.length >= this.#eventsMax()) return
      count = this.#waiting.length
      await nextTurn()
    }
  }

  /**
   * Most events of the next batch. Where two can overlap it is half of all there are: with everything in one batch, the database and this process would
   * take turns instead of working at the same time.
   */
  #eventsMax(): number {
    if (!this.#isOverlapping) return BATCH_EVENTS_MAX
    const half = Math.ceil((this.#waiting.length + this.#underWay) / 2)
    return Math.min(Math.max(half, OVERLAPPING_EVENTS), BATCH_EVENTS_MAX)
  }

  #takeBatch(): Waiting[] {
    const eventsMax = this.#eventsMax()
    let count = 0
    let bytes = 0
    for (const { incoming } of this.#waiting) {
      bytes += incoming.body.length
      if (count === eventsMax || (count > 0 && bytes > BATCH_BYTES_MAX)) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  /**
   * Resolves with the trouble of the database, when it has one that the next event would meet as well. Never rejects, and answers everybody: whatever a
   * store throws, and be it something that throws again when it is looked at, the queue goes on.
   */
  async #commit(
    batch: readonly Waiting[],
    options: CommitOptions = {},
  ): Promise<{ error: unknown } | undefined> {
    try {
      return await this.#tryCommit(batch, options)
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return { error }
    }
  }

  async #tryCommit(
    batch: readonly Waiting[],
    { before, onCommitting }: CommitOptions,
  ): Promise<{ error: unknown } | undefined> {
    // Whether the last thing that was tried is an event, and not to begin or to commit.
    let isInEvent = false
    try {
      const expected = (): ExpectedReads => toExpectedReads(batch.map(({ incoming }) => incoming))
      const accept = async (tx: StoreTransaction): Promise<Acceptance[]> => {
        isInEvent = true
        const done: Acceptance[] = []
        for (const { incoming } of batch) done.push(await acceptEvent(tx, incoming))
        isInEvent = false
        return done
      }
      const acceptances = await this.#store.transaction(accept, {
        kind: 'map',
        expected,
        ...(onCommitting === undefined ? {} : { onCommitting }),
      })
      await before
      if (acceptances?.length !== batch.length) throw new TypeError(MISSING_RESULT)
      for (const [i, acceptance] of acceptances.entries()) batch[i]?.resolve(acceptance)
    } catch (error) {
      await before
      const isBlamed = isEventToBlame(error, isInEvent)
      if (batch.length > 1 && isBlamed) await this.#commitEach(batch)
      else for (const { reject } of batch) reject(error)
      return isBlamed ? undefined : { error }
    }
    return undefined
  }

  /** One event that the database refuses must not cost the others their acceptance. */
  async #commitEach(batch: readonly Waiting[]): Promise<void> {
    let trouble: { error: unknown } | undefined
    for (const waiting of batch) {
      if (trouble === undefined) trouble = await this.#commit([waiting])
      else waiting.reject(trouble.error)
    }
  }
}

/** Primary result codes of SQLite about the database, and not about what is written: BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB. */
const SQLITE_TROUBLES = new Set([5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26])
/** Classes of PostgreSQL's codes that are about what is written: data exception, constraint violation, program limit exceeded. */
const SQLSTATE_OF_DATA = /^(?:22|23|54)...$/

/** Whether an event is why a transaction failed, and not the database, which has the same trouble with every other event. */
function isEventToBlame(error: unknown, isInEvent: boolean): boolean {
  const result = toSqliteResultCode(error)
  if (result !== undefined) return isInEvent && !SQLITE_TROUBLES.has(result)
  const code: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  // Node's own errors of wrong arguments are named so; those of sockets and of PostgreSQL are not.
  if (typeof code === 'string' && !code.startsWith('ERR_')) return SQLSTATE_OF_DATA.test(code)
  return isInEvent
}
