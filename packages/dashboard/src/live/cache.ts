/** Keeps what was read of the hub as the stream says that it is now. */
import type { InfiniteData, Query, QueryClient } from '@tanstack/react-query'
import type { Schemas } from 'firma/client'
import type { FirmaEvent } from '../hooks/use-events.ts'
import type { PageOf } from '../hooks/use-paged.ts'
import type { LiveBatch } from './batch.ts'

/** Pages of a list that are read anew when one of its rows may be another; who reads on in a longer one is told. */
export const FRESH_PAGES_MAX = 5
/** Figures are added up anew no more often than that, in milliseconds; after the last change once more. */
const FIGURES_MS = 5_000

type EventRow = FirmaEvent
type UserRow = Schemas['AdminUser']

/** @returns Takes what has come, if anything has; to be called a few times a second all the same. */
export function createCacheUpdate(
  client: QueryClient,
  devId: string,
  nowMs: () => number = Date.now,
): (batch: LiveBatch | undefined) => void {
  const keyOf = (...rest: readonly unknown[]) => ['environment', devId, ...rest]
  let figuresAtMs = 0
  let areFiguresOld = false
  const changeRows = <Row>(list: string, change: (row: Row) => Row): void => {
    client.setQueriesData<InfiniteData<PageOf<Row>>>({ queryKey: keyOf(list) }, (data) =>
      data === undefined ? data : changePages(data, change),
    )
  }
  const take = (batch: LiveBatch): void => {
    const { deliveries, connections, moves, resends, hasGap } = batch
    changeList(client, keyOf('moves'), moves)
    changeList(client, keyOf('resends'), resends)
    for (const [id, move] of moves) {
      const queryKey = keyOf('move', id)
      const known = client.getQueryData<Job>(queryKey)
      if (known?.status === move.status) client.setQueryData(queryKey, move)
      else void client.invalidateQueries({ queryKey })
      // An answer that is on its way may be older.
      void client.invalidateQueries({ queryKey, predicate: isFetching })
      void client.invalidateQueries({ queryKey: keyOf('move-users', { id }), predicate: isShort })
    }
    if (deliveries.size > 0) {
      changeRows<EventRow>('events', (row) => withDeliveries(row, deliveries))
    }
    if (connections.size > 0) {
      changeRows<UserRow>('users', (row) => connections.get(row.lineage_id ?? '') ?? row)
      for (const name of ['user', 'explain']) {
        void client.invalidateQueries({ queryKey: keyOf(name) })
      }
    }
    if (batch.revocations.size > 0) {
      const queryKey = keyOf('explain')
      const predicate = (query: Query) => isFetching(query) || isUnaware(query, batch.revocations)
      void client.invalidateQueries({ queryKey, predicate })
    }
    if (hasGap || batch.events.some(({ destination_id: about }) => about !== null)) {
      void client.invalidateQueries({ queryKey: keyOf('destinations') })
    }
    const events = new Set([...deliveries.values()].map((one) => one.event_id))
    for (const id of events) void client.invalidateQueries({ queryKey: keyOf('event', id) })
    if (hasGap) void client.invalidateQueries({ queryKey: keyOf('event') })
  }
  return (batch) => {
    if (batch !== undefined) {
      areFiguresOld = true
      take(batch)
    }
    if (areFiguresOld && nowMs() - figuresAtMs >= FIGURES_MS) {
      areFiguresOld = false
      figuresAtMs = nowMs()
      void client.invalidateQueries({ queryKey: keyOf('stats') })
    }
  }
}

/** A move or a resend: people pause it, let it go on and end it. */
interface Job {
  readonly id: string
  readonly status: string
}
type ListData = InfiniteData<PageOf<Job>>

/**
 * Puts rows in their places. A list that has no place for one of them is read anew, and so is one that knows a row in another
 * state: what was said may be older than what somebody who has just pressed a button has read, and must not take it back.
 */
function changeList<Row extends Job>(
  client: QueryClient,
  queryKey: readonly unknown[],
  rows: ReadonlyMap<string, Row>,
): void {
  if (rows.size === 0) return
  client.setQueriesData<ListData>({ queryKey }, (data) =>
    data === undefined
      ? data
      : changePages(data, (row) => {
          const told = rows.get(row.id)
          const isKept = told === undefined || (told.status !== row.status && isShortList(data))
          return isKept ? row : told
        }),
  )
  const isBehind = (query: Query): boolean => {
    const data = query.state.data as ListData | undefined
    const known = new Map(
      data?.pages.flatMap((page) => page.data.map(({ id, status }) => [id, status] as const)),
    )
    return [...rows.values()].some(({ id, status }) => known.get(id) !== status)
  }
  void client.invalidateQueries({
    queryKey,
    predicate: (query) => isFetching(query) || (isShort(query) && isBehind(query)),
  })
}

/** Whether an explanation knows of one of them, or should, as it was before. */
function isUnaware({ state }: Query, revocations: LiveBatch['revocations']): boolean {
  const known = (state.data as Schemas['UserExplanation'] | undefined)?.revocations ?? []
  return [...revocations.values()].some(({ id, status, attempts }) => {
    const seen = known.find((one) => one.id === id)
    return seen?.status !== status || seen.attempts !== attempts
  })
}

function isFetching({ state }: Query): boolean {
  return state.fetchStatus === 'fetching'
}

function isShort({ state }: Query): boolean {
  return isShortList(state.data as ListData | undefined)
}

function isShortList(data: ListData | undefined): boolean {
  return data === undefined || data.pages.length <= FRESH_PAGES_MAX
}

/** Pages without a change stay what they are, so that their rows are not drawn again. */
export function changePages<Row>(
  data: InfiniteData<PageOf<Row>>,
  change: (row: Row) => Row,
): InfiniteData<PageOf<Row>> {
  const pages = data.pages.map((page) => {
    const rows = page.data.map(change)
    return rows.every((row, index) => row === page.data[index]) ? page : { ...page, data: rows }
  })
  return pages.every((page, index) => page === data.pages[index]) ? data : { ...data, pages }
}

function withDeliveries(row: EventRow, news: LiveBatch['deliveries']): EventRow {
  if (!row.deliveries.some(({ id }) => news.has(id))) return row
  const deliveries = row.deliveries.map((delivery) => {
    const now = news.get(delivery.id)
    return now === undefined
      ? delivery
      : { ...delivery, status: now.status, attempts: now.attempts }
  })
  return { ...row, deliveries }
}
