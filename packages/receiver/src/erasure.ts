/**
 * Erases an end user and keeps the skeleton: that an event of some type existed at some time, about aliases that are digests.
 *
 * Names, scopes, bodies and headers go. Marks (when which kind of fact was stated), the provider and the edges stay, under
 * digests of the `user_id`s, so what comes later for an erased alias is recognised, accepted, and stays erased.
 */
import type { Event } from './core/event.ts'
import type { AliasEdge, Facts } from './core/facts.ts'
import type { JsonObject } from './core/json-fields.ts'
import { UNDATED_MS, type UserRecord } from './core/user-record.ts'
import { sha256Hex } from './crypto.ts'
import type { InboxEvent, StoreTransaction } from './store.ts'

/** Begins what stands for an erased `user_id`. */
const ERASED_PREFIX = 'erased:'
const PAGE_EVENTS = 50
const encoder = new TextEncoder()

/** What stands for a `user_id` after its end user was erased. */
export async function toErasedId(environment: string, userId: string): Promise<string> {
  if (userId.startsWith(ERASED_PREFIX)) return userId
  return ERASED_PREFIX + (await sha256Hex(JSON.stringify([environment, userId])))
}

/** When users were erased, of those that were; epoch milliseconds by `user_id`. */
export async function findErased(
  tx: StoreTransaction,
  environment: string,
  userIds: readonly string[],
): Promise<Map<string, number>> {
  const erased = new Map<string, number>()
  for (const userId of userIds) {
    const erasedId = await toErasedId(environment, userId)
    // Asked first: nearly nobody is, and to ask costs less than to look for.
    if (!(await tx.hasUser(environment, erasedId))) continue
    const stored = await tx.findUser(environment, erasedId)
    erased.set(userId, stored?.record.erasedAtMs ?? UNDATED_MS)
  }
  return erased
}

/**
 * Users that an event makes known as aliases of erased ones, with the time of the erasure.
 *
 * A predecessor of an erased alias was the same connection. A successor is, too, when the event is not younger than the erasure; a
 * younger one is a person who came back.
 */
export function spreadErasure(
  edges: readonly AliasEdge[],
  erased: ReadonlyMap<string, number>,
  orderingMs: number | undefined,
): Map<string, number> {
  const spread = new Map<string, number>()
  for (const { oldUserId, newUserId } of edges) {
    const [oldAtMs, newAtMs] = [erased.get(oldUserId), erased.get(newUserId)]
    if (newAtMs !== undefined && oldAtMs === undefined) spread.set(oldUserId, newAtMs)
    if (oldAtMs === undefined || newAtMs !== undefined) continue
    if (orderingMs === undefined || orderingMs <= oldAtMs) spread.set(newUserId, oldAtMs)
  }
  return spread
}

/** The facts with digests for the aliases that are erased, and without what names or describes anybody. */
export async function redactFacts(
  environment: string,
  { records, edges }: Facts,
  erased: ReadonlyMap<string, number>,
): Promise<Facts> {
  const redacted: UserRecord[] = []
  for (const record of records) {
    const atMs = erased.get(record.userId)
    redacted.push(atMs === undefined ? record : await redactRecord(environment, record, atMs))
  }
  const kept: AliasEdge[] = []
  for (const edge of edges) {
    // An edge to somebody who came back would tie the new connection to the erased one.
    if (!erased.has(edge.oldUserId) || !erased.has(edge.newUserId)) continue
    kept.push(await redactEdge(environment, edge))
  }
  return { records: redacted, edges: kept }
}

async function redactRecord(
  environment: string,
  record: UserRecord,
  atMs: number,
): Promise<UserRecord> {
  const userId = await toErasedId(environment, record.userId)
  const redacted: UserRecord = { userId, marks: record.marks, scopeChanges: [], erasedAtMs: atMs }
  if (record.provider !== undefined) redacted.provider = record.provider
  if (record.bornMs !== undefined) redacted.bornMs = record.bornMs
  return redacted
}

async function redactEdge(environment: string, edge: AliasEdge): Promise<AliasEdge> {
  return {
    oldUserId: await toErasedId(environment, edge.oldUserId),
    newUserId: await toErasedId(environment, edge.newUserId),
  }
}

/** Erases users that the store knows, with their edges. Their events are another step: see {@link redactEventsOf}. */
export async function eraseUsers(
  tx: StoreTransaction,
  environment: string,
  userIds: readonly string[],
  atMs: number,
): Promise<number> {
  const components = new Map<string, AliasEdge[]>()
  let count = 0
  for (const userId of userIds) {
    const stored = await tx.findUser(environment, userId)
    if (stored === undefined || stored.record.erasedAtMs !== undefined) continue
    const { componentId, record } = stored
    // Before the first user of the component goes, because stores find edges through users.
    if (!components.has(componentId)) {
      components.set(componentId, await tx.listEdges(environment, componentId))
    }
    const redacted = await redactRecord(environment, record, atMs)
    await tx.saveUser(environment, {
      record: redacted,
      componentId: await toErasedId(environment, componentId),
    })
    await tx.deleteUser(environment, userId)
    count += 1
  }
  for (const edges of components.values()) {
    for (const edge of edges) {
      await tx.deleteEdge(environment, edge)
      await tx.saveEdge(environment, await redactEdge(environment, edge))
    }
  }
  return count
}

/** Redacts all events of users that were erased a moment ago. */
export async function redactEventsOf(
  tx: StoreTransaction,
  environment: string,
  userIds: readonly string[],
  atMs: number,
): Promise<void> {
  const erased = new Map(userIds.map((userId) => [userId, atMs]))
  for (;;) {
    const rows = await tx.listEvents({ environment, userIds, limit: PAGE_EVENTS })
    // Redacted, they are no longer found under these ids.
    for (const row of rows) await redactRow(tx, row, erased, atMs)
    if (rows.length < PAGE_EVENTS) return
  }
}

/** Replaces an event of the inbox by its skeleton. */
export async function redactRow(
  tx: StoreTransaction,
  row: InboxEvent,
  erased: ReadonlyMap<string, number>,
  atMs: number,
): Promise<void> {
  const { seq, environment, userId } = row
  const isErased = userId !== undefined && erased.has(userId)
  const digest = isErased ? await toErasedId(environment, userId) : userId
  await tx.redactEvent({ seq, userId: digest, body: toSkeleton(row.type, digest), atMs })
}

/** All that is left of an event's body. */
export function toSkeleton(type: string, userId: string | undefined): Uint8Array {
  const user = userId === undefined ? {} : { user: { user_id: userId } }
  return encoder.encode(JSON.stringify({ type, erased: true, ...user }))
}

/** Whether a parsed body is what {@link toSkeleton} made. */
export function isSkeleton(body: JsonObject): boolean {
  return Object.hasOwn(body, 'erased') && body['erased'] === true
}

/** Whether an event names an end user, or one of these aliases. */
export function isAbout(
  event: Event,
  referenceId: string,
  userIds: { has(userId: string): boolean },
): boolean {
  const users = event.kind === 'user_reauth' ? [event.oldUser, event.newUser] : [event.user]
  if (event.referenceId === referenceId) return true
  return users.some(
    (user) =>
      user?.referenceId === referenceId || (user?.userId !== undefined && userIds.has(user.userId)),
  )
}
