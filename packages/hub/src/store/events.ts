import { type Selectable, sql } from 'kysely'
import { DATA_EVENT_TYPES, type EventRecord } from '../core/event-body.ts'
import { type Cell, type Insertion, insertRows } from './batch.ts'
import type { TableContext } from './context.ts'
import { EventHorizon } from './event-horizon.ts'
import { WINDOW_EVENTS, findNewest } from './event-windows.ts'
import type { Db, Schema } from './schema.ts'

/** Begins the order key of an event that was generated: an example, of which nothing has happened. */
export const GENERATED_LANE = 'generated:'

/** An immutable event as stored. */
export interface StoredEvent extends EventRecord {
  /** UUID version 7; also the trace id of its deliveries. */
  readonly id: string
  readonly environmentId: string
  /** Null where no connection exists, as with a failed first attempt. */
  readonly lineageId: string | null
  /** The lineage, or the flow where there is none: events with one key keep their order. */
  readonly orderKey: string
  /** `X-Terra-Ordering-Timestamp`, in milliseconds. */
  readonly orderingMs: number
  readonly createdAtMs: number
  /** Destinations that its environment had when it was committed: it has so many deliveries. */
  readonly fanOut: number
  /** W3C traceparent of what caused it; null where nobody traces. */
  readonly traceParent: string | null
}

/** An event with its place in the order of commits. */
export interface ListedEvent extends StoredEvent {
  readonly seq: number
}

export interface EventFilter {
  readonly userId?: string | undefined
  readonly referenceId?: string | undefined
  readonly lineageId?: string | undefined
  readonly provider?: string | undefined
  readonly type?: string | undefined
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
  /** Only events with a delivery to this destination. */
  readonly destinationId?: string | undefined
  /** Only events with a delivery that stands so, at that destination or at any. */
  readonly outcome?: 'owed' | 'delivered' | 'failed' | 'suppressed' | undefined
}

/** A page of the history. */
interface EventPage {
  readonly limit: number
  readonly before?: number | undefined
  readonly from?: number | undefined
}

/** Written as in the index of the migration 0079, which is used for nothing else. */
const IS_NO_DATA = sql<boolean>`type NOT IN (${sql.join(DATA_EVENT_TYPES.map((type) => sql.lit(type)))})`

/** Lineages that one `reference_id` is followed through, the newest first: a person has as many as connections. */
const LINEAGES_OF_PERSON_MAX = 1_000
const OWED = ['waiting', 'pending', 'sending'] as const

const EVENTS: Insertion = {
  table: 'event',
  columns: {
    id: 'text',
    environment_id: 'text',
    type: 'text',
    lineage_id: 'text',
    order_key: 'text',
    user_id: 'text',
    reference_id: 'text',
    provider: 'text',
    body: 'text',
    trace_parent: 'text',
    ordering_ms: 'bigint',
    created_at_ms: 'bigint',
    fan_out: 'bigint',
  },
  // Numbers are taken by transactions that count as open already: see EventHorizon.
  where: 'pg_current_xact_id() IS NOT NULL',
}

export class EventTable {
  readonly #context: TableContext
  readonly #db: Db
  /** Up to where {@link listAfter} may read. */
  readonly horizon: EventHorizon

  constructor(context: TableContext) {
    const { db, engine } = context
    this.#context = context
    this.#db = db
    this.horizon = new EventHorizon(db, engine)
  }

  async add(event: StoredEvent): Promise<void> {
    await this.addMany([event])
  }

  /** Adds events in their order. */
  async addMany(events: readonly StoredEvent[]): Promise<void> {
    if (events.length === 0) return
    const rows = events.map((event): Cell[] => [
      event.id,
      event.environmentId,
      event.type,
      event.lineageId,
      event.orderKey,
      event.userId,
      event.referenceId,
      event.provider,
      event.body,
      event.traceParent,
      event.orderingMs,
      event.createdAtMs,
      event.fanOut,
    ])
    await insertRows(this.#context, EVENTS, rows)
  }

  async find(environmentId: string, id: string): Promise<StoredEvent | undefined> {
    const row = await this.#db
      .selectFrom('event')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : toEvent(row)
  }

  /** Id of the event with this number. */
  async findId(environmentId: string, seq: number): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom('event')
      .select('id')
      .where('environment_id', '=', environmentId)
      .where('seq', '=', seq)
      .executeTakeFirst()
    return row?.id
  }

  /** Newest first. @param page `seq` from `from` up to below `before`, which is the last of the page before. */
  async list(environmentId: string, filter: EventFilter, page: EventPage): Promise<ListedEvent[]> {
    const lineageIds = await this.#lineagesOf(environmentId, filter)
    const all = this.#select(environmentId, filter, page)
    if (lineageIds === undefined) return await toListed(all)
    // Events of people are found through their lineages; the few that have none have indexes of their own.
    const found = await toListed(all.where('lineage_id', 'is', null))
    for (const lineageId of lineageIds) {
      found.push(...(await toListed(all.where('lineage_id', '=', lineageId))))
    }
    return found.sort((a, b) => b.seq - a.seq).slice(0, page.limit)
  }

  /** What became of a connection, without the data that came for it; newest first. */
  async listOfConnection(
    environmentId: string,
    lineageId: string,
    limit: number,
  ): Promise<ListedEvent[]> {
    const query = this.#select(environmentId, { lineageId }, { limit })
    return await toListed(query.where(IS_NO_DATA))
  }

  /**
   * The same without looking through the whole history for what is rare.
   *
   * @returns Perhaps fewer than there are: then `next` is where to go on, `before` of the next page.
   */
  async listWindow(
    environmentId: string,
    filter: EventFilter,
    page: EventPage,
  ): Promise<{ found: ListedEvent[]; next: number | undefined }> {
    const { type, provider } = filter
    const isOwned = [filter.userId, filter.referenceId, filter.lineageId].some(isGiven)
    const isIndexed =
      ![filter.destinationId, filter.outcome].some(isGiven) && ![type, provider].every(isGiven)
    if (isOwned || isIndexed) {
      return { found: await this.list(environmentId, filter, page), next: undefined }
    }
    const seqs = await findNewest(this.#db, { environmentId, type, provider }, page)
    if (seqs.length === 0) return { found: [], next: undefined }
    const all = this.#select(environmentId, filter, { limit: page.limit }).where('seq', 'in', seqs)
    const next = seqs.length === WINDOW_EVENTS ? seqs.at(-1) : undefined
    return { found: await toListed(all), next }
  }

  /** The lineages that a filter by `user_id` or `reference_id` leaves; undefined where it has neither. */
  async #lineagesOf(
    environmentId: string,
    { userId, referenceId }: EventFilter,
  ): Promise<string[] | undefined> {
    if (userId === undefined && referenceId === undefined) return undefined
    if (userId !== undefined) return await this.#lineagesOfUser(environmentId, userId)
    const rows = await this.#db
      .selectFrom('lineage_reference')
      .select('lineage_id')
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId ?? '')
      .orderBy('lineage_id', 'desc')
      .limit(LINEAGES_OF_PERSON_MAX)
      .execute()
    return rows.map((row) => row.lineage_id)
  }

  /**
   * The lineage of a user, and the others of its person: an attempt that came to nothing is told in the lineage that it
   * would have continued, and the end of one that was absorbed in that one, with the `user_id` of the new connection.
   */
  async #lineagesOfUser(environmentId: string, userId: string): Promise<string[]> {
    const { rows } = await sql<{ lineage_id: string }>`
      SELECT lineage_id FROM (
        SELECT lineage_id FROM user_alias WHERE user_id = ${userId}
        UNION SELECT lineage_id FROM lineage_reference
        WHERE environment_id = ${environmentId} AND reference_id IN (
          SELECT connection.reference_id FROM user_alias
            JOIN connection ON connection.lineage_id = user_alias.lineage_id
          WHERE user_alias.user_id = ${userId}
          UNION SELECT reference_id FROM flow WHERE reserved_user_id = ${userId})
      ) AS found ORDER BY lineage_id DESC LIMIT ${sql.lit(LINEAGES_OF_PERSON_MAX)}`.execute(
      this.#db,
    )
    return rows.map((row) => row.lineage_id)
  }

  #select(environmentId: string, filter: EventFilter, page: EventPage) {
    let query = this.#db
      .selectFrom('event')
      .selectAll('event')
      .where('environment_id', '=', environmentId)
    const owner = {
      user_id: filter.userId,
      reference_id: filter.referenceId,
      lineage_id: filter.lineageId,
    }
    const isOwned = Object.values(owner).some(isGiven)
    const equal = { ...owner, provider: filter.provider, type: filter.type }
    for (const [column, value] of Object.entries(equal)) {
      if (value === undefined) continue
      // A type or a provider has millions of events, a person a few: its index must not be taken beside theirs.
      const isFew = column in owner || !isOwned
      const read = sql<string>`${sql.ref(column)}`
      query = query.where(isFew ? read : sql<string>`${read} || ''`, '=', value)
    }
    if (filter.sinceMs !== undefined) query = query.where('created_at_ms', '>=', filter.sinceMs)
    if (filter.untilMs !== undefined) query = query.where('created_at_ms', '<', filter.untilMs)
    const { destinationId, outcome } = filter
    if (destinationId !== undefined || outcome !== undefined) {
      query = query.where(({ exists, selectFrom }) => {
        let found = selectFrom('delivery').select('id').whereRef('event_id', '=', 'event.id')
        if (destinationId !== undefined) found = found.where('destination_id', '=', destinationId)
        if (outcome !== undefined) {
          found = found.where('status', 'in', outcome === 'owed' ? OWED : [outcome])
        }
        return exists(found)
      })
    }
    if (page.before !== undefined) query = query.where('seq', '<', page.before)
    if (page.from !== undefined) query = query.where('seq', '>=', page.from)
    return query.orderBy('seq', 'desc').limit(page.limit)
  }

  /** Oldest first. @param page.through Nothing beyond this `seq`. */
  async listAfter(
    environmentId: string,
    page: { after: number; through: number; limit: number },
  ): Promise<ListedEvent[]> {
    const rows = await this.#db
      .selectFrom('event')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .where('seq', '>', page.after)
      .where('seq', '<=', page.through)
      .orderBy('seq')
      .limit(page.limit)
      .execute()
    return rows.map((row) => ({ ...toEvent(row), seq: row.seq }))
  }
}

function isGiven(value: string | undefined): boolean {
  return value !== undefined
}

async function toListed(query: {
  execute(): Promise<Selectable<Schema['event']>[]>
}): Promise<ListedEvent[]> {
  return (await query.execute()).map((row) => ({ ...toEvent(row), seq: row.seq }))
}

export function toEvent(row: Omit<Selectable<Schema['event']>, 'seq'>): StoredEvent {
  return {
    id: row.id,
    environmentId: row.environment_id,
    type: row.type,
    lineageId: row.lineage_id,
    orderKey: row.order_key,
    userId: row.user_id,
    referenceId: row.reference_id,
    provider: row.provider,
    body: row.body,
    orderingMs: row.ordering_ms,
    createdAtMs: row.created_at_ms,
    fanOut: row.fan_out,
    traceParent: row.trace_parent,
  }
}
