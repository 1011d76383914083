import { sql } from 'kysely'
import type { DeliveryStatus } from '../core/delivery.ts'
import { type Engine, type TableContext, claimsOf } from './context.ts'
import type { Db } from './schema.ts'
import { type StoredEvent, toEvent } from './events.ts'

/** One event owed to one destination. */
export interface Delivery {
  /** Ascends in commit order. */
  readonly id: number
  readonly eventId: string
  readonly destinationId: string
  readonly status: DeliveryStatus
  /** Attempts made so far. */
  readonly attempts: number
  readonly dueAtMs: number
  readonly createdAtMs: number
  readonly endedAtMs: number | null
}

/** A delivery that a worker has the right to send now, with what it needs for that. */
export interface ClaimedDelivery extends Delivery {
  readonly claimId: string
  /** When the present series of attempts began; null when this is its first. */
  readonly tryingSinceMs: number | null
  readonly event: StoredEvent
}

/** One try at a delivery. */
export interface Attempt {
  readonly id: string
  readonly deliveryId: number
  /** From 1. */
  readonly number: number
  readonly startedAtMs: number
  readonly durationMs: number
  /** Null where no answer came. */
  readonly httpStatus: number | null
  /** Why no answer came. */
  readonly error: string | null
  /** The beginning of the answer's body, as text. */
  readonly responseBody: string | null
}

/**
 * Statuses as literals: SQLite uses a partial index only where it can prove its condition while it plans,
 * and bound values are not known by then. Without, each claim would read the whole history.
 */
const PENDING = sql.lit<'pending'>('pending')
const WAITING = [PENDING, sql.lit<'held'>('held')]

export class DeliveryTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  async add(delivery: {
    eventId: string
    destinationId: string
    orderKey: string
    status: DeliveryStatus
    atMs: number
  }): Promise<void> {
    await this.#db
      .insertInto('delivery')
      .values({
        event_id: delivery.eventId,
        destination_id: delivery.destinationId,
        order_key: delivery.orderKey,
        status: delivery.status,
        attempts: 0,
        due_at_ms: delivery.atMs,
        claim_id: null,
        claim_until_ms: null,
        created_at_ms: delivery.atMs,
        ended_at_ms: null,
        trying_since_ms: null,
      })
      .execute()
  }

  /**
   * Claims deliveries that are due: the oldest of each order key and destination only, so that an
   * event waits for its predecessor and for nothing else.
   */
  async claimDue(claim: {
    id: string
    nowMs: number
    untilMs: number
    limit: number
    /** Destinations that have enough under way. */
    except: readonly string[]
  }): Promise<ClaimedDelivery[]> {
    let due = this.#db
      .selectFrom('delivery')
      .select('delivery.id')
      .where('status', '=', PENDING)
      .where('due_at_ms', '<=', claim.nowMs)
      .where(({ eb, or }) =>
        or([eb('claim_until_ms', 'is', null), eb('claim_until_ms', '<=', claim.nowMs)]),
      )
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('delivery as earlier')
              .select('earlier.id')
              .whereRef('earlier.destination_id', '=', 'delivery.destination_id')
              .whereRef('earlier.order_key', '=', 'delivery.order_key')
              .whereRef('earlier.id', '<', 'delivery.id')
              .where('earlier.status', 'in', WAITING),
          ),
        ),
      )
      .orderBy('due_at_ms')
      .orderBy('id')
      .limit(claim.limit)
      // Whatever another process claims at this moment is its.
      .$if(this.#engine === 'postgres', (query) => query.forUpdate('delivery').skipLocked())
    if (claim.except.length > 0) due = due.where('destination_id', 'not in', claim.except)
    // Named, so that PostgreSQL cannot carry it out twice and claim more than the limit.
    const rows = await this.#db
      .with('due', () => due)
      .updateTable('delivery')
      .set({ claim_id: claim.id, claim_until_ms: claim.untilMs })
      .where('id', 'in', ({ selectFrom }) => selectFrom('due').select('due.id'))
      .returningAll()
      .execute()
    if (rows.length === 0) return []
    const events = await this.#db
      .selectFrom('event')
      .selectAll()
      .where(
        'id',
        'in',
        rows.map((row) => row.event_id),
      )
      .execute()
    const byId = new Map(events.map((event) => [event.id, toEvent(event)]))
    return rows
      .sort((a, b) => a.id - b.id)
      .flatMap((row) => {
        const event = byId.get(row.event_id)
        if (event === undefined) return []
        const tryingSinceMs = row.trying_since_ms
        return [{ ...toDelivery(row), claimId: claim.id, tryingSinceMs, event }]
      })
  }

  /**
   * Ends or postpones a claimed delivery.
   *
   * @returns False when the claim was no longer ours: then nothing is changed.
   */
  async settle(
    delivery: { id: number; claimId: string },
    to: {
      status: DeliveryStatus
      attempts: number
      dueAtMs: number
      tryingSinceMs: number | null
      atMs: number
    },
  ): Promise<boolean> {
    const hasEnded = to.status === 'delivered' || to.status === 'failed'
    const result = await this.#db
      .updateTable('delivery')
      .set({
        status: to.status,
        attempts: to.attempts,
        due_at_ms: to.dueAtMs,
        claim_id: null,
        claim_until_ms: null,
        ended_at_ms: hasEnded ? to.atMs : null,
        trying_since_ms: to.tryingSinceMs,
      })
      .where('id', '=', delivery.id)
      .where('claim_id', '=', delivery.claimId)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /** Gives deliveries of a claim back unsent; leaves those that somebody else has claimed since. */
  async release(ids: readonly number[], claimId: string): Promise<void> {
    await this.#db
      .updateTable('delivery')
      .set({ claim_id: null, claim_until_ms: null })
      .where('id', 'in', ids)
      .where('claim_id', '=', claimId)
      .execute()
  }

  /** Lets go of what a process has claimed: it is dead, or about to end. */
  async freeClaimsOf(processId: string): Promise<void> {
    const claims = claimsOf(processId)
    await this.#db
      .updateTable('delivery')
      .set({ claim_id: null, claim_until_ms: null })
      .where('status', '=', PENDING)
      .where('claim_id', '>=', claims.from)
      .where('claim_id', '<', claims.to)
      .execute()
  }

  /** The destination was disabled: what it is owed waits. What is under way settles itself. */
  async hold(destinationId: string): Promise<void> {
    await this.#db
      .updateTable('delivery')
      .set({ status: 'held' })
      .where('destination_id', '=', destinationId)
      .where('status', 'in', WAITING)
      .where('status', '=', 'pending')
      .where('claim_id', 'is', null)
      .execute()
  }

  /**
   * The destination was enabled: what was held is due, and drains in order. The time for trying again
   * begins anew: otherwise one failure would end what was held for longer than that.
   */
  async resume(destinationId: string, nowMs: number): Promise<void> {
    await this.#db
      .updateTable('delivery')
      .set({ status: 'pending', due_at_ms: nowMs, trying_since_ms: null })
      .where('destination_id', '=', destinationId)
      .where('status', 'in', WAITING)
      .where('status', '=', 'held')
      .execute()
  }

  /** When the next pending delivery can be due; undefined when there is none. */
  async nextDueAtMs(afterMs: number): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('delivery')
      .select('due_at_ms')
      .where('status', '=', PENDING)
      .where('due_at_ms', '>', afterMs)
      .orderBy('due_at_ms')
      .limit(1)
      .executeTakeFirst()
    return row?.due_at_ms
  }

  /** When the earliest claim on a pending delivery runs out. */
  async nextClaimEndMs(afterMs: number): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('delivery')
      .select(({ fn }) => fn.min('claim_until_ms').as('until_ms'))
      .where('status', '=', PENDING)
      .where('claim_until_ms', '>', afterMs)
      .executeTakeFirst()
    return row?.until_ms ?? undefined
  }

  async listOfEvents(eventIds: readonly string[]): Promise<Delivery[]> {
    if (eventIds.length === 0) return []
    const rows = await this.#db
      .selectFrom('delivery')
      .selectAll()
      .where('event_id', 'in', eventIds)
      .orderBy('id')
      .execute()
    return rows.map(toDelivery)
  }

  async addAttempt(attempt: Attempt): Promise<void> {
    await this.#db
      .insertInto('attempt')
      .values({
        id: attempt.id,
        delivery_id: attempt.deliveryId,
        number: attempt.number,
        started_at_ms: attempt.startedAtMs,
        duration_ms: attempt.durationMs,
        http_status: attempt.httpStatus,
        error: attempt.error,
        response_body: attempt.responseBody,
      })
      .execute()
  }

  async listAttempts(deliveryIds: readonly number[], limit: number): Promise<Attempt[]> {
    if (deliveryIds.length === 0) return []
    const rows = await this.#db
      .selectFrom('attempt')
      .selectAll()
      .where('delivery_id', 'in', deliveryIds)
      .orderBy('delivery_id')
      .orderBy('number')
      .limit(limit)
      .execute()
    return rows.map((row) => ({
      id: row.id,
      deliveryId: row.delivery_id,
      number: row.number,
      startedAtMs: row.started_at_ms,
      durationMs: row.duration_ms,
      httpStatus: row.http_status,
      error: row.error,
      responseBody: row.response_body,
    }))
  }
}

function toDelivery(row: {
  id: number
  event_id: string
  destination_id: string
  status: DeliveryStatus
  attempts: number
  due_at_ms: number
  created_at_ms: number
  ended_at_ms: number | null
}): Delivery {
  return {
    id: row.id,
    eventId: row.event_id,
    destinationId: row.destination_id,
    status: row.status,
    attempts: row.attempts,
    dueAtMs: row.due_at_ms,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
  }
}
