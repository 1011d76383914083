/** Sends a browser to the provider's login. */
import { LINK_LIFETIME_MS, STATE_LIFETIME_MS } from '../core/flow.ts'
import type { ClockDep, IdsDep, RandomDep, WakeDep } from '../deps.ts'
import { FirmaError, assert } from '../errors.ts'
import { createAuthorization } from '../oauth/authorize.ts'
import { Redacted, createSecret, digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import type { WidgetSession } from '../store/widget-sessions.ts'
import { cancelOpenFlows } from './end-flow.ts'
import type { LinksDep } from './links.ts'
import { findProviderAccess } from './provider-access.ts'

type DepartDeps = ClockDep & IdsDep & RandomDep & StoreDep & LinksDep & WakeDep

/** Open flows of one session that are looked at; each choice of a provider closes the others. */
const OPEN_FLOWS_MAX = 10

/**
 * A person has chosen a provider on the connect page. A second click continues the flow of the first;
 * another choice (the back button) ends it.
 *
 * @returns The provider's address for this browser.
 * @throws FirmaError `resource_unknown` when the session does not offer the provider.
 */
export async function departFromSession(
  deps: DepartDeps,
  environment: Environment,
  session: WidgetSession,
  provider: string,
): Promise<string> {
  const offered = await listOffered(deps, session)
  if (!offered.includes(provider)) {
    throw new FirmaError('resource_unknown', `this page does not offer "${provider.slice(0, 64)}"`)
  }
  const flow = await openFlow(deps, environment, session, provider)
  return await depart(deps, flow)
}

/** Providers that a session offers, in the order in which the app named them. */
export async function listOffered(deps: StoreDep, session: WidgetSession): Promise<string[]> {
  const enabled = await deps.store.providerApps.listProviders(session.environmentId)
  return session.providers === null
    ? enabled
    : session.providers.filter((provider) => enabled.includes(provider))
}

async function openFlow(
  deps: DepartDeps,
  environment: Environment,
  session: WidgetSession,
  provider: string,
): Promise<Flow> {
  await cancelOpenFlows(deps, environment, session.id, (flow) => flow.provider === provider)
  const nowMs = deps.clock.nowMs()
  const flow: Flow = {
    id: deps.ids.uuid(),
    environmentId: environment.id,
    widgetSessionId: session.id,
    provider,
    referenceId: session.referenceId,
    reservedUserId: deps.ids.uuid(),
    language: session.language,
    successUrl: session.successUrl,
    failureUrl: session.failureUrl,
    browserHash: session.browserHash,
    stateExpiresAtMs: null,
    codeVerifier: null,
    status: 'created',
    deadlineMs: nowMs + LINK_LIFETIME_MS,
    reason: null,
    createdAtMs: nowMs,
    endedAtMs: null,
  }
  // Looked up and added in one transaction: two clicks at once continue one flow.
  return await deps.store.transaction(async (tx) => {
    await tx.widgetSessions.findForUpdate(session.id)
    const open = await tx.flows.listOpenOfSession(session.id, OPEN_FLOWS_MAX)
    const same = open.find((one) => one.provider === provider && one.status !== 'exchanging')
    if (same !== undefined) return same
    await tx.flows.add(flow, null)
    return flow
  })
}

/**
 * Gives the flow a fresh `state` and PKCE verifier.
 *
 * @returns The provider's address with both.
 * @throws FirmaError `bad_request` when the flow has gone on in the meantime.
 */
export async function depart(deps: DepartDeps, flow: Flow): Promise<string> {
  const access = await findProviderAccess(deps, flow.environmentId, flow.provider)
  assert(access !== undefined, 'a flow is only started to a provider that the environment has')
  const state = createSecret(deps.random)
  const { url, codeVerifier } = createAuthorization(deps, {
    provider: access.provider,
    credentials: access.credentials,
    redirectUri: deps.links.callback(flow.environmentId, flow.provider),
    state,
  })
  const hasDeparted = await deps.store.flows.depart(flow, {
    stateHash: digest(state),
    stateExpiresAtMs: deps.clock.nowMs() + STATE_LIFETIME_MS,
    codeVerifier: codeVerifier === undefined ? null : new Redacted(codeVerifier),
  })
  if (!hasDeparted) {
    throw new FirmaError('bad_request', 'this connection attempt has already gone on')
  }
  deps.wake.flows()
  return url.href
}
