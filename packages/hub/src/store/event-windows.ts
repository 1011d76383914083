/**
 * Parts of the history that one statement may look through. Some filters are answered by no index: what they ask for
 * can be rare, and looking for it from end to end would hold the database up for as long as the history is.
 */
import { sql } from 'kysely'
import type { Db } from './schema.ts'

/** Events of one window. */
export const WINDOW_EVENTS = 2_000

/** What one index gives in the order of commits: that of the first that is given here. */
export interface Windowed {
  readonly environmentId: string
  readonly eventId?: string | undefined
  readonly lineageId?: string | undefined
  readonly type?: string | undefined
  readonly provider?: string | undefined
}

/** Numbers of the newest events from `from` up to below `before`, at most {@link WINDOW_EVENTS}; newest first. */
export async function findNewest(
  db: Db,
  windowed: Windowed,
  page: { readonly before?: number | undefined; readonly from?: number | undefined },
): Promise<number[]> {
  let query = select(db, windowed)
  if (page.before !== undefined) query = query.where('seq', '<', page.before)
  if (page.from !== undefined) query = query.where('seq', '>=', page.from)
  return (await query.orderBy('seq', 'desc').execute()).map(({ seq }) => seq)
}

/** Numbers of the oldest events beyond `after` up to `through`, at most {@link WINDOW_EVENTS}; oldest first. */
export async function findOldest(
  db: Db,
  windowed: Windowed,
  { after, through }: { readonly after: number; readonly through: number },
): Promise<number[]> {
  const query = select(db, windowed).where('seq', '>', after).where('seq', '<=', through)
  return (await query.orderBy('seq').execute()).map(({ seq }) => seq)
}

/** Reads an index alone. The numbers go into the next statement: given a range, SQLite would take another index. */
function select(db: Db, { environmentId, eventId, lineageId, type, provider }: Windowed) {
  let query = db.selectFrom('event').select('seq').where('environment_id', '=', environmentId)
  if (eventId !== undefined) query = query.where('id', '=', eventId)
  else if (lineageId !== undefined) query = query.where('lineage_id', '=', lineageId)
  else if (type !== undefined) query = query.where('type', '=', type)
  else if (provider !== undefined) query = query.where('provider', '=', provider)
  return query.limit(sql.lit(WINDOW_EVENTS))
}
