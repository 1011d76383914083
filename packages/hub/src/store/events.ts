import type { Selectable } from 'kysely'
import type { EventRecord } from '../core/event-body.ts'
import type { TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'

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
}

export interface EventFilter {
  readonly userId?: string | undefined
  readonly referenceId?: string | undefined
  readonly lineageId?: string | undefined
  readonly type?: string | undefined
}

export class EventTable {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  async add(event: StoredEvent): Promise<void> {
    await this.#db
      .insertInto('event')
      .values({
        id: event.id,
        environment_id: event.environmentId,
        type: event.type,
        lineage_id: event.lineageId,
        order_key: event.orderKey,
        user_id: event.userId,
        reference_id: event.referenceId,
        provider: event.provider,
        body: event.body,
        ordering_ms: event.orderingMs,
        created_at_ms: event.createdAtMs,
      })
      .execute()
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

  /** Newest first. @param page.before Id of the last event of the page before. */
  async list(
    environmentId: string,
    filter: EventFilter,
    page: { limit: number; before?: string | undefined },
  ): Promise<StoredEvent[]> {
    let query = this.#db.selectFrom('event').selectAll().where('environment_id', '=', environmentId)
    if (filter.userId !== undefined) query = query.where('user_id', '=', filter.userId)
    if (filter.referenceId !== undefined) {
      query = query.where('reference_id', '=', filter.referenceId)
    }
    if (filter.lineageId !== undefined) query = query.where('lineage_id', '=', filter.lineageId)
    if (filter.type !== undefined) query = query.where('type', '=', filter.type)
    if (page.before !== undefined) query = query.where('id', '<', page.before)
    const rows = await query.orderBy('id', 'desc').limit(page.limit).execute()
    return rows.map(toEvent)
  }
}

export function toEvent(row: Selectable<Schema['event']>): StoredEvent {
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
  }
}
