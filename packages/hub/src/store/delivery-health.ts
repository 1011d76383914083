/** How far behind destinations are, and how they have done lately. */
import { type RawBuilder, sql } from 'kysely'
import { cell, given } from './batch.ts'
import type { Engine, TableContext } from './context.ts'
import { UNENDED } from './lanes.ts'
import type { Db } from './schema.ts'

/** What a destination is owed, and how its newest deliveries ended. */
export interface DestinationLoad {
  /** Deliveries that have not ended; counting stops at {@link OWED_COUNTED_MAX}. */
  readonly owed: number
  /** When the oldest of them was made. */
  readonly oldestOwedAtMs: number | null
  /** Of the newest {@link RECENT_MAX} deliveries. */
  readonly recent: {
    readonly delivered: number
    readonly failed: number
    readonly attempts: number
  }
}

/** Deliveries that are counted of what one destination is owed. */
export const OWED_COUNTED_MAX = 10_000
/** Deliveries that are counted of what all destinations are owed. */
export const QUEUE_COUNTED_MAX = 50_000
/** Newest deliveries that say how a destination is doing. */
export const RECENT_MAX = 1_000

/** `waiting` behind another one, `pending`, `sending`, or `held` because the destination is disabled. */
export type QueueStatus = 'waiting' | 'pending' | 'sending' | 'held'

export class DeliveryHealthTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  async read(destinationId: string): Promise<DestinationLoad> {
    const owed = await sql<{ count: number; oldest: number | null }>`
      SELECT count(*) AS count, min(created_at_ms) AS oldest FROM (
        SELECT created_at_ms FROM delivery WHERE destination_id = ${destinationId} AND ${UNENDED}
        ORDER BY id LIMIT ${sql.lit(OWED_COUNTED_MAX)}) AS owed`.execute(this.#db)
    const ended = (status: string): RawBuilder<number> =>
      sql`sum(CASE WHEN status = ${sql.lit(status)} THEN 1 ELSE 0 END)`
    const recent = await sql<Record<'delivered' | 'failed' | 'attempts', number | null>>`
      SELECT ${ended('delivered')} AS delivered, ${ended('failed')} AS failed, sum(attempts) AS attempts
      FROM (SELECT status, attempts FROM delivery WHERE destination_id = ${destinationId}
        ORDER BY id DESC LIMIT ${sql.lit(RECENT_MAX)}) AS recent`.execute(this.#db)
    const [newest] = recent.rows
    return {
      owed: owed.rows[0]?.count ?? 0,
      oldestOwedAtMs: owed.rows[0]?.oldest ?? null,
      recent: {
        delivered: newest?.delivered ?? 0,
        failed: newest?.failed ?? 0,
        attempts: newest?.attempts ?? 0,
      },
    }
  }

  /** What is owed to all destinations, by status; counting stops at {@link QUEUE_COUNTED_MAX}. */
  async countQueue(): Promise<Record<QueueStatus, number>> {
    const rows = await sql<{ status: QueueStatus; count: number }>`
      SELECT CASE WHEN destination.status = 'enabled' THEN owed.status ELSE 'held' END AS status,
        count(*) AS count
      FROM (SELECT destination_id, status FROM delivery WHERE ${UNENDED}
        LIMIT ${sql.lit(QUEUE_COUNTED_MAX)}) AS owed
      JOIN destination ON destination.id = owed.destination_id GROUP BY 1`.execute(this.#db)
    const counts = { waiting: 0, pending: 0, sending: 0, held: 0 }
    for (const { status, count } of rows.rows) counts[status] = count
    return counts
  }

  /** When the oldest delivery of each was made that has not ended; null where nothing is owed. */
  async listOldestOwed(
    destinationIds: readonly string[],
  ): Promise<{ destinationId: string; oldestOwedAtMs: number | null }[]> {
    if (destinationIds.length === 0) return []
    const rows = await sql<{ destination_id: string; oldest: number | null }>`
      SELECT destination_id, (SELECT created_at_ms FROM delivery
        WHERE delivery.destination_id = asked.destination_id AND ${UNENDED} ORDER BY id LIMIT 1) AS oldest
      FROM (SELECT ${cell(0)} AS destination_id FROM ${given(
        this.#engine,
        ['text'],
        destinationIds.map((id) => [id]),
      )}) AS asked`.execute(this.#db)
    return rows.rows.map((row) => ({
      destinationId: row.destination_id,
      oldestOwedAtMs: row.oldest,
    }))
  }
}
