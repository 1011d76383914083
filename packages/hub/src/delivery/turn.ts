/** The transaction of a turn: attempts that have ended are written down, and what there are places for is claimed. */
import type { RetrySchedule } from '../core/retry.ts'
import type { ClockDep, IdsDep, RandomDep } from '../deps.ts'
import type { Promoted } from '../store/lanes.ts'
import type { Tables } from '../store/open.ts'
import type { Made } from './attempt.ts'
import { type Claim, claimWanted } from './claim.ts'
import { type AnnounceDep, type Health, recordHealth } from './health.ts'
import type { Work } from './work.ts'

/** What a turn has found and done. */
export interface Turn extends Claim {
  readonly promoted: readonly Promoted[]
  /** Attempts that were written down; the others were of claims that somebody else has by now. */
  readonly written: readonly Made[]
  readonly health: readonly Health[]
}

/** A turn that had nothing to do. */
export const NOTHING: Turn = {
  claimed: [],
  wants: [],
  states: new Map(),
  promoted: [],
  written: [],
  health: [],
  due: [],
}

/** @param given.nowMs Undefined claims nothing. */
export async function settleAndClaim(
  deps: ClockDep & IdsDep & RandomDep & AnnounceDep,
  tx: Tables,
  given: {
    readonly work: Work
    readonly schedule: RetrySchedule
    readonly made: readonly Made[]
    readonly nowMs: number | undefined
  },
): Promise<Turn> {
  const { work, schedule, made, nowMs } = given
  const tried = made.map(({ destination }) => destination.id)
  const planned = nowMs === undefined ? [] : work.plan(nowMs, [])
  const ids = new Set([...tried, ...planned.map(({ destinationId }) => destinationId)])
  const [{ ours, promoted }, found] = await Promise.all([
    tx.deliveries.settleMany(made),
    tx.destinations.listStates([...ids]),
  ])
  const written = made.filter(({ id }) => ours.has(id))
  const health = await recordHealth(deps, tx, schedule, { made: written, found })
  const states = new Map(found.map((state) => [state.id, state]))
  const turn: Turn = { ...NOTHING, states, promoted, written, health }
  if (nowMs === undefined) return turn
  // What has become free elsewhere meanwhile is for the next turn: how it stands there was not read.
  const wants = work.plan(nowMs, promoted).filter(({ destinationId }) => ids.has(destinationId))
  const present = health.length === 0 ? found : await tx.destinations.listStates([...ids])
  return { ...turn, ...(await claimWanted(deps, tx, nowMs, { wants, present })) }
}
