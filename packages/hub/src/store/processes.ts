import { sql } from 'kysely'
import type { Engine, TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** A process of the hub, as the others see it. */
export interface ProcessBeat {
  /** Host, process id and a random part. */
  readonly id: string
  /** Grows with each sign of life. */
  readonly beat: number
  /** By its own clock. */
  readonly beatAtMs: number
  /** Empty for a process of an earlier version, which does not say it. */
  readonly opens: readonly string[]
  readonly seals: readonly string[]
}

/** Ids of the encryption keys of a process. */
export interface ProcessKeys {
  /** It can open what these have sealed. */
  readonly opens: readonly string[]
  /** It seals with these, now or soon. */
  readonly seals: readonly string[]
}

/** Processes that share one database, at most; the rows of the dead are gone within seconds. */
export const PROCESSES_MAX = 1_000

export class ProcessTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  /** Until the transaction ends, no other process comes or changes its keys. SQLite has one writer. */
  async holdAll(): Promise<void> {
    if (this.#engine === 'sqlite') return
    await sql`SELECT pg_advisory_xact_lock(hashtext('firma.processes'), hashtext(current_schema()))`.execute(
      this.#db,
    )
  }

  /** Shows that the process lives; also after the others took it for dead. */
  async beat(id: string, keys: ProcessKeys, nowMs: number): Promise<void> {
    const shown = { opens: keys.opens.join(' '), seals: keys.seals.join(' '), beat_at_ms: nowMs }
    await this.#db
      .insertInto('process')
      .values({ id, beat: 1, started_at_ms: nowMs, ...shown })
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet(({ eb }) => ({ beat: eb('process.beat', '+', 1), ...shown })),
      )
      .execute()
  }

  async list(): Promise<ProcessBeat[]> {
    const rows = await this.#db
      .selectFrom('process')
      .selectAll()
      .orderBy('id')
      .limit(PROCESSES_MAX)
      .execute()
    return rows.map(({ id, beat, beat_at_ms: beatAtMs, opens, seals }) => ({
      id,
      beat,
      beatAtMs,
      opens: toIds(opens),
      seals: toIds(seals),
    }))
  }

  /**
   * @param process Without a beat, it is removed in any case.
   * @returns False when it was removed already, or has shown a sign of life since this beat.
   */
  async remove(process: { readonly id: string; readonly beat?: number }): Promise<boolean> {
    let query = this.#db.deleteFrom('process').where('id', '=', process.id)
    if (process.beat !== undefined) query = query.where('beat', '=', process.beat)
    return (await query.executeTakeFirst()).numDeletedRows === 1n
  }
}

function toIds(text: string): string[] {
  return text.split(' ').filter((id) => id !== '')
}
