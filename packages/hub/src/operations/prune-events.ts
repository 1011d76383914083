/** Removes events whose retention has passed: a few at a time, and none that is still owed. */
import { DAY_MS, HOUR_MS, SECOND_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import { suppressOwed } from './suppress-owed.ts'

/** Events that one transaction looks at. */
const EVENTS_PER_BATCH = 200
/** Transactions of one turn in one environment; the rest comes a second later. */
const BATCHES_PER_TURN = 20
const ENVIRONMENTS_PER_PAGE = 100

/** @returns When the next turn is due. */
export async function pruneEvents(deps: ClockDep & StoreDep): Promise<number> {
  const nowMs = deps.clock.nowMs()
  let hasMore = false
  for (let after: string | undefined; ;) {
    const page = await deps.store.environments.list({ limit: ENVIRONMENTS_PER_PAGE, after })
    for (const environment of page) {
      hasMore = (await pruneEnvironment(deps, environment, nowMs)) || hasMore
    }
    after = page.at(-1)?.id
    if (page.length < ENVIRONMENTS_PER_PAGE) break
  }
  // What a process has left behind that died while it deleted a destination.
  for (const id of await deps.store.destinations.listDeleted()) {
    await suppressOwed(deps, id, nowMs)
  }
  return nowMs + (hasMore ? SECOND_MS : HOUR_MS)
}

async function pruneEnvironment(
  { store }: StoreDep,
  { id, settings }: Environment,
  nowMs: number,
): Promise<boolean> {
  const beforeMs = nowMs - settings.retentionDays * DAY_MS
  for (let batch = 0; batch < BATCHES_PER_TURN; batch += 1) {
    const seen = await store.transaction(async (tx) => {
      const state = await tx.retention.lock(id, nowMs)
      // Once a day from the start: what was owed when it was its turn may have ended.
      const isNewRound = nowMs - state.startedAtMs >= DAY_MS
      const after = isNewRound ? 0 : state.cursorSeq
      const page = { after, beforeMs, nowMs, limit: EVENTS_PER_BATCH }
      const pruned = await tx.retention.prune(id, page)
      const startedAtMs = isNewRound ? nowMs : state.startedAtMs
      await tx.retention.save(id, { cursorSeq: pruned.lastSeq, startedAtMs })
      return pruned.seen
    })
    if (seen < EVENTS_PER_BATCH) return false
  }
  return true
}
