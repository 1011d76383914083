/** Figures for the dashboard. Every query looks at a bounded number of rows, however many there are. */
import { type RawBuilder, sql } from 'kysely'
import type { ConnectionFilterState } from './connections.ts'
import type { Engine, TableContext } from './context.ts'
import { LIVE_COUNTED_MAX } from './hour-counts.ts'
import type { Db } from './schema.ts'

/** The advisory lock under which one process at a time writes the history. */
const HISTORY_LOCK = 'firma.connection_history'

/** A time from which on figures are wanted, and the length of the spans that they are added up in. */
export interface Spans {
  readonly sinceMs: number
  readonly bucketMs: number
}

export interface EventCount {
  readonly startMs: number
  readonly type: string
  readonly count: number
}

/** Connections of a provider in a state at the end of a span of time. */
export interface ConnectionCount {
  readonly startMs: number
  readonly provider: string
  readonly state: ConnectionFilterState
  readonly count: number
}

/** What became of the deliveries that were made in a span of time. */
export interface DeliveryCount {
  readonly startMs: number
  readonly delivered: number
  readonly failed: number
  /** From event to delivery, added up over the delivered ones, in milliseconds. */
  readonly lagSumMs: number
  readonly lagMaxMs: number
}

export class StatsTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  /** Events per type and span of time, oldest first: hours that are counted, and what is newer. */
  async countEvents(environmentId: string, { sinceMs, bucketMs }: Spans): Promise<EventCount[]> {
    const { rows } = await sql<EventCount>`
      SELECT start_ms AS "startMs", type, CAST(sum(count) AS bigint) AS count FROM (
        SELECT ${spanOf('hour_ms', bucketMs)} AS start_ms, type, count FROM event_count
        WHERE environment_id = ${environmentId} AND hour_ms >= ${sinceMs}
        UNION ALL
        SELECT ${spanOf('created_at_ms', bucketMs)}, type, 1
        FROM (SELECT created_at_ms, type FROM event
          WHERE environment_id = ${environmentId} AND seq > ${cursorOf('event')}
          ORDER BY seq LIMIT ${sql.lit(LIVE_COUNTED_MAX)}) AS newer
        WHERE created_at_ms >= ${sinceMs}
      ) AS counted GROUP BY 1, 2 ORDER BY 1, 2`.execute(this.#db)
    return rows
  }

  /** When the first event was made that is not counted yet; null where all of them are. */
  async findEventsCountedUntil(environmentId: string): Promise<number | null> {
    const { rows } = await sql<{ at: number }>`
      SELECT created_at_ms AS at FROM event
      WHERE environment_id = ${environmentId} AND seq > ${cursorOf('event')}
      ORDER BY seq LIMIT 1 OFFSET ${sql.lit(LIVE_COUNTED_MAX)}`.execute(this.#db)
    return rows[0]?.at ?? null
  }

  /** What became of the deliveries to a destination, oldest span first: as {@link countEvents}. */
  async countDeliveries(
    destinationId: string,
    { sinceMs, bucketMs }: Spans,
  ): Promise<DeliveryCount[]> {
    const ended = sql`${spanOf('created_at_ms', bucketMs)} AS start_ms,
      CASE status WHEN 'delivered' THEN 1 ELSE 0 END AS delivered,
      CASE status WHEN 'failed' THEN 1 ELSE 0 END AS failed,
      CASE status WHEN 'delivered' THEN ended_at_ms - created_at_ms ELSE 0 END AS lag_ms,
      CASE status WHEN 'delivered' THEN ended_at_ms - created_at_ms ELSE 0 END AS lag_max_ms`
    const isWanted = sql`created_at_ms >= ${sinceMs} AND status IN ('delivered', 'failed')`
    const { rows } = await sql<DeliveryCount>`
      SELECT start_ms AS "startMs", CAST(sum(delivered) AS bigint) AS delivered, CAST(sum(failed) AS bigint) AS failed,
        CAST(sum(lag_ms) AS bigint) AS "lagSumMs", max(lag_max_ms) AS "lagMaxMs"
      FROM (
        SELECT ${spanOf('hour_ms', bucketMs)} AS start_ms, delivered, failed, lag_sum_ms AS lag_ms, lag_max_ms
        FROM delivery_count WHERE destination_id = ${destinationId} AND hour_ms >= ${sinceMs}
        UNION ALL
        SELECT ${ended} FROM (SELECT status, created_at_ms, ended_at_ms FROM delivery
          WHERE destination_id = ${destinationId} AND id > ${cursorOf('delivery')}
          ORDER BY id LIMIT ${sql.lit(LIVE_COUNTED_MAX)}) AS newer WHERE ${isWanted}
        UNION ALL
        SELECT ${ended} FROM (SELECT delivery_id FROM delivery_uncounted
          WHERE destination_id = ${destinationId} ORDER BY delivery_id LIMIT ${sql.lit(LIVE_COUNTED_MAX)}) AS late
          JOIN delivery ON delivery.id = late.delivery_id WHERE ${isWanted}
      ) AS counted GROUP BY 1 ORDER BY 1`.execute(this.#db)
    return rows
  }

  /** When the first delivery to a destination was made that is not counted yet; null where all of them are. */
  async findDeliveriesCountedUntil(destinationId: string): Promise<number | null> {
    const { rows } = await sql<{ at: number }>`
      SELECT created_at_ms AS at FROM delivery
      WHERE destination_id = ${destinationId} AND id > ${cursorOf('delivery')}
      ORDER BY id LIMIT 1 OFFSET ${sql.lit(LIVE_COUNTED_MAX)}`.execute(this.#db)
    return rows[0]?.at ?? null
  }

  /**
   * In a transaction: writes down how many connections there are in every environment, in place of what was
   * written for this hour before. Forgets what is older than `beforeMs`.
   */
  async recordConnections({ hourMs, beforeMs }: { hourMs: number; beforeMs: number }) {
    if (this.#engine === 'postgres') {
      await sql`SELECT pg_advisory_xact_lock(hashtext(${HISTORY_LOCK}), hashtext(current_schema()))`.execute(
        this.#db,
      )
    }
    await this.#db
      .deleteFrom('connection_history')
      .where((where) => where.or([where('hour_ms', '=', hourMs), where('hour_ms', '<', beforeMs)]))
      .execute()
    await sql`
      INSERT INTO connection_history (environment_id, provider, state, hour_ms, count)
      SELECT environment_id, provider,
        CASE WHEN status = 'active' AND degraded_at_ms IS NOT NULL THEN 'degraded' ELSE status END,
        ${sql.lit(hourMs)}, count(*)
      FROM connection GROUP BY 1, 2, 3`.execute(this.#db)
  }

  /** How many connections there were at the end of each span of time in which it was written down. */
  async listConnections(
    environmentId: string,
    { sinceMs, bucketMs }: Spans,
  ): Promise<readonly ConnectionCount[]> {
    const { rows } = await sql<ConnectionCount>`
      SELECT (hour_ms / ${sql.lit(bucketMs)}) * ${sql.lit(bucketMs)} AS "startMs", provider, state, count
      FROM connection_history
      WHERE environment_id = ${environmentId} AND hour_ms IN (
        SELECT max(hour_ms) FROM connection_history
        WHERE environment_id = ${environmentId} AND hour_ms >= ${sinceMs}
        GROUP BY hour_ms / ${sql.lit(bucketMs)}
      )
      ORDER BY 1, 2, 3`.execute(this.#db)
    return rows
  }

  /** Grants that could not be given back at their provider. */
  async countFailedRevocations(environmentId: string): Promise<number> {
    const row = await this.#db
      .selectFrom('revocation')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('environment_id', '=', environmentId)
      .where('status', '=', 'failed')
      .executeTakeFirstOrThrow()
    return row.count
  }
}

/** The beginning of the span of time that a column's time falls into. */
function spanOf(column: 'hour_ms' | 'created_at_ms', bucketMs: number): RawBuilder<number> {
  return sql`(${sql.ref(column)} / ${sql.lit(bucketMs)}) * ${sql.lit(bucketMs)}`
}

/** What is newer than that is counted live: in one statement with the rest, so that nothing is counted twice. */
function cursorOf(name: 'event' | 'delivery'): RawBuilder<number> {
  return sql`(SELECT seq FROM count_cursor WHERE name = ${sql.lit(name)})`
}
