import { findEventUserId, parseEvent, type Event } from './core/event.ts'
import { findConnection, type EnvironmentConnection } from './connections.ts'
import { PENDING_STALE_MS } from './inbox.ts'
import type { toReporter } from './report-error.ts'
import type { RetryPolicy } from './retry.ts'
import type { AppTransactions, DueClaim, HandlerState, InboxEvent, ReceiverStore } from './store.ts'

/** What the app's handler is told beside the event. */
export interface EventContext<Tx = undefined> {
  /** Whose event it is; `undefined` when it names no user that is known. */
  connection: EnvironmentConnection | undefined
  /** `X-Terra-Trace-Id`, else `webhook-id`; `undefined` when the sender gave neither. */
  traceId: string | undefined
  /** Unique per environment, the same at every call for one event: the key for being idempotent. */
  eventKey: string
  /** Label of the environment whose secret signed it; empty without one. */
  environment: string
  /** Whether the sender says that it sends an old event again. */
  isReplay: boolean
  /** Calls for this event, this one included, from 1. */
  attempt: number
  /**
   * The app's transaction, in which the event is marked as handled: what is written through it takes effect exactly once.
   * `undefined` unless the receiver was made with `transactions`.
   */
  tx: Tx
}

/**
 * The app's own work for an event. Called after the event is committed, at least once; one call at a time per `user_id` and process, in the
 * order of acceptance. With `transactions`, what it writes through `context.tx` is committed together with the mark that it ran, and takes effect exactly once.
 *
 * When it throws, its transaction is rolled back, the event is kept as `failed`, and it is called again by `start()`, by `retryFailed()`, or when the sender
 * repeats the event.
 */
export type OnEvent<Tx = undefined> = (
  event: Event,
  context: EventContext<Tx>,
) => void | Promise<void>

/** What became of handing an event over. */
export type DispatchResult = 'done' | 'failed' | 'dead' | 'skipped'

/** What holds an event back; see `ReceiverOptions.order`. */
export type HandlerOrder = 'user' | 'lineage'

/** What a {@link Dispatcher} works with. */
export interface DispatcherOptions<Tx> {
  store: ReceiverStore
  onEvent: OnEvent<Tx>
  transactions: AppTransactions<Tx> | undefined
  order: HandlerOrder
  retry: RetryPolicy
  clock: () => number
  report: ReturnType<typeof toReporter>
}

const ERROR_LENGTH_MAX = 500
const PAGE_EVENTS = 100
/** Events that are taken from the store at once, and handed over side by side where they are of different users. */
const CLAIM_EVENTS_MAX = 8
const READ = { kind: 'read' } as const
const CHANGE = { kind: 'event' } as const

/** Hands events to the app, in order per user, and notes what became of it. */
export class Dispatcher<Tx = undefined> {
  readonly #options: DispatcherOptions<Tx>
  readonly #tails = new Map<string, Promise<unknown>>()
  readonly #inFlight = new Set<number>()
  readonly #askedAgain = new Set<number>()

  constructor(options: DispatcherOptions<Tx>) {
    this.#options = options
  }

  /**
   * Hands over one event, and in the same turn what was parked for the users that it made known: what is accepted later waits
   * for all of it. Rejects only when the store does.
   */
  async dispatch(row: InboxEvent, knownUserIds: readonly string[] = []): Promise<DispatchResult> {
    // The same event, sent twice at once, is handed over once.
    if (this.#inFlight.has(row.seq)) {
      this.#askedAgain.add(row.seq)
      return 'skipped'
    }
    this.#inFlight.add(row.seq)
    let result: DispatchResult
    try {
      const event = parseEvent(row.body)
      const turns = [...toTurns(row, event), ...toUserTurns(row.environment, knownUserIds)]
      result = await this.#inTurn(turns, async () => {
        const first = await this.#call(row, event)
        if (knownUserIds.length === 0) return first
        await this.#drain(row.environment, knownUserIds, row.seq)
        // In strict order the parked ones come first, being older.
        return first === 'skipped' ? this.#call(row, event) : first
      })
    } finally {
      this.#inFlight.delete(row.seq)
    }
    const isAskedAgain = this.#askedAgain.delete(row.seq)
    // What held it back may have ended after this call looked.
    if (result === 'skipped') return isAskedAgain ? this.dispatch(row) : result
    if (this.#options.order === 'lineage' && result !== 'failed') await this.#dispatchNext(row)
    return result
  }

  /** Hands over what was parked for users, in the order of acceptance, and in one turn of theirs. */
  async dispatchParked(environment: string, userIds: readonly string[]): Promise<void> {
    if (userIds.length === 0) return
    const turns = toUserTurns(environment, userIds)
    const last = await this.#inTurn(turns, () => this.#drain(environment, userIds, Infinity))
    if (this.#options.order === 'lineage' && last !== undefined) await this.#dispatchNext(last)
  }

  /** Calls the handler for what waits of these users, inside their turn; returns the last one. */
  async #drain(
    environment: string,
    userIds: readonly string[],
    beforeSeq: number,
  ): Promise<InboxEvent | undefined> {
    let last: InboxEvent | undefined
    let afterSeq = 0
    for (;;) {
      const filter = { environment, userIds, handlerStates: ['pending'] } as const
      const rows = await this.#options.store.transaction(
        (tx) => tx.listEvents({ ...filter, afterSeq, limit: PAGE_EVENTS }),
        READ,
      )
      for (const row of rows) {
        if (row.seq >= beforeSeq) return last
        afterSeq = row.seq
        // It has a turn of its own, after this one; or it was tried before, and whoever tries it again has claimed it.
        if (this.#inFlight.has(row.seq) || row.attempts > 0) continue
        this.#inFlight.add(row.seq)
        try {
          const event = parseEvent(row.body)
          const result = await this.#call(row, event)
          const isAskedAgain = this.#askedAgain.delete(row.seq)
          // What held it back may have ended after this call looked.
          if (result === 'skipped' && isAskedAgain) await this.#call(row, event)
        } finally {
          this.#inFlight.delete(row.seq)
          this.#askedAgain.delete(row.seq)
        }
        last = row
      }
      if (rows.length < PAGE_EVENTS) return last
    }
  }

  /** Hands over again what failed, and what a process accepted and did not live to hand over; at most `limit`. */
  async retry(limit: number): Promise<{ done: number; failed: number }> {
    const counts = { done: 0, failed: 0 }
    const tried: number[] = []
    // Little at once, as the claim of an event may end before its turn comes. By the time that they are due: what keeps failing does not stand before the others.
    while (tried.length < limit) {
      const some = Math.min(CLAIM_EVENTS_MAX, limit - tried.length)
      const claim = { limit: some, isFailedIncluded: true, exceptSeqs: tried }
      const { seqs, results } = await this.#dispatchDue(claim)
      tried.push(...seqs)
      for (const result of results) {
        if (result !== 'skipped') counts[result === 'done' ? 'done' : 'failed'] += 1
      }
      if (seqs.length < some) break
    }
    return counts
  }

  /** Hands over one event again, when nobody is at it. */
  async retryOne(seq: number): Promise<DispatchResult> {
    const { store, clock } = this.#options
    const nowMs = clock()
    const claim = {
      seq,
      nowMs,
      untilMs: nowMs + PENDING_STALE_MS,
      limit: 1,
      isFailedIncluded: true,
    }
    const [row] = await store.transaction((tx) => tx.claimDue(claim), CHANGE)
    return row === undefined ? 'skipped' : this.dispatch(row)
  }

  /** Hands over some of what is due by the schedule; resolves with whether there is probably more. */
  async retryDue(): Promise<boolean> {
    const { seqs } = await this.#dispatchDue({ limit: CLAIM_EVENTS_MAX })
    return seqs.length === CLAIM_EVENTS_MAX
  }

  /** Takes what is due, and hands it over side by side. Rejects when the store does. */
  async #dispatchDue(
    which: Omit<DueClaim, 'nowMs' | 'untilMs'>,
  ): Promise<{ seqs: number[]; results: DispatchResult[] }> {
    const { store, clock } = this.#options
    const nowMs = clock()
    const claim = { ...which, nowMs, untilMs: nowMs + PENDING_STALE_MS }
    const rows = await store.transaction((tx) => tx.claimDue(claim), CHANGE)
    const settled = await Promise.allSettled(rows.map((row) => this.dispatch(row)))
    const results = settled.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
    return { seqs: rows.map(({ seq }) => seq), results }
  }

  /** Hands over an event whatever became of it before, with all attempts before it again. */
  async replay(seq: number): Promise<DispatchResult> {
    const { store, clock } = this.#options
    const row = await store.transaction(async (tx) => {
      const [found] = await tx.listEvents({ afterSeq: seq - 1, limit: 1 })
      if (found?.seq !== seq || found.handlerState === 'parked') return undefined
      const atMs = clock()
      const dueAtMs = atMs + PENDING_STALE_MS
      const again = { state: 'pending', attemptsAdded: -found.attempts, error: undefined } as const
      await tx.setHandlerState({ seq, atMs, dueAtMs, ...again })
      return found
    }, CHANGE)
    return row === undefined ? 'skipped' : this.dispatch(row)
  }

  /** Waits for every turn before it, and holds back those after it, for each of its keys. */
  async #inTurn<T>(keys: readonly string[], fn: () => Promise<T>): Promise<T> {
    const before = [...new Set(keys)].flatMap((key) => this.#tails.get(key) ?? [])
    const turn = before.length === 0 ? fn() : Promise.allSettled(before).then(fn)
    for (const key of keys) this.#tails.set(key, turn)
    try {
      return await turn
    } finally {
      for (const key of keys) if (this.#tails.get(key) === turn) this.#tails.delete(key)
    }
  }

  async #call(row: InboxEvent, event: Event): Promise<DispatchResult> {
    const { environment, eventKey, userId, seq } = row
    const { current, connection, isHeldBack } = await this.#options.store.transaction(
      async (tx) => {
        const found =
          userId === undefined ? undefined : await findConnection(tx, environment, userId)
        const userIds = found?.aliases
        const unfinished =
          this.#options.order === 'user' || userIds === undefined
            ? []
            : await tx.listEvents({ environment, userIds, handlerStates: UNFINISHED, limit: 1 })
        return {
          current: await tx.findEvent(environment, eventKey),
          connection: found,
          isHeldBack: unfinished.some((earlier) => earlier.seq < seq),
        }
      },
      READ,
    )
    // The row that we were given may be older than a call that has succeeded since.
    if (current === undefined || !UNFINISHED.includes(current.handlerState)) return 'skipped'
    if (isHeldBack) return 'skipped'
    const context = {
      connection,
      traceId: row.traceId,
      eventKey,
      environment,
      isReplay: row.headers['x-firma-replay-of'] !== undefined,
      attempt: current.attempts + 1,
    }
    try {
      return (await this.#run(event, context, seq)) ? 'done' : 'skipped'
    } catch (error) {
      return this.#fail(current, error)
    }
  }

  /** Whether the handler ran. Rejects with what it threw, or with what its transaction did. */
  async #run(event: Event, context: Omit<EventContext, 'tx'>, seq: number): Promise<boolean> {
    const { store, onEvent, transactions, clock } = this.#options
    if (transactions === undefined) {
      // There is no transaction, and its type says so.
      await Reflect.apply(onEvent, undefined, [event, { ...context, tx: undefined }])
      const done = {
        state: 'done',
        attemptsAdded: 1,
        error: undefined,
        dueAtMs: undefined,
      } as const
      await store.transaction((tx) => tx.setHandlerState({ seq, atMs: clock(), ...done }), CHANGE)
      return true
    }
    if (store.handleInAppTransaction === undefined) {
      throw new TypeError('this store shares no database, so its receiver cannot have transactions')
    }
    return store.handleInAppTransaction(transactions, { seq, atMs: clock() }, async (tx) =>
      onEvent(event, { ...context, tx }),
    )
  }

  async #fail(row: InboxEvent, thrown: unknown): Promise<DispatchResult> {
    const { store, retry, clock, report } = this.#options
    const { seq, attempts, type, traceId, environment } = row
    report(thrown, { during: 'handler', seq, type, traceId, environment })
    const atMs = clock()
    const state = attempts + 1 >= retry.attemptsMax ? 'dead' : 'failed'
    const dueAtMs = state === 'dead' ? undefined : atMs + retry.toDelayMs(attempts + 1)
    const error = String(thrown).slice(0, ERROR_LENGTH_MAX)
    const update = { seq, state, atMs, dueAtMs, attemptsAdded: 1, error } as const
    await store.transaction((tx) => tx.setHandlerState(update), CHANGE)
    return state
  }

  /** In strict order: what waited for this event goes on, with the next one that was not tried yet. */
  async #dispatchNext({ environment, userId, seq }: InboxEvent): Promise<void> {
    if (userId === undefined) return
    const next = await this.#options.store.transaction(async (tx) => {
      const connection = await findConnection(tx, environment, userId)
      const userIds = connection?.aliases ?? [userId]
      const waiting = { handlerStates: ['pending'], afterSeq: seq, limit: 1 } as const
      return tx.listEvents({ environment, userIds, ...waiting })
    }, READ)
    // One that was tried before is with whoever has claimed it, who goes on from there.
    for (const row of next) if (row.attempts === 0) await this.dispatch(row)
  }
}

const UNFINISHED: readonly HandlerState[] = ['pending', 'failed']

/** An event waits for those about the same users; a replacement is about two, and keeps what is about the old one before what is about the new one. */
function toTurns({ environment, userId }: InboxEvent, event: Event): string[] {
  const old = event.kind === 'user_reauth' ? event.oldUser?.userId : undefined
  const named = [userId ?? findEventUserId(event), old].filter((each) => each !== undefined)
  return toUserTurns(environment, named)
}

function toUserTurns(environment: string, userIds: readonly string[]): string[] {
  return userIds.map((userId) => JSON.stringify([environment, userId]))
}
