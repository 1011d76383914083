/** Figures for the dashboard. Every query looks at a bounded number of the newest rows. */
import { sql } from 'kysely'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** Newest events that are counted. */
export const EVENTS_COUNTED_MAX = 100_000
/** Newest deliveries of a destination that are counted. */
export const DELIVERIES_COUNTED_MAX = 10_000

export interface EventCount {
  readonly startMs: number
  readonly type: string
  readonly count: number
}

export interface DestinationFigures {
  readonly delivered: number
  readonly failed: number
  /** Owed and not delivered yet, of the counted ones. */
  readonly open: number
  /** From event to delivery, in milliseconds; null where nothing was delivered. */
  readonly lagMeanMs: number | null
  readonly lagMaxMs: number | null
  /** When the oldest delivery was made that is still open; null when none is. */
  readonly oldestOpenMs: number | null
}

export class StatsTable {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  /** Events per type and span of time, oldest first. */
  async countEvents(
    environmentId: string,
    { sinceMs, bucketMs }: { sinceMs: number; bucketMs: number },
  ): Promise<EventCount[]> {
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

  /** What became of the newest deliveries to a destination. */
  async readDestination(destinationId: string, sinceMs: number): Promise<DestinationFigures> {
    const { rows } = await sql<Record<string, number | string | null>>`
      SELECT
        sum(CASE WHEN status = 'delivered' THEN 1 ELSE 0 END) AS delivered,
        sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed,
        sum(CASE WHEN status IN ('waiting', 'pending', 'sending') THEN 1 ELSE 0 END) AS open,
        avg(CASE WHEN status = 'delivered' THEN ended_at_ms - created_at_ms END) AS mean,
        max(CASE WHEN status = 'delivered' THEN ended_at_ms - created_at_ms END) AS max
      FROM (
        SELECT status, created_at_ms, ended_at_ms FROM delivery WHERE destination_id = ${destinationId}
        ORDER BY id DESC LIMIT ${DELIVERIES_COUNTED_MAX}
      ) newest
      WHERE created_at_ms >= ${sinceMs}`.execute(this.#db)
    const oldest = await this.#db
      .selectFrom('delivery')
      .select((select) => select.fn.min('created_at_ms').as('at'))
      .where('destination_id', '=', destinationId)
      .where('status', 'in', ['waiting', 'pending', 'sending'])
      .executeTakeFirst()
    const [row = {}] = rows
    return {
      delivered: Number(row['delivered'] ?? 0),
      failed: Number(row['failed'] ?? 0),
      open: Number(row['open'] ?? 0),
      lagMeanMs: toNumber(row['mean']),
      lagMaxMs: toNumber(row['max']),
      oldestOpenMs: toNumber(oldest?.at),
    }
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

function toNumber(value: number | string | null | undefined): number | null {
  return value === null || value === undefined ? null : Math.round(Number(value))
}
