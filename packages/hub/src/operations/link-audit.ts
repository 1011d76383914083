/** Links new rows of the audit log to the chain of their environment. */
import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, LogDep } from '../deps.ts'
import type { Store, StoreDep } from '../store/open.ts'

/** Rows of one transaction. */
const ROWS_MAX = 200
/** Chains of one turn. */
const CHAINS_MAX = 100

/** The worker's turn; several processes take it one after the other. @returns When the next one is due. */
export async function linkAudit(deps: ClockDep & LogDep & StoreDep): Promise<number> {
  const { store, clock } = deps
  for (const log of ['auditChains', 'trafficChains'] as const) {
    await forEachChain(deps, await store[log].listUnlinked(CHAINS_MAX), async (environmentId) => {
      let next: string | undefined = ''
      while (next !== undefined) next = await linkSome(store, log, { environmentId, after: next })
    })
  }
  return clock.nowMs() + MINUTE_MS
}

/** One that cannot be read, for example because its key is missing, does not stop the others. */
export async function forEachChain(
  { log }: LogDep,
  environmentIds: readonly (string | null)[],
  run: (environmentId: string | null) => Promise<void>,
): Promise<void> {
  for (const environment of environmentIds) {
    try {
      await run(environment)
    } catch (error) {
      log.error(
        { environment, error },
        'an audit log could not be linked or pruned; it is tried again',
      )
    }
  }
}

async function linkSome(
  store: Store,
  log: 'auditChains' | 'trafficChains',
  { environmentId, after }: { readonly environmentId: string | null; readonly after: string },
): Promise<string | undefined> {
  const page = { after, limit: ROWS_MAX }
  return await store.transaction(async (tx) => await tx[log].link(environmentId, page))
}
