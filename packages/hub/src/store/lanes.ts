/**
 * Lanes: the deliveries of one connection to one destination, of which one is sent at a time. What happened to the
 * connection waits for what happened to it before; data waits for both.
 */
import { type RawBuilder, sql } from 'kysely'
import { type Cell, batchStatement, cell } from './batch.ts'
import type { TableContext } from './context.ts'
import { first, statement } from './statement.ts'

/** What names a delivery's lane. */
export interface LaneKey {
  readonly destinationId: string
  readonly orderKey: string
}

/** Something that can be sent to a destination now. */
export interface Promoted {
  readonly destinationId: string
  readonly isData: boolean
}

/** What a lane holds that has not ended. */
export interface Lane {
  hasState: boolean
  hasData: boolean
}

/**
 * What is owed, as the index `delivery_owed` has it. The second half holds for all: without it, PostgreSQL could look up a lane
 * by reading that whole index, dead entries and all, and does so by the statistics of a quiet hour.
 */
export const UNENDED = sql.raw('ended_at_ms IS NULL AND tries >= 0')

/** The same, as the index `delivery_lane` has it. */
const IN_LANE = sql.raw('ended_at_ms IS NULL')

/**
 * The column of the index `delivery_lane`. An expression, so that no other index can answer for a lane: by the
 * statistics of a quiet hour, reading all that a destination is owed looks as cheap, and each turn would read it.
 *
 * @param alias What the table of deliveries is called in the statement.
 */
export function laneColumn(alias = 'delivery'): RawBuilder<string> {
  return sql.raw(`(${alias}.destination_id || '/' || ${alias}.order_key)`)
}

/** The value of {@link laneColumn}; ids of destinations hold no slash. */
export function toLane({ destinationId, orderKey }: LaneKey): string {
  return `${destinationId}/${orderKey}`
}

/** First key of the advisory locks on lanes; the second is the hash of the order key. */
const LANE_LOCKS = sql.lit(7_101)

/** Not EXISTS, which PostgreSQL may answer by reading all that is owed, once for all lanes. */
function holds(lane: unknown, isData: 0 | 1): RawBuilder<number> {
  return sql`(SELECT 1 FROM delivery WHERE ${laneColumn()} = ${lane}
    AND is_data = ${sql.lit(isData)} AND ${IN_LANE} LIMIT 1) IS NOT NULL`
}

/** What one lane holds, which is what most transactions ask. */
const READ_ONE = statement(({ db }, { lane }: { readonly lane: string }) =>
  sql<{ s: number | boolean; t: number | boolean }>`
    SELECT ${holds(lane, 0)} AS s, ${holds(lane, 1)} AS t`.compile(db),
)

const READ_MANY = batchStatement<{ lane: string; s: number | boolean; t: number | boolean }>(
  ['text'],
  (lanes) => sql`
    SELECT ${cell(0)} AS lane, ${holds(cell(0), 0)} AS s, ${holds(cell(0), 1)} AS t FROM ${lanes}`,
)

/** In one order for everybody, so that no two wait for each other. */
const LOCK = batchStatement(
  ['text'],
  (orderKeys) => sql`
    SELECT pg_advisory_xact_lock(${LANE_LOCKS}, lane.key) FROM (
      SELECT DISTINCT hashtext(${cell(0)}) AS key FROM ${orderKeys} ORDER BY 1
    ) AS lane`,
)

const PROMOTE = batchStatement<{ destination_id: string; is_data: number }>(
  ['text'],
  (lanes, engine) => {
    const firstOf = (isData: 0 | 1): RawBuilder<unknown> => sql`(
      SELECT min(id) FROM delivery WHERE ${laneColumn()} = ${cell(0)}
        AND is_data = ${sql.lit(isData)} AND ${IN_LANE})`
    const heads = sql`(WITH head AS (
        SELECT ${firstOf(0)} AS state_id, ${firstOf(1)} AS data_id FROM ${lanes})
      SELECT state_id FROM head
      UNION ALL SELECT data_id FROM head WHERE state_id IS NULL OR data_id < state_id)`
    // PostgreSQL could join a query with all that waits; an array it looks up by its members.
    const among = engine === 'postgres' ? sql`= ANY (ARRAY${heads})` : sql`IN ${heads}`
    return sql`
      UPDATE delivery SET status = 'pending' WHERE status = 'waiting' AND id ${among}
      RETURNING destination_id, is_data`
  },
)

export class LaneTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  /**
   * PostgreSQL: whoever adds to a lane and whoever ends its head must see each other's work, or nobody
   * lets the next one go. SQLite has one writer.
   */
  async lock(orderKeys: readonly string[]): Promise<void> {
    if (this.#context.engine === 'sqlite' || orderKeys.length === 0) return
    const keys = [...new Set(orderKeys)].map((key): Cell[] => [key])
    await LOCK(this.#context, keys)
  }

  /** What each lane holds already, by {@link toLane}. */
  async read(keys: readonly LaneKey[]): Promise<Map<string, Lane>> {
    const lanes = new Map<string, Lane>()
    for (const key of keys) lanes.set(toLane(key), { hasState: false, hasData: false })
    const [only] = lanes.keys()
    if (only === undefined) return lanes
    if (lanes.size === 1) {
      const row = await first(READ_ONE(this.#context, { lane: only }))
      return lanes.set(only, { hasState: Boolean(row?.s), hasData: Boolean(row?.t) })
    }
    const rows = [...lanes.keys()].map((lane): Cell[] => [lane])
    const found = await READ_MANY(this.#context, rows)
    for (const { lane, s, t } of found.rows) {
      lanes.set(lane, { hasState: Boolean(s), hasData: Boolean(t) })
    }
    return lanes
  }

  /** Lets the head of each of these lanes go. @returns One entry per destination and kind that it changed. */
  async promote(keys: readonly LaneKey[]): Promise<Promoted[]> {
    if (keys.length === 0) return []
    const rows = keys.map((key): Cell[] => [toLane(key)])
    const promoted = await PROMOTE(this.#context, rows)
    const found = new Map<string, Promoted>()
    for (const { destination_id: destinationId, is_data: isData } of promoted.rows) {
      found.set(`${isData} ${destinationId}`, { destinationId, isData: isData === 1 })
    }
    return [...found.values()]
  }
}

/** Lets a delivery join its lane. @returns How it stands there. */
export function enter(
  lanes: ReadonlyMap<string, Lane>,
  delivery: LaneKey & { readonly isData: boolean },
): 'pending' | 'waiting' {
  const lane = lanes.get(toLane(delivery)) ?? { hasState: false, hasData: false }
  const mustWait = lane.hasState || (delivery.isData && lane.hasData)
  if (delivery.isData) lane.hasData = true
  else lane.hasState = true
  return mustWait ? 'waiting' : 'pending'
}
