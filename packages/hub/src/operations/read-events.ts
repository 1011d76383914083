/** The payload history: every event with what became of it at each destination. */
import { toTimestamp, toTimestampOrNull } from '../core/time.ts'
import type { Attempt } from '../store/attempts.ts'
import type { Delivery } from '../store/deliveries.ts'
import type { Environment } from '../store/environments.ts'
import {
  type EventFilter,
  GENERATED_LANE,
  type ListedEvent,
  type StoredEvent,
} from '../store/events.ts'
import type { StoreDep } from '../store/open.ts'
import { eventNotFound } from './not-found.ts'

/** Attempts shown per event at most; Terra's schedule makes about thirty. */
const ATTEMPTS_MAX = 1_000

export interface WireEvent {
  readonly id: string
  readonly type: string
  readonly user_id: string | null
  readonly reference_id: string | null
  readonly provider: string | null
  /** The connection that the event belongs to, across re-authentications. */
  readonly lineage_id: string | null
  /** An example that was asked for; nothing has happened to a connection. */
  readonly generated: boolean
  readonly created_at: string
  /** `X-Terra-Ordering-Timestamp`. */
  readonly ordering_timestamp: number
  /** The body, parsed; the exact bytes are served on their own. */
  readonly payload: unknown
  readonly deliveries: readonly WireDelivery[]
}

export interface WireDelivery {
  readonly id: number
  readonly destination_id: string
  readonly status: Delivery['status']
  /** Why it is suppressed. */
  readonly reason: string | null
  readonly attempts: number
  /** When it is sent next; null when it has ended or is held. */
  readonly next_attempt_at: string | null
  readonly ended_at: string | null
}

export interface WireAttempt {
  readonly number: number
  readonly started_at: string
  readonly duration_ms: number
  /** Null where no answer came. */
  readonly http_status: number | null
  readonly error: string | null
  readonly response_headers: unknown
  readonly response_body: string | null
  /** The process that made it. */
  readonly process: string | null
}

/** Windows of the history that one page looks through; it ends early where they hold too little. */
const WINDOWS_MAX = 10

/** @param page.before `next` of the page before; newest first. */
export async function listEvents(
  { store }: StoreDep,
  environment: Environment,
  filter: EventFilter,
  page: { limit: number; before?: number | undefined },
): Promise<{ data: WireEvent[]; next: string | null }> {
  // One more than asked for tells whether there is a next page.
  const { found, next } = await findSome({ store }, environment, filter, {
    limit: page.limit + 1,
    ...(await toNumbers({ store }, filter, page.before)),
  })
  const events = found.slice(0, page.limit)
  const deliveries = await store.deliveries.listOfEvents(events.map(({ id }) => id))
  const last = events.at(-1)
  return {
    data: events.map((event) =>
      toWireEvent(
        event,
        deliveries.filter(({ eventId }) => eventId === event.id),
      ),
    ),
    next: last !== undefined && found.length > page.limit ? String(last.seq) : next,
  }
}

/** What a page needs, window by window. @returns Also from where to go on where it needs more. */
async function findSome(
  { store }: StoreDep,
  { id }: Environment,
  filter: EventFilter,
  { limit, from, before }: { limit: number; from: number; before: number | undefined },
): Promise<{ found: ListedEvent[]; next: string | null }> {
  const found: ListedEvent[] = []
  let end = before
  for (let windows = 0; windows < WINDOWS_MAX; windows += 1) {
    const page = { limit: limit - found.length, from, before: end }
    const window = await store.events.listWindow(id, filter, page)
    found.push(...window.found)
    if (window.next === undefined || found.length === limit) return { found, next: null }
    end = window.next
  }
  return { found, next: String(end) }
}

/** The times of a filter as numbers, so that what is younger or older is not read. */
async function toNumbers(
  { store }: StoreDep,
  filter: EventFilter,
  pageBefore: number | undefined,
): Promise<{ from: number; before: number | undefined }> {
  const { from, before = pageBefore } = await store.eventTimes.findRange(filter)
  const both = before !== undefined && pageBefore !== undefined
  return { from, before: both ? Math.min(before, pageBefore) : before }
}

/** @throws FirmaError `event_not_found`. */
export async function getEvent(
  { store }: StoreDep,
  environment: Environment,
  id: string,
): Promise<WireEvent & { attempts: Record<number, WireAttempt[]> }> {
  const event = await getStoredEvent({ store }, environment, id)
  const deliveries = await store.deliveries.listOfEvents([id])
  const attempts = await store.attempts.list(
    deliveries.map((delivery) => delivery.id),
    ATTEMPTS_MAX,
  )
  const byDelivery: Record<number, WireAttempt[]> = {}
  for (const attempt of attempts)
    (byDelivery[attempt.deliveryId] ??= []).push(toWireAttempt(attempt))
  return { ...toWireEvent(event, deliveries), attempts: byDelivery }
}

/** @throws FirmaError `event_not_found`. */
export async function getStoredEvent(
  { store }: StoreDep,
  environment: Environment,
  id: string,
): Promise<StoredEvent> {
  const event = await store.events.find(environment.id, id)
  if (event === undefined) throw eventNotFound(id)
  return event
}

function toWireEvent(event: StoredEvent, deliveries: readonly Delivery[]): WireEvent {
  return {
    id: event.id,
    type: event.type,
    user_id: event.userId,
    reference_id: event.referenceId,
    provider: event.provider,
    lineage_id: event.lineageId,
    generated: event.orderKey.startsWith(GENERATED_LANE),
    created_at: toTimestamp(event.createdAtMs),
    ordering_timestamp: event.orderingMs,
    payload: JSON.parse(event.body),
    deliveries: deliveries.map(toWireDelivery),
  }
}

export function toWireDelivery(delivery: Delivery): WireDelivery {
  return {
    id: delivery.id,
    destination_id: delivery.destinationId,
    status: delivery.status,
    reason: delivery.reason,
    attempts: delivery.attempts,
    next_attempt_at: delivery.status === 'pending' ? toTimestamp(delivery.dueAtMs) : null,
    ended_at: toTimestampOrNull(delivery.endedAtMs),
  }
}

export function toWireAttempt(attempt: Attempt): WireAttempt {
  return {
    number: attempt.number,
    started_at: toTimestamp(attempt.startedAtMs),
    duration_ms: attempt.durationMs,
    http_status: attempt.httpStatus,
    error: attempt.error,
    response_headers: attempt.responseHeaders === null ? null : JSON.parse(attempt.responseHeaders),
    response_body: attempt.responseBody,
    process: attempt.processId,
  }
}
