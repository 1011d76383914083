import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, LogDep, WakeDep } from '../deps.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import { failFlow } from './end-flow.ts'

/** Flows ended by one sweep at most. */
const SWEEP_MAX = 100
/** Where one could not be ended, all that is overdue is looked at again after this. */
const FAILURE_PAUSE_MS = MINUTE_MS

/**
 * Ends the flows whose time is over: links that nobody opened, logins that nobody finished, exchanges
 * whose process is gone, grants that the app has not confirmed.
 *
 * @returns When the next sweep is due, in epoch milliseconds; undefined when no flow is open.
 */
export async function sweepFlows(
  deps: ClockDep & IdsDep & LogDep & StoreDep & WakeDep,
): Promise<number | undefined> {
  const overdue = await deps.store.flows.listOverdue(deps.clock.nowMs(), SWEEP_MAX)
  let hasFailed = false
  for (const flow of overdue) {
    try {
      await endOverdue(deps, flow)
    } catch (error) {
      // One whose held grant does not open, for example because its key is missing, must not stop the others.
      deps.log.error({ flow: flow.id, error }, 'a flow could not be ended; it is tried again')
      hasFailed = true
    }
  }
  if (hasFailed) return deps.clock.nowMs() + FAILURE_PAUSE_MS
  return await deps.store.flows.nextDeadlineMs()
}

async function endOverdue(deps: ClockDep & IdsDep & StoreDep & WakeDep, flow: Flow): Promise<void> {
  const environment = await deps.store.environments.find(flow.environmentId)
  if (environment === undefined) return
  await failFlow(deps, environment, flow, { reason: await reasonOf(deps, flow) })
}

async function reasonOf({ store }: StoreDep, { id, status }: Flow) {
  if (status !== 'exchanging') return 'expired'
  return (await store.heldGrants.find(id)) === undefined ? 'interrupted' : 'not_confirmed'
}
