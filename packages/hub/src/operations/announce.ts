/**
 * Turns decisions into rows: events with their deliveries, the connection's next state, and work at
 * the provider. Always inside the caller's transaction.
 */
import type { Decision, Effect } from '../core/connection.ts'
import { judgeWanted } from '../core/delivery.ts'
import {
  EXTENSION_EVENT_TYPES,
  type EventRecord,
  isDataType,
  toEventRecord,
} from '../core/event-body.ts'
import type { ClockDep, IdsDep } from '../deps.ts'
import { assert } from '../errors.ts'
import type { Connection } from '../store/connections.ts'
import type { Added, NewDelivery } from '../store/deliveries.ts'
import type { ClaimedDelivery, Handing } from '../store/delivery-claims.ts'
import type { Subscription } from '../store/destinations.ts'
import type { StoredEvent } from '../store/events.ts'
import type { Tables } from '../store/open.ts'
import type { TokenSetContent } from '../store/token-sets.ts'
import { toTraceParent, withSpan } from '../tracing.ts'

/** Whose events these are, and behind which they must stay. */
export interface Lane {
  readonly environmentId: string
  /** Null where no connection exists. */
  readonly lineageId: string | null
  /** The lineage, or the flow where there is none. */
  readonly orderKey: string
  /** The newest ordering timestamp in this lane so far; 0 for a new one. */
  readonly lastOrderingMs: number
  /** Has the worker take over what can be sent at once; absent, it looks for it. */
  readonly begin?: BeginHanding | undefined
}

/** Begins to claim for the worker: see `HandOver`. Whoever gives it ends what it has begun. */
export type BeginHanding = (states: readonly Subscription[]) => Handing

/** What was announced. */
export interface Announced {
  readonly eventIds: readonly string[]
  /** What the worker has taken over, to be sent after the commit. */
  readonly claimed: readonly ClaimedDelivery[]
  /** Destinations where something else can be sent. */
  readonly dueAt: readonly string[]
  /** The lane's newest ordering timestamp now. */
  readonly lastOrderingMs: number
}

/**
 * Stores events and what is owed to each destination that wants them. Each event gets a greater
 * ordering timestamp than the one before, so that a receiver can tell their order even when they
 * arrive in another.
 */
export async function announce(
  deps: ClockDep & IdsDep,
  tx: Tables,
  lane: Lane,
  records: readonly EventRecord[],
): Promise<Announced> {
  if (records.length === 0) {
    return { eventIds: [], claimed: [], dueAt: [], lastOrderingMs: lane.lastOrderingMs }
  }
  const attributes = { 'firma.environment': lane.environmentId, 'firma.lane': lane.orderKey }
  return await withSpan('firma.announce', attributes, async (span) => {
    const subscriptions = await tx.destinations.listSubscriptions(lane.environmentId)
    const traceParent = toTraceParent(span)
    const drafts = draftEvents(deps, { ...lane, traceParent }, records, subscriptions)
    await tx.events.addMany(drafts.events)
    const handing = lane.begin?.(subscriptions)
    const { claimed, dueAt } = await tx.deliveries.addMany(drafts.deliveries, handing)
    const eventIds = drafts.events.map(({ id }) => id)
    span.setAttribute('firma.events', eventIds)
    return {
      eventIds,
      claimed: handing === undefined ? [] : toClaimed(claimed, drafts.events, handing),
      dueAt,
      lastOrderingMs: drafts.lastOrderingMs,
    }
  })
}

/** Deliveries that were claimed as they were added, as the worker would have read them. */
export function toClaimed(
  claimed: Added['claimed'],
  events: readonly StoredEvent[],
  { id: claimId }: Handing,
): ClaimedDelivery[] {
  const byId = new Map(events.map((event) => [event.id, event]))
  return claimed.flatMap(({ id, eventId, destinationId }): ClaimedDelivery[] => {
    const event = byId.get(eventId)
    if (event === undefined) return []
    return [
      {
        id,
        claimId,
        destinationId,
        isData: isDataType(event.type),
        resendId: null,
        attempts: 0,
        tries: 0,
        tryingSinceMs: null,
        dueAtMs: event.createdAtMs,
        createdAtMs: event.createdAtMs,
        event,
      },
    ]
  })
}

/** The rows of events: one delivery per destination, also where it will never be sent. */
export function draftEvents(
  deps: ClockDep & IdsDep,
  lane: Lane & Pick<StoredEvent, 'traceParent'>,
  records: readonly EventRecord[],
  subscriptions: readonly Subscription[],
): { events: StoredEvent[]; deliveries: NewDelivery[]; lastOrderingMs: number } {
  const nowMs = deps.clock.nowMs()
  const events: StoredEvent[] = []
  const deliveries: NewDelivery[] = []
  let orderingMs = lane.lastOrderingMs
  for (const record of records) {
    orderingMs = Math.max(nowMs, orderingMs + 1)
    const id = deps.ids.ordered()
    // By name: spreading costs more than everything else here.
    events.push({
      type: record.type,
      userId: record.userId,
      referenceId: record.referenceId,
      provider: record.provider,
      body: record.body,
      id,
      environmentId: lane.environmentId,
      lineageId: lane.lineageId,
      orderKey: lane.orderKey,
      orderingMs,
      createdAtMs: nowMs,
      fanOut: subscriptions.length,
      traceParent: lane.traceParent,
    })
    const isExtension = EXTENSION_EVENT_TYPES.includes(record.type)
    for (const destination of subscriptions) {
      deliveries.push({
        eventId: id,
        destinationId: destination.id,
        orderKey: lane.orderKey,
        isData: isDataType(record.type),
        suppressed: judgeWanted(destination, record.type, isExtension),
        resendId: null,
        atMs: nowMs,
      })
    }
  }
  return { events, deliveries, lastOrderingMs: orderingMs }
}

/** Where a decision is to be committed. */
export interface Change {
  readonly environmentId: string
  readonly lineageId: string
  readonly matchKey: string
  /** The connection as the decision found it; undefined for a new one. */
  readonly before: Connection | undefined
  readonly decision: Decision
  /** The token set that came with a new connection; undefined leaves the stored one. */
  readonly tokens?: TokenSetContent
  /** What the account at the provider is known by, masked; undefined leaves the stored one. */
  readonly accountLabel?: string | null
  /** As in {@link Lane}. */
  readonly begin?: BeginHanding
}

/** Writes the whole of a decision: outbox, tokens, events, state. @returns What it has announced. */
export async function commitDecision(
  deps: ClockDep & IdsDep,
  tx: Tables,
  change: Change,
): Promise<Announced> {
  const { environmentId, lineageId, before, decision } = change
  const { state } = decision
  assert(state.status !== 'absent', 'a decision that is committed leaves a connection')
  const nowMs = deps.clock.nowMs()
  for (const effect of decision.effects) await addRevocation(deps, tx, change, effect)
  // The connection row comes before its tokens, which refer to it.
  const lane = {
    environmentId,
    lineageId,
    orderKey: lineageId,
    lastOrderingMs: before?.lastOrderingMs ?? 0,
    begin: change.begin,
  }
  const announced = await announce(deps, tx, lane, decision.events.map(toEventRecord))
  await tx.connections.save(
    {
      lineageId,
      environmentId,
      matchKey: change.matchKey,
      lastOrderingMs: announced.lastOrderingMs,
      accountLabel:
        change.accountLabel === undefined ? (before?.accountLabel ?? null) : change.accountLabel,
      state,
    },
    nowMs,
  )
  if (state.status !== 'active') await tx.tokenSets.remove(lineageId)
  else if (change.tokens !== undefined) {
    const { provider } = state.user
    const of = { environmentId, lineageId, provider, version: state.tokenVersion }
    await tx.tokenSets.save(of, change.tokens, nowMs)
  }
  return announced
}

/** Moves the connection's present tokens to the outbox. */
async function addRevocation(
  deps: ClockDep & IdsDep,
  tx: Tables,
  change: Change,
  effect: Effect,
): Promise<void> {
  const { environmentId, lineageId, before } = change
  assert(before !== undefined, 'only a connection that existed has a grant to revoke')
  const tokens = await tx.tokenSets.find(environmentId, lineageId)
  if (tokens === undefined) return
  await tx.revocations.add({
    id: deps.ids.ordered(),
    environmentId,
    provider: before.state.user.provider,
    providerAccountId: effect.providerAccountId,
    lineageId,
    flowId: null,
    tokenSetJson: tokens.json,
    createdAtMs: deps.clock.nowMs(),
  })
}
