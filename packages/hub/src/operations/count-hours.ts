/** Counts events and deliveries by hours, behind everything else: for the charts of the overview. */
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import type { Store, StoreDep, Tables } from '../store/open.ts'
import { KEPT_MS } from './record-connections.ts'

/** Transactions of one turn for each that is counted; what is left comes a second later. */
const BATCHES_PER_TURN = 50
/** Transactions of one turn that look after what one destination was owed. */
const LATE_BATCHES_PER_TURN = 5

/** The worker's turn; several processes take it one after the other. */
export function createHourCounter({ store, clock }: ClockDep & StoreDep): () => Promise<number> {
  /** Where to go on at destinations that are owed more than one turn looks at. */
  const lateFrom = new Map<string, number>()
  let pruneAtMs = 0
  return async () => {
    const nowMs = clock.nowMs()
    if (nowMs >= pruneAtMs) {
      await store.hourCounts.prune(nowMs - KEPT_MS)
      pruneAtMs = nowMs + HOUR_MS
    }
    const events = (await store.events.horizon.find()).seq
    const hasEvents = await repeat(store, async (tx) => await tx.hourCounts.countEvents(events))
    const deliveries = (await store.hourCounts.deliveryHorizon.find()).seq
    const hasDeliveries = await repeat(
      store,
      async (tx) => await tx.hourCounts.countDeliveries(deliveries),
    )
    for (const id of await store.hourCounts.listLate()) {
      const after = await countLate(store, id, lateFrom.get(id) ?? 0)
      if (after === undefined) lateFrom.delete(id)
      else lateFrom.set(id, after)
    }
    return nowMs + (hasEvents || hasDeliveries ? SECOND_MS : MINUTE_MS)
  }
}

/** @returns Whether there is more than one turn does. */
async function repeat(store: Store, count: (tx: Tables) => Promise<boolean>): Promise<boolean> {
  for (let batch = 0; batch < BATCHES_PER_TURN; batch += 1) {
    if (!(await store.transaction(count))) return false
  }
  return true
}

/** @returns Where to go on; undefined to begin with the oldest again. */
async function countLate(store: Store, id: string, from: number): Promise<number | undefined> {
  let after: number | undefined = from
  for (let batch = 0; batch < LATE_BATCHES_PER_TURN && after !== undefined; batch += 1) {
    const last: number = after
    after = await store.transaction(async (tx) => await tx.hourCounts.countLate(id, last))
  }
  return after
}
