/** Another attempt after one that failed, while the link of the first still holds. */
import type { ClockDep } from '../deps.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import type { WidgetSession } from '../store/widget-sessions.ts'
import { type DepartDeps, departFromSession, listOffered } from './depart-to-provider.ts'
import { isFromBrowser } from './finish-flow.ts'
import type { BrowserSecrets } from './visit-link.ts'

/**
 * The session from which a failed flow can be tried again.
 *
 * @returns Undefined when the link is used or expired, when there never was one (`authenticateUser`), or
 *   when another attempt could only fail the same way.
 */
export async function findRetrySession(
  deps: ClockDep & StoreDep,
  flow: Flow,
): Promise<WidgetSession | undefined> {
  if (flow.status !== 'failed' || flow.widgetSessionId === null) return undefined
  if (flow.reason === 'client_misconfigured') return undefined
  const session = await deps.store.widgetSessions.find(flow.widgetSessionId)
  if (session === undefined || session.usedAtMs !== null) return undefined
  if (deps.clock.nowMs() >= session.expiresAtMs) return undefined
  return (await listOffered(deps, session)).includes(flow.provider) ? session : undefined
}

/**
 * Begins again what has failed, for the browser that it belongs to.
 *
 * @returns The provider's address; undefined when it is not this browser's to retry, or too late.
 */
export async function retryFlow(
  deps: DepartDeps,
  flowId: string,
  secrets: BrowserSecrets,
): Promise<string | undefined> {
  const flow = await deps.store.flows.find(flowId)
  if (flow === undefined || !isFromBrowser(flow, secrets)) return undefined
  const session = await findRetrySession(deps, flow)
  if (session === undefined) return undefined
  const environment = await deps.store.environments.find(flow.environmentId)
  if (environment === undefined) return undefined
  return await departFromSession(deps, environment, session, flow.provider)
}
