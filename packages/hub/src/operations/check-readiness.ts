/** Whether this process can do what requests ask of it: the database answers, and takes writes. */
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import type { Store } from '../store/open.ts'

/** An answer counts for so long, whoever asks how often: each is a commit. */
export const PROBE_EVERY_MS = 5 * SECOND_MS

/**
 * @returns Rejects with what the database says while it takes no writes, because its disk is full for example; anew each
 *   {@link PROBE_EVERY_MS} at most.
 */
export function createReadinessCheck({
  clock,
  store,
}: ClockDep & { readonly store: Pick<Store, 'probe'> }): () => Promise<void> {
  let newest: { readonly atMs: number; readonly answer: Promise<void> } | undefined
  return async () => {
    const nowMs = clock.nowMs()
    // Also where the clock was set back.
    const isOld = newest === undefined || Math.abs(nowMs - newest.atMs) >= PROBE_EVERY_MS
    if (newest === undefined || isOld) newest = { atMs: nowMs, answer: store.probe() }
    await newest.answer
  }
}
