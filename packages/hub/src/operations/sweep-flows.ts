import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, LogDep, WakeDep } from '../deps.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import { failFlow } from './end-flow.ts'

/** Flows that are read at a time. */
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
  const { flows } = deps.store
  const nowMs = deps.clock.nowMs()
  let failed = 0
  let first: { readonly flow: string; readonly error: unknown } | undefined
  for (;;) {
    // What cannot be ended stays in front, and must not keep the others from their turn.
    const overdue = await flows.listOverdue(nowMs, { limit: SWEEP_MAX, skip: failed })
    for (const flow of overdue) {
      try {
        await endOverdue(deps, flow)
      } catch (error) {
        first ??= { flow: flow.id, error }
        failed += 1
      }
    }
    if (first === undefined) return await flows.nextDeadlineMs()
    if (overdue.length < SWEEP_MAX) break
  }
  // For example those whose held grant does not open, because its key is missing.
  deps.log.error({ ...first, failed }, 'flows could not be ended; they are tried again')
  return deps.clock.nowMs() + FAILURE_PAUSE_MS
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
