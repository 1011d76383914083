/** Events and deliveries, counted by hours. Every statement looks at a bounded number of rows. */
import { sql } from 'kysely'
import { HOUR_MS } from '../core/time.ts'
import type { Engine, TableContext } from './context.ts'
import { EventHorizon } from './event-horizon.ts'
import type { Db, Schema } from './schema.ts'

/** Rows that one transaction counts. */
export const COUNTED_PER_BATCH = 2_000
/** Rows behind the cursor that a reader counts. */
export const LIVE_COUNTED_MAX = 20_000

type DeliveryRow = Pick<
  Schema['delivery'],
  'destination_id' | 'status' | 'created_at_ms' | 'ended_at_ms'
> & { id: number }
type Sums = Pick<
  Schema['delivery_count'],
  'delivered' | 'failed' | 'lag_sum_ms' | 'lag_max_ms' | 'destination_id' | 'hour_ms'
>

export class HourCountTable {
  readonly #db: Db
  readonly #engine: Engine
  /** Up to where all deliveries are known that there will ever be. */
  readonly deliveryHorizon: EventHorizon

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
    this.deliveryHorizon = new EventHorizon(db, engine, 'delivery_id_seq')
  }

  /** In a transaction: counts the next events up to a number. @returns Whether there may be more. */
  async countEvents(through: number): Promise<boolean> {
    const after = await this.#lock('event')
    const { rows } = await sql<Schema['event_count'] & { last: number }>`
      SELECT environment_id, (created_at_ms / ${sql.lit(HOUR_MS)}) * ${sql.lit(HOUR_MS)} AS hour_ms, type,
        count(*) AS count, max(seq) AS last
      FROM (SELECT seq, environment_id, created_at_ms, type FROM event
        WHERE seq > ${after} AND seq <= ${through} ORDER BY seq LIMIT ${sql.lit(COUNTED_PER_BATCH)}) AS next
      GROUP BY 1, 2, 3`.execute(this.#db)
    if (rows.length === 0) return false
    await this.#db
      .insertInto('event_count')
      .values(
        rows.map(({ environment_id, hour_ms, type, count }) => ({
          environment_id,
          hour_ms,
          type,
          count,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['environment_id', 'hour_ms', 'type']).doUpdateSet(({ eb, ref }) => ({
          count: eb('event_count.count', '+', ref('excluded.count')),
        })),
      )
      .execute()
    await this.#moveTo('event', Math.max(...rows.map(({ last }) => last)))
    return rows.reduce((all, { count }) => all + count, 0) === COUNTED_PER_BATCH
  }

  /**
   * In a transaction: counts the next deliveries up to a number that have ended, and remembers those that have not.
   *
   * @returns Whether there may be more.
   */
  async countDeliveries(through: number): Promise<boolean> {
    const after = await this.#lock('delivery')
    const { rows } = await sql<DeliveryRow>`
      SELECT id, destination_id, status, created_at_ms, ended_at_ms FROM delivery
      WHERE id > ${after} AND id <= ${through} ORDER BY id LIMIT ${sql.lit(COUNTED_PER_BATCH)}`.execute(
      this.#db,
    )
    const last = rows.at(-1)
    if (last === undefined) return false
    await this.#add(rows)
    const open = rows.filter(({ ended_at_ms }) => ended_at_ms === null)
    if (open.length > 0) {
      const uncounted = open.map(({ id, destination_id }) => ({ destination_id, delivery_id: id }))
      await this.#db.insertInto('delivery_uncounted').values(uncounted).execute()
    }
    await this.#moveTo('delivery', last.id)
    return rows.length === COUNTED_PER_BATCH
  }

  /** Destinations with deliveries that may have ended since the cursor passed them: what is held does not end. */
  async listLate(): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM destination WHERE (status = 'enabled' OR deleted_at_ms IS NOT NULL) AND EXISTS (
        SELECT 1 FROM delivery_uncounted WHERE delivery_uncounted.destination_id = destination.id)`.execute(
      this.#db,
    )
    return rows.map(({ id }) => id)
  }

  /**
   * In a transaction: counts what has ended of the deliveries that the cursor has passed too early.
   *
   * @param after The last delivery of the batch before; 0 begins with the oldest.
   * @returns The last one that was looked at; undefined when there is no more.
   */
  async countLate(destinationId: string, after: number): Promise<number | undefined> {
    await this.#lock('delivery')
    const { rows } = await sql<
      { delivery_id: number } & { [K in keyof DeliveryRow]: DeliveryRow[K] | null }
    >`
      SELECT late.delivery_id, delivery.id, delivery.destination_id, delivery.status, delivery.created_at_ms, delivery.ended_at_ms
      FROM (SELECT delivery_id FROM delivery_uncounted
        WHERE destination_id = ${destinationId} AND delivery_id > ${after}
        ORDER BY delivery_id LIMIT ${sql.lit(COUNTED_PER_BATCH)}) AS late
      LEFT JOIN delivery ON delivery.id = late.delivery_id ORDER BY late.delivery_id`.execute(
      this.#db,
    )
    // Of an erased person nothing is left to count.
    const over = rows.filter(({ id, ended_at_ms }) => id === null || ended_at_ms !== null)
    await this.#add(over.filter((row) => row.id !== null) as DeliveryRow[])
    if (over.length > 0) {
      await this.#db
        .deleteFrom('delivery_uncounted')
        .where('destination_id', '=', destinationId)
        .where(
          'delivery_id',
          'in',
          over.map(({ delivery_id }) => delivery_id),
        )
        .execute()
    }
    return rows.length < COUNTED_PER_BATCH ? undefined : rows.at(-1)?.delivery_id
  }

  /** Forgets hours from before. */
  async prune(beforeMs: number): Promise<void> {
    for (const table of ['event_count', 'delivery_count'] as const) {
      await this.#db.deleteFrom(table).where('hour_ms', '<', beforeMs).execute()
    }
  }

  /** One process counts at a time. @returns The number of the last row that is counted. */
  async #lock(name: 'event' | 'delivery'): Promise<number> {
    const { seq } = await this.#db
      .selectFrom('count_cursor')
      .select('seq')
      .where('name', '=', name)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate())
      .executeTakeFirstOrThrow()
    return seq
  }

  async #moveTo(name: 'event' | 'delivery', seq: number): Promise<void> {
    await this.#db.updateTable('count_cursor').set({ seq }).where('name', '=', name).execute()
  }

  /** Adds those that were delivered or failed to their hours. */
  async #add(rows: readonly DeliveryRow[]): Promise<void> {
    const sums = addUp(rows)
    if (sums.length === 0) return
    await this.#db
      .insertInto('delivery_count')
      .values(sums)
      .onConflict((conflict) =>
        conflict.columns(['destination_id', 'hour_ms']).doUpdateSet(({ eb, ref }) => ({
          delivered: eb('delivery_count.delivered', '+', ref('excluded.delivered')),
          failed: eb('delivery_count.failed', '+', ref('excluded.failed')),
          lag_sum_ms: eb('delivery_count.lag_sum_ms', '+', ref('excluded.lag_sum_ms')),
          lag_max_ms: sql<number>`CASE WHEN excluded.lag_max_ms > delivery_count.lag_max_ms
            THEN excluded.lag_max_ms ELSE delivery_count.lag_max_ms END`,
        })),
      )
      .execute()
  }
}

function addUp(rows: readonly DeliveryRow[]): Sums[] {
  const sums = new Map<string, Sums>()
  for (const { destination_id, status, created_at_ms, ended_at_ms } of rows) {
    if (ended_at_ms === null || (status !== 'delivered' && status !== 'failed')) continue
    const hour_ms = Math.floor(created_at_ms / HOUR_MS) * HOUR_MS
    const key = `${destination_id} ${hour_ms}`
    const none = { destination_id, hour_ms, delivered: 0, failed: 0, lag_sum_ms: 0, lag_max_ms: 0 }
    const sum = sums.get(key) ?? none
    sums.set(key, sum)
    if (status === 'failed') sum.failed += 1
    else {
      const lagMs = ended_at_ms - created_at_ms
      sum.delivered += 1
      sum.lag_sum_ms += lagMs
      sum.lag_max_ms = Math.max(sum.lag_max_ms, lagMs)
    }
  }
  return [...sums.values()]
}
