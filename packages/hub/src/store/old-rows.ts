import { sql } from 'kysely'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** Tables whose rows leave some time after they have ended, with the column that tells when that was. */
const TIMES = {
  resend: 'ended_at_ms',
  job: 'ended_at_ms',
  revocation: 'ended_at_ms',
} as const

export type OldRowKind = keyof typeof TIMES

/** Rows that nobody needs any more. What goes on has no end, and stays. */
export class OldRows {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  /** Removes those from before, the oldest first. @returns How many. */
  async prune(kind: OldRowKind, beforeMs: number, limit: number): Promise<number> {
    const [table, time] = [sql.table(kind), sql.ref(TIMES[kind])]
    const result = await sql`
      DELETE FROM ${table} WHERE id IN (
        SELECT id FROM ${table} WHERE ${time} IS NOT NULL AND ${time} < ${beforeMs}
        ORDER BY ${time} LIMIT ${sql.lit(limit)}) RETURNING id`.execute(this.#db)
    return result.rows.length
  }

  /** Removes flows that ended before that, with what they held, the first to end first. @returns How many. */
  async pruneFlows(environmentId: string, beforeMs: number, limit: number): Promise<number> {
    const old = await this.#db
      .selectFrom('flow')
      .select('id')
      .where('environment_id', '=', environmentId)
      .where('ended_at_ms', 'is not', null)
      .where('ended_at_ms', '<', beforeMs)
      .orderBy('ended_at_ms')
      .limit(limit)
      .execute()
    if (old.length === 0) return 0
    const ids = old.map(({ id }) => id)
    await this.#db.deleteFrom('held_grant').where('flow_id', 'in', ids).execute()
    await this.#db.deleteFrom('flow').where('id', 'in', ids).execute()
    return old.length
  }

  /** Removes links that expired before that, once none of their flows is left. @returns How many. */
  async pruneWidgetSessions(
    environmentId: string,
    beforeMs: number,
    limit: number,
  ): Promise<number> {
    const result = await sql`
      DELETE FROM widget_session WHERE id IN (
        SELECT id FROM widget_session
        WHERE environment_id = ${environmentId} AND expires_at_ms < ${beforeMs}
          AND NOT EXISTS (SELECT 1 FROM flow WHERE flow.widget_session_id = widget_session.id)
        ORDER BY expires_at_ms LIMIT ${sql.lit(limit)}) RETURNING id`.execute(this.#db)
    return result.rows.length
  }
}
