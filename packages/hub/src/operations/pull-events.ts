/** The history in the order of commits, for a receiver that fetches what it has missed. */
import { judgeWanted } from '../core/delivery.ts'
import { EXTENSION_EVENT_TYPES } from '../core/event-body.ts'
import { toTimestamp } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { toDestinationHeaders } from '../event-headers.ts'
import type { Destination } from '../store/destinations.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import { destinationNotFound } from './not-found.ts'

export interface PulledEvent {
  readonly id: string
  readonly type: string
  readonly created_at: string
  /** Those of a delivery, signed now, but for the destination's own. */
  readonly headers: Record<string, string>
  /** The exact text that is signed. */
  readonly body: string
}

export interface PulledPage {
  readonly data: PulledEvent[]
  /** Where the next page begins; the one that was asked for where nothing has come since. */
  readonly next: string
  /** Whether asking again at once gives more. */
  readonly has_more: boolean
}

/**
 * Where a page ended: the number of its last event, and the end of that event's id, because in another history (of a new database, or of an older copy
 * that was put in place) another event has the number.
 */
export interface PullCursor {
  /** 0 before the first event. */
  readonly seq: number
  /** Absent where the number alone was given. */
  readonly idEnd: string | undefined
}

const ID_END_LENGTH = 12

/**
 * What a destination wants of the events after a cursor, oldest first. Nothing is ever skipped: an event
 * appears when everything that is committed before it has appeared.
 *
 * @param page.destinationId Whose wishes and secrets count; the environment's oldest destination by default.
 * @throws FirmaError `destination_not_found`; `cursor_expired` and `cursor_unknown` where something would be passed over.
 */
export async function pullEvents(
  { store, clock }: StoreDep & ClockDep,
  environment: Environment,
  page: { after: PullCursor; limit: number; destinationId: string | undefined },
): Promise<PulledPage> {
  const destination = await findDestination({ store }, environment.id, page.destinationId)
  const horizon = await store.events.horizon.find()
  const listed = await store.events.listAfter(environment.id, {
    after: page.after.seq,
    through: horizon.seq,
    limit: page.limit + 1,
  })
  // After the list: what is removed meanwhile is noticed.
  await checkCursor({ store }, environment.id, page.after)
  const events = listed.slice(0, page.limit)
  const last = events.at(-1)
  const wanted = events.filter(
    ({ type }) => judgeWanted(destination, type, EXTENSION_EVENT_TYPES.includes(type)) === null,
  )
  const nowMs = clock.nowMs()
  // Its own headers are for its address: they may hold a credential, and a key that reads is not to read it.
  const signer = { ...destination, headers: null }
  return {
    data: await Promise.all(
      wanted.map(async (event) => ({
        id: event.id,
        type: event.type,
        created_at: toTimestamp(event.createdAtMs),
        headers: await toDestinationHeaders(event, signer, { nowMs, isReplay: false }),
        body: event.body,
      })),
    ),
    next: last === undefined ? toText(page.after) : toText(toCursor(last)),
    has_more: listed.length > page.limit || !horizon.isNewest,
  }
}

function toCursor({ seq, id }: { seq: number; id: string }): PullCursor {
  return { seq, idEnd: id.slice(-ID_END_LENGTH) }
}

function toText({ seq, idEnd }: PullCursor): string {
  return idEnd === undefined ? String(seq) : `${seq}-${idEnd}`
}

async function checkCursor(
  { store }: StoreDep,
  environmentId: string,
  after: PullCursor,
): Promise<void> {
  if (after.seq === 0) return
  const id = await store.events.findId(environmentId, after.seq)
  const removedSeq = await store.retention.findRemovedSeq(environmentId)
  const isOther = after.idEnd !== undefined && id !== undefined && !id.endsWith(after.idEnd)
  if (isOther || (id === undefined && after.seq > removedSeq)) {
    throw new FirmaError(
      'cursor_unknown',
      `the history has no event ${toText(after)}: its database is a new one, or an older copy was put in its place; ` +
        'begin again without "after", and reconcile what was lost',
    )
  }
  if (removedSeq > after.seq) {
    throw new FirmaError(
      'cursor_expired',
      `events after ${toText(after)} have been removed, because their retention had passed (the last one has number ${removedSeq}); ` +
        'begin again without "after", at the oldest that is kept, and reconcile what was missed',
    )
  }
}

async function findDestination(
  { store }: StoreDep,
  environmentId: string,
  id: string | undefined,
): Promise<Destination> {
  if (id === undefined) {
    const [oldest] = await store.destinations.list(environmentId)
    if (oldest !== undefined) return oldest
    throw new FirmaError(
      'destination_not_found',
      'this environment has no destination whose secret could sign events; add one, also a disabled one',
    )
  }
  const destination = await store.destinations.find(id, environmentId)
  if (destination !== undefined) return destination
  throw destinationNotFound(id)
}
