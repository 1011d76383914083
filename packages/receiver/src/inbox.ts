/**
 * Accepts events and answers whose they are, over any store. Everything here runs inside one transaction of the store, so an
 * event, its facts and the release of what was parked for it are committed together or not at all.
 */
import { diffConnections, type ChangeCause, type ConnectionChange } from './changes.ts'
import { findConnection, listTouched, listTouching, toEmptyRecord } from './connections.ts'
import { findEventUserId, parseEvent, type Event } from './core/event.ts'
import { toStorable } from './core/json-fields.ts'
import { statesFacts, toFacts, type Facts } from './core/facts.ts'
import { sha256Hex } from './crypto.ts'
import { compareText, joinRecords } from './core/user-record.ts'
import {
  eraseUsers,
  findErased,
  isSkeleton,
  redactEventsOf,
  redactFacts,
  spreadErasure,
  toErasedId,
  toSkeleton,
} from './erasure.ts'
import type {
  ExpectedReads,
  HandlerState,
  InboxEvent,
  NewInboxEvent,
  StoredUser,
  StoreTransaction,
  UserName,
} from './store.ts'

/** How long a `pending` event belongs to the process that accepted it, in milliseconds; then any process may hand it over. */
export const PENDING_STALE_MS = 60_000
/** Longest type that is stored beside the body, in characters; the body has all of it. */
const TYPE_LENGTH_MAX = 256

/** A verified and parsed event on its way into the inbox. */
export interface IncomingEvent extends Omit<
  NewInboxEvent,
  'type' | 'userId' | 'handlerState' | 'handlerDueAtMs'
> {
  /** The parsed body. */
  event: Event
  /** SHA-256 of the body in hex; may be `undefined` unless the event {@link statesFacts}. */
  digest: string | undefined
  /** Whether somebody is to be told about it. */
  hasHandler: boolean
  /** Whether somebody wants to know what it changes; see {@link Acceptance.changes}. */
  isWatched?: boolean
}

/** What accepting did. */
export interface Acceptance {
  /** Whether the event had been accepted before; then nothing was changed. */
  isDuplicate: boolean
  /** The row: the new one, or the one that was there. */
  row: InboxEvent
  /** Users that this event made known, whose parked events are due now. */
  knownUserIds: string[]
  /** What it changed; empty unless {@link IncomingEvent.isWatched}. */
  changes: ConnectionChange[]
}

/** Inserts an event and folds it into the map; a duplicate changes nothing. */
export async function acceptEvent(
  tx: StoreTransaction,
  incoming: IncomingEvent,
): Promise<Acceptance> {
  const { event, environment, hasHandler, isWatched = false } = incoming
  const facts = toFacts(event, { orderingMs: incoming.orderingMs, digest: incoming.digest })
  const stored = await loadUsers(tx, environment, facts)
  const unknownUserIds = await listUnknown(tx, incoming, stored)
  if (unknownUserIds.length > 0) {
    const erased = await findErased(tx, environment, unknownUserIds)
    if (erased.size > 0) return acceptErased(tx, incoming, facts, erased)
  }
  const toldState = hasHandler ? 'pending' : 'none'
  // The older form of a failed flow names a user that will never be known; nothing comes of waiting for it.
  const canPark = facts.records.length === 0 && event.kind !== 'auth_failed'
  const isParked = canPark && unknownUserIds.length > 0
  const { row, isDuplicate } = await insertOnce(tx, incoming, {
    userId: findEventUserId(event),
    handlerState: isParked ? 'parked' : toldState,
    handlerDueAtMs: isParked ? undefined : toDueAtMs(toldState, incoming.receivedAtMs),
  })
  if (isDuplicate || facts.records.length === 0) {
    return { isDuplicate, row, knownUserIds: [], changes: [] }
  }
  const cause: ChangeCause = { kind: 'event', type: event.type }
  const told = { toldState, atMs: incoming.receivedAtMs, cause, isWatched } as const
  return { isDuplicate, row, ...(await learnFacts(tx, environment, facts, { ...told, stored })) }
}

/** What accepting these events is going to ask the store. */
export function toExpectedReads(batch: readonly IncomingEvent[]): ExpectedReads {
  const users = new Map<string, UserName>()
  const asked = new Map<string, UserName>()
  for (const { event, environment } of batch) {
    const named = event.kind === 'user_reauth' ? [event.oldUser, event.newUser] : [event.user]
    const group = statesFacts(event) ? users : asked
    for (const user of named) {
      if (user?.userId === undefined) continue
      group.set(`${environment}\n${user.userId}`, { environment, userId: user.userId })
    }
  }
  for (const key of users.keys()) asked.delete(key)
  return {
    events: batch.map(({ environment, eventKey }) => ({ environment, eventKey })),
    users: [...users.values()],
    asked: [...asked.values()],
    // Whoever is not known may have been erased.
    async insteadOf({ environment, userId }) {
      return { environment, userId: await toErasedId(environment, userId) }
    },
  }
}

/** From when on any process may call the handler, for an event that nobody has failed yet. */
function toDueAtMs(state: HandlerState, atMs: number): number | undefined {
  return state === 'pending' ? atMs + PENDING_STALE_MS : undefined
}

/** How to learn facts; see {@link learnFacts}. */
export interface LearnOptions {
  /** State of parked events from when their user is known. */
  toldState: HandlerState
  /** Now, epoch milliseconds. */
  atMs: number
  /** Where the facts are from. */
  cause: ChangeCause
  /** Whether somebody wants to know what they change. */
  isWatched: boolean
  /** The users that the facts are about, where they have been read already. */
  stored?: ReadonlyMap<string, StoredUser | undefined>
}

/** Folds facts into the map and releases what was parked for the users that they make known. */
export async function learnFacts(
  tx: StoreTransaction,
  environment: string,
  facts: Facts,
  { toldState, atMs, cause, isWatched, stored }: LearnOptions,
): Promise<Pick<Acceptance, 'knownUserIds' | 'changes'>> {
  const touched = isWatched ? await listTouching(tx, environment, facts.records) : []
  const before = await listTouched(tx, environment, touched)
  const knownUserIds = await joinFacts(tx, environment, facts, stored)
  for (const userId of knownUserIds) {
    const dueAtMs = toDueAtMs(toldState, atMs)
    await tx.unpark({ environment, userId, state: toldState, atMs, dueAtMs })
  }
  // What was one connection before may be two by now, of which only one is about these users.
  const former = before.flatMap(({ aliases }) => aliases.map((userId) => toEmptyRecord(userId)))
  const after = await listTouched(tx, environment, [...touched, ...former])
  return { knownUserIds, changes: diffConnections(before, after, cause) }
}

/** The users that facts are about, `undefined` for those that are not known. */
async function loadUsers(
  tx: StoreTransaction,
  environment: string,
  { records }: Facts,
): Promise<Map<string, StoredUser | undefined>> {
  const users = new Map<string, StoredUser | undefined>()
  for (const { userId } of records) users.set(userId, await tx.findUser(environment, userId))
  return users
}

/** Which of the users that decide what becomes of an event are not known. */
async function listUnknown(
  tx: StoreTransaction,
  { event, environment }: IncomingEvent,
  stored: ReadonlyMap<string, StoredUser | undefined>,
): Promise<string[]> {
  if (stored.size > 0) {
    return [...stored.keys()].filter((userId) => stored.get(userId) === undefined)
  }
  const userId = findEventUserId(event)
  const isKnown = userId === undefined || (await tx.hasUser(environment, userId))
  return isKnown ? [] : [userId]
}

/** Inserts an event unless it is there. */
async function insertOnce(
  tx: StoreTransaction,
  incoming: IncomingEvent,
  stated: Pick<NewInboxEvent, 'userId' | 'handlerState' | 'handlerDueAtMs'> &
    Partial<Pick<NewInboxEvent, 'body' | 'headers' | 'traceId'>>,
): Promise<Pick<Acceptance, 'isDuplicate' | 'row'>> {
  const row: InboxEvent = {
    seq: 0,
    environment: incoming.environment,
    eventKey: incoming.eventKey,
    traceId: incoming.traceId,
    type: toStorable(incoming.event.type.slice(0, TYPE_LENGTH_MAX)),
    orderingMs: incoming.orderingMs,
    receivedAtMs: incoming.receivedAtMs,
    body: incoming.body,
    headers: incoming.headers,
    attempts: 0,
    handlerStateAtMs: incoming.receivedAtMs,
    handlerError: undefined,
    ...stated,
  }
  const found = await insertOrFind(tx, row)
  if (found === undefined) return { isDuplicate: false, row }
  if (isEqualContent(found, incoming)) return { isDuplicate: true, row: found }
  // Different bytes under one trace id are two events: to drop the second would make the map depend on which came first.
  row.eventKey += `:${incoming.digest ?? (await sha256Hex(incoming.body))}`
  const second = await insertOrFind(tx, row)
  return { isDuplicate: second !== undefined, row: second ?? row }
}

/** Inserts an event and numbers it, or gives the one that has its key. */
async function insertOrFind(
  tx: StoreTransaction,
  row: InboxEvent,
): Promise<InboxEvent | undefined> {
  const { environment, eventKey } = row
  const seq = await tx.insertEvent(row)
  if (seq !== undefined) {
    row.seq = seq
    return undefined
  }
  const found = await tx.findEvent(environment, eventKey)
  if (found === undefined) throw new TypeError(`the store has event ${eventKey} and cannot find it`)
  return found
}

/** Compares what arrived, not what would be kept of it: of an end user who is being erased there are bodies until the erasure comes to them. */
function isEqualContent(row: InboxEvent, { body }: IncomingEvent): boolean {
  return isEqualBytes(row.body, body) || isSkeleton(parseEvent(row.body).body)
}

function isEqualBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  // A loop, because a body can have ten million bytes and a callback for each takes a tenth of a second.
  for (let i = 0; i < a.length; i += 1) {
    if (a[i] !== b[i]) return false
  }
  return true
}

/** Accepts an event that names an alias of an erased end user: only its skeleton is stored, and only about that. */
async function acceptErased(
  tx: StoreTransaction,
  incoming: IncomingEvent,
  facts: Facts,
  known: ReadonlyMap<string, number>,
): Promise<Acceptance> {
  const { event, environment, hasHandler, isWatched = false, receivedAtMs } = incoming
  const spread = spreadErasure(facts.edges, known, incoming.orderingMs)
  for (const [userId, atMs] of spread) {
    const aliases = (await findConnection(tx, environment, userId))?.aliases ?? []
    await eraseUsers(tx, environment, aliases, atMs)
    await redactEventsOf(tx, environment, [...aliases, userId], atMs)
  }
  const erased = new Map([...known, ...spread])
  const named = findEventUserId(event)
  const isErased = named === undefined || erased.has(named)
  const userId = isErased && named !== undefined ? await toErasedId(environment, named) : named
  const toldState = hasHandler ? 'pending' : 'none'
  const { row, isDuplicate } = await insertOnce(tx, incoming, {
    userId,
    traceId: undefined,
    headers: {},
    // Of a person who came back only the new id is kept: the rest of the body is also about the erased one.
    body: toSkeleton(event.type, userId),
    handlerState: 'done',
    handlerDueAtMs: undefined,
  })
  if (isDuplicate) return { isDuplicate, row, knownUserIds: [], changes: [] }
  const redacted = await redactFacts(environment, facts, erased)
  const cause: ChangeCause = { kind: 'event', type: event.type }
  const told = { toldState, atMs: receivedAtMs, cause, isWatched: isWatched && !isErased } as const
  return { isDuplicate, row, ...(await learnFacts(tx, environment, redacted, told)) }
}

/** Joins facts with what is stored, inside the caller's transaction; returns the users that were not known before. */
async function joinFacts(
  tx: StoreTransaction,
  environment: string,
  { records, edges }: Facts,
  users?: ReadonlyMap<string, StoredUser | undefined>,
): Promise<string[]> {
  const knownUserIds: string[] = []
  const components = new Map<string, string>()
  for (const record of records) {
    const { userId } = record
    const isLoaded = users?.has(userId) === true
    const stored = isLoaded ? users.get(userId) : await tx.findUser(environment, userId)
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
