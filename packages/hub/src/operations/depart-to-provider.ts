/** Sends a browser to the provider's login. */
import { LINK_LIFETIME_MS, STATE_LIFETIME_MS } from '../core/flow.ts'
import type { ClockDep, FetchDep, IdsDep, LogDep, NetworkDep, RandomDep, WakeDep } from '../deps.ts'
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
import { type BrowserSecrets, type Visit, visitFlow } from './visit-link.ts'

/** What sending a browser off needs. */
export type DepartDeps = ClockDep &
  IdsDep &
  RandomDep &
  FetchDep &
  LogDep &
  NetworkDep &
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

/** How opening a link ends. */
export type LinkDeparture =
  | { readonly visit: Extract<Visit<Flow>, { verdict: 'open' }>; readonly url: string }
  | { readonly visit: Exclude<Visit<Flow>, { verdict: 'open' }>; readonly url: null }

/**
 * A browser opens the link of `authenticateUser`, and is sent on. Where the provider need not be asked first, the link
 * is claimed and the flow departs in one commit.
 *
 * @returns With `url` where it may go on: the provider's address, or ours that tells how the flow ended.
 * @throws FirmaError `bad_request` when the flow has gone on in the meantime.
 */
export async function departByLink(
  deps: DepartDeps,
  token: string,
  secrets: BrowserSecrets,
): Promise<LinkDeparture> {
  let departed: Departure | undefined
  const visit = await visitFlow(deps, token, secrets, async (flow) => {
    const access = await findProviderAccess(deps, flow.environmentId, flow.provider)
    // What has to be asked for is asked for a browser that has the link already.
    if (access === undefined || access.provider.protocol !== 'oauth2') return async () => undefined
    const departure = await prepare(deps, flow, access)
    return async (tx) => {
      const isOurs = departure !== undefined && (await tx.flows.depart(flow, departure))
      // A transaction may be run again.
      departed = isOurs ? departure : undefined
    }
  })
  if (visit.verdict !== 'open') return { visit, url: null }
  if (departed === undefined) return { visit, url: await depart(deps, visit.link) }
  deps.wake.flows(departed.stateExpiresAtMs)
  return { visit, url: departed.url }
}

/** What is stored of a browser that is sent off, and where it goes. */
interface Departure {
  readonly url: string
  readonly stateHash: string
  readonly stateExpiresAtMs: number
  readonly codeVerifier: Redacted<string> | null
}

/**
 * Gives the flow a fresh `state` and PKCE verifier. Where the provider has to be asked before anybody can
 * be sent there, and does not answer, the flow ends.
 *
 * @returns The provider's address with both, or ours that tells how the flow ended.
 * @throws FirmaError `bad_request` when the flow has gone on in the meantime.
 */
async function depart(deps: DepartDeps, flow: Flow): Promise<string> {
  const access = await findProviderAccess(deps, flow.environmentId, flow.provider)
  assert(access !== undefined, 'a flow is only started to a provider that the environment has')
  const departure = await prepare(deps, flow, access)
  if (departure === undefined) return deps.links.flow(flow.id)
  const hasDeparted = await deps.store.single(async (tx) => await tx.flows.depart(flow, departure))
  if (!hasDeparted) {
    throw new FirmaError('bad_request', 'this connection attempt has already gone on')
  }
  deps.wake.flows(departure.stateExpiresAtMs)
  return departure.url
}

/** @returns Undefined when the provider could not be asked; then the flow has ended. */
async function prepare(
  deps: DepartDeps,
  flow: Flow,
  access: ProviderAccess,
): Promise<Departure | undefined> {
  const state = createSecret(deps.random)
  const authorization = await begin(deps, flow, access, state)
  if (authorization === undefined) return undefined
  const { url, codeVerifier } = authorization
  return {
    url: url.href,
    stateHash: digest(state),
    stateExpiresAtMs: deps.clock.nowMs() + STATE_LIFETIME_MS,
    codeVerifier: codeVerifier === undefined ? null : new Redacted(codeVerifier),
  }
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
