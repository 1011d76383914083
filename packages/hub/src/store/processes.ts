import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** A process of the hub, as the others see it. */
export interface ProcessBeat {
  /** Host, process id and a random part. */
  readonly id: string
  /** Grows with each sign of life. */
  readonly beat: number
}

/** Processes that share one database, at most; the rows of the dead are gone within seconds. */
export const PROCESSES_MAX = 1_000

export class ProcessTable {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  /** Shows that the process lives; also after the others took it for dead. */
  async beat(id: string, nowMs: number): Promise<void> {
    await this.#db
      .insertInto('process')
      .values({ id, beat: 1, started_at_ms: nowMs, beat_at_ms: nowMs })
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet(({ eb }) => ({ beat: eb('process.beat', '+', 1), beat_at_ms: nowMs })),
      )
      .execute()
  }

  async list(): Promise<ProcessBeat[]> {
    return await this.#db
      .selectFrom('process')
      .select(['id', 'beat'])
      .orderBy('id')
      .limit(PROCESSES_MAX)
      .execute()
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
