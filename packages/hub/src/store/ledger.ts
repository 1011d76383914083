/** The ledger: counts what became of every event at every destination, and finds what cannot be right. */
import { type RawBuilder, sql } from 'kysely'
import type { DeliveryStatus, StoredStatus } from '../core/delivery.ts'
import type { TableContext } from './context.ts'
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
    | 'attempts_missing'
    | 'outcome_wrong'
    | 'end_wrong'
    | 'lane_stuck'
    | 'order_broken'
  /** The event. */
  readonly eventId: string
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

  /** The highest numbers of events and deliveries. */
  async ends(): Promise<{ events: number; deliveries: number }> {
    const rows = await sql<{ events: number | null; deliveries: number | null }>`
      SELECT (SELECT max(seq) FROM event) AS events, (SELECT max(id) FROM delivery) AS deliveries`.execute(
      this.#db,
    )
    return { events: rows.rows[0]?.events ?? 0, deliveries: rows.rows[0]?.deliveries ?? 0 }
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
      LIMIT ${NAMED_MAX}`.execute(this.#db)
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
        LIMIT ${NAMED_MAX}`.execute(this.#db)
      for (const { id, event_id: eventId } of wrong.rows) {
        found.push({ kind, eventId, deliveryId: id })
      }
    }
    return found
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
  SELECT 1 FROM delivery AS earlier WHERE earlier.destination_id = d.destination_id
    AND earlier.order_key = d.order_key AND earlier.id < d.id AND earlier.is_data <= d.is_data
    AND earlier.status IN ${OWED})`

/** What must not be found; `d` is the delivery. */
const CHECKS: readonly (readonly [Discrepancy['kind'], RawBuilder<unknown>])[] = [
  ['event_missing', sql`NOT EXISTS (SELECT 1 FROM event WHERE event.id = d.event_id)`],
  [
    'attempts_missing',
    sql`d.attempts <> (SELECT count(*) FROM attempt WHERE attempt.delivery_id = d.id)`,
  ],
  [
    'outcome_wrong',
    sql`(d.status = 'delivered') <> EXISTS (SELECT 1 FROM attempt WHERE attempt.delivery_id = d.id
      AND attempt.number = d.attempts AND attempt.http_status BETWEEN 200 AND 299)`,
  ],
  ['end_wrong', sql`(d.status IN ${OWED}) <> (d.ended_at_ms IS NULL)`],
  ['lane_stuck', sql`d.status = 'waiting' AND NOT ${isBehind}`],
  ['order_broken', sql`d.status IN ('pending', 'sending') AND ${isBehind}`],
]
