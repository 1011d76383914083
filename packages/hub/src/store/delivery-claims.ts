/** What can be sent, and who sends it: the queue that the table of deliveries is. */
import { type RawBuilder, sql } from 'kysely'
import { type Cell, cell, given } from './batch.ts'
import { type Engine, type TableContext, claimsOf } from './context.ts'
import type { DestinationState } from './destinations.ts'
import { type StoredEvent, toEvent } from './events.ts'
import type { Db, Schema } from './schema.ts'

/** A delivery that a worker has the right to send now, with what it needs for that. */
export interface ClaimedDelivery {
  readonly id: number
  readonly claimId: string
  readonly destinationId: string
  readonly isData: boolean
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

/** Work at one destination that a worker has places for. */
export interface Want {
  readonly destinationId: string
  /** Deliveries of both kinds; data gets what the other kind leaves of it. */
  readonly limit: number
  /** Of what happened to connections, also beyond `limit`. Default `limit`. */
  readonly stateLimit?: number
}

/** When the first delivery of a kind is due at a destination. */
export interface Due {
  readonly destinationId: string
  readonly isData: boolean
  readonly dueAtMs: number
}

/** The right to claim deliveries in the transaction that adds them. */
export interface EarlyClaim {
  readonly id: string
  readonly untilMs: number
  /** Takes a place for one more of this kind to this destination. @returns Whether there was one. */
  take(load: { readonly destinationId: string; readonly isData: boolean }): boolean
}

/** One transaction's {@link EarlyClaim}, to be ended by either of these. */
export interface Handing extends EarlyClaim {
  /** The transaction has committed: what it claimed is sent. */
  send(claimed: readonly ClaimedDelivery[]): void
  /** It has failed, or is run again. */
  cancel(): void
}

/** Whoever sends deliveries takes over what it has claimed for it in the transactions of others. */
export interface HandOver {
  /** @param states The destinations, as the transaction sees them. */
  begin(states: readonly DestinationState[]): Handing
}

export interface HandOverDep {
  readonly handOver: HandOver
}

/** Rows that one statement makes due at once, so that none holds the database up. */
const MAKE_DUE_ROWS_MAX = 5_000

export class DeliveryClaims {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
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
      SELECT event.* FROM ${given(this.#engine, ['text'], ids)} JOIN event ON event.id = ${cell(0)}`.execute(
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
    for (const { destinationId, limit, stateLimit = limit } of claim.wants) {
      const due = (isData: 0 | 1, most: unknown): RawBuilder<unknown> => sql`
        SELECT id FROM delivery WHERE destination_id = ${destinationId} AND status = 'pending'
          AND is_data = ${sql.lit(isData)} AND due_at_ms <= ${claim.nowMs}
        ORDER BY due_at_ms, id LIMIT ${most}`
      // Bound alone, SQLite would compile all of this anew for it each time.
      const most = sql`${stateLimit} + 0`
      // A bound below nothing would be none.
      const left = sql`max(0, ${limit} - (SELECT count(*) FROM state))`
      const claimed = await sql<Row>`
        WITH state AS MATERIALIZED (${due(0, most)}), data AS MATERIALIZED (${due(1, left)})
        UPDATE delivery SET status = 'sending', claim_id = ${claim.id}, claim_until_ms = ${claim.untilMs}
        WHERE id IN (SELECT id FROM state UNION ALL SELECT id FROM data) RETURNING *`.execute(
        this.#db,
      )
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
    const wants = claim.wants.map(({ destinationId, limit, stateLimit = limit }): Cell[] => [
      destinationId,
      limit,
      stateLimit,
    ])
    // What another process claims at this moment is its: SKIP LOCKED.
    const due = (isData: 0 | 1, most: string): RawBuilder<unknown> => sql`
      SELECT want.destination_id, want.places, due.id, due.due_at_ms, ${sql.lit(isData)} AS is_data
      FROM want CROSS JOIN LATERAL (
        SELECT id, due_at_ms FROM delivery WHERE destination_id = want.destination_id
          AND status = 'pending' AND is_data = ${sql.lit(isData)} AND due_at_ms <= ${claim.nowMs}
        ORDER BY due_at_ms, id LIMIT ${sql.ref(most)} FOR UPDATE SKIP LOCKED) AS due`
    const claimed = await sql<Row>`
      WITH want AS MATERIALIZED (
        SELECT ${cell(0)} AS destination_id, ${cell(1)} AS places, ${cell(2)} AS state_places
        FROM ${given(this.#engine, ['text', 'bigint', 'bigint'], wants)}
      ), state AS MATERIALIZED (${due(0, 'want.state_places')}), data AS MATERIALIZED (${due(1, 'want.places')}), ranked AS (
        SELECT id, places, is_data, row_number() OVER (
          PARTITION BY destination_id ORDER BY is_data, due_at_ms, id) AS place
        FROM (SELECT * FROM state UNION ALL SELECT * FROM data) AS all_due
      )
      UPDATE delivery SET status = 'sending', claim_id = ${claim.id}, claim_until_ms = ${claim.untilMs}
      FROM ranked WHERE delivery.id = ranked.id AND (ranked.is_data = 0 OR ranked.place <= ranked.places)
      RETURNING delivery.*`.execute(this.#db)
    return claimed.rows
  }

  /** Destinations that have something to be sent, now or later, and when the first of each kind is due. */
  async listDue(): Promise<Due[]> {
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
  async listDueOf(destinationIds: readonly string[]): Promise<Due[]> {
    if (destinationIds.length === 0) return []
    const ids = destinationIds.map((id): Cell[] => [id])
    const rows = await sql<{ destination_id: string; state: number | null; data: number | null }>`
      SELECT found.destination_id, ${firstDue(0)} AS state, ${firstDue(1)} AS data
      FROM (SELECT ${cell(0)} AS destination_id FROM ${given(this.#engine, ['text'], ids)}) AS found`.execute(
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
    await this.#free(sql`status = 'sending' AND claim_until_ms <= ${nowMs}`)
    const rows = await sql<{ until_ms: number | null }>`
      SELECT min(claim_until_ms) AS until_ms FROM delivery WHERE status = 'sending'`.execute(
      this.#db,
    )
    return rows.rows[0]?.until_ms ?? undefined
  }

  /** Lets go of claims of which nothing has been sent, as far as they are still there. */
  async freeClaims(claims: readonly Pick<ClaimedDelivery, 'id' | 'claimId'>[]): Promise<void> {
    if (claims.length === 0) return
    const rows = claims.map(({ id, claimId }): Cell[] => [id, claimId])
    await sql`UPDATE delivery SET status = 'pending', claim_id = NULL, claim_until_ms = NULL
      WHERE id IN (SELECT delivery.id FROM ${given(this.#engine, ['bigint', 'text'], rows)}
        JOIN delivery ON delivery.id = ${cell(0)} AND delivery.claim_id = ${cell(1)}
        ${inOrder(this.#engine)})`.execute(this.#db)
  }

  /** Lets go of what a process has claimed: it is dead, or about to end. */
  async freeClaimsOf(processId: string): Promise<void> {
    const { from, to } = claimsOf(processId)
    await this.#free(sql`status = 'sending' AND claim_id >= ${from} AND claim_id < ${to}`)
  }

  /** @param which Does not hold for what is settled in the meantime: PostgreSQL looks again at what it had to wait for. */
  async #free(which: RawBuilder<unknown>): Promise<void> {
    await sql`UPDATE delivery SET status = 'pending', claim_id = NULL, claim_until_ms = NULL
      WHERE id IN (SELECT id FROM delivery WHERE ${which} ${inOrder(this.#engine)})`.execute(
      this.#db,
    )
  }

  /**
   * Makes what waits for a later attempt at a destination due now: it was enabled, or it works again.
   * For each of these a new series of attempts begins.
   *
   * @param some.isData Of one kind alone.
   * @param some.limit So many at most; default as many as one statement should.
   * @returns Whether there may be more.
   */
  async makeDue(
    destinationId: string,
    nowMs: number,
    {
      isData,
      limit = MAKE_DUE_ROWS_MAX,
    }: { readonly isData?: boolean; readonly limit?: number } = {},
  ): Promise<boolean> {
    const kinds = isData === undefined ? '0, 1' : Number(isData).toString()
    const changed = await sql<{ id: number }>`
      UPDATE delivery SET due_at_ms = ${nowMs} WHERE id IN (
        SELECT id FROM delivery WHERE id IN (
          SELECT id FROM delivery WHERE destination_id = ${destinationId} AND status = 'pending'
            AND is_data IN (${sql.raw(kinds)}) AND due_at_ms > ${nowMs} LIMIT ${sql.lit(limit)}
        ) ${inOrder(this.#engine)}
      ) RETURNING id`.execute(this.#db)
    return changed.rows.length === limit
  }
}

/**
 * Ends the query for what a statement is about to change: statements that change many deliveries lock them in one order, and
 * wait for each other instead of forever. SQLite has one writer, and could read the whole table for the order.
 */
export function inOrder(engine: Engine): RawBuilder<unknown> {
  return sql.raw(engine === 'postgres' ? 'ORDER BY delivery.id FOR UPDATE OF delivery' : '')
}

function firstDue(isData: 0 | 1): RawBuilder<unknown> {
  return sql`(SELECT min(due_at_ms) FROM delivery WHERE delivery.destination_id = found.destination_id
    AND status = 'pending' AND is_data = ${sql.lit(isData)})`
}

function toDue(row: { destination_id: string; state: number | null; data: number | null }): Due[] {
  const due = [
    { isData: false, dueAtMs: row.state },
    { isData: true, dueAtMs: row.data },
  ]
  return due.flatMap(({ isData, dueAtMs }) =>
    dueAtMs === null ? [] : [{ destinationId: row.destination_id, isData, dueAtMs }],
  )
}

/** A row of the table of deliveries. */
export type Row = Omit<Schema['delivery'], 'id'> & { id: number }

function toClaimed(row: Row, claimId: string, event: StoredEvent): ClaimedDelivery {
  return {
    id: row.id,
    claimId,
    destinationId: row.destination_id,
    isData: row.is_data === 1,
    resendId: row.resend_id === '' ? null : row.resend_id,
    attempts: row.attempts,
    tries: row.tries,
    tryingSinceMs: row.trying_since_ms,
    dueAtMs: row.due_at_ms,
    createdAtMs: row.created_at_ms,
    event,
  }
}
