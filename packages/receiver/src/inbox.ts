/**
 * Accepts events and answers whose they are, over any store. Everything here runs inside one transaction of the store, so an
 * event, its facts and the release of what was parked for it are committed together or not at all.
 */
import { findEventUserId, type Event } from './core/event.ts'
import { toFacts, type AliasEdge, type Facts } from './core/facts.ts'
import { deriveConnections, GROUP_USERS_MAX, toGroupKey, type Connection } from './core/fold.ts'
import { compareText, joinRecords, type UserRecord } from './core/user-record.ts'
import type {
  ExpectedReads,
  GroupFilter,
  HandlerState,
  InboxEvent,
  NewInboxEvent,
  StoreTransaction,
} from './store.ts'

/** How long a `pending` event belongs to the process that accepted it, in milliseconds; then any process may hand it over. */
export const PENDING_STALE_MS = 60_000

/** A verified and parsed event on its way into the inbox. */
export interface IncomingEvent extends Omit<
  NewInboxEvent,
  'type' | 'userId' | 'handlerState' | 'handlerDueAtMs'
> {
  /** The parsed body. */
  event: Event
  /** SHA-256 of the body in hex. */
  digest: string
  /** Whether somebody is to be told about it. */
  hasHandler: boolean
}

/** What accepting did. */
export interface Acceptance {
  /** Whether the event had been accepted before; then nothing was changed. */
  isDuplicate: boolean
  /** The row: the new one, or the one that was there. */
  row: InboxEvent
  /** Users that this event made known, whose parked events are due now. */
  knownUserIds: string[]
}

/** A connection and the environment that it is in. */
export interface EnvironmentConnection extends Connection {
  /** Label of the environment whose secret signed its events; empty without one. */
  environment: string
}

/** Inserts an event and folds it into the map; a duplicate changes nothing. */
export async function acceptEvent(
  tx: StoreTransaction,
  incoming: IncomingEvent,
): Promise<Acceptance> {
  const { event, digest, hasHandler, ...rest } = incoming
  const { environment, eventKey, receivedAtMs } = rest
  const facts = toFacts(event, { orderingMs: rest.orderingMs, digest })
  const userId = findEventUserId(event)
  const toldState: HandlerState = hasHandler ? 'pending' : 'none'
  const isParked = facts.records.length === 0 && (await isUnknown(tx, event, environment))
  const dueAtMs = hasHandler ? receivedAtMs + PENDING_STALE_MS : undefined
  const inserted: NewInboxEvent = {
    ...rest,
    type: event.type,
    userId,
    handlerState: isParked ? 'parked' : toldState,
    handlerDueAtMs: isParked ? undefined : dueAtMs,
  }
  const seq = await tx.insertEvent(inserted)
  if (seq === undefined) {
    const row = await tx.findEvent(environment, eventKey)
    if (row === undefined) throw new TypeError(`the store has event ${eventKey} and cannot find it`)
    return { isDuplicate: true, row, knownUserIds: [] }
  }
  const knownUserIds = await joinFacts(tx, environment, facts)
  for (const known of knownUserIds) {
    const release = { state: toldState, atMs: receivedAtMs, dueAtMs } as const
    await tx.unpark({ environment, userId: known, ...release })
  }
  const row = {
    ...inserted,
    seq,
    attempts: 0,
    handlerStateAtMs: receivedAtMs,
    handlerError: undefined,
  }
  return { isDuplicate: false, row, knownUserIds }
}

/** What accepting these events is going to ask the store. */
export function toExpectedReads(batch: readonly IncomingEvent[]): ExpectedReads {
  const users = new Map<string, { environment: string; userId: string }>()
  for (const { event, environment } of batch) {
    const named = event.kind === 'user_reauth' ? [event.oldUser, event.newUser] : [event.user]
    for (const user of named) {
      if (user?.userId === undefined) continue
      const { userId } = user
      users.set(JSON.stringify([environment, userId]), { environment, userId })
    }
  }
  const events = batch.map(({ environment, eventKey }) => ({ environment, eventKey }))
  return { events, users: [...users.values()] }
}

async function isUnknown(
  tx: StoreTransaction,
  event: Event,
  environment: string,
): Promise<boolean> {
  const userId = findEventUserId(event)
  // The older form of a failed flow names a user that will never be known; nothing comes of waiting for it.
  if (userId === undefined || event.kind === 'auth_failed') return false
  return !(await tx.hasUser(environment, userId))
}

/** Joins facts with what is stored; returns the users that were not known before. */
async function joinFacts(
  tx: StoreTransaction,
  environment: string,
  { records, edges }: Facts,
): Promise<string[]> {
  const knownUserIds: string[] = []
  const components = new Map<string, string>()
  for (const record of records) {
    const { userId } = record
    const stored = await tx.findUser(environment, userId)
    const componentId = stored?.componentId ?? userId
    components.set(userId, componentId)
    if (stored === undefined) knownUserIds.push(userId)
    const joined = stored === undefined ? record : joinRecords(stored.record, record)
    await tx.saveUser(environment, { record: joined, componentId })
  }
  for (const edge of edges) {
    await tx.saveEdge(environment, edge)
    const [into, from] = [edge.oldUserId, edge.newUserId]
      .map((userId) => components.get(userId) ?? userId)
      .sort(compareText)
    if (into !== undefined && from !== undefined && into !== from) {
      await tx.mergeComponents(environment, from, into)
    }
  }
  return knownUserIds
}

/** The connection that a `user_id` is or was; `undefined` when no state event has named it. */
export async function findConnection(
  tx: StoreTransaction,
  environment: string,
  userId: string,
): Promise<EnvironmentConnection | undefined> {
  const user = await tx.findUser(environment, userId)
  if (user === undefined) return undefined
  const { records, edges } = await loadScope(tx, environment, user.componentId)
  const connection = deriveConnections(records, edges).find(({ aliases }) =>
    aliases.includes(userId),
  )
  return connection === undefined ? undefined : { ...connection, environment }
}

/** Connections whose reference_id this is, at most `filter.limit`. */
export async function listConnections(
  tx: StoreTransaction,
  filter: GroupFilter,
): Promise<EnvironmentConnection[]> {
  const found = new Map<string, EnvironmentConnection>()
  for (const { environment, record } of await tx.listGroup(filter)) {
    const isFound = [...found.values()].some(
      (each) => each.environment === environment && each.aliases.includes(record.userId),
    )
    if (isFound) continue
    const connection = await findConnection(tx, environment, record.userId)
    // An old alias may still carry a name that the connection no longer has.
    if (connection?.referenceId !== filter.referenceId) continue
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
  componentId: string,
): Promise<{ records: Iterable<UserRecord>; edges: AliasEdge[] }> {
  const records = new Map<string, UserRecord>()
  const edges: AliasEdge[] = []
  const groups = new Set<string>()
  // A set hands out what is added while it is being walked.
  const components = new Set([componentId])
  for (const component of components) {
    edges.push(...(await tx.listEdges(environment, component)))
    for (const { record } of await tx.listComponent(environment, component)) {
      records.set(record.userId, record)
      const key = toGroupKey(record)
      if (key === undefined || groups.has(key)) continue
      groups.add(key)
      const members = await listSearchedGroup(tx, environment, record)
      for (const member of members) {
        records.set(member.record.userId, member.record)
        // Too many are not searched; that they are too many is all there is to know.
        if (members.length <= GROUP_USERS_MAX) components.add(member.componentId)
      }
    }
  }
  return { records: records.values(), edges }
}

async function listSearchedGroup(
  tx: StoreTransaction,
  environment: string,
  record: UserRecord,
): ReturnType<StoreTransaction['listGroup']> {
  if (record.provider === undefined || record.referenceId === undefined) return []
  const filter = {
    environment,
    provider: record.provider.value,
    referenceId: record.referenceId.value,
  }
  const orphans = await tx.listGroup({ ...filter, isOrphan: true, limit: 1 })
  return orphans.length === 0 ? [] : tx.listGroup({ ...filter, limit: GROUP_USERS_MAX + 1 })
}
