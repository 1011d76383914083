/** What {@link Receiver} offers and takes. */
import type { Event } from './core/event.ts'
import type { SigningSecret, Tolerance } from './core/signature.ts'
import type { HandlerOrder, OnEvent } from './dispatcher.ts'
import type { EnvironmentConnection } from './connections.ts'
import type { ReceiverExtras } from './receiver-extras.ts'
import type { OnError } from './report-error.ts'
import type { OnRefused } from './report-refusal.ts'
import type { RequestHeaders } from './request-headers.ts'
import type { RetryOptions } from './retry.ts'
import type { StartOptions, Timers } from './retry-loop.ts'
import type { AppTransactions, HandlerState, InboxEvent, ReceiverStore } from './store.ts'

/** Settings of `createReceiver`. */
export interface ReceiverOptions<Tx = undefined> {
  /** Every signing secret that is live: several while one is replaced, and one per environment that sends here. */
  secrets: readonly (string | SigningSecret)[]
  /** Where events and connections are kept. */
  store: ReceiverStore
  /** Seconds that a signature's time may differ from ours in both directions; 300 by default, `'off'` for any time. */
  tolerance?: Tolerance
  /** Largest body that is accepted, in bytes; 10 MiB by default, the sender's own limit. */
  bodyBytesMax?: number
  /** The app's work for an event; see {@link OnEvent}. */
  onEvent?: OnEvent<Tx>
  /**
   * Runs `onEvent` in a transaction of the app's database library, handed over as `context.tx`, and marks the event as handled in the same one: the
   * handler's writes take effect exactly once. The store must be in the same database. See `firma-receiver/transactions`.
   */
  transactions?: AppTransactions<Tx>
  /**
   * What an event waits for before it is handed to `onEvent`. `user` (default): for calls that are under way in this process for the same `user_id`; an event that
   * failed holds nothing back. `lineage`: for all earlier events of its connection, under whatever `user_id` and in whatever process, until they are `done` or `dead`.
   */
  order?: HandlerOrder
  /** When `onEvent` is called again after it threw; see {@link RetryOptions}. */
  retry?: RetryOptions
  /**
   * Takes the call of `onEvent`, so that the answer does not wait for it: `ctx.waitUntil` of a worker, `after` of Next.js.
   * Without it the answer waits, because many hosts stop all work at the answer.
   */
  waitUntil?: (work: Promise<unknown>) => void
  /** Our time in epoch milliseconds; `Date.now` by default. */
  clock?: () => number
  /** Chance from 0 to 1 (excluded), for spreading retries; `Math.random` by default. */
  random?: () => number
  /** Timers for {@link Receiver.start}; the host's by default. */
  timers?: Timers
  /**
   * Told whenever storing or handling an event fails unexpectedly, and never of what a sender did wrong. By default a line is written with `console.error`,
   * without bodies and secrets.
   */
  onError?: OnError
  /**
   * Told of each request that a handler answers with 4xx, with the likely cause. By default a line is written with `console.warn`, at most once a minute for each
   * reason, without bodies and secrets.
   */
  onRefused?: OnRefused
  /** Label of the environment of secrets that are plain texts, and where lookups search when they name none. */
  environment?: string
}

/** A request to take in. */
export interface ReceiveInput {
  /** The raw bytes, before any parser. */
  body: Uint8Array
  /** The request's headers. */
  headers: RequestHeaders
}

/** What became of a request that was genuine. In each case the event is stored, and 2xx is the right answer. */
export interface ReceiveOutcome {
  /** `duplicate`: it had been accepted before, and nothing was changed. */
  status: 'accepted' | 'duplicate'
  /** The event. */
  event: Event
  /** Its number in the inbox. */
  seq: number
  /** `X-Terra-Trace-Id`, else `webhook-id`; `undefined` when the sender gave neither. */
  traceId: string | undefined
  /** Whether it waits for its user to become known. */
  isParked: boolean
  /** What became of `onEvent`: `none` without one or when it is not due, `deferred` when `waitUntil` took it, `unknown` when the store failed then. */
  handler: 'none' | 'done' | 'failed' | 'dead' | 'deferred' | 'unknown'
}

/** Narrows a lookup. */
export interface LookupOptions {
  /** Label of the environment to search; see {@link ReceiverOptions.environment}. */
  environment?: string
}

/** Narrows {@link Receiver.findByReferenceId}. */
export interface ReferenceLookupOptions extends LookupOptions {
  /** Only connections to this provider, in any case. */
  provider?: string
}

/** Which events to list; see {@link Receiver.listEvents}. */
export interface ListEventsOptions extends LookupOptions {
  /** Only events that name this `user_id`. */
  userId?: string
  /** Only events that name any alias of this lineage. */
  lineageId?: string
  /** Only events in one of these states, for example `['parked']`. */
  handlerStates?: readonly HandlerState[]
  /** Only events of one of these wire types, for example `['auth', 'user_reauth']`. */
  types?: readonly string[]
  /** Only events that were accepted at this time or later, epoch milliseconds. */
  receivedFromMs?: number
  /** Only events that were accepted before, epoch milliseconds. */
  receivedBeforeMs?: number
  /**
   * At most so many, from 1 to 1,000; 100 by default. With types or times there may be fewer on a page that is not the last: a page looks at
   * 20,000 events at most.
   */
  limit?: number
  /** Only events with a greater number: `next` of the page before. */
  after?: number
}

/** What to delete; see {@link Receiver.prune}. Events that are `pending` or `failed` never go. */
export interface PruneOptions {
  /**
   * Only events that were accepted longer ago, in milliseconds; at least 7 days. A sender that repeats an event after it was deleted has it
   * accepted again, and none does so after 7 days.
   */
  olderThanMs: number
  /** Whether events that are `parked` or `dead` go, too; false by default. */
  isUnhandledIncluded?: boolean
}

/** A page of events in the order of acceptance. */
export interface EventPage {
  /** The events, with their raw bytes. */
  events: InboxEvent[]
  /** Pass it as `after` for the next page; `undefined` on the last one. */
  next: number | undefined
}

/** Takes events in and knows whose they are; made by `createReceiver`. Methods may be detached. */
export interface Receiver extends ReceiverExtras {
  /**
   * Verifies, parses and stores an event, then calls `onEvent`.
   *
   * @throws VerificationError, EventError, ReceiverError (`body_too_large`), or the store's error: then nothing is stored, and the sender should repeat.
   */
  receive(input: ReceiveInput): Promise<ReceiveOutcome>
  /** Serves a request of the Fetch standard. Always answers; see the README for the answers. */
  fetch(request: Request): Promise<Response>
  /**
   * The connection that a `user_id` is, or was before it was replaced; `undefined` when no state event has named it. Without types, as in
   * JavaScript, lookups find nobody by `undefined` and `null`, and take a number as its text.
   *
   * @throws ReceiverError `environment_required` when several environments have it and none was named.
   */
  resolve(userId: string, options?: LookupOptions): Promise<EnvironmentConnection | undefined>
  /** The connections of an end user, ended ones included, at most 100. Of every environment when none is named. */
  findByReferenceId(
    referenceId: string,
    options?: ReferenceLookupOptions,
  ): Promise<EnvironmentConnection[]>
  /** The connection with this lineage id, or with one that it had before older aliases became known. */
  findLineage(
    lineageId: string,
    options?: LookupOptions,
  ): Promise<EnvironmentConnection | undefined>
  /** Events of the inbox, in the order of acceptance. */
  listEvents(options?: ListEventsOptions): Promise<EventPage>
  /** Calls `onEvent` again for events whose call failed or was lost with its process. Call it now and then, and at start. */
  retryFailed(options?: { limit?: number }): Promise<{ done: number; failed: number }>
  /**
   * Begins to call `onEvent` again, by the schedule of `ReceiverOptions.retry`, for what failed and for what was lost with its process. Any number of
   * processes may do so; an event is one's alone for a minute. Does nothing without `onEvent`, or when it runs already.
   */
  start(options?: StartOptions): void
  /** Ends what {@link Receiver.start} began; resolves when the calls under way have ended. */
  stop(): Promise<void>
  /**
   * Calls `onEvent` for one event now, whatever became of it before, `done` and `dead` included, and gives it all its attempts again.
   *
   * @param seq Its number in the inbox.
   * @returns What became of it; `none` when there is no such event, it is parked, or somebody is at it.
   */
  replay(seq: number): Promise<'none' | 'done' | 'failed' | 'dead'>
  /** Deletes old events. The map stays as it is; see {@link PruneOptions}. Resolves with how many went. */
  prune(options: PruneOptions): Promise<number>
  /** Tells {@link ReceiverOptions.onRefused} of an error, where it is a refusal: for whoever answers with what {@link Receiver.receive} throws. */
  noteRefused(error: unknown): void
  /** Largest body that is accepted, in bytes: for whoever reads the body before {@link Receiver.receive}. */
  readonly bodyBytesMax: number
}
