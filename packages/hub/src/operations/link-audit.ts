/** Links new rows of the audit log to the chain of their environment. */
import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import type { Store, StoreDep } from '../store/open.ts'

/** Rows of one transaction. */
const ROWS_MAX = 200
/** Chains of one turn. */
const CHAINS_MAX = 100

/** The worker's turn; several processes take it one after the other. @returns When the next one is due. */
export async function linkAudit({ store, clock }: ClockDep & StoreDep): Promise<number> {
  for (const log of ['auditChains', 'trafficChains'] as const) {
    for (const environmentId of await store[log].listUnlinked(CHAINS_MAX)) {
      let next: string | undefined = ''
      while (next !== undefined) next = await linkSome(store, log, { environmentId, after: next })
    }
  }
  return clock.nowMs() + MINUTE_MS
}

async function linkSome(
  store: Store,
  log: 'auditChains' | 'trafficChains',
  { environmentId, after }: { readonly environmentId: string | null; readonly after: string },
): Promise<string | undefined> {
  const page = { after, limit: ROWS_MAX }
  return await store.transaction(async (tx) => await tx[log].link(environmentId, page))
}
