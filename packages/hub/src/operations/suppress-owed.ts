/** Ends what a destination is owed that was deleted. */
import { setImmediate } from 'node:timers/promises'
import type { StoreDep, Tables } from '../store/open.ts'

/** Deliveries that one transaction ends. */
const DELIVERIES_PER_BATCH = 1_000

/** Records all of it as suppressed, a batch at a time. */
export async function suppressOwed(
  { store }: StoreDep,
  destinationId: string,
  nowMs: number,
): Promise<void> {
  const suppress = async (tx: Tables): Promise<boolean> =>
    await tx.deliveries.suppressOwed(destinationId, nowMs, DELIVERIES_PER_BATCH)
  while (await store.transaction(suppress)) {
    // SQLite answers at once, and others want to be answered, too.
    await setImmediate()
  }
}
