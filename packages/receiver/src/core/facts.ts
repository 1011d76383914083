/** What one event says, as an element of the semilattice: records and alias edges to be joined with what is known. */
import type { Event, EventUser } from './event.ts'
import {
  compareText,
  joinRecords,
  UNDATED_MS,
  type Mark,
  type MarkName,
  type ScopeChange,
  type UserRecord,
} from './user-record.ts'

/** "`newUserId` took the place of `oldUserId`": stated by a `user_reauth`, and never withdrawn. */
export interface AliasEdge {
  /** The `user_id` that ended. */
  oldUserId: string
  /** The `user_id` that took its place. */
  newUserId: string
}

/** What an event says about connections; nothing at all for data and for failed authentications. */
export interface Facts {
  /** At most one record per `user_id`. */
  records: UserRecord[]
  /** At most one: from `user_reauth`. */
  edges: AliasEdge[]
}

/** Where an event stands among others. Neither depends on when or how often it arrived. */
export interface EventOrder {
  /** `X-Terra-Ordering-Timestamp` in epoch milliseconds; `undefined` when the sender gave none. */
  orderingMs: number | undefined
  /** SHA-256 of the body in hex; `undefined` only for what states no facts. */
  digest: string | undefined
}

/**
 * What the API's answer about a user says. A connection is there or has ended; one that is absent from an answer says nothing.
 *
 * @param user As listed. Without a `user_id` it says nothing.
 * @param order When it was asked, at the earliest; see `reconcile`.
 */
export function toSeenFacts(user: EventUser, order: EventOrder): Facts {
  const mark: MarkName = user.isActive === false ? 'seen_inactive' : 'seen_active'
  const record = toRecord(user, user.referenceId, [mark], order)
  return { records: record === undefined ? [] : [record], edges: [] }
}

/** Whether an event says anything about connections. */
export function statesFacts({ kind }: Event): boolean {
  return kind !== 'data' && kind !== 'operational' && kind !== 'unknown' && kind !== 'auth_failed'
}

/** Takes the facts out of an event. */
export function toFacts(event: Event, order: EventOrder): Facts {
  switch (event.kind) {
    case 'auth':
    case 'deauth':
    case 'access_revoked':
    case 'connection_error':
    case 'connection_recovered':
      return toUserFacts(event, [event.kind], order)
    case 'google_no_datasource':
    case 'permission_change':
      return toUserFacts(event, [], order)
    case 'user_reauth':
      return toReauthFacts(event, order)
    // A failed flow leaves no connection. Data proves nothing: it may have been on its way when the connection ended.
    case 'auth_failed':
    case 'data':
    case 'operational':
    case 'unknown':
      return { records: [], edges: [] }
  }
}

type UserFactsEvent = Extract<
  Event,
  {
    kind:
      | 'auth'
      | 'deauth'
      | 'access_revoked'
      | 'connection_error'
      | 'connection_recovered'
      | 'google_no_datasource'
      | 'permission_change'
  }
>

function toUserFacts(event: UserFactsEvent, marks: readonly MarkName[], order: EventOrder): Facts {
  const record = toRecord(event.user, event.referenceId, marks, order)
  if (record === undefined) return { records: [], edges: [] }
  // Both forms exist: the whole new list in the user, or only the difference.
  if (event.kind === 'permission_change' && record.scopes === undefined) {
    record.scopeChanges = toScopeChanges(event.scopesAdded, event.scopesRemoved, order)
  }
  return { records: [record], edges: [] }
}

function toReauthFacts(event: Extract<Event, { kind: 'user_reauth' }>, order: EventOrder): Facts {
  const oldUserId = event.oldUser?.userId
  const newUserId = event.newUser?.userId
  const isOrphan = newUserId !== undefined && oldUserId === undefined
  const newMarks: MarkName[] = isOrphan ? ['user_reauth', 'orphan_reauth'] : ['user_reauth']
  const newRecord = toRecord(event.newUser, event.referenceId, newMarks, order)
  const oldRecord = toRecord(event.oldUser, event.oldUser?.referenceId, [], order)
  if (newRecord !== undefined && oldRecord !== undefined && newUserId === oldUserId) {
    return { records: [joinRecords(newRecord, oldRecord)], edges: [] }
  }
  const records = [newRecord, oldRecord].filter((record) => record !== undefined)
  if (newUserId === undefined || oldUserId === undefined) return { records, edges: [] }
  return { records, edges: [{ oldUserId, newUserId }] }
}

function toRecord(
  user: EventUser | undefined,
  referenceId: string | undefined,
  marks: readonly MarkName[],
  order: EventOrder,
): UserRecord | undefined {
  if (user?.userId === undefined) return undefined
  const { digest = '' } = order
  const atMs = order.orderingMs ?? UNDATED_MS
  const record: UserRecord = { userId: user.userId, marks: {}, scopeChanges: [] }
  const bornMs = toBornMs(user.createdAt)
  for (const name of marks) record.marks[name] = toMark(order.orderingMs, bornMs)
  if (bornMs !== undefined && marks.some((name) => BIRTHS.has(name))) record.bornMs = bornMs
  if (user.provider !== undefined) record.provider = { value: user.provider, atMs, digest }
  // A missing reference_id says nothing; it does not take back an earlier one.
  if (referenceId !== undefined) record.referenceId = { value: referenceId, atMs, digest }
  if (user.scopes !== undefined) record.scopes = { value: user.scopes, atMs, digest }
  return record
}

function toMark(orderingMs: number | undefined, bornMs: number | undefined): Mark {
  if (orderingMs !== undefined) {
    return { earliestMs: orderingMs, latestMs: orderingMs, isSeenUndated: false }
  }
  return { isSeenUndated: true, ...(bornMs === undefined ? {} : { undatedBornMs: bornMs }) }
}

/** News that is about the user whose `created_at` it names, alive. */
const BIRTHS: ReadonlySet<MarkName> = new Set(['auth', 'user_reauth', 'seen_active'])
/** RFC 3339; without an offset it would be another moment on every machine. */
const CREATED_AT_PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

function toBornMs(createdAt: string | undefined): number | undefined {
  if (createdAt === undefined || !CREATED_AT_PATTERN.test(createdAt)) return undefined
  // eslint-disable-next-line no-restricted-globals -- Reads a text that says all; no clock is asked.
  const bornMs = Date.parse(createdAt)
  return bornMs >= 0 ? bornMs : undefined
}

function toScopeChanges(
  added: readonly string[],
  removed: readonly string[],
  order: EventOrder,
): ScopeChange[] {
  const { digest = '' } = order
  const atMs = order.orderingMs ?? UNDATED_MS
  // Named in both lists, a scope is there: the sender speaks of the state after the change.
  const changes = new Map<string, ScopeChange>()
  for (const scope of removed) changes.set(scope, { scope, value: false, atMs, digest })
  for (const scope of added) changes.set(scope, { scope, value: true, atMs, digest })
  return [...changes.values()].sort((a, b) => compareText(a.scope, b.scope))
}
