/** Lists events of the inbox for people, without walking all of it where a condition has no index. */
import type { EventPage, ListEventsOptions } from './receiver-api.ts'
import type { EventFilter, ReceiverStore, StoreTransaction } from './store.ts'

/** Events that one page looks at where it has to look at each. */
const SCAN_EVENTS_MAX = 20_000
/** How far the clocks of processes that share a store may be apart, in milliseconds. */
const CLOCKS_APART_MS = 300_000

/** What to list; see `ListEventsOptions`. */
export interface InboxPage extends Pick<
  ListEventsOptions,
  'environment' | 'handlerStates' | 'types' | 'receivedFromMs' | 'receivedBeforeMs' | 'after'
> {
  userIds: readonly string[] | undefined
  limit: number
  /** Now, epoch milliseconds. */
  nowMs: number
}

/** Lists a page of events, in the order of acceptance. */
export function listInbox(store: ReceiverStore, page: InboxPage): Promise<EventPage> {
  return store.transaction((tx) => listPage(tx, page), { kind: 'read' })
}

async function listPage(tx: StoreTransaction, page: InboxPage): Promise<EventPage> {
  const { environment, userIds, handlerStates, types, receivedFromMs, receivedBeforeMs } = page
  const filter: EventFilter = {
    limit: page.limit + 1,
    afterSeq: page.after ?? 0,
    ...(environment === undefined ? {} : { environment }),
    ...(userIds === undefined ? {} : { userIds }),
    ...(handlerStates === undefined ? {} : { handlerStates }),
    ...(types === undefined ? {} : { types }),
    ...(receivedFromMs === undefined ? {} : { receivedFromMs }),
    ...(receivedBeforeMs === undefined ? {} : { receivedBeforeMs }),
  }
  const isScan =
    types !== undefined || receivedFromMs !== undefined || receivedBeforeMs !== undefined
  const end = isScan ? await narrow(tx, filter, page.nowMs) : undefined
  const found = await tx.listEvents(filter)
  const events = found.slice(0, page.limit)
  if (found.length > page.limit) return { events, next: events.at(-1)?.seq }
  const { throughSeq } = filter
  const isMore = throughSeq !== undefined && end !== undefined && throughSeq < end
  return { events, next: isMore ? throughSeq : undefined }
}

/** Bounds what is looked at by numbers, which grow with time; resolves with the last number that can be meant. */
async function narrow(tx: StoreTransaction, filter: EventFilter, nowMs: number): Promise<number> {
  const [last] = await tx.listEvents({ isNewestFirst: true, limit: 1 })
  const lastSeq = last?.seq ?? 0
  const { receivedFromMs, receivedBeforeMs, afterSeq = 0 } = filter
  filter.afterSeq = afterSeq
  const untilMs = nowMs + CLOCKS_APART_MS
  if (receivedFromMs !== undefined) {
    const before = await findSeqBefore(tx, {
      atMs: receivedFromMs - CLOCKS_APART_MS,
      untilMs,
      lastSeq,
    })
    filter.afterSeq = Math.max(afterSeq, before)
  }
  const end =
    receivedBeforeMs === undefined
      ? lastSeq
      : await findSeqBefore(tx, { atMs: receivedBeforeMs + CLOCKS_APART_MS, untilMs, lastSeq })
  filter.throughSeq = Math.min(end, filter.afterSeq + SCAN_EVENTS_MAX)
  return end
}

/** The greatest number such that what was accepted before `atMs` has it or a smaller one. */
async function findSeqBefore(
  tx: StoreTransaction,
  { atMs, untilMs, lastSeq }: { atMs: number; untilMs: number; lastSeq: number },
): Promise<number> {
  // A later time than now is that of a clock which was ahead: whatever came next says more.
  const known = atMs > untilMs ? {} : { receivedBeforeMs: untilMs }
  let [low, high] = [0, lastSeq]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const [event] = await tx.listEvents({ ...known, afterSeq: middle - 1, limit: 1 })
    if (event !== undefined && event.receivedAtMs < atMs) low = Math.max(event.seq, middle)
    else high = middle - 1
  }
  return low
}
