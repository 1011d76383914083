import { type RawBuilder, type Selectable, sql } from 'kysely'
import type { EventRecord } from '../core/event-body.ts'
import { type Cell, cells, given } from './batch.ts'
import type { Engine, TableContext } from './context.ts'
import { EventHorizon } from './event-horizon.ts'
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

const OWED = ['waiting', 'pending', 'sending'] as const
const TEXTS = Array.from({ length: 10 }, () => 'text' as const)

export class EventTable {
  readonly #db: Db
  readonly #engine: Engine
  /** Up to where {@link listAfter} may read. */
  readonly horizon: EventHorizon

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
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
    await sql`
      INSERT INTO event (id, environment_id, type, lineage_id, order_key, user_id, reference_id,
        provider, body, trace_parent, ordering_ms, created_at_ms, fan_out)
      SELECT ${cells(...TEXTS, 'bigint', 'bigint', 'bigint')}
      FROM ${given(this.#engine, rows)} ${this.#afterBeginning()}`.execute(this.#db)
  }

  /** Numbers are taken by transactions that count as open already: see {@link EventHorizon}. */
  #afterBeginning(): RawBuilder<unknown> {
    return this.#engine === 'postgres' ? sql`WHERE pg_current_xact_id() IS NOT NULL` : sql``
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
  async list(
    environmentId: string,
    filter: EventFilter,
    page: { limit: number; before?: number | undefined; from?: number | undefined },
  ): Promise<ListedEvent[]> {
    let query = this.#db.selectFrom('event').selectAll().where('environment_id', '=', environmentId)
    if (filter.userId !== undefined) query = query.where('user_id', '=', filter.userId)
    if (filter.referenceId !== undefined) {
      query = query.where('reference_id', '=', filter.referenceId)
    }
    if (filter.lineageId !== undefined) query = query.where('lineage_id', '=', filter.lineageId)
    if (filter.provider !== undefined) query = query.where('provider', '=', filter.provider)
    if (filter.type !== undefined) query = query.where('type', '=', filter.type)
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
    const rows = await query.orderBy('seq', 'desc').limit(page.limit).execute()
    return rows.map((row) => ({ ...toEvent(row), seq: row.seq }))
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
