/** Figures for the dashboard. Every query looks at a bounded number of the newest rows. */
import { sql } from 'kysely'
import type { ConnectionFilterState } from './connections.ts'
import type { Engine, TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** Newest events that are counted. */
export const EVENTS_COUNTED_MAX = 100_000
/** Newest deliveries of a destination that are counted. */
export const DELIVERIES_COUNTED_MAX = 10_000
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
  /** Owed and not delivered yet. */
  readonly open: number
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

  /** Events per type and span of time, oldest first. */
  async countEvents(
    environmentId: string,
    { sinceMs, bucketMs }: Spans,
  ): Promise<readonly EventCount[]> {
    const { rows } = await sql<EventCount>`
      SELECT (created_at_ms / ${sql.lit(bucketMs)}) * ${sql.lit(bucketMs)} AS "startMs", type, count(*) AS count
      FROM (
        SELECT created_at_ms, type FROM event WHERE environment_id = ${environmentId}
        ORDER BY seq DESC LIMIT ${EVENTS_COUNTED_MAX}
      ) newest
      WHERE created_at_ms >= ${sinceMs}
      GROUP BY 1, 2 ORDER BY 1, 2`.execute(this.#db)
    return rows
  }

  /** When the oldest counted event was made; null where all of them are counted. */
  async findEventsCountedFrom(environmentId: string): Promise<number | null> {
    const row = await this.#db
      .selectFrom('event')
      .select('created_at_ms')
      .where('environment_id', '=', environmentId)
      .orderBy('seq', 'desc')
      .offset(EVENTS_COUNTED_MAX - 1)
      .limit(1)
      .executeTakeFirst()
    return row?.created_at_ms ?? null
  }

  /** What became of the newest deliveries to a destination, oldest span first. */
  async countDeliveries(
    destinationId: string,
    { sinceMs, bucketMs }: Spans,
  ): Promise<DeliveryCount[]> {
    const { rows } = await sql<Record<keyof DeliveryCount, number | string | null>>`
      SELECT
        (created_at_ms / ${sql.lit(bucketMs)}) * ${sql.lit(bucketMs)} AS "startMs",
        sum(CASE WHEN status = 'delivered' THEN 1 ELSE 0 END) AS delivered,
        sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed,
        sum(CASE WHEN status IN ('waiting', 'pending', 'sending') THEN 1 ELSE 0 END) AS open,
        sum(CASE WHEN status = 'delivered' THEN ended_at_ms - created_at_ms END) AS "lagSumMs",
        max(CASE WHEN status = 'delivered' THEN ended_at_ms - created_at_ms END) AS "lagMaxMs"
      FROM (
        SELECT status, created_at_ms, ended_at_ms FROM delivery WHERE destination_id = ${destinationId}
        ORDER BY id DESC LIMIT ${DELIVERIES_COUNTED_MAX}
      ) newest
      WHERE created_at_ms >= ${sinceMs}
      GROUP BY 1 ORDER BY 1`.execute(this.#db)
    return rows.map((row) => ({
      startMs: Number(row.startMs),
      delivered: Number(row.delivered),
      failed: Number(row.failed),
      open: Number(row.open),
      lagSumMs: Number(row.lagSumMs ?? 0),
      lagMaxMs: Number(row.lagMaxMs ?? 0),
    }))
  }

  /** When the oldest counted delivery to a destination was made; null where all of them are counted. */
  async findDeliveriesCountedFrom(destinationId: string): Promise<number | null> {
    const row = await this.#db
      .selectFrom('delivery')
      .select('created_at_ms')
      .where('destination_id', '=', destinationId)
      .orderBy('id', 'desc')
      .offset(DELIVERIES_COUNTED_MAX - 1)
      .limit(1)
      .executeTakeFirst()
    return row?.created_at_ms ?? null
  }

  /** When the oldest delivery was made that a destination is still owed; null when none is. */
  async findOldestOwed(destinationId: string): Promise<number | null> {
    const row = await this.#db
      .selectFrom('delivery')
      .select((select) => select.fn.min('created_at_ms').as('at'))
      .where('destination_id', '=', destinationId)
      .where('ended_at_ms', 'is', null)
      .executeTakeFirst()
    return row?.at ?? null
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
