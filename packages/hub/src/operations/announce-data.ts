import { setImmediate } from 'node:timers/promises'
import { type DataEventType, toDataEventRecord } from '../core/event-body.ts'
import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import { assert } from '../errors.ts'
import type { Connection } from '../store/connections.ts'
import type { NewDelivery } from '../store/deliveries.ts'
import type { ClaimedDelivery, HandOverDep, Handing } from '../store/delivery-claims.ts'
import type { Subscription } from '../store/destinations.ts'
import type { Environment } from '../store/environments.ts'
import type { StoredEvent } from '../store/events.ts'
import type { Store, StoreDep, Tables } from '../store/open.ts'
import { toTraceParent, withSpan } from '../tracing.ts'
import { draftEvents, toClaimed } from './announce.ts'
import { userNotFound } from './not-found.ts'

type Deps = ClockDep & IdsDep & StoreDep & WakeDep & HandOverDep

/** Announcements that one transaction commits at most. */
const BATCH_MAX = 256
/** Transactions under way at once: on SQLite one, which is all that it can do. */
const BATCHES_MAX = { shared: 4, single: 1 }
/** What waits is divided among transactions only if each gets so many: a transaction costs as much as some events. */
const SHARE_MIN = 40

/** Data of a user that is to be announced. */
interface Announcement {
  readonly environmentId: string
  readonly userId: string
  readonly type: DataEventType
  readonly data: unknown
  /** Of the span of whoever asked: the commit belongs to many. */
  readonly traceParent: string | null
  resolve(eventId: string): void
  reject(error: unknown): void
}

interface Queue {
  readonly waiting: Announcement[]
  running: number
  /** Of these, so many have a transaction under way. */
  committing: number
}

/** What waits for its commit, by store: whoever asks waits with it, so callers bound it. */
const queues = new WeakMap<Store, Queue>()

/**
 * Announces data of a user. The data passes through untouched, and the body names the `user_id` that
 * it came for, also when that has been replaced since. Everything that comes in one turn of the event loop
 * shares a commit, because a commit costs more than an event.
 *
 * @param userId Any `user_id` that the connection has or had.
 * @returns The event's id, when it is committed.
 * @throws FirmaError `user_not_found`.
 */
export async function announceData(
  deps: Deps,
  environment: Pick<Environment, 'id'>,
  userId: string,
  payload: { readonly type: DataEventType; readonly data: unknown },
): Promise<string> {
  const queue = queues.get(deps.store) ?? { waiting: [], running: 0, committing: 0 }
  queues.set(deps.store, queue)
  const attributes = { 'firma.environment': environment.id, 'firma.event.type': payload.type }
  return await withSpan('firma.announce', attributes, async (span) => {
    const traceParent = toTraceParent(span)
    const eventId = await new Promise<string>((resolve, reject) => {
      const from = { environmentId: environment.id, userId, traceParent }
      queue.waiting.push({ ...from, ...payload, resolve, reject })
      const { shared, single } = BATCHES_MAX
      if (queue.running >= (deps.store.isShared ? shared : single)) return
      queue.running += 1
      // It settles the promises of the announcements and throws nothing itself.
      void drain(deps, queue)
    })
    span.setAttribute('firma.events', [eventId])
    return eventId
  })
}

async function drain(deps: Deps, queue: Queue): Promise<void> {
  await setImmediate()
  while (queue.waiting.length > 0) {
    const share = Math.ceil(queue.waiting.length / (queue.running - queue.committing))
    const size = Math.min(Math.max(share, SHARE_MIN), BATCH_MAX)
    queue.committing += 1
    await commit(deps, queue.waiting.splice(0, size))
    queue.committing -= 1
    await setImmediate()
  }
  queue.running -= 1
}

async function commit(deps: Deps, batch: readonly Announcement[]): Promise<void> {
  let handing: Handing | undefined
  const begin = (subscriptions: readonly Subscription[]): Handing => {
    // The transaction is run again.
    handing?.cancel()
    handing = deps.handOver.begin(subscriptions)
    return handing
  }
  try {
    const { eventIds, claimed, dueAt } = await deps.store.together(
      async (tx) => await write(deps, tx, batch, begin),
    )
    handing?.send(claimed)
    deps.wake.deliveries(dueAt, true)
    for (const one of batch) {
      const eventId = eventIds.get(one)
      if (eventId === undefined) one.reject(userNotFound(one.userId))
      else one.resolve(eventId)
    }
  } catch (error) {
    handing?.cancel()
    for (const one of batch) one.reject(error)
  }
}

/** What was written. */
interface Written {
  readonly eventIds: ReadonlyMap<Announcement, string>
  /** Deliveries that are to be sent after the commit. */
  readonly claimed: readonly ClaimedDelivery[]
  /** Destinations where others are due. */
  readonly dueAt: readonly string[]
}

async function write(
  deps: Deps,
  tx: Tables,
  batch: readonly Announcement[],
  begin: (subscriptions: readonly Subscription[]) => Handing,
): Promise<Written> {
  const nowMs = deps.clock.nowMs()
  const environmentIds = [...new Set(batch.map(({ environmentId }) => environmentId))]
  const [connections, ...listed] = await Promise.all([
    tx.connections.listByAliasForUpdate(batch),
    ...environmentIds.map(async (id) => await tx.destinations.listSubscriptions(id)),
  ])
  const subscriptions = new Map(environmentIds.map((id, index) => [id, listed[index] ?? []]))
  const ordering = new Map<string, number>()
  const updatedAtMs = new Map<string, number>()
  const eventIds = new Map<Announcement, string>()
  const events: StoredEvent[] = []
  const deliveries: NewDelivery[] = []
  for (const one of batch) {
    const connection = connections.get(`${one.environmentId}\n${one.userId}`)
    if (connection === undefined || connection.state.status === 'deleted') continue
    const { lineageId, environmentId } = connection
    const lastOrderingMs = ordering.get(lineageId) ?? connection.lastOrderingMs
    const { record, isCurrent } = toRecord(connection, one, nowMs)
    const { traceParent } = one
    const lane = { environmentId, lineageId, orderKey: lineageId, lastOrderingMs, traceParent }
    const wanting = subscriptions.get(one.environmentId) ?? []
    const drafts = draftEvents(deps, lane, [record], wanting)
    const [event] = drafts.events
    assert(event !== undefined, 'one record makes one event')
    eventIds.set(one, event.id)
    events.push(event)
    deliveries.push(...drafts.deliveries)
    ordering.set(lineageId, drafts.lastOrderingMs)
    if (isCurrent) updatedAtMs.set(lineageId, nowMs)
  }
  const handing = begin(listed.flat())
  const activity = [...ordering].map(([lineageId, lastOrderingMs]) => ({
    lineageId,
    lastOrderingMs,
    lastWebhookUpdateMs: updatedAtMs.get(lineageId) ?? null,
    atMs: nowMs,
  }))
  const [{ claimed, dueAt }] = await Promise.all([
    tx.deliveries.addMany(deliveries, handing),
    tx.events.addMany(events),
    tx.connections.saveActivity(activity),
  ])
  return { eventIds, claimed: toClaimed(claimed, events, handing), dueAt }
}

function toRecord(connection: Connection, { userId, type, data }: Announcement, nowMs: number) {
  const { state } = connection
  const isCurrent = state.user.userId === userId
  const user = { ...state.user, userId, lastWebhookUpdateMs: nowMs }
  const isActive = isCurrent && state.status === 'active'
  return { record: toDataEventRecord(type, user, isActive, data), isCurrent }
}
