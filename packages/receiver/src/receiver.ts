import { AcceptQueue } from './accept-queue.ts'
import { ChangeFeed } from './changes.ts'
import { checkObject, checkOptions, toLookupText } from './check-options.ts'
import { parseEvent } from './core/event.ts'
import { statesFacts } from './core/facts.ts'
import { toLineageAlias } from './core/fold.ts'
import {
  checkDistinct,
  checkSecrets,
  checkTolerance,
  TOLERANCE_SECONDS,
  verifySignature,
  type SigningSecret,
} from './core/signature.ts'
import { hmacSha256, sha256Hex } from './crypto.ts'
import { Dispatcher, type DispatchResult } from './dispatcher.ts'
import { createFetchHandler } from './handler.ts'
import { findConnection, listConnections, type EnvironmentConnection } from './connections.ts'
import { PENDING_STALE_MS, type Acceptance, type IncomingEvent } from './inbox.ts'
import type {
  EventPage,
  ListEventsOptions,
  LookupOptions,
  PruneOptions,
  ReceiveInput,
  ReceiveOutcome,
  Receiver,
  ReceiverOptions,
  ReferenceLookupOptions,
} from './receiver-api.ts'
import { listInbox } from './list-events.ts'
import { nextTurn } from './next-turn.ts'
import { ReceiverError } from './receiver-error.ts'
import { createExtras, type ReceiverExtras } from './receiver-extras.ts'
import { hostTimers, RetryLoop, type StartOptions } from './retry-loop.ts'
import { toRetryPolicy } from './retry.ts'
import { toReporter } from './report-error.ts'
import { toRefusalReporter } from './report-refusal.ts'
import type { InboxEvent } from './store.ts'
import { keepHeaders, type KeptHeaders, type RequestHeaders } from './request-headers.ts'

const BODY_BYTES_MAX = 10 * 1_024 * 1_024
const LIST_LIMIT_MAX = 1_000
const LIST_LIMIT = 100
const PRUNE_EVENTS_MAX = 1_000
/** How long a sender may go on repeating an event, in milliseconds; twice what the hub does at most. */
const DEDUPE_WINDOW_MS = 7 * 86_400_000
const READ = { kind: 'read' } as const
const RECEIVE_EXPECTS =
  'receive needs { body, headers }: the raw bytes, and the headers of the request'
const TRACE_ID_LENGTH_MAX = 512
const ORDERING_PATTERN = /^\d{1,15}$/

/**
 * Makes a receiver. No I/O happens before the first call.
 *
 * @throws VerificationError `secret_missing` without a usable secret; TypeError for an option of the wrong kind; RangeError for a tolerance or a limit that is none, and for environments that share a secret.
 */
export function createReceiver<Tx = undefined>(options: ReceiverOptions<Tx>): Receiver {
  checkOptions(options)
  const receiver = new DefaultReceiver<Tx>(options)
  const serve: Omit<Receiver, 'fetch'> = {
    bodyBytesMax: receiver.bodyBytesMax,
    receive: (input) => receiver.receive(input),
    noteRefused: receiver.noteRefused,
    resolve: (userId, lookup) => receiver.resolve(userId, lookup),
    findByReferenceId: (referenceId, lookup) => receiver.findByReferenceId(referenceId, lookup),
    findLineage: (lineageId, lookup) => receiver.findLineage(lineageId, lookup),
    listEvents: (list) => receiver.listEvents(list),
    retryFailed: (retry) => receiver.retryFailed(retry),
    start: (start) => receiver.start(start),
    stop: () => receiver.stop(),
    replay: (seq) => receiver.replay(seq),
    prune: (prune) => receiver.prune(prune),
    ...receiver.extras,
  }
  return { ...serve, fetch: createFetchHandler(serve) }
}

class DefaultReceiver<Tx> implements Omit<Receiver, 'fetch' | keyof ReceiverExtras> {
  readonly extras: ReceiverExtras
  readonly bodyBytesMax: number
  readonly noteRefused: Receiver['noteRefused']
  readonly #options: ReceiverOptions<Tx>
  readonly #secrets: SigningSecret[]
  readonly #environment: string | undefined
  readonly #queue: AcceptQueue
  readonly #dispatcher: Dispatcher<Tx> | undefined
  readonly #loop: RetryLoop | undefined
  readonly #clock: () => number
  readonly #feed = new ChangeFeed()
  readonly #report: ReturnType<typeof toReporter>

  constructor(options: ReceiverOptions<Tx>) {
    const { store, onEvent, environment } = options
    this.#options = options
    this.#clock = options.clock ?? Date.now
    this.#report = toReporter(options.onError)
    this.noteRefused = toRefusalReporter(options.onRefused, this.#clock)
    this.#secrets = options.secrets.map((secret) => toSecret(secret, environment))
    checkSecrets(this.#secrets)
    checkDistinct(this.#secrets)
    checkTolerance(options.tolerance)
    this.bodyBytesMax = options.bodyBytesMax ?? BODY_BYTES_MAX
    checkLimit('bodyBytesMax', this.bodyBytesMax, Number.MAX_SAFE_INTEGER)
    const labels = new Set(this.#secrets.map((secret) => secret.environment ?? ''))
    this.#environment = environment ?? (labels.size === 1 ? [...labels][0] : undefined)
    this.#queue = new AcceptQueue(store)
    this.extras = createExtras({
      store,
      clock: this.#clock,
      environment: this.#environment,
      toldState: onEvent === undefined ? 'none' : 'pending',
      feed: this.#feed,
      receive: (input) => this.receive(input),
      handOver: async (of, userIds) => this.#dispatcher?.dispatchParked(of, userIds),
    })
    const retry = toRetryPolicy(options.retry ?? {}, options.random ?? Math.random)
    if (onEvent === undefined) return
    const { transactions } = options
    if (transactions !== undefined && store.handleInAppTransaction === undefined) {
      throw new RangeError('transactions need a store in the same database: SQLite or PostgreSQL')
    }
    const shared = {
      store,
      onEvent,
      transactions,
      // Without a compiler, null is what an app has that chose none.
      order: options.order ?? 'user',
      retry,
      clock: this.#clock,
      report: this.#report,
    }
    const dispatcher = new Dispatcher<Tx>(shared)
    this.#dispatcher = dispatcher
    this.#loop = new RetryLoop(() => dispatcher.retryDue(), options.timers ?? hostTimers)
  }

  async receive(input: ReceiveInput): Promise<ReceiveOutcome> {
    checkObject(input, RECEIVE_EXPECTS)
    const { body, headers } = input
    checkObject(headers, RECEIVE_EXPECTS)
    const incoming = await this.#toIncoming(body, headers)
    const acceptance = await this.#accept(incoming)
    this.#feed.publish(acceptance.changes)
    const { row, isDuplicate } = acceptance
    return {
      status: isDuplicate ? 'duplicate' : 'accepted',
      event: incoming.event,
      seq: row.seq,
      traceId: row.traceId,
      isParked: row.handlerState === 'parked',
      handler: await this.#handle(acceptance),
    }
  }

  async #accept(incoming: IncomingEvent): Promise<Acceptance> {
    try {
      return await this.#queue.accept(incoming)
    } catch (error) {
      const { traceId, environment, event } = incoming
      this.#report(error, { during: 'store', type: event.type, traceId, environment })
      throw error
    }
  }

  async #toIncoming(body: Uint8Array, headers: RequestHeaders): Promise<IncomingEvent> {
    if (body instanceof Uint8Array && body.length > this.bodyBytesMax) {
      throw new ReceiverError(
        'body_too_large',
        `the body has ${body.length} bytes and at most ${this.bodyBytesMax} are accepted; see bodyBytesMax`,
      )
    }
    const kept = keepHeaders(headers)
    const receivedAtMs = this.#clock()
    const { environment = '' } = await verifySignature({
      body,
      headers: {
        terra: kept['x-terra-signature'] ?? kept['terra-signature'],
        webhookId: kept['webhook-id'],
        webhookTimestamp: kept['webhook-timestamp'],
        webhookSignature: kept['webhook-signature'],
      },
      secrets: this.#secrets,
      nowSeconds: Math.floor(receivedAtMs / 1_000),
      tolerance: this.#options.tolerance ?? TOLERANCE_SECONDS,
      hmac: hmacSha256,
    })
    const event = parseEvent(body)
    const ordering = kept['x-terra-ordering-timestamp'] ?? ''
    const orderingMs = ORDERING_PATTERN.test(ordering) ? Number(ordering) : undefined
    const traceId = toTraceId(kept)
    // Hashing costs as much as proving; data under a trace id does without.
    const digest = traceId === undefined || statesFacts(event) ? await sha256Hex(body) : undefined
    return {
      event,
      environment,
      eventKey: traceId === undefined ? toDigestKey(digest, orderingMs) : `trace:${traceId}`,
      traceId,
      orderingMs,
      digest,
      receivedAtMs,
      body,
      headers: kept,
      hasHandler: this.#dispatcher !== undefined,
      isWatched: this.#feed.isWatched,
    }
  }

  async #handle(acceptance: Acceptance): Promise<ReceiveOutcome['handler']> {
    const dispatcher = this.#dispatcher
    const { row, isDuplicate, knownUserIds } = acceptance
    const isDue = isDuplicate ? this.#isDueAgain(row) : row.handlerState === 'pending'
    if (dispatcher === undefined || (!isDue && knownUserIds.length === 0)) return 'none'
    // Takes its turn before anything is awaited, so that turns are in the order of acceptance.
    const run = async (): Promise<DispatchResult> => {
      if (isDuplicate) return dispatcher.retryOne(row.seq)
      if (isDue) return dispatcher.dispatch(row, knownUserIds)
      await dispatcher.dispatchParked(row.environment, knownUserIds)
      return 'skipped'
    }
    // The event is committed. Whatever fails from here on, it is not lost, and the sender need not repeat it.
    const work = run().catch((error: unknown): 'unknown' => {
      const { seq, type, traceId, environment } = row
      this.#report(error, { during: 'dispatch', seq, type, traceId, environment })
      return 'unknown'
    })
    if (this.#options.waitUntil !== undefined) {
      this.#options.waitUntil(work)
      return 'deferred'
    }
    const result = await work
    return result === 'skipped' ? 'none' : result
  }

  /** A repeated event is an opportunity for a call that failed, or that ended with its process. */
  #isDueAgain(row: InboxEvent): boolean {
    if (row.handlerState === 'failed') return true
    return row.handlerState === 'pending' && row.handlerStateAtMs < this.#clock() - PENDING_STALE_MS
  }

  async resolve(
    given: string,
    options?: LookupOptions,
  ): Promise<EnvironmentConnection | undefined> {
    const userId = toLookupText('userId', given)
    if (userId === undefined) return undefined
    return this.#options.store.transaction(
      async (tx) => {
        const named = options?.environment ?? this.#environment
        if (named !== undefined) return findConnection(tx, named, userId)
        const [environment, other] = await tx.listEnvironments(userId)
        if (environment === undefined) return undefined
        if (other === undefined) return findConnection(tx, environment, userId)
        throw new ReceiverError(
          'environment_required',
          `user_id ${userId} exists in several environments ("${environment}", "${other}"); name one in the lookup`,
        )
      },
      { kind: 'read', expectedUserId: userId },
    )
  }

  async findByReferenceId(
    given: string,
    options?: ReferenceLookupOptions,
  ): Promise<EnvironmentConnection[]> {
    const referenceId = toLookupText('referenceId', given)
    if (referenceId === undefined) return []
    const environment = options?.environment ?? this.#environment
    const provider = options?.provider?.toUpperCase()
    const filter = {
      referenceId,
      limit: LIST_LIMIT,
      ...(environment === undefined ? {} : { environment }),
      ...(provider === undefined ? {} : { provider }),
    }
    return this.#options.store.transaction((tx) => listConnections(tx, filter), READ)
  }

  async findLineage(
    lineageId: string,
    options?: LookupOptions,
  ): Promise<EnvironmentConnection | undefined> {
    const alias = toLineageAlias(toLookupText('lineageId', lineageId) ?? '')
    return alias === undefined ? undefined : this.resolve(alias, options)
  }

  async listEvents(options: ListEventsOptions = {}): Promise<EventPage> {
    // Of a user_id by itself nothing would be read, and everybody's events be listed.
    checkObject(options, 'listEvents takes an object, such as { userId }')
    const { userId, lineageId, limit = LIST_LIMIT } = options
    checkLimit('limit', limit, LIST_LIMIT_MAX)
    const environment = options.environment ?? this.#environment
    let userIds = userId === undefined ? undefined : [userId]
    if (lineageId !== undefined) {
      const connection = await this.findLineage(lineageId, options)
      const aliases = connection?.aliases ?? []
      userIds = aliases.filter((alias) => userId === undefined || alias === userId)
    }
    const named = environment === undefined ? {} : { environment }
    const nowMs = this.#clock()
    return listInbox(this.#options.store, { ...options, ...named, userIds, limit, nowMs })
  }

  async retryFailed(options?: { limit?: number }): Promise<{ done: number; failed: number }> {
    const limit = options?.limit ?? LIST_LIMIT
    checkLimit('limit', limit, LIST_LIMIT_MAX)
    return (await this.#dispatcher?.retry(limit)) ?? { done: 0, failed: 0 }
  }

  start(options: StartOptions = {}): void {
    const onError = (error: unknown): void => this.#report(error, { during: 'retry' })
    this.#loop?.start({ onError, ...options })
  }

  async stop(): Promise<void> {
    await this.#loop?.stop()
  }

  async replay(seq: number): Promise<'none' | 'done' | 'failed' | 'dead'> {
    checkLimit('seq', seq, Number.MAX_SAFE_INTEGER)
    const result = await this.#dispatcher?.replay(seq)
    return result === undefined || result === 'skipped' ? 'none' : result
  }

  async prune(options: PruneOptions): Promise<number> {
    checkObject(options, 'prune needs { olderThanMs }')
    const { olderThanMs, isUnhandledIncluded = false } = options
    if (!(olderThanMs >= DEDUPE_WINDOW_MS)) {
      throw new RangeError(
        `olderThanMs must be at least ${DEDUPE_WINDOW_MS} (7 days), so that repetitions are known; found ${olderThanMs}`,
      )
    }
    const { store } = this.#options
    const nowMs = this.#clock()
    const old = { receivedBeforeMs: nowMs - olderThanMs, nowMs }
    const throughSeq = await store.transaction((tx) => tx.findLastBefore(old), READ)
    if (throughSeq === undefined) return 0
    const filter = { throughSeq, isUnhandledIncluded, limit: PRUNE_EVENTS_MAX }
    for (let sum = 0; ;) {
      // In parts, so that events that arrive meanwhile do not wait for all of it.
      const pruned = await store.transaction((tx) => tx.prune(filter))
      sum += pruned
      if (pruned < PRUNE_EVENTS_MAX) return sum
      await nextTurn()
    }
  }
}

function toSecret(
  secret: string | SigningSecret | null | undefined,
  environment: string | undefined,
): SigningSecret {
  // An environment variable that is not set is refused as an empty one.
  const full = typeof secret === 'object' && secret !== null ? secret : { secret: secret ?? '' }
  return environment === undefined ? full : { environment, ...full }
}

/** What the sender calls an event at every delivery. */
function toTraceId(kept: KeptHeaders): string | undefined {
  const traceId = kept['x-terra-trace-id'] || kept['webhook-id'] || undefined
  return traceId !== undefined && traceId.length <= TRACE_ID_LENGTH_MAX ? traceId : undefined
}

/** What makes an event the same one at every delivery where its sender does not name it. */
function toDigestKey(digest: string | undefined, orderingMs: number | undefined): string {
  // The time belongs to it: two connection errors of one user have equal bodies, and both count.
  const time = orderingMs === undefined ? '' : `:${orderingMs}`
  return `sha256:${digest}${time}`
}

function checkLimit(name: string, value: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return
  throw new RangeError(`${name} must be a whole number from 1 to ${max}, found ${String(value)}`)
}
