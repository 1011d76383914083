/**
 * What is known about one `user_id`: a bounded join-semilattice.
 *
 * `joinRecords` is commutative, associative and idempotent, because every part of a record is a maximum, a minimum, an "or" or
 * a set. So a record depends only on which events were seen, never on their order or number.
 *
 * Ties. Two values with the same ordering timestamp are ordered by the digest of their event's body, then by the value: an
 * order that means nothing, but that every receiver of the same events agrees on. A value without a timestamp loses to one with.
 * Between *kinds* of facts the more terminal one wins a tie, and wins whenever one of the two has no timestamp: showing a
 * dead connection as alive makes an app wait for data that never comes, the reverse asks a person to reconnect once too often. What has no
 * timestamp is about the life of the `user_id` that began at the `created_at` it names, and ends no later one.
 */

/**
 * Kinds of facts about the state of a connection, named after the events that state them.
 *
 * `seen_active` and `seen_inactive` are what the API answered when it was asked. `seen_active` ends older bad news except a
 * `connection_error`, of which the API knows nothing; `seen_inactive` ends what was alive, and is no news about what never was.
 */
export type MarkName =
  | 'auth'
  | 'user_reauth'
  | 'deauth'
  | 'access_revoked'
  | 'connection_error'
  | 'connection_recovered'
  | 'orphan_reauth'
  | 'seen_active'
  | 'seen_inactive'

/** When one kind of fact was stated. */
export interface Mark {
  /** Earliest ordering timestamp, in epoch milliseconds; absent when every such event had none. */
  earliestMs?: number
  /** Latest ordering timestamp, in epoch milliseconds; absent when every such event had none. */
  latestMs?: number
  /** Whether such an event came without an ordering timestamp. */
  isSeenUndated: boolean
  /**
   * Latest `created_at` that events without a timestamp named, in epoch milliseconds: they are about no later life of the `user_id`. Absent
   * when one of them named none.
   */
  undatedBornMs?: number
}

/** A value and what orders it among others of its kind. */
export interface Stamped<T> {
  /** What was stated. */
  value: T
  /** Ordering timestamp in epoch milliseconds, or {@link UNDATED_MS}. */
  atMs: number
  /** SHA-256 of the event's body in hex: breaks ties. */
  digest: string
}

/** Whether one scope was added or removed by itself, without the whole list. */
export interface ScopeChange extends Stamped<boolean> {
  /** The scope, in the provider's vocabulary. `value` says whether it is granted. */
  scope: string
}

/** Everything that events have said about one `user_id`. */
export interface UserRecord {
  /** The `user_id`. */
  userId: string
  /** When each kind of fact was stated; a kind that never was is absent. */
  marks: Partial<Record<MarkName, Mark>>
  /** Latest `created_at` that good news named, in epoch milliseconds: when the present life of the `user_id` began. */
  bornMs?: number
  /** The latest provider, in upper case. */
  provider?: Stamped<string>
  /** The latest reference_id. */
  referenceId?: Stamped<string>
  /** The latest whole list. */
  scopes?: Stamped<string[]>
  /** Changes to single scopes, one per scope, sorted by scope; only those later than the whole list count. */
  scopeChanges: ScopeChange[]
  /** When its end user was erased, epoch milliseconds; then the `user_id` is a digest, and no name or scope is kept. */
  erasedAtMs?: number
}

/** How a connection is doing. */
export type ConnectionStatus = 'active' | 'degraded' | 'revoked' | 'disconnected' | 'unknown'

/** A status with the fact that decided it. */
export interface StatusDecision {
  /** The status. */
  status: ConnectionStatus
  /** Ordering timestamp of the deciding fact, in epoch milliseconds; the API does not say since when. */
  sinceMs: number | undefined
  /** Type of the event that decided. */
  decidedBy: Exclude<MarkName, 'orphan_reauth'> | undefined
}

/** Stands for "no timestamp" in {@link Stamped}: before every real one. */
export const UNDATED_MS = -1

/** Whether `a` comes after `b` in the order described at the top. */
export function isLater<T>(a: Stamped<T>, b: Stamped<T>): boolean {
  if (a.atMs !== b.atMs) return a.atMs > b.atMs
  if (a.digest !== b.digest) return a.digest > b.digest
  return JSON.stringify(a.value) > JSON.stringify(b.value)
}

function later<T>(a: Stamped<T> | undefined, b: Stamped<T> | undefined): Stamped<T> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return isLater(b, a) ? b : a
}

function joinMarks(a: Mark | undefined, b: Mark | undefined): Mark | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const joined: Mark = { isSeenUndated: a.isSeenUndated || b.isSeenUndated }
  const earliestMs = Math.min(a.earliestMs ?? Infinity, b.earliestMs ?? Infinity)
  const latestMs = Math.max(a.latestMs ?? -Infinity, b.latestMs ?? -Infinity)
  if (Number.isFinite(earliestMs)) joined.earliestMs = earliestMs
  if (Number.isFinite(latestMs)) joined.latestMs = latestMs
  const born = [a, b].flatMap((mark) => (mark.isSeenUndated ? [mark.undatedBornMs] : []))
  if (born.length > 0 && born.every((ms) => ms !== undefined)) {
    joined.undatedBornMs = Math.max(...born)
  }
  return joined
}

const MARK_NAMES: readonly MarkName[] = [
  'auth',
  'user_reauth',
  'deauth',
  'access_revoked',
  'connection_error',
  'connection_recovered',
  'orphan_reauth',
  'seen_active',
  'seen_inactive',
]

/** Least upper bound of two records of the same `user_id`. */
export function joinRecords(a: UserRecord, b: UserRecord): UserRecord {
  const joined: UserRecord = {
    userId: a.userId,
    marks: {},
    scopeChanges: joinScopeChanges(a.scopeChanges, b.scopeChanges),
  }
  for (const name of MARK_NAMES) {
    const mark = joinMarks(a.marks[name], b.marks[name])
    if (mark !== undefined) joined.marks[name] = mark
  }
  const bornMs = Math.max(a.bornMs ?? UNDATED_MS, b.bornMs ?? UNDATED_MS)
  if (bornMs > UNDATED_MS) joined.bornMs = bornMs
  const provider = later(a.provider, b.provider)
  const referenceId = later(a.referenceId, b.referenceId)
  const scopes = later(a.scopes, b.scopes)
  if (provider !== undefined) joined.provider = provider
  if (referenceId !== undefined) joined.referenceId = referenceId
  if (scopes !== undefined) joined.scopes = scopes
  const erasedAtMs = Math.max(a.erasedAtMs ?? UNDATED_MS, b.erasedAtMs ?? UNDATED_MS)
  if (erasedAtMs > UNDATED_MS) joined.erasedAtMs = erasedAtMs
  return joined
}

function joinScopeChanges(a: readonly ScopeChange[], b: readonly ScopeChange[]): ScopeChange[] {
  const byScope = new Map<string, ScopeChange>()
  for (const change of [...a, ...b]) {
    const known = byScope.get(change.scope)
    if (known === undefined || isLater(change, known)) byScope.set(change.scope, change)
  }
  return [...byScope.values()].sort((x, y) => compareText(x.scope, y.scope))
}

/** Granted scopes, sorted: the latest whole list with the later single changes; `undefined` when nothing was said. */
export function toScopes(record: UserRecord): string[] | undefined {
  const base = record.scopes
  if (base === undefined && record.scopeChanges.length === 0) return undefined
  const scopes = new Set(base?.value)
  for (const { scope, value: isGranted, atMs, digest } of record.scopeChanges) {
    const isOlder =
      base !== undefined && (atMs !== base.atMs ? atMs < base.atMs : digest <= base.digest)
    if (isOlder) continue
    if (isGranted) scopes.add(scope)
    else scopes.delete(scope)
  }
  return [...scopes].sort()
}

/** The status that a record's facts add up to; see the rules at the top. */
export function decideStatus({ marks, bornMs = UNDATED_MS }: UserRecord): StatusDecision {
  const isStanding = toStanding(bornMs)
  const { auth, user_reauth, deauth, access_revoked, connection_error, connection_recovered } =
    marks
  const { seen_active, seen_inactive } = marks
  if (isStanding(deauth, [auth, user_reauth, seen_active])) {
    return { status: 'disconnected', sinceMs: deauth.latestMs, decidedBy: 'deauth' }
  }
  if (isStanding(access_revoked, [auth, user_reauth, seen_active])) {
    return { status: 'revoked', sinceMs: access_revoked.latestMs, decidedBy: 'access_revoked' }
  }
  const signsOfLife = [auth, user_reauth, connection_error, connection_recovered, seen_active]
  const wasAlive = signsOfLife.some((mark) => mark !== undefined)
  // A flow that is still under way is listed, too. It must not look like a connection that ended.
  if (wasAlive && isStanding(seen_inactive, [auth, user_reauth, seen_active])) {
    return { status: 'revoked', sinceMs: undefined, decidedBy: 'seen_inactive' }
  }
  if (isStanding(connection_error, [auth, user_reauth, connection_recovered])) {
    return { status: 'degraded', sinceMs: connection_error.latestMs, decidedBy: 'connection_error' }
  }
  return decideActive(marks)
}

/** What makes a connection active against which no bad news stands. */
function decideActive(marks: UserRecord['marks']): StatusDecision {
  let decision: StatusDecision = { status: 'unknown', sinceMs: undefined, decidedBy: undefined }
  for (const decidedBy of ['auth', 'user_reauth', 'connection_recovered'] as const) {
    const mark = marks[decidedBy]
    if (mark === undefined) continue
    if (
      decision.decidedBy !== undefined &&
      (mark.latestMs ?? UNDATED_MS) <= (decision.sinceMs ?? UNDATED_MS)
    ) {
      continue
    }
    decision = { status: 'active', sinceMs: mark.latestMs, decidedBy }
  }
  if (marks.seen_active === undefined) return decision
  const endedMs = Math.max(
    ...[marks.deauth, marks.access_revoked].map((mark) => mark?.latestMs ?? UNDATED_MS),
  )
  // An event tells more than the API, unless it is about the time before the connection ended.
  const isTold = decision.decidedBy !== undefined && (decision.sinceMs ?? UNDATED_MS) >= endedMs
  return isTold ? decision : { status: 'active', sinceMs: undefined, decidedBy: 'seen_active' }
}

/**
 * Whether bad news holds: no good news is known to be later. Without a timestamp it holds, unless it names an earlier `created_at` than good news: then
 * it is about an earlier life, and the `user_id` has been given anew.
 */
function toStanding(bornMs: number) {
  return (mark: Mark | undefined, clearing: readonly (Mark | undefined)[]): mark is Mark => {
    if (mark === undefined) return false
    if (mark.isSeenUndated && bornMs <= (mark.undatedBornMs ?? Infinity)) return true
    if (mark.latestMs === undefined) return false
    const clearedMs = Math.max(...clearing.map((good) => good?.latestMs ?? UNDATED_MS))
    return clearedMs <= mark.latestMs
  }
}

/** When the connection is first known to have existed, in epoch milliseconds; `undefined` when events do not tell. */
export function findBirthMs({ marks }: UserRecord): number | undefined {
  const births = [marks.auth, marks.user_reauth].filter((mark) => mark !== undefined)
  if (births.length === 0 || births.some((mark) => mark.isSeenUndated)) return undefined
  return Math.min(...births.map((mark) => mark.earliestMs ?? Infinity))
}

/** Order by code unit: the same on every machine, unlike a locale's. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
