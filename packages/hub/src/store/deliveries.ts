import { type RawBuilder, sql } from 'kysely'
import type { DeliveryStatus, StoredStatus } from '../core/delivery.ts'
import { type Attempt, AttemptTable } from './attempts.ts'
import { type Cell, cells, given, numberCell, textCell } from './batch.ts'
import { type Engine, type TableContext, claimsOf } from './context.ts'
import { type StoredEvent, toEvent } from './events.ts'
import type { Db, Schema } from './schema.ts'

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

/** A delivery that a worker has the right to send now, with what it needs for that. */
export interface ClaimedDelivery {
  readonly id: number
  readonly claimId: string
  readonly destinationId: string
  readonly resendId: string | null
  readonly attempts: number
  /** Attempts of the present series. */
  readonly tries: number
  /** When the present series of attempts began; null when this is its first. */
  readonly tryingSinceMs: number | null
  readonly dueAtMs: number
  readonly createdAtMs: number
  readonly event: StoredEvent
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

/** Work at one destination that a worker has places for. */
export interface Want {
  readonly destinationId: string
  readonly limit: number
}

/**
 * Statuses as literals: SQLite uses a partial index only where it can prove its condition while it plans,
 * and bound values are not known by then. Without, each claim would read the whole history.
 */
const UNENDED = sql.raw("status IN ('waiting', 'pending', 'sending')")
/** Rows that one statement makes due at once, so that none holds the database up. */
const MAKE_DUE_ROWS_MAX = 5_000

export class DeliveryTable {
  readonly #db: Db
  readonly #engine: Engine
  readonly #attempts: AttemptTable

  constructor(context: TableContext) {
    const { db, engine } = context
    this.#db = db
    this.#attempts = new AttemptTable(context)
    this.#engine = engine
  }

  /**
   * Adds deliveries in the order of their events. One whose lane is empty can be sent; the others wait:
   * what happened to a connection for what happened to it before, data for both.
   *
   * @param deliveries Of as many lanes as there are; the caller holds the lineage of each.
   */
  async addMany(deliveries: readonly NewDelivery[]): Promise<void> {
    if (deliveries.length === 0) return
    const owed = deliveries.filter(({ suppressed }) => suppressed === null)
    await this.#lockLanes(owed.map(({ orderKey }) => orderKey))
    const lanes = await this.#readLanes(owed)
    const rows = deliveries.map((one): Cell[] => {
      const status = one.suppressed === null ? enter(lanes, one) : 'suppressed'
      const endedAtMs = one.suppressed === null ? null : one.atMs
      return [
        one.eventId,
        one.destinationId,
        one.orderKey,
        one.isData ? 1 : 0,
        one.resendId ?? '',
        status,
        one.suppressed,
        one.atMs,
        endedAtMs,
      ]
    })
    await sql`
      INSERT INTO delivery (event_id, destination_id, order_key, is_data, resend_id, status, reason,
        due_at_ms, created_at_ms, ended_at_ms, attempts, tries)
      SELECT ${cells('text', 'text', 'text', 'bigint', 'text', 'text', 'text')},
        ${numberCell(7)}, ${numberCell(7)}, ${numberCell(8)}, 0, 0
      FROM ${given(this.#engine, rows)}`.execute(this.#db)
  }

  /**
   * PostgreSQL: whoever adds to a lane and whoever ends its head must see each other's work, or nobody
   * lets the next one go. SQLite has one writer.
   */
  async #lockLanes(orderKeys: readonly string[]): Promise<void> {
    if (this.#engine === 'sqlite' || orderKeys.length === 0) return
    const keys = [...new Set(orderKeys)].map((key): Cell[] => [key])
    // In one order for everybody, so that no two wait for each other.
    await sql`
      SELECT pg_advisory_xact_lock(${LANE_LOCKS}, lane.key) FROM (
        SELECT DISTINCT hashtext(${textCell(0)}) AS key FROM ${given(this.#engine, keys)} ORDER BY 1
      ) AS lane`.execute(this.#db)
  }

  /** What each lane holds already. */
  async #readLanes(deliveries: readonly NewDelivery[]): Promise<Map<string, Lane>> {
    const lanes = new Map<string, Lane>()
    for (const one of deliveries) lanes.set(laneOf(one), { hasState: false, hasData: false })
    const rows = [...lanes.keys()].map((lane) => lane.split('\n'))
    if (rows.length === 0) return lanes
    const holds = (isData: 0 | 1): RawBuilder<number> => sql`EXISTS (
      SELECT 1 FROM delivery WHERE destination_id = ${textCell(0)} AND order_key = ${textCell(1)}
        AND is_data = ${sql.lit(isData)} AND ${UNENDED})`
    const found = await sql<{ d: string; k: string; s: number | boolean; t: number | boolean }>`
      SELECT ${textCell(0)} AS d, ${textCell(1)} AS k, ${holds(0)} AS s, ${holds(1)} AS t
      FROM ${given(this.#engine, rows)}`.execute(this.#db)
    for (const { d, k, s, t } of found.rows) {
      lanes.set(`${d}\n${k}`, { hasState: Boolean(s), hasData: Boolean(t) })
    }
    return lanes
  }

  /**
   * Claims deliveries that are due: what happened to connections before data, and of each the longest due.
   * What it costs depends neither on what waits nor on the history.
   */
  async claimDue(claim: {
    id: string
    nowMs: number
    untilMs: number
    wants: readonly Want[]
  }): Promise<ClaimedDelivery[]> {
    const rows =
      this.#engine === 'postgres'
        ? await this.#claimFromMany(claim)
        : await this.#claimFromEach(claim)
    if (rows.length === 0) return []
    const ids = [...new Set(rows.map((row) => row.event_id))].map((id): Cell[] => [id])
    const events = await sql<Schema['event'] & { seq: number }>`
      SELECT event.* FROM ${given(this.#engine, ids)} JOIN event ON event.id = ${textCell(0)}`.execute(
      this.#db,
    )
    const byId = new Map(events.rows.map((event) => [event.id, toEvent(event)]))
    return rows
      .sort((a, b) => a.id - b.id)
      .flatMap((row) => {
        const event = byId.get(row.event_id)
        return event === undefined ? [] : [toClaimed(row, claim.id, event)]
      })
  }

  async #claimFromEach(claim: {
    id: string
    nowMs: number
    untilMs: number
    wants: readonly Want[]
  }): Promise<Row[]> {
    const rows: Row[] = []
    for (const { destinationId, limit } of claim.wants) {
      const due = (isData: 0 | 1): RawBuilder<unknown> => sql`SELECT id FROM (
        SELECT id FROM delivery WHERE destination_id = ${destinationId} AND status = 'pending'
          AND is_data = ${sql.lit(isData)} AND due_at_ms <= ${claim.nowMs}
        ORDER BY due_at_ms, id LIMIT ${limit})`
      const claimed = await sql<Row>`
        UPDATE delivery SET status = 'sending', claim_id = ${claim.id}, claim_until_ms = ${claim.untilMs}
        WHERE id IN (${due(0)} UNION ALL ${due(1)} LIMIT ${limit}) RETURNING *`.execute(this.#db)
      rows.push(...claimed.rows)
    }
    return rows
  }

  async #claimFromMany(claim: {
    id: string
    nowMs: number
    untilMs: number
    wants: readonly Want[]
  }): Promise<Row[]> {
    const wants = claim.wants.map(({ destinationId, limit }): Cell[] => [destinationId, limit])
    // What another process claims at this moment is its: SKIP LOCKED.
    const due = (isData: 0 | 1): RawBuilder<unknown> => sql`
      SELECT want.destination_id, want.places, due.id, due.due_at_ms, ${sql.lit(isData)} AS is_data
      FROM want CROSS JOIN LATERAL (
        SELECT id, due_at_ms FROM delivery WHERE destination_id = want.destination_id
          AND status = 'pending' AND is_data = ${sql.lit(isData)} AND due_at_ms <= ${claim.nowMs}
        ORDER BY due_at_ms, id LIMIT want.places FOR UPDATE SKIP LOCKED) AS due`
    const claimed = await sql<Row>`
      WITH want AS MATERIALIZED (
        SELECT ${textCell(0)} AS destination_id, ${numberCell(1)} AS places FROM ${given(this.#engine, wants)}
      ), state AS MATERIALIZED (${due(0)}), data AS MATERIALIZED (${due(1)}), ranked AS (
        SELECT id, places, row_number() OVER (
          PARTITION BY destination_id ORDER BY is_data, due_at_ms, id) AS place
        FROM (SELECT * FROM state UNION ALL SELECT * FROM data) AS all_due
      )
      UPDATE delivery SET status = 'sending', claim_id = ${claim.id}, claim_until_ms = ${claim.untilMs}
      FROM ranked WHERE delivery.id = ranked.id AND ranked.place <= ranked.places
      RETURNING delivery.*`.execute(this.#db)
    return claimed.rows
  }

  /**
   * Ends or postpones claimed deliveries, records their attempts, and lets the next of each lane go.
   *
   * @returns Which claims were still ours; of the others nothing is changed. And the destinations where
   *   another delivery can be sent now.
   */
  async settleMany(
    settled: readonly (Settlement & {
      readonly orderKey: string
      readonly attempt: Attempt | null
    })[],
  ): Promise<{ ours: Set<number>; promoted: string[] }> {
    if (settled.length === 0) return { ours: new Set(), promoted: [] }
    await this.#lockLanes(settled.map(({ orderKey }) => orderKey))
    const rows = settled.map((one): Cell[] => [
      one.id,
      one.claimId,
      one.status,
      one.attempts,
      one.tries,
      one.tryingSinceMs,
      one.dueAtMs,
      one.endedAtMs,
    ])
    const changed = await sql<{ id: number; destination_id: string; order_key: string }>`
      UPDATE delivery SET status = ${textCell(2)}, attempts = ${numberCell(3)}, tries = ${numberCell(4)},
        trying_since_ms = ${numberCell(5)}, due_at_ms = ${numberCell(6)}, ended_at_ms = ${numberCell(7)},
        claim_id = NULL, claim_until_ms = NULL
      FROM ${given(this.#engine, rows)}
      WHERE delivery.id = ${numberCell(0)} AND delivery.claim_id = ${textCell(1)}
      RETURNING delivery.id, delivery.destination_id, delivery.order_key`.execute(this.#db)
    const ours = new Set(changed.rows.map(({ id }) => id))
    await this.#attempts.addMany(
      settled.flatMap(({ id, attempt }) => (attempt !== null && ours.has(id) ? [attempt] : [])),
    )
    const ended = new Set(settled.flatMap((one) => (one.endedAtMs === null ? [] : [one.id])))
    const lanes = changed.rows.filter(({ id }) => ended.has(id))
    return { ours, promoted: await this.#promote(lanes) }
  }

  /** Lets the head of each of these lanes go. @returns The destinations where that changed anything. */
  async #promote(
    lanes: readonly { destination_id: string; order_key: string }[],
  ): Promise<string[]> {
    if (lanes.length === 0) return []
    const rows = lanes.map(({ destination_id: d, order_key: k }): Cell[] => [d, k])
    const head = (isData: 0 | 1): RawBuilder<unknown> => sql`(
      SELECT min(id) FROM delivery WHERE destination_id = ${textCell(0)} AND order_key = ${textCell(1)}
        AND is_data = ${sql.lit(isData)} AND ${UNENDED})`
    const promoted = await sql<{ destination_id: string }>`
      WITH head AS (
        SELECT ${head(0)} AS state_id, ${head(1)} AS data_id FROM ${given(this.#engine, rows)}
      )
      UPDATE delivery SET status = 'pending' WHERE status = 'waiting' AND id IN (
        SELECT state_id FROM head
        UNION ALL SELECT data_id FROM head WHERE state_id IS NULL OR data_id < state_id
      ) RETURNING destination_id`.execute(this.#db)
    return [...new Set(promoted.rows.map((row) => row.destination_id))]
  }

  /** Destinations that have something to be sent, now or later, and when the first of it is due. */
  async listDue(): Promise<{ destinationId: string; dueAtMs: number }[]> {
    const rows = await sql<{ destination_id: string; state: number | null; data: number | null }>`
      WITH RECURSIVE found (destination_id) AS (
        SELECT min(destination_id) FROM delivery WHERE status = 'pending'
        UNION ALL
        SELECT (SELECT min(destination_id) FROM delivery
          WHERE status = 'pending' AND destination_id > found.destination_id)
        FROM found WHERE found.destination_id IS NOT NULL
      )
      SELECT destination_id, ${firstDue(0)} AS state, ${firstDue(1)} AS data FROM found
      WHERE destination_id IS NOT NULL`.execute(this.#db)
    return rows.rows.flatMap(toDue)
  }

  /** The same of these destinations; those that have nothing are left out. */
  async listDueOf(
    destinationIds: readonly string[],
  ): Promise<{ destinationId: string; dueAtMs: number }[]> {
    if (destinationIds.length === 0) return []
    const ids = destinationIds.map((id): Cell[] => [id])
    const rows = await sql<{ destination_id: string; state: number | null; data: number | null }>`
      SELECT found.destination_id, ${firstDue(0)} AS state, ${firstDue(1)} AS data
      FROM (SELECT ${textCell(0)} AS destination_id FROM ${given(this.#engine, ids)}) AS found`.execute(
      this.#db,
    )
    return rows.rows.flatMap(toDue)
  }

  /**
   * Takes up what was claimed by somebody who has not settled it in time.
   *
   * @returns When the earliest of the remaining claims ends; undefined when there is none.
   */
  async freeExpired(nowMs: number): Promise<number | undefined> {
    await sql`UPDATE delivery SET status = 'pending', claim_id = NULL, claim_until_ms = NULL
      WHERE status = 'sending' AND claim_until_ms <= ${nowMs}`.execute(this.#db)
    const rows = await sql<{ until_ms: number | null }>`
      SELECT min(claim_until_ms) AS until_ms FROM delivery WHERE status = 'sending'`.execute(
      this.#db,
    )
    return rows.rows[0]?.until_ms ?? undefined
  }

  /** Lets go of what a process has claimed: it is dead, or about to end. */
  async freeClaimsOf(processId: string): Promise<void> {
    const { from, to } = claimsOf(processId)
    await sql`UPDATE delivery SET status = 'pending', claim_id = NULL, claim_until_ms = NULL
      WHERE status = 'sending' AND claim_id >= ${from} AND claim_id < ${to}`.execute(this.#db)
  }

  /**
   * Makes what waits for a later attempt at a destination due now: it was enabled, or it works again.
   * For each of these a new series of attempts begins.
   *
   * @returns Whether there may be more.
   */
  async makeDue(destinationId: string, nowMs: number): Promise<boolean> {
    const changed = await sql<{ id: number }>`
      UPDATE delivery SET due_at_ms = ${nowMs} WHERE id IN (
        SELECT id FROM delivery WHERE destination_id = ${destinationId} AND status = 'pending'
          AND is_data IN (0, 1) AND due_at_ms > ${nowMs} LIMIT ${MAKE_DUE_ROWS_MAX}
      ) RETURNING id`.execute(this.#db)
    return changed.rows.length === MAKE_DUE_ROWS_MAX
  }

  /**
   * Records that what a destination is owed will never be sent; whatever is under way loses its claim.
   *
   * @returns Whether there may be more.
   */
  async suppressOwed(destinationId: string, nowMs: number, limit: number): Promise<boolean> {
    const changed = await sql<{ id: number }>`
      UPDATE delivery SET status = 'suppressed', reason = 'destination_deleted',
        ended_at_ms = ${nowMs}, claim_id = NULL, claim_until_ms = NULL
      WHERE id IN (SELECT id FROM delivery WHERE destination_id = ${destinationId} AND ${UNENDED}
        ORDER BY id LIMIT ${limit}) RETURNING id`.execute(this.#db)
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

/** First key of the advisory locks on lanes; the second is the hash of the order key. */
const LANE_LOCKS = sql.lit(7_101)

/** What a lane holds that has not ended. */
interface Lane {
  hasState: boolean
  hasData: boolean
}

/** Neither ids nor order keys hold a line feed. */
function laneOf({ destinationId, orderKey }: NewDelivery): string {
  return `${destinationId}\n${orderKey}`
}

/** @returns How a delivery stands that joins its lane. */
function enter(lanes: ReadonlyMap<string, Lane>, delivery: NewDelivery): 'pending' | 'waiting' {
  const lane = lanes.get(laneOf(delivery)) ?? { hasState: false, hasData: false }
  const mustWait = lane.hasState || (delivery.isData && lane.hasData)
  if (delivery.isData) lane.hasData = true
  else lane.hasState = true
  return mustWait ? 'waiting' : 'pending'
}

function firstDue(isData: 0 | 1): RawBuilder<unknown> {
  return sql`(SELECT min(due_at_ms) FROM delivery WHERE delivery.destination_id = found.destination_id
    AND status = 'pending' AND is_data = ${sql.lit(isData)})`
}

function toDue(row: {
  destination_id: string
  state: number | null
  data: number | null
}): { destinationId: string; dueAtMs: number }[] {
  const dueAtMs = Math.min(row.state ?? Infinity, row.data ?? Infinity)
  return dueAtMs === Infinity ? [] : [{ destinationId: row.destination_id, dueAtMs }]
}

type Row = Omit<Schema['delivery'], 'id'> & { id: number }
/** A delivery beside the state of its destination. */
export type DeliveryRow = Row & { destination_status: string | null }

function toClaimed(row: Row, claimId: string, event: StoredEvent): ClaimedDelivery {
  return {
    id: row.id,
    claimId,
    destinationId: row.destination_id,
    resendId: row.resend_id === '' ? null : row.resend_id,
    attempts: row.attempts,
    tries: row.tries,
    tryingSinceMs: row.trying_since_ms,
    dueAtMs: row.due_at_ms,
    createdAtMs: row.created_at_ms,
    event,
  }
}

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
