/**
 * Up to where the history is complete. PostgreSQL gives out numbers before it commits, so a lower one may
 * appear after a higher one; whoever reads by number must stop before the first that may still come.
 */
import { sql } from 'kysely'
import type { Engine } from './context.ts'
import type { Db } from './schema.ts'

/** Marks kept while transactions are open; beyond, the newest is not kept. */
const MARKS_MAX = 64
/** Looks at the open transactions, 20 ms apart, before an answer says that there may be more. */
const LOOKS_MAX = 25
const PAUSE_SECONDS = 0.02

/** All events up to `seq` belong to transactions older than `before`. */
interface Mark {
  readonly seq: number
  readonly before: bigint
}

export class EventHorizon {
  readonly #db: Db
  readonly #engine: Engine
  readonly #sequence: string
  #marks: Mark[] = []
  #seq = 0

  /** @param sequence Which gives out the numbers. Default that of events. */
  constructor(db: Db, engine: Engine, sequence = 'event_seq_seq') {
    this.#db = db
    this.#engine = engine
    this.#sequence = sequence
  }

  /** @returns The highest number below which nothing can appear any more, and whether it is the newest. */
  async find(): Promise<{ seq: number; isNewest: boolean }> {
    // SQLite has one writer: what is there is there in the order of commits.
    if (this.#engine === 'sqlite') return { seq: Number.MAX_SAFE_INTEGER, isNewest: true }
    const newest = await this.#mark()
    for (let looks = 1; ; looks += 1) {
      await this.#look()
      if (this.#seq >= newest.seq) return { seq: this.#seq, isNewest: true }
      if (looks >= LOOKS_MAX) return { seq: this.#seq, isNewest: false }
      await sql`SELECT pg_sleep(${PAUSE_SECONDS})`.execute(this.#db)
    }
  }

  async #mark(): Promise<Mark> {
    // The number first: whoever took it or a lower one began writing before, and is older than what comes next.
    const numbers = await sql<{ seq: number }>`
      SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS seq
      FROM ${sql.raw(this.#sequence)}`.execute(this.#db)
    const next = await sql<{ before: string }>`
      SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS before`.execute(this.#db)
    const mark = {
      seq: numbers.rows[0]?.seq ?? 0,
      before: BigInt(next.rows[0]?.before ?? 0),
    }
    if (this.#marks.length < MARKS_MAX) this.#marks.push(mark)
    return mark
  }

  async #look(): Promise<void> {
    const rows = await sql<{ oldest: string }>`
      SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS oldest`.execute(this.#db)
    const oldest = BigInt(rows.rows[0]?.oldest ?? 0)
    for (const { seq, before } of this.#marks) {
      if (before <= oldest) this.#seq = Math.max(this.#seq, seq)
    }
    this.#marks = this.#marks.filter(({ before }) => before > oldest)
  }
}
