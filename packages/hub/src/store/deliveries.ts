import { sql } from 'kysely'
import type { DeliveryStatus, StoredStatus } from '../core/delivery.ts'
import { assert } from '../errors.ts'
import { type Attempt, AttemptTable } from './attempts.ts'
import { type Cell, type Insertion, batchStatement, cell, insertRows } from './batch.ts'
import type { Engine, TableContext } from './context.ts'
import { DeliveryClaims, type EarlyClaim, type Row } from './delivery-claims.ts'
import { LaneTable, type Promoted, UNENDED, enter } from './lanes.ts'
import type { Db } from './schema.ts'

/** One event owed to one destination. */
export interface Delivery {
  /** Ascends in commit order. */
  readonly id: number
  readonly eventId: string
  readonly destinationId: string
  readonly status: DeliveryStatus
  /** Why it is suppressed. */
  readonly reason: string | null
  /** The resend that asked for it; null for the first delivery of an event. */
  readonly resendId: string | null
  /** Attempts made so far. */
  readonly attempts: number
  readonly dueAtMs: number
  readonly createdAtMs: number
  readonly endedAtMs: number | null
}

/** A delivery that is to be made. */
export interface NewDelivery {
  readonly eventId: string
  readonly destinationId: string
  readonly orderKey: string
  readonly isData: boolean
  /** Why it will never be sent; null where it is owed. */
  readonly suppressed: string | null
  readonly resendId: string | null
  readonly atMs: number
}

/** What became of deliveries that were added. */
export interface Added {
  /** Those that were claimed at once, in their order. */
  readonly claimed: readonly Pick<Delivery, 'id' | 'eventId' | 'destinationId'>[]
  /** Destinations of those that can be sent and were not claimed. */
  readonly dueAt: readonly string[]
}

/** What becomes of a claimed delivery. */
export interface Settlement {
  readonly id: number
  readonly claimId: string
  readonly status: Extract<StoredStatus, 'pending' | 'delivered' | 'failed'>
  readonly attempts: number
  readonly tries: number
  readonly tryingSinceMs: number | null
  readonly dueAtMs: number
  /** Null where it has not ended. */
  readonly endedAtMs: number | null
}

const DELIVERIES: Insertion = {
  table: 'delivery',
  columns: {
    event_id: 'text',
    destination_id: 'text',
    order_key: 'text',
    is_data: 'bigint',
    resend_id: 'text',
    status: 'text',
    reason: 'text',
    due_at_ms: 'bigint',
    claim_id: 'text',
    claim_until_ms: 'bigint',
    created_at_ms: 'bigint',
    ended_at_ms: 'bigint',
    attempts: 'bigint',
    tries: 'bigint',
  },
  id: 'id',
}
const SETTLE = batchStatement<{ id: number; destination_id: string; order_key: string }>(
  ['bigint', 'text', 'text', 'bigint', 'bigint', 'bigint', 'bigint', 'bigint'],
  (settled) => sql`
    UPDATE delivery SET status = ${cell(2)}, attempts = ${cell(3)}, tries = ${cell(4)},
      trying_since_ms = ${cell(5)}, due_at_ms = ${cell(6)}, ended_at_ms = ${cell(7)},
      claim_id = NULL, claim_until_ms = NULL
    FROM ${settled}
    WHERE delivery.id = ${cell(0)} AND delivery.claim_id = ${cell(1)}
    RETURNING delivery.id, delivery.destination_id, delivery.order_key`,
)

export class DeliveryTable extends DeliveryClaims {
  readonly #context: TableContext
  readonly #db: Db
  readonly #engine: Engine
  readonly #attempts: AttemptTable
  readonly #lanes: LaneTable

  constructor(context: TableContext) {
    super(context)
    this.#context = context
    this.#db = context.db
    this.#engine = context.engine
    this.#attempts = new AttemptTable(context)
    this.#lanes = new LaneTable(context)
  }

  /**
   * Adds deliveries in the order of their events. One whose lane is empty can be sent; the others wait:
   * what happened to a connection for what happened to it before, data for both.
   *
   * @param deliveries Of as many lanes as there are; the caller holds the lineage of each.
   * @param claim Claims what can be sent and there is a place for, as if it had been found due.
   */
  async addMany(deliveries: readonly NewDelivery[], claim?: EarlyClaim): Promise<Added> {
    if (deliveries.length === 0) return { claimed: [], dueAt: [] }
    const owed = deliveries.filter(({ suppressed }) => suppressed === null)
    const [, lanes] = await Promise.all([
      this.#lanes.lock(owed.map(({ orderKey }) => orderKey)),
      this.#lanes.read(owed),
    ])
    const dueAt = new Set<string>()
    const claimed: number[] = []
    const rows = deliveries.map((one, index): Cell[] => {
      let status: StoredStatus = one.suppressed === null ? enter(lanes, one) : 'suppressed'
      if (status === 'pending') {
        if (claim?.take(one) !== true) dueAt.add(one.destinationId)
        else {
          status = 'sending'
          claimed.push(index)
        }
      }
      return [
        one.eventId,
        one.destinationId,
        one.orderKey,
        one.isData ? 1 : 0,
        one.resendId ?? '',
        status,
        one.suppressed,
        one.atMs,
        status === 'sending' ? (claim?.id ?? null) : null,
        status === 'sending' ? (claim?.untilMs ?? null) : null,
        one.atMs,
        one.suppressed === null ? null : one.atMs,
        0,
        0,
      ]
    })
    const ids = await insertRows(this.#context, DELIVERIES, rows)
    return { claimed: claimed.map((index) => toAdded(ids, deliveries, index)), dueAt: [...dueAt] }
  }

  /**
   * Ends or postpones claimed deliveries, records their attempts, and lets the next of each lane go.
   *
   * @returns Which claims were still ours; of the others nothing is changed. And where another delivery can
   *   be sent now.
   */
  async settleMany(
    settled: readonly (Settlement & {
      readonly orderKey: string
      readonly attempt: Attempt | null
    })[],
  ): Promise<{ ours: Set<number>; promoted: Promoted[] }> {
    if (settled.length === 0) return { ours: new Set(), promoted: [] }
    // In one order for everybody: see `inOrder`.
    const inOrder = settled.toSorted((a, b) => a.id - b.id)
    const rows = inOrder.map((one): Cell[] => [
      one.id,
      one.claimId,
      one.status,
      one.attempts,
      one.tries,
      one.tryingSinceMs,
      one.dueAtMs,
      one.endedAtMs,
    ])
    const [, changed] = await Promise.all([
      this.#lanes.lock(settled.map(({ orderKey }) => orderKey)),
      SETTLE(this.#context, rows),
    ])
    const ours = new Set(changed.rows.map(({ id }) => id))
    const ended = new Set(settled.flatMap((one) => (one.endedAtMs === null ? [] : [one.id])))
    const lanes = changed.rows.flatMap((row) =>
      ended.has(row.id) ? [{ destinationId: row.destination_id, orderKey: row.order_key }] : [],
    )
    const [promoted] = await Promise.all([
      this.#lanes.promote(lanes),
      this.#attempts.addMany(
        settled.flatMap(({ id, attempt }) => (attempt !== null && ours.has(id) ? [attempt] : [])),
      ),
    ])
    return { ours, promoted }
  }

  /**
   * Records that what a destination is owed will never be sent; whatever is under way loses its claim.
   *
   * @returns Whether there may be more.
   */
  async suppressOwed(destinationId: string, nowMs: number, limit: number): Promise<boolean> {
    const lock = sql.raw(this.#engine === 'postgres' ? 'FOR UPDATE OF delivery' : '')
    const changed = await sql<{ id: number }>`
      UPDATE delivery SET status = 'suppressed', reason = 'destination_deleted',
        ended_at_ms = ${nowMs}, claim_id = NULL, claim_until_ms = NULL
      WHERE id IN (SELECT id FROM delivery WHERE destination_id = ${destinationId} AND ${UNENDED}
        ORDER BY delivery.id LIMIT ${limit} + 0 ${lock}) RETURNING id`.execute(this.#db)
    return changed.rows.length === limit
  }

  async listOfEvents(eventIds: readonly string[]): Promise<Delivery[]> {
    if (eventIds.length === 0) return []
    const rows = await this.#db
      .selectFrom('delivery')
      .leftJoin('destination', 'destination.id', 'delivery.destination_id')
      .selectAll('delivery')
      .select('destination.status as destination_status')
      .where('event_id', 'in', eventIds)
      .orderBy('delivery.id')
      .execute()
    return rows.map(toDelivery)
  }
}

function toAdded(
  ids: readonly number[],
  deliveries: readonly NewDelivery[],
  index: number,
): Added['claimed'][number] {
  const [id, delivery] = [ids[index], deliveries[index]]
  assert(id !== undefined && delivery !== undefined, 'each row that is inserted has a number')
  return { id, eventId: delivery.eventId, destinationId: delivery.destinationId }
}

/** A delivery beside the state of its destination. */
export type DeliveryRow = Row & { destination_status: string | null }

/** Waiting and being sent are both pending to an operator; what a disabled destination is owed is held. */
export function toDelivery(row: DeliveryRow): Delivery {
  const { status } = row
  const isOwed = status === 'waiting' || status === 'pending' || status === 'sending'
  return {
    id: row.id,
    eventId: row.event_id,
    destinationId: row.destination_id,
    status: !isOwed ? status : row.destination_status === 'enabled' ? 'pending' : 'held',
    reason: row.reason,
    resendId: row.resend_id === '' ? null : row.resend_id,
    attempts: row.attempts,
    dueAtMs: row.due_at_ms,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
  }
}
