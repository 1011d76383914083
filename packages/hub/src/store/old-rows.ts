import { sql } from 'kysely'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** Tables whose rows leave some time after they have ended, with the column that tells when that was. */
const TIMES = {
  audit: 'created_at_ms',
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
        ORDER BY ${time} LIMIT ${limit}) RETURNING id`.execute(this.#db)
    return result.rows.length
  }
}
