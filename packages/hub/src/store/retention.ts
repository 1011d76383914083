import { type RawBuilder, sql } from 'kysely'
import { type Cell, cell, given } from './batch.ts'
import type { Engine, TableContext } from './context.ts'
import { UNENDED } from './lanes.ts'
import type { Db } from './schema.ts'

/** Where pruning stands in one environment. */
export interface RetentionState {
  /** Events up to here are gone, or were owed to somebody when it was their turn. */
  readonly cursorSeq: number
  /** When it last began from the start. */
  readonly startedAtMs: number
}

export class RetentionTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  /** In a transaction: nobody else prunes the environment until it ends. */
  async lock(environmentId: string, nowMs: number): Promise<RetentionState> {
    await this.#db
      .insertInto('retention')
      .values({ environment_id: environmentId, cursor_seq: 0, started_at_ms: nowMs })
      .onConflict((conflict) => conflict.column('environment_id').doNothing())
      .execute()
    const row = await this.#db
      .selectFrom('retention')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate())
      .executeTakeFirstOrThrow()
    return { cursorSeq: row.cursor_seq, startedAtMs: row.started_at_ms }
  }

  async save(environmentId: string, state: RetentionState): Promise<void> {
    await this.#db
      .updateTable('retention')
      .set({ cursor_seq: state.cursorSeq, started_at_ms: state.startedAtMs })
      .where('environment_id', '=', environmentId)
      .execute()
  }

  /**
   * Removes events that are older than that and owed to nobody, with everything about them, and keeps count.
   * It reads no further than to the first that is younger; those of a clock that was ahead are passed over.
   *
   * @returns How many were looked at, how many are gone, and the number of the last.
   */
  async prune(
    environmentId: string,
    page: { after: number; beforeMs: number; nowMs: number; limit: number },
  ): Promise<{ seen: number; removed: number; lastSeq: number }> {
    const next = await this.#db
      .selectFrom('event')
      .select(['id', 'seq', 'created_at_ms'])
      .where('environment_id', '=', environmentId)
      .where('seq', '>', page.after)
      .orderBy('seq')
      .limit(page.limit)
      .execute()
    const { beforeMs, nowMs } = page
    const young = next.findIndex(({ created_at_ms: ms }) => ms >= beforeMs && ms <= nowMs)
    const seen = young === -1 ? next : next.slice(0, young)
    const old = seen.filter(({ created_at_ms: ms }) => ms < beforeMs)
    const lastSeq = seen.at(-1)?.seq ?? page.after
    const removed = await this.removeEnded(old)
    const last = removed.at(-1)
    if (last !== undefined) await this.#noteRemoved(environmentId, last.seq)
    return { seen: seen.length, removed: removed.length, lastSeq }
  }

  /** Removes those of the events, oldest first, that are owed to nobody, and keeps count. @returns Which are gone. */
  async removeEnded<E extends { readonly id: string; readonly seq: number }>(
    old: readonly E[],
  ): Promise<E[]> {
    if (old.length === 0) return []
    await this.#lockEvents(old)
    const owed = await sql<{ id: string }>`
      SELECT DISTINCT event_id AS id FROM delivery
      WHERE event_id IN (SELECT ${cell(0)} FROM ${given(this.#engine, ['text'], toRows(old))})
        AND ${UNENDED}`.execute(this.#db)
    const kept = new Set(owed.rows.map(({ id }) => id))
    const removed = old.filter(({ id }) => !kept.has(id))
    if (removed.length > 0) await this.#remove(toRows(removed))
    return removed
  }

  /** Number of the last event that was removed; 0 when none was. */
  async findRemovedSeq(environmentId: string): Promise<number> {
    const row = await this.#db
      .selectFrom('retention')
      .select('removed_seq')
      .where('environment_id', '=', environmentId)
      .executeTakeFirst()
    return row?.removed_seq ?? 0
  }

  async #noteRemoved(environmentId: string, seq: number): Promise<void> {
    await this.#db
      .updateTable('retention')
      .set({ removed_seq: seq })
      .where('environment_id', '=', environmentId)
      .where('removed_seq', '<', seq)
      .execute()
  }

  /** Whoever is about to send one again has locked it, too; what is owed is asked after that. */
  async #lockEvents(events: readonly { readonly id: string }[]): Promise<void> {
    if (this.#engine === 'sqlite') return
    const ids = events.map(({ id }) => id)
    const query = this.#db.selectFrom('event').select('id').where('id', 'in', ids)
    await query.orderBy('seq').forUpdate().execute()
  }

  async #remove(ids: readonly Cell[][]): Promise<void> {
    const these = (): RawBuilder<unknown> =>
      sql`(SELECT ${cell(0)} FROM ${given(this.#engine, ['text'], ids)})`
    await sql`
      INSERT INTO pruned (environment_id, destination_id, type, status, deliveries)
      SELECT event.environment_id, delivery.destination_id, event.type, delivery.status, count(*)
      FROM event JOIN delivery ON delivery.event_id = event.id AND delivery.resend_id = ''
      WHERE event.id IN ${these()}
      GROUP BY event.environment_id, delivery.destination_id, event.type, delivery.status
      ON CONFLICT (environment_id, destination_id, type, status)
        DO UPDATE SET deliveries = pruned.deliveries + excluded.deliveries`.execute(this.#db)
    await sql`DELETE FROM attempt WHERE delivery_id IN (
      SELECT id FROM delivery WHERE event_id IN ${these()})`.execute(this.#db)
    await sql`DELETE FROM delivery WHERE event_id IN ${these()}`.execute(this.#db)
    await sql`DELETE FROM event WHERE id IN ${these()}`.execute(this.#db)
  }
}

function toRows(events: readonly { readonly id: string }[]): Cell[][] {
  return events.map(({ id }) => [id])
}
