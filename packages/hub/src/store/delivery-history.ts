import { type RawBuilder, sql } from 'kysely'
import type { TableContext } from './context.ts'
import { type Delivery, type DeliveryRow, toDelivery } from './deliveries.ts'
import { UNENDED } from './lanes.ts'
import type { Db } from './schema.ts'

/** Which deliveries to list; what is left out takes all. */
export interface DeliveryFilter {
  readonly destinationId?: string | undefined
  readonly eventId?: string | undefined
  /** The resend that asked for them. */
  readonly resendId?: string | undefined
  /** `owed` is pending or held. */
  readonly status?: Delivery['status'] | 'owed' | undefined
}

/** A delivery with what a person needs to recognise its event. */
export interface ListedDelivery extends Delivery {
  readonly type: string
  readonly userId: string | null
  readonly referenceId: string | null
  readonly provider: string | null
}

type ListedRow = DeliveryRow & {
  type: string
  user_id: string | null
  reference_id: string | null
  provider: string | null
}

/** Destinations that one statement reads; SQLite takes 500 parts. */
const DESTINATIONS_PER_LOOK = 100

/**
 * The list of deliveries. Each destination's are read by an index in the order of the list, so that the
 * other environments' history costs nothing.
 */
export class DeliveryHistoryTable {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  /** Newest first. @param page.before Id of the last delivery of the page before. */
  async list(
    environmentId: string,
    filter: DeliveryFilter,
    page: { limit: number; before?: number | undefined },
  ): Promise<ListedDelivery[]> {
    const destinations = await this.#listDestinations(environmentId, filter)
    const ids: number[] = []
    for (let i = 0; i < destinations.length; i += DESTINATIONS_PER_LOOK) {
      const some = destinations.slice(i, i + DESTINATIONS_PER_LOOK)
      ids.push(...(await this.#listIds(some, filter, page)))
    }
    const newest = ids.toSorted((a, b) => b - a).slice(0, page.limit)
    return await this.#read(newest)
  }

  /** Deleted ones, too: their history stays. */
  async #listDestinations(
    environmentId: string,
    { destinationId, status }: DeliveryFilter,
  ): Promise<string[]> {
    let query = this.#db
      .selectFrom('destination')
      .select('id')
      .where('environment_id', '=', environmentId)
    if (destinationId !== undefined) query = query.where('id', '=', destinationId)
    if (status === 'pending') query = query.where('status', '=', 'enabled')
    if (status === 'held') query = query.where('status', '<>', 'enabled')
    return (await query.orderBy('id').execute()).map(({ id }) => id)
  }

  async #listIds(
    destinationIds: readonly string[],
    filter: DeliveryFilter,
    { limit, before }: { limit: number; before?: number | undefined },
  ): Promise<number[]> {
    const { eventId, resendId, status } = filter
    const conditions: RawBuilder<unknown>[] = []
    if (before !== undefined) conditions.push(sql`id < ${before}`)
    if (eventId !== undefined) conditions.push(sql`event_id = ${eventId}`)
    if (resendId !== undefined) conditions.push(sql`resend_id <> '' AND resend_id = ${resendId}`)
    if (status !== undefined) conditions.push(STATUS[status])
    const parts = destinationIds.map((destinationId) => {
      const all = [sql`destination_id = ${destinationId}`, ...conditions]
      return sql`SELECT id FROM (SELECT id FROM delivery WHERE ${sql.join(all, sql` AND `)}
        ORDER BY id DESC LIMIT ${limit} + 0) AS newest`
    })
    if (parts.length === 0) return []
    const { rows } = await sql<{ id: number }>`${sql.join(parts, sql` UNION ALL `)}`.execute(
      this.#db,
    )
    return rows.map(({ id }) => id)
  }

  async #read(ids: readonly number[]): Promise<ListedDelivery[]> {
    if (ids.length === 0) return []
    const rows: ListedRow[] = await this.#db
      .selectFrom('delivery')
      .innerJoin('event', 'event.id', 'delivery.event_id')
      .leftJoin('destination', 'destination.id', 'delivery.destination_id')
      .selectAll('delivery')
      .select(['event.type', 'event.user_id', 'event.reference_id', 'event.provider'])
      .select('destination.status as destination_status')
      .where('delivery.id', 'in', ids)
      .orderBy('delivery.id', 'desc')
      .execute()
    return rows.map((row) => ({
      ...toDelivery(row),
      type: row.type,
      userId: row.user_id,
      referenceId: row.reference_id,
      provider: row.provider,
    }))
  }
}

/** As literals: partial indexes are used only where their condition can be proved while planning. */
const STATUS: Readonly<Record<NonNullable<DeliveryFilter['status']>, RawBuilder<unknown>>> = {
  owed: UNENDED,
  pending: UNENDED,
  held: UNENDED,
  delivered: sql`status = 'delivered'`,
  failed: sql`status = 'failed'`,
  suppressed: sql`status = 'suppressed'`,
}
