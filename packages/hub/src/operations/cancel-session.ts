import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import type { WidgetSession } from '../store/widget-sessions.ts'
import { cancelOpenFlows, unusedLinkUrl } from './end-flow.ts'

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
  await cancelOpenFlows(deps, environment, session.id)
  return await unusedLinkUrl(deps, environment, session, 'auth_cancelled')
}
