/** Makes the links that people connect through. */
import { LINK_LIFETIME_MS } from '../core/flow.ts'
import { maskLabel } from '../core/mask.ts'
import { type RedirectPolicy, refuseRedirectUrl } from '../core/redirect.ts'
import type { ClockDep, IdsDep, NetworkDep, RandomDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { createSecret, digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import type { WidgetSession } from '../store/widget-sessions.ts'
import type { LinksDep } from './links.ts'
import { writeTraffic } from './write-audit.ts'

/** What an app says about the person who will connect. */
export interface ConnectRequest {
  readonly referenceId: string | null
  readonly language: string | null
  readonly successUrl: string | null
  readonly failureUrl: string | null
  /** Who asks, for the audit log. */
  readonly actor: string
}

export interface WidgetSessionRequest extends ConnectRequest {
  /** Providers to offer, upper case; null offers all that the environment has. */
  readonly providers: readonly string[] | null
  readonly showDisconnect: boolean
  /** Whose account at the app it is, as the app names it to people; null where it does not. */
  readonly accountLabel: string | null
}

/** Longest `reference_id` accepted, in characters. */
export const REFERENCE_ID_LENGTH_MAX = 512

type StartDeps = ClockDep & IdsDep & RandomDep & NetworkDep & StoreDep & LinksDep & WakeDep

/**
 * Makes a widget session: a link to the connect page, good for one person, one browser, one connection.
 *
 * @throws FirmaError `redirect_url_refused`, `resource_unknown`, `bad_request`.
 */
export async function createWidgetSession(
  deps: StartDeps,
  environment: Environment,
  request: WidgetSessionRequest,
): Promise<{ sessionId: string; url: string; expiresInSeconds: number }> {
  checkRequest(environment, request)
  const enabled = await deps.store.providerApps.listProviders(environment.id)
  for (const provider of request.providers ?? []) checkProvider(enabled, provider)
  const token = createSecret(deps.random)
  const nowMs = deps.clock.nowMs()
  const sessionId = deps.ids.uuid()
  const { actor, ...wanted } = request
  const session: WidgetSession = {
    ...wanted,
    // What is never stored can not be lost.
    accountLabel: request.accountLabel === null ? null : maskLabel(request.accountLabel),
    id: sessionId,
    environmentId: environment.id,
    browserHash: null,
    usedAtMs: null,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + LINK_LIFETIME_MS,
  }
  await deps.store.together(async (tx) => {
    await tx.widgetSessions.add(session, digest(token))
    await writeTraffic(deps, tx, {
      environmentId: environment.id,
      actor,
      action: 'link.create',
      subject: sessionId,
      detail: { widget_session_id: sessionId },
    })
  })
  return {
    sessionId,
    url: deps.links.session(token),
    expiresInSeconds: LINK_LIFETIME_MS / 1_000,
  }
}

/**
 * Starts a flow to one provider: reserves the `user_id` and makes the link that leads there.
 *
 * @throws FirmaError as {@link createWidgetSession}.
 */
export async function createDirectFlow(
  deps: StartDeps,
  environment: Environment,
  request: ConnectRequest & { readonly provider: string },
): Promise<{ userId: string; authUrl: string; expiresInSeconds: number }> {
  checkRequest(environment, request)
  checkProvider(await deps.store.providerApps.listProviders(environment.id), request.provider)
  const token = createSecret(deps.random)
  const nowMs = deps.clock.nowMs()
  const userId = deps.ids.uuid()
  const { actor, ...wanted } = request
  const flow: Flow = {
    ...wanted,
    id: deps.ids.uuid(),
    environmentId: environment.id,
    widgetSessionId: null,
    reservedUserId: userId,
    browserHash: null,
    stateExpiresAtMs: null,
    codeVerifier: null,
    status: 'created',
    deadlineMs: nowMs + LINK_LIFETIME_MS,
    reason: null,
    createdAtMs: nowMs,
    endedAtMs: null,
  }
  await addLinkedFlow(deps, flow, { token, actor })
  // An unfinished flow has to be announced when its time is over.
  deps.wake.flows(flow.deadlineMs)
  return { userId, authUrl: deps.links.direct(token), expiresInSeconds: LINK_LIFETIME_MS / 1_000 }
}

/** A flow that begins with a link of its own. */
export async function addLinkedFlow(
  deps: ClockDep & IdsDep & NetworkDep & StoreDep,
  flow: Flow,
  { token, actor }: { readonly token: string; readonly actor: string },
): Promise<void> {
  await deps.store.together(async (tx) => {
    await tx.flows.add(flow, digest(token))
    await writeTraffic(deps, tx, {
      environmentId: flow.environmentId,
      actor,
      action: 'link.create',
      subject: flow.reservedUserId,
      detail: { flow_id: flow.id, provider: flow.provider },
    })
  })
}

function checkRequest(environment: Environment, request: ConnectRequest): void {
  if ((request.referenceId?.length ?? 0) > REFERENCE_ID_LENGTH_MAX) {
    throw new FirmaError(
      'bad_request',
      `reference_id is ${request.referenceId?.length} characters long; at most ${REFERENCE_ID_LENGTH_MAX} are allowed`,
    )
  }
  if (environment.settings.connect.confirmation === 'required') checkConfirmable(request)
  checkUrl(environment, 'auth_success_redirect_url', request.successUrl)
  checkUrl(environment, 'auth_failure_redirect_url', request.failureUrl)
}

/** Nobody could confirm a connection that is nobody's, or whose browser does not come back. */
function checkConfirmable({ referenceId, successUrl }: ConnectRequest): void {
  const missing =
    referenceId === null
      ? 'reference_id'
      : successUrl === null
        ? 'auth_success_redirect_url'
        : undefined
  if (missing === undefined) return
  throw new FirmaError(
    'bad_request',
    `${missing} is missing; this environment connects only what the app confirms, and a confirmation needs it`,
  )
}

/** In production nothing is allowed that is not listed. */
export function redirectPolicy({ settings }: Environment): RedirectPolicy {
  const { redirects, isProduction } = settings
  return isProduction ? { ...redirects, allowList: redirects.allowList ?? [] } : redirects
}

function checkUrl(environment: Environment, name: string, url: string | null): void {
  const refusal = url === null ? null : refuseRedirectUrl(url, redirectPolicy(environment))
  if (refusal !== null) throw new FirmaError('redirect_url_refused', `${name} ${refusal}`)
}

function checkProvider(enabled: readonly string[], provider: string): void {
  if (enabled.includes(provider)) return
  throw new FirmaError(
    'resource_unknown',
    `unknown resource "${provider.slice(0, 64)}"; this environment has ${enabled.length === 0 ? 'no providers yet' : enabled.join(', ')}`,
  )
}
