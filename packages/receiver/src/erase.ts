import type { ConnectionChange } from './changes.ts'
import { parseEvent } from './core/event.ts'
import { eraseUsers, isAbout, isSkeleton, redactRow } from './erasure.ts'
import { findConnection, type EnvironmentConnection } from './connections.ts'
import { sha256Hex } from './crypto.ts'
import { nextTurn } from './next-turn.ts'
import type { ReceiverContext } from './receiver-context.ts'
import type { InboxEvent, StoreTransaction } from './store.ts'

/** What was erased. */
export interface EraseReport {
  /** Connections that were erased. */
  connections: number
  /** Their `user_id`s. */
  users: number
  /** Events that were replaced by their skeletons. */
  events: number
}

const USERS_MAX = 1_000
/** Events of the first page: few, because each can have the size of the largest body. */
const PAGE_EVENTS = 16
/** Events of one page at most, where they are small. */
const PAGE_EVENTS_MAX = 256
/** A page with more bytes of bodies is followed by one of half its events. */
const PAGE_BYTES_MAX = 1_024 * 1_024

/**
 * See `Receiver.erase`.
 *
 * Users go first, a few in a transaction that accepting waits for, and with them it is noted whose events are to follow: what arrives from then on is recognised
 * as erased. Events follow in transactions that hold nobody up. Whoever is called again after a failure or a crash goes on with what was noted.
 */
export async function erase(
  context: ReceiverContext,
  referenceId: string,
  environment: string | undefined,
): Promise<EraseReport> {
  const { store, feed, clock } = context
  const note = await toNoteName(referenceId, environment)
  const whom: Whom = { referenceId, environment, atMs: clock(), note }
  const report: EraseReport = { connections: 0, users: 0, events: 0 }
  for (;;) {
    const { connections, isLast, owed, lastSeq } = await store.transaction((tx) =>
      eraseConnections(tx, whom),
    )
    const changes: ConnectionChange[] = []
    for (const from of connections) {
      report.connections += 1
      report.users += from.aliases.length
      const cause = { kind: 'erase' } as const
      changes.push({ environment: from.environment, from, to: undefined, absorbed: [], cause })
    }
    feed.publish(changes)
    if (!isLast) continue
    report.events = await redactEvents(context, { ...whom, erased: toErased(owed), lastSeq })
    if (owed.length > 0) await store.transaction((tx) => settle(tx, whom, owed))
    return report
  }
}

/** A user whose events are to be redacted. */
interface OwedUser {
  environment: string
  userId: string
  /** When it was erased, epoch milliseconds. */
  atMs: number
}

/** Where it is noted whose events are owed, until they are done: under a digest, by which a later call finds what a failed one left. */
async function toNoteName(referenceId: string, environment: string | undefined): Promise<string> {
  return `erase:${await sha256Hex(JSON.stringify([environment ?? null, referenceId]))}`
}

async function findOwed(tx: StoreTransaction, { note }: Whom): Promise<OwedUser[]> {
  const noted = await tx.findCursor(note)
  // Versions before left an empty note of what was done.
  return noted === undefined || noted === '' ? [] : JSON.parse(noted)
}

/** Takes off the note what has been done; another call may have added to it. */
async function settle(tx: StoreTransaction, whom: Whom, done: readonly OwedUser[]): Promise<void> {
  const nameOf = ({ environment, userId }: OwedUser): string => `${environment}\n${userId}`
  const names = new Set(done.map(nameOf))
  const left = (await findOwed(tx, whom)).filter((user) => !names.has(nameOf(user)))
  // Gone with its name: by trying names, a digest of one tells it.
  if (left.length === 0) return tx.deleteCursor(whom.note)
  await tx.saveCursor({ name: whom.note, value: JSON.stringify(left), atMs: whom.atMs })
}

function toErased(owed: readonly OwedUser[]): Map<string, Map<string, number>> {
  const erased = new Map<string, Map<string, number>>()
  for (const { environment, userId, atMs } of owed) {
    const of = erased.get(environment) ?? new Map<string, number>()
    erased.set(environment, of.set(userId, atMs))
  }
  return erased
}

interface Whom {
  referenceId: string
  environment: string | undefined
  atMs: number
  /** Name of the cursor that says whose events are owed. */
  note: string
}

interface Walk extends Whom {
  /** When which users of which environment were erased. */
  erased: Map<string, Map<string, number>>
  /** Number of the last event to look at. */
  lastSeq: number
}

async function eraseConnections(
  tx: StoreTransaction,
  whom: Whom,
): Promise<{
  connections: EnvironmentConnection[]
  isLast: boolean
  owed: OwedUser[]
  lastSeq: number
}> {
  const { referenceId, environment, atMs } = whom
  const named = environment === undefined ? {} : { environment }
  const members = await tx.listGroup({ referenceId, ...named, limit: USERS_MAX })
  const connections: EnvironmentConnection[] = []
  for (const { environment: of, record } of members) {
    const connection = await findConnection(tx, of, record.userId)
    if (connection === undefined) continue
    if (connection.referenceId === referenceId) {
      connections.push(connection)
      await eraseUsers(tx, of, connection.aliases, atMs)
      continue
    }
    // The connection has another name by now; only the old alias still carries this one.
    const stored = await tx.findUser(of, record.userId)
    if (stored === undefined) continue
    const { referenceId: _, ...nameless } = stored.record
    await tx.saveUser(of, { ...stored, record: nameless })
  }
  const owed = await findOwed(tx, whom)
  for (const connection of connections) {
    const { aliases } = connection
    owed.push(...aliases.map((userId) => ({ environment: connection.environment, userId, atMs })))
  }
  if (connections.length > 0) {
    await tx.saveCursor({ name: whom.note, value: JSON.stringify(owed), atMs })
  }
  const [newest] = await tx.listEvents({ isNewestFirst: true, limit: 1 })
  return { connections, isLast: members.length < USERS_MAX, owed, lastSeq: newest?.seq ?? 0 }
}

/**
 * Walks the whole inbox, as it was when the last user was erased: a failed flow, for one, names an end user without any connection. What has
 * come since is about nobody who was erased, or was recognised; to take it would rob a person who connects anew.
 */
async function redactEvents(
  { store }: ReceiverContext,
  { referenceId, environment, erased, atMs, lastSeq }: Walk,
): Promise<number> {
  const named = environment === undefined ? {} : { environment }
  const aliasesOf = (row: InboxEvent): Map<string, number> =>
    erased.get(row.environment) ?? new Map()
  let count = 0
  let limit = PAGE_EVENTS
  for (let afterSeq = 0; ;) {
    const filter = { ...named, afterSeq, limit }
    // Read without the lock that accepting takes: nearly nothing of what is read is about this person.
    const rows = await store.transaction((tx) => tx.listEvents(filter), { kind: 'read' })
    const found = rows.filter(
      (row) => row.seq <= lastSeq && isToErase(row, referenceId, aliasesOf(row)),
    )
    if (found.length > 0) {
      // Without that lock as well: a row may have to be waited for, which an app's handler has in a transaction of its own.
      await store.transaction(
        async (tx) => {
          for (const row of found) await redactRow(tx, row, aliasesOf(row), atMs)
        },
        { kind: 'event' },
      )
    }
    count += found.length
    const last = rows.at(-1)
    if (last === undefined || rows.length < limit || last.seq >= lastSeq) return count
    afterSeq = last.seq
    const bytes = rows.reduce((sum, { body }) => sum + body.length, 0)
    limit = toNextLimit(limit, bytes)
    await nextTurn()
  }
}

function toNextLimit(limit: number, bytes: number): number {
  if (bytes > PAGE_BYTES_MAX) return Math.max(1, Math.floor(limit / 2))
  return Math.min(PAGE_EVENTS_MAX, limit * 2)
}

function isToErase(
  row: InboxEvent,
  referenceId: string,
  aliases: ReadonlyMap<string, number>,
): boolean {
  if (row.userId !== undefined && aliases.has(row.userId)) return true
  const event = parseEvent(row.body)
  return !isSkeleton(event.body) && isAbout(event, referenceId, aliases)
}
