import { parseEvent, type Event } from './core/event.ts'
import { findConnection, type EnvironmentConnection } from './inbox.ts'
import type { InboxEvent, ReceiverStore } from './store.ts'

/** What the app's handler is told beside the event. */
export interface EventContext {
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
}

/**
 * The app's own work for an event. Called after the commit, at least once; one call at a time per `user_id` and process, in the order of acceptance.
 *
 * When it throws, the event is kept as `failed` and is handed over again by `retryFailed()`, or when its sender repeats it.
 */
export type OnEvent = (event: Event, context: EventContext) => void | Promise<void>

/** What became of handing an event over. */
export type DispatchResult = 'done' | 'failed' | 'skipped'

/** How long a `pending` event belongs to the process that accepted it, in milliseconds; then any process may hand it over. */
export const PENDING_STALE_MS = 60_000
const ERROR_LENGTH_MAX = 500
const PAGE_EVENTS = 100

/** Hands events to the app, in order per user, and notes what became of it. */
export class Dispatcher {
  readonly #store: ReceiverStore
  readonly #onEvent: OnEvent
  readonly #clock: () => number
  readonly #tails = new Map<string, Promise<unknown>>()
  readonly #inFlight = new Set<number>()

  constructor(store: ReceiverStore, onEvent: OnEvent, clock: () => number) {
    this.#store = store
    this.#onEvent = onEvent
    this.#clock = clock
  }

  /** Hands over one event. Rejects only when the store does. */
  async dispatch(row: InboxEvent): Promise<DispatchResult> {
    // The same event, sent twice at once, is handed over once.
    if (this.#inFlight.has(row.seq)) return 'skipped'
    this.#inFlight.add(row.seq)
    try {
      if (row.userId === undefined) return await this.#call(row)
      return await this.#inTurn(JSON.stringify([row.environment, row.userId]), () =>
        this.#call(row),
      )
    } finally {
      this.#inFlight.delete(row.seq)
    }
  }

  /** Hands over what was parked for a user, in the order of acceptance. */
  async dispatchParked(environment: string, userId: string): Promise<void> {
    let afterSeq = 0
    for (;;) {
      const rows = await this.#store.transaction((tx) =>
        tx.listEvents({
          environment,
          userIds: [userId],
          handlerStates: ['pending'],
          afterSeq,
          limit: PAGE_EVENTS,
        }),
      )
      for (const row of rows) {
        await this.dispatch(row)
        afterSeq = row.seq
      }
      if (rows.length < PAGE_EVENTS) return
    }
  }

  /** Hands over again what failed, and what a process accepted and did not live to hand over; at most `limit`. */
  async retry(limit: number): Promise<{ done: number; failed: number }> {
    const counts = { done: 0, failed: 0 }
    const staleBeforeMs = this.#clock() - PENDING_STALE_MS
    const rows = await this.#store.transaction(async (tx) => {
      const failed = await tx.listEvents({ handlerStates: ['failed'], limit })
      const stale = { handlerStates: ['pending'], handlerStateBeforeMs: staleBeforeMs } as const
      return [...failed, ...(await tx.listEvents({ ...stale, limit }))]
    })
    rows.sort((a, b) => a.seq - b.seq)
    for (const row of rows.slice(0, limit)) {
      const result = await this.dispatch(row)
      if (result !== 'skipped') counts[result] += 1
    }
    return counts
  }

  async #inTurn<T>(key: string, fn: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const turn = before === undefined ? fn() : before.then(fn, fn)
    this.#tails.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.#tails.get(key) === turn) this.#tails.delete(key)
    }
  }

  async #call(row: InboxEvent): Promise<DispatchResult> {
    const { environment, eventKey, userId } = row
    const event = parseEvent(row.body)
    const { current, connection } = await this.#store.transaction(async (tx) => ({
      current: await tx.findEvent(environment, eventKey),
      connection: userId === undefined ? undefined : await findConnection(tx, environment, userId),
    }))
    // The row that we were given may be older than a call that has succeeded since.
    if (current === undefined || current.handlerState === 'done') return 'skipped'
    let error: string | undefined
    try {
      await this.#onEvent(event, {
        connection,
        traceId: row.traceId,
        eventKey,
        environment,
        isReplay: row.headers['x-firma-replay-of'] !== undefined,
        attempt: current.attempts + 1,
      })
    } catch (thrown) {
      error = String(thrown).slice(0, ERROR_LENGTH_MAX)
    }
    const state = error === undefined ? 'done' : 'failed'
    const update = { seq: row.seq, state, atMs: this.#clock(), attemptsAdded: 1, error } as const
    await this.#store.transaction((tx) => tx.setHandlerState(update))
    return state
  }
}
