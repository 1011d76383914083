import { sql } from 'kysely'
import { type Cell, type Insertion, cell, given, insertRows } from './batch.ts'
import type { Engine, TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** One try at a delivery. */
export interface Attempt {
  readonly deliveryId: number
  /** From 1. */
  readonly number: number
  readonly startedAtMs: number
  readonly durationMs: number
  /** Null where no answer came. */
  readonly httpStatus: number | null
  /** Why no answer came. */
  readonly error: string | null
  /** JSON object of the first headers of the answer; null where they are not kept. */
  readonly responseHeaders: string | null
  /** The beginning of the answer's body, as text; null where it is not kept. */
  readonly responseBody: string | null
  /** The process that made it. */
  readonly processId: string | null
}

/** Of a delivery's attempts, the answers of the first and of so many of the newest are kept. */
const ANSWERS_KEPT = 5

const ATTEMPTS: Insertion = {
  table: 'attempt',
  columns: {
    delivery_id: 'bigint',
    number: 'bigint',
    started_at_ms: 'bigint',
    duration_ms: 'bigint',
    http_status: 'bigint',
    error: 'text',
    response_headers: 'text',
    response_body: 'text',
    process_id: 'text',
  },
}

export class AttemptTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #engine: Engine

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
    this.#engine = context.engine
  }

  /** Records attempts; of a delivery with many, the answers in between are not kept. */
  async addMany(attempts: readonly Attempt[]): Promise<void> {
    if (attempts.length === 0) return
    const rows = attempts.map((one): Cell[] => [
      one.deliveryId,
      one.number,
      one.startedAtMs,
      one.durationMs,
      one.httpStatus,
      one.error,
      one.responseHeaders,
      one.responseBody,
      one.processId,
    ])
    await insertRows(this.#context, ATTEMPTS, rows)
    const faded = attempts.flatMap(({ deliveryId, number }): Cell[][] =>
      number - ANSWERS_KEPT > 1 ? [[deliveryId, number - ANSWERS_KEPT]] : [],
    )
    if (faded.length === 0) return
    await sql`
      UPDATE attempt SET response_headers = NULL, response_body = NULL FROM ${given(this.#engine, ['bigint', 'bigint'], faded)}
      WHERE delivery_id = ${cell(0)} AND number = ${cell(1)}`.execute(this.#db)
  }

  /** In the order of the deliveries, and of the attempts of each. */
  async list(deliveryIds: readonly number[], limit: number): Promise<Attempt[]> {
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
      deliveryId: row.delivery_id,
      number: row.number,
      startedAtMs: row.started_at_ms,
      durationMs: row.duration_ms,
      httpStatus: row.http_status,
      error: row.error,
      responseHeaders: row.response_headers,
      responseBody: row.response_body,
      processId: row.process_id,
    }))
  }
}
