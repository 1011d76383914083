/** Writes down, hour by hour, how many connections there are: for the charts of the overview. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import type { StoreDep } from '../store/open.ts'

/** The present hour is written anew so often, so that it ends with what was true at its end. */
const LOOK_EVERY_MS = 10 * MINUTE_MS
/** How long figures by the hour are kept: longer than the longest range of the overview. */
export const KEPT_MS = 35 * DAY_MS

/** The worker's turn. Every process of a hub may take it: they write the same, one after the other. */
export function createConnectionRecorder({
  store,
  clock,
}: ClockDep & StoreDep): () => Promise<number | undefined> {
  let nextAtMs = 0
  return async () => {
    const nowMs = clock.nowMs()
    if (nowMs < nextAtMs) return nextAtMs
    const hourMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS
    await store.transaction(
      async (tx) => await tx.stats.recordConnections({ hourMs, beforeMs: nowMs - KEPT_MS }),
    )
    // Also at the beginning of each hour, so that none is left out.
    nextAtMs = Math.min(nowMs + LOOK_EVERY_MS, hourMs + HOUR_MS)
    return nextAtMs
  }
}
