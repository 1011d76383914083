/**
 * Reads connections out of a store: what belongs to one is loaded, and the pure fold decides what it amounts to.
 */
import type { AliasEdge } from './core/facts.ts'
import { deriveConnections, GROUP_USERS_MAX, toGroupKey, type Connection } from './core/fold.ts'
import { joinRecords, type UserRecord } from './core/user-record.ts'
import type { GroupFilter, StoredUser, StoreTransaction } from './store.ts'

/** A connection and the environment that it is in. */
export interface EnvironmentConnection extends Connection {
  /** Label of the environment whose secret signed its events; empty without one. */
  environment: string
}

/** The connection that a `user_id` is or was; `undefined` when no state event has named it. */
export async function findConnection(
  tx: StoreTransaction,
  environment: string,
  userId: string,
): Promise<EnvironmentConnection | undefined> {
  const user = await tx.findUser(environment, userId)
  if (user === undefined) return undefined
  const { records, edges } = await loadScope(tx, environment, [user])
  const connection = deriveConnections(records, edges).find(({ aliases }) =>
    aliases.includes(userId),
  )
  return connection === undefined ? undefined : { ...connection, environment }
}

/** Most components of users of one reference_id that are looked at for its connections. */
const REFERENCE_COMPONENTS_MAX = 1_000

/** Connections whose reference_id this is, at most `filter.limit`. */
export async function listConnections(
  tx: StoreTransaction,
  filter: GroupFilter,
): Promise<EnvironmentConnection[]> {
  const found = new Map<string, EnvironmentConnection>()
  const seen = new Set<string>()
  const { provider, ...wide } = filter
  // Not narrowed by provider: one alias may carry the name, and another one the provider.
  for (const { environment, record } of await tx.listGroup({
    ...wide,
    // Users would not do: one connection that was made anew often enough would crowd the others out.
    isPerComponent: true,
    limit: REFERENCE_COMPONENTS_MAX,
  })) {
    if (found.size >= filter.limit) break
    if (seen.has(JSON.stringify([environment, record.userId]))) continue
    const connection = await findConnection(tx, environment, record.userId)
    for (const alias of connection?.aliases ?? []) seen.add(JSON.stringify([environment, alias]))
    // An old alias may still carry a name that the connection no longer has.
    if (connection?.referenceId !== filter.referenceId) continue
    if (provider !== undefined && connection.provider !== provider) continue
    found.set(JSON.stringify([environment, connection.lineageId]), connection)
  }
  return [...found.values()]
}

/**
 * Everything that `deriveConnections` must see to say about one component what it would say of the whole environment: the component, and
 * wherever a re-authentication without an old user searches among users of one provider and reference_id, those users' components.
 */
async function loadScope(
  tx: StoreTransaction,
  environment: string,
  start: readonly StoredUser[],
  isThorough = false,
): Promise<Scope> {
  const records = new Map<string, UserRecord>()
  const edges: AliasEdge[] = []
  const groups = new Set<string>()
  // A set hands out what is added while it is being walked.
  const components = new Set(start.map(({ componentId }) => componentId))
  const search = async (record: UserRecord, isForced = false): Promise<void> => {
    const key = toGroupKey(record)
    if (key === undefined || groups.has(key)) return
    groups.add(key)
    const members = await listSearchedGroup(tx, environment, record, isForced)
    for (const member of members) {
      records.set(member.record.userId, member.record)
      // Too many are not searched; that they are too many is all there is to know.
      if (members.length <= GROUP_USERS_MAX) components.add(member.componentId)
    }
  }
  // Somebody who searches may be about to come into the group, or has just left it.
  for (const { record } of start) await search(record, isThorough)
  for (const component of components) {
    edges.push(...(await tx.listEdges(environment, component)))
    for (const { record } of await tx.listComponent(environment, component)) {
      records.set(record.userId, record)
      await search(record)
    }
  }
  return { records: records.values(), edges }
}

/** Records and edges for `deriveConnections`. */
interface Scope {
  records: Iterable<UserRecord>
  edges: AliasEdge[]
}

/** Users as they are and as they are going to be: a new name changes things under the old one, too. */
export async function listTouching(
  tx: StoreTransaction,
  environment: string,
  records: readonly UserRecord[],
): Promise<UserRecord[]> {
  const touching: UserRecord[] = []
  for (const record of records) {
    const stored = await tx.findUser(environment, record.userId)
    if (stored === undefined) touching.push(record)
    else touching.push(stored.record, joinRecords(stored.record, record))
  }
  return touching
}

/** Names a user, and says nothing about it. */
export function toEmptyRecord(userId: string): UserRecord {
  return { userId, marks: {}, scopeChanges: [] }
}

/** Every connection that facts about these users can change, as it is at this moment. */
export async function listTouched(
  tx: StoreTransaction,
  environment: string,
  touching: readonly UserRecord[],
): Promise<EnvironmentConnection[]> {
  if (touching.length === 0) return []
  const start: StoredUser[] = []
  for (const record of touching) {
    const stored = await tx.findUser(environment, record.userId)
    start.push({ record, componentId: stored?.componentId ?? record.userId })
  }
  const { records, edges } = await loadScope(tx, environment, start, true)
  return deriveConnections(records, edges).map((connection) => ({ ...connection, environment }))
}

async function listSearchedGroup(
  tx: StoreTransaction,
  environment: string,
  record: UserRecord,
  isForced: boolean,
): ReturnType<StoreTransaction['listGroup']> {
  if (record.provider === undefined || record.referenceId === undefined) return []
  const filter = {
    environment,
    provider: record.provider.value,
    referenceId: record.referenceId.value,
  }
  const orphans = isForced ? [] : await tx.listGroup({ ...filter, isOrphan: true, limit: 1 })
  return !isForced && orphans.length === 0
    ? []
    : tx.listGroup({ ...filter, limit: GROUP_USERS_MAX + 1 })
}
