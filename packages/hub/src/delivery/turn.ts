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
  const [{ written, promoted }, found] = await Promise.all([
    settle(tx, made),
    tx.destinations.listStates([...ids]),
  ])
  const health = await recordHealth(deps, tx, schedule, { made: written, found })
  const states = new Map(found.map((state) => [state.id, state]))
  const turn: Turn = { ...NOTHING, states, promoted, written, health }
  if (nowMs === undefined) return turn
  // What has become free elsewhere meanwhile is for the next turn: how it stands there was not read.
  const wants = work.plan(nowMs, promoted).filter(({ destinationId }) => ids.has(destinationId))
  const present = health.length === 0 ? found : await tx.destinations.listStates([...ids])
  return { ...turn, ...(await claimWanted(deps, tx, nowMs, { wants, present })) }
}

/** One after the other where a delivery was sent twice, as when its lease ended because the clock was put forward: one claim holds. */
async function settle(
  { deliveries }: Pick<Tables, 'deliveries'>,
  made: readonly Made[],
): Promise<Pick<Turn, 'written' | 'promoted'>> {
  const once = new Map(made.map((one) => [one.id, one]))
  const others = made.filter((one) => once.get(one.id) !== one)
  const { ours, promoted } = await deliveries.settleMany([...once.values()])
  const written = [...once.values()].filter(({ id }) => ours.has(id))
  if (others.length === 0) return { written, promoted }
  const rest = await settle({ deliveries }, others)
  return { written: [...written, ...rest.written], promoted: [...promoted, ...rest.promoted] }
}
