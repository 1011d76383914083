import { HOUR_MS } from '../core/time.ts'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/**
 * How far the clocks of processes may be apart, or may have been set back: within it the numbers of events need not
 * ascend with their times.
 */
const SLACK_MS = HOUR_MS

/**
 * Where in the history a time stands. Numbers ascend with time, so that it is found by halving: an index by time would
 * cost every event something, for a question that few ask.
 */
export class EventTimes {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  /** The numbers from `from` up to below `before` hold every event between two times. */
  async findRange(times: {
    readonly sinceMs?: number | undefined
    readonly untilMs?: number | undefined
  }): Promise<{ from: number; before: number | undefined }> {
    const { sinceMs, untilMs } = times
    return {
      from: sinceMs === undefined ? 0 : await this.#findFirst(sinceMs - SLACK_MS),
      before: untilMs === undefined ? undefined : await this.#findFirst(untilMs + SLACK_MS),
    }
  }

  /** The number of the first event from a time on; that of the next event where there is none. */
  async #findFirst(timeMs: number): Promise<number> {
    const ends = await this.#db
      .selectFrom('event')
      .select(({ fn }) => [fn.min('seq').as('first'), fn.max('seq').as('last')])
      .executeTakeFirst()
    let low = ends?.first ?? 1
    let high = (ends?.last ?? 0) + 1
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const found = await this.#findFrom(middle)
      // Events may be gone from the middle on, and nothing is younger than nothing.
      if (found === undefined || found.atMs >= timeMs) high = middle
      else low = found.seq + 1
    }
    return low
  }

  /** The event with this number, or the next that is there. */
  async #findFrom(seq: number): Promise<{ seq: number; atMs: number } | undefined> {
    const row = await this.#db
      .selectFrom('event')
      .select(['seq', 'created_at_ms'])
      .where('seq', '>=', seq)
      .orderBy('seq')
      .limit(1)
      .executeTakeFirst()
    return row === undefined ? undefined : { seq: row.seq, atMs: row.created_at_ms }
  }
}
