import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import type { WidgetSession } from '../store/widget-sessions.ts'
import { failFlow, unusedLinkUrl } from './end-flow.ts'

/** Open flows of a session that one cancellation ends at most. */
const OPEN_FLOWS_MAX = 10

/**
 * The person does not want to connect after all. Flows that had begun end as `auth_cancelled`; the link
 * itself stays good until it expires, for those who change their mind.
 *
 * @returns Where the browser goes; null when the app gave no failure URL.
 */
export async function cancelSession(
  deps: ClockDep & IdsDep & StoreDep & WakeDep,
  environment: Environment,
  session: WidgetSession,
): Promise<string | null> {
  const open = await deps.store.flows.listOpenOfSession(session.id, OPEN_FLOWS_MAX)
  for (const flow of open) {
    if (flow.status !== 'exchanging') await failFlow(deps, environment, flow, 'auth_cancelled')
  }
  return await unusedLinkUrl(deps, environment, session, 'auth_cancelled')
}
