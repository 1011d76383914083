import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import { failFlow } from './end-flow.ts'

/** Flows ended by one sweep at most. */
const SWEEP_MAX = 100

/**
 * Ends the flows whose time is over: links that nobody opened, logins that nobody finished, exchanges
 * whose process is gone, grants that the app has not confirmed.
 *
 * @returns When the next sweep is due, in epoch milliseconds; undefined when no flow is open.
 */
export async function sweepFlows(
  deps: ClockDep & IdsDep & StoreDep & WakeDep,
): Promise<number | undefined> {
  const overdue = await deps.store.flows.listOverdue(deps.clock.nowMs(), SWEEP_MAX)
  for (const flow of overdue) {
    const environment = await deps.store.environments.find(flow.environmentId)
    if (environment === undefined) continue
    const reason = await reasonOf(deps, flow)
    await failFlow(deps, environment, flow, { reason })
  }
  return await deps.store.flows.nextDeadlineMs()
}

async function reasonOf({ store }: StoreDep, { id, status }: Flow) {
  if (status !== 'exchanging') return 'expired'
  return (await store.heldGrants.find(id)) === undefined ? 'interrupted' : 'not_confirmed'
}
