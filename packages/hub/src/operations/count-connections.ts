/** How many connections there are now, for pages that ask again and again. */
import type { ClockDep } from '../deps.ts'
import type { Store, StoreDep } from '../store/open.ts'

type Counts = Awaited<ReturnType<Store['connections']['countByState']>>

/** Counting reads an entry of an index per connection: it is done for at most one part in so many of the time. */
const SHARE = 20

interface Known {
  readonly counts: Promise<Counts>
  /** Infinity while it is counted: who asks meanwhile waits for the same. */
  untilMs: number
}

/** By environment. As many as there are environments, and gone with the store. */
const known = new WeakMap<Store, Map<string, Known>>()

/**
 * By provider and state. However many look, and however many connections there are, the database is not kept busy by it:
 * what took a millisecond to count is counted anew after 20, what took 100 ms after 2 s.
 */
export async function countConnections(
  { store, clock }: ClockDep & StoreDep,
  environmentId: string,
): Promise<Counts> {
  const ofStore = known.get(store) ?? new Map<string, Known>()
  known.set(store, ofStore)
  const last = ofStore.get(environmentId)
  const begunAtMs = clock.nowMs()
  if (last !== undefined && begunAtMs < last.untilMs) return await last.counts
  const counts = store.connections.countByState(environmentId)
  const now: Known = { counts, untilMs: Number.POSITIVE_INFINITY }
  ofStore.set(environmentId, now)
  try {
    await counts
    const endedAtMs = clock.nowMs()
    now.untilMs = endedAtMs + (endedAtMs - begunAtMs) * SHARE
  } catch (error) {
    ofStore.delete(environmentId)
    throw error
  }
  return await counts
}
