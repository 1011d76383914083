/** How many connections there are now, for pages that ask again and again. */
import type { ClockDep } from '../deps.ts'
import type { Store, StoreDep } from '../store/open.ts'
import { shareReads } from './share-reads.ts'

type Counts = Awaited<ReturnType<Store['connections']['countByState']>>

/** Counting reads an entry of an index per connection: it is done for at most one part in so many of the time. */
const SHARE = 20

const shared = shareReads<Counts>(SHARE)

/**
 * By provider and state. However many look, and however many connections there are, the database is not kept busy by it:
 * what took a millisecond to count is counted anew after 20, what took 100 ms after 2 s.
 */
export async function countConnections(
  deps: ClockDep & StoreDep,
  environmentId: string,
): Promise<Counts> {
  const { connections } = deps.store
  return await shared(
    deps,
    environmentId,
    async () => await connections.countByState(environmentId),
  )
}
