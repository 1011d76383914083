import type { ConnectionChange } from './changes.ts'
import { parseEvent } from './core/event.ts'
import { eraseUsers, isAbout, isSkeleton, redactRow } from './erasure.ts'
import { findConnection, type EnvironmentConnection } from './connections.ts'
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
/** Few, because each can have the size of the largest body. */
const PAGE_EVENTS = 16

/** See `Receiver.erase`. */
export async function erase(
  context: ReceiverContext,
  referenceId: string,
  environment: string | undefined,
): Promise<EraseReport> {
  const atMs = context.clock()
  const { store, feed } = context
  const report: EraseReport = { connections: 0, users: 0, events: 0 }
  const erased = new Map<string, Map<string, number>>()
  for (;;) {
    const { connections, isLast } = await store.transaction((tx) =>
      eraseConnections(tx, { referenceId, environment, atMs }),
    )
    const changes: ConnectionChange[] = []
    for (const from of connections) {
      const of = erased.get(from.environment) ?? new Map<string, number>()
      for (const alias of from.aliases) of.set(alias, atMs)
      erased.set(from.environment, of)
      report.connections += 1
      report.users += from.aliases.length
      const cause = { kind: 'erase' } as const
      changes.push({ environment: from.environment, from, to: undefined, absorbed: [], cause })
    }
    feed.publish(changes)
    if (isLast) break
  }
  // Users first: what arrives while the events are walked is recognised as erased already.
  report.events = await redactEvents(context, { referenceId, environment, erased, atMs })
  return report
}

interface Whom {
  referenceId: string
  environment: string | undefined
  atMs: number
}

async function eraseConnections(
  tx: StoreTransaction,
  { referenceId, environment, atMs }: Whom,
): Promise<{ connections: EnvironmentConnection[]; isLast: boolean }> {
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
  return { connections, isLast: members.length < USERS_MAX }
}

/** Walks the whole inbox: a failed flow, for one, names an end user without any connection. */
async function redactEvents(
  { store }: ReceiverContext,
  { referenceId, environment, erased, atMs }: Whom & { erased: Map<string, Map<string, number>> },
): Promise<number> {
  const nobody = new Map<string, number>()
  let count = 0
  let afterSeq = 0
  for (;;) {
    const named = environment === undefined ? {} : { environment }
    const filter = { ...named, afterSeq, limit: PAGE_EVENTS }
    const { last, redacted } = await store.transaction(async (tx) => {
      const rows = await tx.listEvents(filter)
      let redacted = 0
      for (const row of rows) {
        const aliases = erased.get(row.environment) ?? nobody
        if (!isToErase(row, referenceId, aliases)) continue
        await redactRow(tx, row, aliases, atMs)
        redacted += 1
      }
      return { last: rows.length < PAGE_EVENTS ? undefined : rows.at(-1)?.seq, redacted }
    })
    count += redacted
    if (last === undefined) return count
    afterSeq = last
  }
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
