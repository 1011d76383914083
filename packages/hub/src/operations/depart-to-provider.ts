/** Sends a browser to the provider's login. */
import { LINK_LIFETIME_MS, STATE_LIFETIME_MS } from '../core/flow.ts'
import type { ClockDep, FetchDep, IdsDep, LogDep, RandomDep, WakeDep } from '../deps.ts'
import { FirmaError, assert } from '../errors.ts'
import { type Authorization, createAuthorization } from '../oauth/authorize.ts'
import { Redacted, createSecret, digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import type { WidgetSession } from '../store/widget-sessions.ts'
import { cancelOpenFlows, failFlow } from './end-flow.ts'
import type { LinksDep } from './links.ts'
import { type ProviderAccess, findProviderAccess } from './provider-access.ts'

/** What sending a browser off needs. */
export type DepartDeps = ClockDep &
  IdsDep &
  RandomDep &
  FetchDep &
  LogDep &
  StoreDep &
  LinksDep &
  WakeDep

/** Open flows of one session that are looked at; each choice of a provider closes the others. */
const OPEN_FLOWS_MAX = 10

/** Connections of one person that are looked at. */
const CONNECTIONS_MAX = 100

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
 * Gives the flow a fresh `state` and PKCE verifier. Where the provider has to be asked before anybody can
 * be sent there, and does not answer, the flow ends.
 *
 * @returns The provider's address with both, or ours that tells how the flow ended.
 * @throws FirmaError `bad_request` when the flow has gone on in the meantime.
 */
export async function depart(deps: DepartDeps, flow: Flow): Promise<string> {
  const access = await findProviderAccess(deps, flow.environmentId, flow.provider)
  assert(access !== undefined, 'a flow is only started to a provider that the environment has')
  const state = createSecret(deps.random)
  const authorization = await begin(deps, flow, access, state)
  if (authorization === undefined) return deps.links.flow(flow.id)
  const { url, codeVerifier } = authorization
  const stateExpiresAtMs = deps.clock.nowMs() + STATE_LIFETIME_MS
  const departure = {
    stateHash: digest(state),
    stateExpiresAtMs,
    codeVerifier: codeVerifier === undefined ? null : new Redacted(codeVerifier),
  }
  const hasDeparted = await deps.store.single(async (tx) => await tx.flows.depart(flow, departure))
  if (!hasDeparted) {
    throw new FirmaError('bad_request', 'this connection attempt has already gone on')
  }
  deps.wake.flows(stateExpiresAtMs)
  return url.href
}

/** @returns Undefined when the provider could not be asked; then the flow has ended. */
async function begin(
  deps: DepartDeps,
  flow: Flow,
  access: ProviderAccess,
  state: string,
): Promise<Authorization | undefined> {
  try {
    return await createAuthorization(deps, {
      provider: access.provider,
      credentials: access.credentials,
      redirectUri: deps.links.callback(flow.environmentId, flow.provider),
      state,
      grantedScopes:
        access.provider.authorization.grantedScopes === 'ask_all'
          ? []
          : await listGranted(deps, flow),
    })
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    const { id, provider } = flow
    deps.log.warn({ flow: id, provider, detail: error.message }, 'no departure to the provider')
    const environment = await deps.store.environments.find(flow.environmentId)
    assert(environment !== undefined, 'every flow belongs to an environment')
    await failFlow(deps, environment, flow, { reason: 'provider_unavailable' })
    return undefined
  }
}

/** What the person's present connection has granted: some providers must not be asked for it again. */
async function listGranted(deps: StoreDep, flow: Flow): Promise<readonly string[]> {
  if (flow.referenceId === null) return []
  const connections = await deps.store.connections.listByReference(
    flow.environmentId,
    flow.referenceId,
    CONNECTIONS_MAX,
  )
  return connections
    .filter(({ state }) => state.status === 'active' && state.user.provider === flow.provider)
    .flatMap(({ state }) => state.user.scopes)
}
