/**
 * The connection map: a pure function of the *set* of events.
 *
 * Every event becomes facts (`facts.ts`), facts are joined into one record per `user_id` (`user-record.ts`, a semilattice) and
 * a set of alias edges old → new that only grows, and `deriveConnections` computes everything else from those two. Order of
 * arrival, number of deliveries and times of arrival are not among its inputs, so they cannot matter. The alternative, to
 * update connections event by event, needs a rule for each pair of events in each order, and one is always forgotten.
 *
 * - A **lineage** is what alias edges connect. Its id is `lin_` + its root: the `user_id` with no edge into it; of several the one
 *   that existed first, then the smallest. As older aliases become known the id can change; former ids keep resolving, because
 *   each names an alias.
 * - The **current** `user_id` is the one with no edge out of it; of several a living one before an ended one, then the one
 *   that authenticated last, then the greatest `user_id`. Only its facts decide the status: a late `deauth` of an
 *   old alias is about a connection that had already been replaced.
 * - A `user_reauth` without an old user is linked to its predecessor only if there is exactly one: one other lineage of the same
 *   provider and reference_id that can have been alive then. One that began later, or was deauthenticated before, cannot. With
 *   several the lineage is reported as ambiguous. These are decided by (ordering timestamp, `user_id`), the undated last, each seeing the
 *   links made before it, so that a chain of such events links up.
 *
 * Records of one environment at a time: the same `user_id` under another environment's secret is another connection.
 */
import type { AliasEdge } from './facts.ts'
import {
  compareText,
  decideStatus,
  findBirthMs,
  isLater,
  toScopes,
  UNDATED_MS,
  type ConnectionStatus,
  type Stamped,
  type StatusDecision,
  type UserRecord,
} from './user-record.ts'

/** A connection of one end user to one provider, across all the `user_id`s it has had. */
export interface Connection {
  /** Stable id: `lin_` and the oldest known alias. */
  lineageId: string
  /** The `user_id` that counts now. */
  userId: string
  /** Every `user_id` it has had, the current one included, in the order in which they replaced each other. */
  aliases: string[]
  /** The app's own name for the end user; `undefined` when no event named one. */
  referenceId: string | undefined
  /** The provider in upper case; `undefined` when no event named one. */
  provider: string | undefined
  /** Granted scopes, sorted; `undefined` when no event named them. */
  scopes: string[] | undefined
  /** How it is doing. */
  status: ConnectionStatus
  /** Since when, in epoch milliseconds; `undefined` when the deciding event had no ordering timestamp. */
  sinceMs: number | undefined
  /** Type of the event that decided the status; `undefined` for status `unknown`. */
  decidedBy: StatusDecision['decidedBy']
  /** Set when it replaced a connection and several can be meant: their lineage ids, sorted. Empty when they are too many to list. */
  ambiguousWith: string[] | undefined
}

/** Most `user_id`s of one provider and reference_id among which a predecessor is searched. More cannot be one person's. */
export const GROUP_USERS_MAX = 100
/** What a lineage id begins with. */
const LINEAGE_PREFIX = 'lin_'

/** The alias that a lineage id names; `undefined` when it is no lineage id. */
export function toLineageAlias(lineageId: string): string | undefined {
  if (!lineageId.startsWith(LINEAGE_PREFIX)) return undefined
  return lineageId.slice(LINEAGE_PREFIX.length)
}

/** A stable key for "same provider, same reference_id"; `undefined` unless both are known. */
export function toGroupKey(record: UserRecord): string | undefined {
  if (record.provider === undefined || record.referenceId === undefined) return undefined
  const provider = record.provider.value
  return `${provider.length}:${provider}${record.referenceId.value}`
}

/** Computes every connection that records and edges of one environment add up to, sorted by lineage id. */
export function deriveConnections(
  records: Iterable<UserRecord>,
  edges: Iterable<AliasEdge>,
): Connection[] {
  const graph = new AliasGraph(records)
  for (const edge of edges) graph.link(edge.oldUserId, edge.newUserId)
  const ambiguous = linkOrphans(graph)
  const connections: Connection[] = []
  for (const members of graph.components()) connections.push(toConnection(graph, members))
  for (const connection of connections) {
    const candidates = new Set<string>()
    let isTooMany = false
    for (const alias of connection.aliases) {
      const found = ambiguous.get(alias)
      // An empty list says "too many"; a list whose lineages are all this one by now is settled.
      isTooMany ||= found?.length === 0
      for (const userId of found ?? []) candidates.add(toLineageId(graph, userId))
    }
    candidates.delete(connection.lineageId)
    if (isTooMany) connection.ambiguousWith = []
    else if (candidates.size > 0) connection.ambiguousWith = [...candidates].sort()
  }
  return connections.sort((a, b) => compareText(a.lineageId, b.lineageId))
}

/** Users, alias edges and their connected components (union-find). */
class AliasGraph {
  readonly records = new Map<string, UserRecord>()
  readonly #parents = new Map<string, string>()
  readonly #members = new Map<string, string[]>()
  readonly #incoming = new Set<string>()
  readonly #successors = new Map<string, string[]>()

  constructor(records: Iterable<UserRecord>) {
    for (const record of records) {
      this.records.set(record.userId, record)
      this.#add(record.userId)
    }
  }

  #add(userId: string): void {
    if (this.#parents.has(userId)) return
    this.#parents.set(userId, userId)
    this.#members.set(userId, [userId])
  }

  find(userId: string): string {
    let root = userId
    for (let up = this.#parents.get(root); up !== undefined && up !== root;) {
      root = up
      up = this.#parents.get(root)
    }
    this.#parents.set(userId, root)
    return root
  }

  link(oldUserId: string, newUserId: string): void {
    if (oldUserId === newUserId) return
    this.#add(oldUserId)
    this.#add(newUserId)
    this.#successors.set(oldUserId, [...(this.#successors.get(oldUserId) ?? []), newUserId])
    this.#incoming.add(newUserId)
    const [a, b] = [this.find(oldUserId), this.find(newUserId)]
    if (a === b) return
    const [into, from] = this.membersOf(a).length >= this.membersOf(b).length ? [a, b] : [b, a]
    this.#members.set(into, [...this.membersOf(into), ...this.membersOf(from)])
    this.#parents.set(from, into)
    this.#members.delete(from)
  }

  /** All aliases of the component that `userId` is in. */
  membersOf(userId: string): readonly string[] {
    return this.#members.get(this.find(userId)) ?? []
  }

  components(): Iterable<readonly string[]> {
    return this.#members.values()
  }

  hasPredecessor(userId: string): boolean {
    return this.#incoming.has(userId)
  }

  recordOf(userId: string): UserRecord {
    return this.records.get(userId) ?? { userId, marks: {}, scopeChanges: [] }
  }

  rootOf(members: readonly string[]): string {
    return this.#rootsOf(members)[0] ?? ''
  }

  /** The aliases in the order in which they replaced each other, the root first. */
  inOrder(members: readonly string[]): string[] {
    const [root] = this.#rootsOf(members)
    const others = members.filter((userId) => !this.#incoming.has(userId) && userId !== root)
    const ordered = new Set(root === undefined ? others : [root, ...this.#byAge(others)])
    // A set hands out what is added while it is being walked, so this goes on to the last successor.
    for (const userId of ordered) {
      for (const next of this.#byAge(this.#successors.get(userId) ?? [])) ordered.add(next)
    }
    // A circle cannot be reached from a root outside it.
    for (const userId of this.#byAge(members)) ordered.add(userId)
    return [...ordered]
  }

  #rootsOf(members: readonly string[]): string[] {
    const roots = members.filter((userId) => !this.#incoming.has(userId))
    // Contradictory events can make a circle, and then everybody is a candidate.
    return this.#byAge(roots.length > 0 ? roots : members)
  }

  sinkOf(members: readonly string[]): string {
    const sinks = members.filter((userId) => !this.#successors.has(userId))
    const candidates = [...(sinks.length > 0 ? sinks : members)]
    return candidates.sort((a, b) => this.#compareCurrency(b, a))[0] ?? ''
  }

  /** Oldest first; those whose age nobody knows last. */
  #byAge(members: readonly string[]): string[] {
    const age = (userId: string): number => findBirthMs(this.recordOf(userId)) ?? Infinity
    return [...members].sort((a, b) => {
      const [first, second] = [age(a), age(b)]
      // Not a subtraction: two infinities would make NaN.
      if (first === second) return compareText(a, b)
      return first < second ? -1 : 1
    })
  }

  #compareCurrency(a: string, b: string): number {
    const [first, second] = [this.recordOf(a), this.recordOf(b)]
    const life = Number(isAlive(first)) - Number(isAlive(second))
    if (life !== 0) return life
    return latestAuthMs(first) - latestAuthMs(second) || compareText(a, b)
  }
}

function isAlive(record: UserRecord): boolean {
  const { status } = decideStatus(record)
  return status === 'active' || status === 'degraded'
}

function latestAuthMs({ marks }: UserRecord): number {
  return Math.max(marks.auth?.latestMs ?? UNDATED_MS, marks.user_reauth?.latestMs ?? UNDATED_MS)
}

/** Links re-authentications whose old user the sender did not know; returns the undecided ones with their candidates. */
function linkOrphans(graph: AliasGraph): Map<string, readonly string[]> {
  const orphans: { record: UserRecord; atMs: number }[] = []
  for (const record of graph.records.values()) {
    const mark = record.marks.orphan_reauth
    // When another event names the predecessor there is nothing to search for.
    if (mark === undefined || graph.hasPredecessor(record.userId)) continue
    orphans.push({ record, atMs: mark.earliestMs ?? Infinity })
  }
  const ambiguous = new Map<string, readonly string[]>()
  if (orphans.length === 0) return ambiguous
  const groups = groupRecords(graph.records.values())
  orphans.sort((a, b) =>
    a.atMs === b.atMs ? compareText(a.record.userId, b.record.userId) : a.atMs < b.atMs ? -1 : 1,
  )
  for (const { record, atMs } of orphans) {
    const group = groups.get(toGroupKey(record) ?? '') ?? []
    if (group.length > GROUP_USERS_MAX) {
      ambiguous.set(record.userId, [])
      continue
    }
    const candidates = findPredecessors(graph, record, group, atMs)
    const [only] = candidates
    if (candidates.length > 1) ambiguous.set(record.userId, candidates)
    else if (only !== undefined) graph.link(graph.sinkOf(graph.membersOf(only)), record.userId)
  }
  return ambiguous
}

/** Records by provider and reference_id; without those that lack one. */
function groupRecords(records: Iterable<UserRecord>): Map<string, UserRecord[]> {
  const groups = new Map<string, UserRecord[]>()
  for (const record of records) {
    const key = toGroupKey(record)
    if (key === undefined) continue
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [record])
    else group.push(record)
  }
  return groups
}

/** One member of each lineage that `record` can have replaced at `atMs` (`Infinity`: at a time nobody knows). */
function findPredecessors(
  graph: AliasGraph,
  record: UserRecord,
  group: readonly UserRecord[],
  atMs: number,
): string[] {
  const own = graph.find(record.userId)
  const others = new Set(group.map(({ userId }) => graph.find(userId)))
  others.delete(own)
  return [...others].filter((lineage) => {
    if (atMs === Infinity) return true
    const members = graph.membersOf(lineage).map((userId) => graph.recordOf(userId))
    if (members.every((member) => (findBirthMs(member) ?? -Infinity) > atMs)) return false
    const { status, sinceMs } = decideStatus(graph.recordOf(graph.sinkOf(graph.membersOf(lineage))))
    return !(status === 'disconnected' && sinceMs !== undefined && sinceMs < atMs)
  })
}

function toLineageId(graph: AliasGraph, userId: string): string {
  return LINEAGE_PREFIX + graph.rootOf(graph.membersOf(userId))
}

function toConnection(graph: AliasGraph, members: readonly string[]): Connection {
  const current = graph.recordOf(graph.sinkOf(members))
  const records = members.map((userId) => graph.recordOf(userId))
  return {
    lineageId: LINEAGE_PREFIX + graph.rootOf(members),
    userId: current.userId,
    aliases: graph.inOrder(members),
    // What the current alias does not say, an earlier one may have said.
    referenceId: (current.referenceId ?? latestOf(records, 'referenceId'))?.value,
    provider: (current.provider ?? latestOf(records, 'provider'))?.value,
    scopes: toScopes(current),
    ...decideStatus(current),
    ambiguousWith: undefined,
  }
}

function latestOf(
  records: readonly UserRecord[],
  name: 'provider' | 'referenceId',
): Stamped<string> | undefined {
  let latest: Stamped<string> | undefined
  for (const record of records) {
    const value = record[name]
    if (value !== undefined && (latest === undefined || isLater(value, latest))) latest = value
  }
  return latest
}
