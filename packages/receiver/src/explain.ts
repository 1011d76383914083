import { STATE_EVENT_TYPES, toAdvice, toEventText, type Advice } from './core/advice.ts'
import { parseEvent } from './core/event.ts'
import { isSkeleton } from './erasure.ts'
import type { EnvironmentConnection } from './connections.ts'
import { findConnection } from './connections.ts'
import type { ReceiverContext } from './receiver-context.ts'
import type { InboxEvent } from './store.ts'

/** Something that happened to a connection. */
export interface TimelineEntry {
  /** Number in the inbox; `undefined` for what the API said. */
  seq: number | undefined
  /** The wire's type; `seen_active` or `seen_inactive` for what the API said. */
  type: string
  /** Which alias it was about. */
  userId: string | undefined
  /** When it happened as far as the sender says, epoch milliseconds. */
  atMs: number | undefined
  /** When it arrived, epoch milliseconds; `undefined` for what the API said. */
  receivedAtMs: number | undefined
  /** One sentence. */
  text: string
  /** Whether this is what decided the state. */
  isDeciding: boolean
}

/** Why a connection is in its state. */
export interface Explanation extends Advice {
  /** The connection. */
  connection: EnvironmentConnection
  /** The latest 200 things that happened, oldest first; what has no time by the time of its arrival. */
  timeline: TimelineEntry[]
  /** Events about it that are older than the timeline. */
  hasMore: boolean
}

const TIMELINE_MAX = 200
const READ = { kind: 'read' } as const

/** See `Receiver.explain`. */
export async function explain(
  { store }: ReceiverContext,
  environment: string,
  userId: string,
): Promise<Explanation | undefined> {
  return store.transaction(async (tx) => {
    const connection = await findConnection(tx, environment, userId)
    if (connection === undefined) return undefined
    const { aliases } = connection
    const rows = await tx.listEvents({
      environment,
      userIds: aliases,
      types: STATE_EVENT_TYPES,
      isNewestFirst: true,
      limit: TIMELINE_MAX + 1,
    })
    const timeline = rows.slice(0, TIMELINE_MAX).map((row) => toEntry(row, connection))
    for (const alias of aliases) {
      const stored = await tx.findUser(environment, alias)
      for (const type of ['seen_active', 'seen_inactive'] as const) {
        const atMs = stored?.record.marks[type]?.latestMs
        if (atMs !== undefined) timeline.push(toSeenEntry(type, alias, atMs, connection))
      }
    }
    timeline.sort((a, b) => timeOf(a) - timeOf(b) || (a.seq ?? 0) - (b.seq ?? 0))
    return { connection, ...toAdvice(connection), timeline, hasMore: rows.length > TIMELINE_MAX }
  }, READ)
}

function timeOf({ atMs, receivedAtMs }: TimelineEntry): number {
  return atMs ?? receivedAtMs ?? 0
}

function toEntry(row: InboxEvent, connection: EnvironmentConnection): TimelineEntry {
  const { seq, type, userId, orderingMs, receivedAtMs } = row
  const event = parseEvent(row.body)
  const isErased = isSkeleton(event.body)
  const isFailure = event.kind === 'auth_failed' && !isErased
  const isDeciding =
    type === connection.decidedBy &&
    !isFailure &&
    userId === connection.userId &&
    orderingMs === connection.sinceMs
  const text = toEventText(type, isFailure)
  return { seq, type, userId, atMs: orderingMs, receivedAtMs, text, isDeciding }
}

function toSeenEntry(
  type: 'seen_active' | 'seen_inactive',
  userId: string,
  atMs: number,
  connection: EnvironmentConnection,
): TimelineEntry {
  const isDeciding = type === connection.decidedBy && userId === connection.userId
  const word = type === 'seen_active' ? 'active' : 'no longer active'
  const text = `The API was asked and said that the connection is ${word}.`
  return { seq: undefined, type, userId, atMs, receivedAtMs: undefined, text, isDeciding }
}
