/** The ledger: counts what became of every event at every destination, and finds what cannot be right. */
import { type RawBuilder, sql } from 'kysely'
import type { DeliveryStatus, StoredStatus } from '../core/delivery.ts'
import type { TableContext } from './context.ts'
import { laneColumn } from './lanes.ts'
import type { Db } from './schema.ts'

/** Deliveries of one type to one destination that stand alike. */
export interface LedgerCount {
  readonly destinationId: string
  readonly type: string
  readonly status: DeliveryStatus
  readonly reason: string | null
  readonly count: number
}

/** Something that cannot be right. */
export interface Discrepancy {
  readonly kind:
    | 'deliveries_missing'
    | 'event_missing'
    | 'event_foreign'
    | 'destination_missing'
    | 'delivery_missing'
    | 'attempts_missing'
    | 'outcome_wrong'
    | 'end_wrong'
    | 'reason_wrong'
    | 'lane_stuck'
    | 'order_broken'
  /** The event; null where an attempt is left of a delivery that is gone. */
  readonly eventId: string | null
  /** Null where it is about the event as a whole. */
  readonly deliveryId: number | null
}

/** Numbers from above `after` up to `through`. */
export interface LedgerRange {
  readonly after: number
  readonly through: number
}

/** Discrepancies of one kind that one look names. */
const NAMED_MAX = 20
const OWED = sql.raw("('waiting', 'pending', 'sending')")

export class LedgerTable {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  /** The lowest numbers of events and deliveries that are there: retention has removed what was below. */
  async beginnings(): Promise<{ events: number; deliveries: number }> {
    const found = await this.#readNumbers('min')
    return { events: found.events ?? 1, deliveries: found.deliveries ?? 1 }
  }

  /** The highest numbers of events and deliveries. */
  async ends(): Promise<{ events: number; deliveries: number }> {
    const found = await this.#readNumbers('max')
    return { events: found.events ?? 0, deliveries: found.deliveries ?? 0 }
  }

  /** Attempts count, too: they could be left of deliveries that are gone. */
  async #readNumbers(
    which: 'min' | 'max',
  ): Promise<{ events: number | null; deliveries: number | null }> {
    const pick = sql.raw(which)
    const rows = await sql<{ events: number | null; deliveries: number | null }>`
      SELECT (SELECT ${pick}(seq) FROM event) AS events, (SELECT ${pick}(id) FROM (
        SELECT ${pick}(id) AS id FROM delivery UNION ALL SELECT ${pick}(delivery_id) FROM attempt
      ) AS numbers) AS deliveries`.execute(this.#db)
    return rows.rows[0] ?? { events: null, deliveries: null }
  }

  /** What became of the events in a range: of first deliveries, so that a resend counts nothing twice. */
  async count(environmentId: string, { after, through }: LedgerRange): Promise<LedgerCount[]> {
    const rows = await sql<{
      destination_id: string
      type: string
      status: StoredStatus
      reason: string | null
      destination_status: string | null
      count: number
    }>`
      SELECT delivery.destination_id, event.type, delivery.status, delivery.reason,
        destination.status AS destination_status, count(*) AS count
      FROM event JOIN delivery ON delivery.event_id = event.id AND delivery.resend_id = ''
      LEFT JOIN destination ON destination.id = delivery.destination_id
      WHERE event.seq > ${after} AND event.seq <= ${through} AND event.environment_id = ${environmentId}
      GROUP BY delivery.destination_id, event.type, delivery.status, delivery.reason, destination.status`.execute(
      this.#db,
    )
    return rows.rows.map((row) => ({
      destinationId: row.destination_id,
      type: row.type,
      status: toStatus(row.status, row.destination_status),
      reason: row.reason,
      count: row.count,
    }))
  }

  /** Events and those of them without exactly one delivery per destination that there was. */
  async checkEvents(
    environmentId: string,
    { after, through }: LedgerRange,
  ): Promise<{ events: number; discrepancies: Discrepancy[] }> {
    const counted = await sql<{ count: number }>`
      SELECT count(*) AS count FROM event
      WHERE seq > ${after} AND seq <= ${through} AND environment_id = ${environmentId}`.execute(
      this.#db,
    )
    const wrong = await sql<{ id: string }>`
      SELECT event.id FROM event
      LEFT JOIN delivery ON delivery.event_id = event.id AND delivery.resend_id = ''
      WHERE event.seq > ${after} AND event.seq <= ${through} AND event.environment_id = ${environmentId}
      GROUP BY event.id, event.fan_out HAVING count(delivery.id) <> event.fan_out
      LIMIT ${sql.lit(NAMED_MAX)}`.execute(this.#db)
    return {
      events: counted.rows[0]?.count ?? 0,
      discrepancies: wrong.rows.map(({ id }) => ({
        kind: 'deliveries_missing',
        eventId: id,
        deliveryId: null,
      })),
    }
  }

  async checkDeliveries(environmentId: string, range: LedgerRange): Promise<Discrepancy[]> {
    const found: Discrepancy[] = []
    for (const [kind, condition] of CHECKS) {
      const wrong = await sql<{ id: number; event_id: string }>`
        SELECT d.id, d.event_id FROM delivery AS d
        JOIN destination ON destination.id = d.destination_id
        WHERE d.id > ${range.after} AND d.id <= ${range.through}
          AND destination.environment_id = ${environmentId} AND ${condition}
        LIMIT ${sql.lit(NAMED_MAX)}`.execute(this.#db)
      for (const { id, event_id: eventId } of wrong.rows) {
        found.push({ kind, eventId, deliveryId: id })
      }
    }
    return found
  }

  /**
   * Rows that belong to nobody: deliveries whose destination is gone, and attempts whose delivery is. Nobody can say
   * whose they were, so they are found in every environment.
   */
  async checkOrphans({ after, through }: LedgerRange): Promise<Discrepancy[]> {
    const deliveries = await sql<{ id: number; event_id: string }>`
      SELECT d.id, d.event_id FROM delivery AS d
      WHERE d.id > ${after} AND d.id <= ${through}
        AND NOT EXISTS (SELECT 1 FROM destination WHERE destination.id = d.destination_id)
      LIMIT ${sql.lit(NAMED_MAX)}`.execute(this.#db)
    const attempts = await sql<{ id: number }>`
      SELECT DISTINCT delivery_id AS id FROM attempt
      WHERE delivery_id > ${after} AND delivery_id <= ${through}
        AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.id = attempt.delivery_id)
      LIMIT ${sql.lit(NAMED_MAX)}`.execute(this.#db)
    return [
      ...deliveries.rows.map(({ id, event_id: eventId }) => ({
        kind: 'destination_missing' as const,
        eventId,
        deliveryId: id,
      })),
      ...attempts.rows.map(({ id }) => ({
        kind: 'delivery_missing' as const,
        eventId: null,
        deliveryId: id,
      })),
    ]
  }

  async listPruned(environmentId: string): Promise<LedgerCount[]> {
    const rows = await this.#db
      .selectFrom('pruned')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .execute()
    return rows.map((row) => ({
      destinationId: row.destination_id,
      type: row.type,
      status: toStatus(row.status as StoredStatus, null),
      reason: null,
      count: row.deliveries,
    }))
  }
}

function toStatus(status: StoredStatus, destinationStatus: string | null): DeliveryStatus {
  if (status === 'waiting' || status === 'pending' || status === 'sending') {
    return destinationStatus === 'enabled' ? 'pending' : 'held'
  }
  return status
}

const isBehind = sql`EXISTS (
  SELECT 1 FROM delivery AS earlier WHERE ${laneColumn('earlier')} = ${laneColumn('d')}
    AND earlier.id < d.id AND earlier.is_data <= d.is_data
    AND earlier.ended_at_ms IS NULL)`

/** What must not be found; `d` is the delivery. */
const CHECKS: readonly (readonly [Discrepancy['kind'], RawBuilder<unknown>])[] = [
  ['event_missing', sql`NOT EXISTS (SELECT 1 FROM event WHERE event.id = d.event_id)`],
  [
    'event_foreign',
    sql`EXISTS (SELECT 1 FROM event WHERE event.id = d.event_id
      AND event.environment_id <> destination.environment_id)`,
  ],
  [
    'attempts_missing',
    sql`d.attempts <> (SELECT count(*) FROM attempt WHERE attempt.delivery_id = d.id)`,
  ],
  [
    'outcome_wrong',
    sql`(d.status = 'delivered') <> EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery_id = d.id
      AND attempt.number = d.attempts AND attempt.http_status BETWEEN 200 AND 299)`,
  ],
  // Given up without ever having been tried.
  ['outcome_wrong', sql`d.status = 'failed' AND d.attempts = 0`],
  ['end_wrong', sql`(d.status IN ${OWED}) <> (d.ended_at_ms IS NULL)`],
  ['reason_wrong', sql`(d.status = 'suppressed') <> (d.reason IS NOT NULL)`],
  ['lane_stuck', sql`d.status = 'waiting' AND NOT ${isBehind}`],
  ['order_broken', sql`d.status IN ('pending', 'sending') AND ${isBehind}`],
]
