/** The browser comes back from the provider. */
import { EXCHANGE_LIFETIME_MS } from '../core/flow.ts'
import type { ClockDep, IdsDep, NetworkDep, WakeDep } from '../deps.ts'
import { assert } from '../errors.ts'
import { type ExchangeOutcome, exchangeCode } from '../oauth/exchange.ts'
import { digest, isSameDigest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import { withSpan } from '../tracing.ts'
import { readHeld } from './confirm-connection.ts'
import { type ConnectDeps, type Exchanged, connectAccount, toLeftover } from './connect-account.ts'
import { type Ending, confirmationUrl, endingOf, failFlow } from './end-flow.ts'
import { insist } from './insist.ts'
import type { LinksDep } from './links.ts'
import { findProviderAccess } from './provider-access.ts'
import type { BrowserSecrets } from './visit-link.ts'
import { writeRefusal } from './write-audit.ts'

type FinishDeps = ConnectDeps & LinksDep
type EndingDeps = ClockDep & IdsDep & NetworkDep & StoreDep & WakeDep

/** Times the end of a flow is tried to be stored: for 15 s, because a person waits. */
const CONCLUDE_TRIES_MAX = 5

/** What a provider sent a browser back with. */
export interface Callback {
  readonly environmentId: string
  readonly provider: string
  readonly parameters: URLSearchParams
  readonly secrets: BrowserSecrets
}

export type CallbackOutcome =
  | Ending
  /** Another request of this browser is exchanging the code right now. */
  | { readonly type: 'waiting'; readonly flowId: string }
  /** Nothing of ours, or nothing of this browser's: no flow is touched. */
  | { readonly type: 'rejected'; readonly reason: 'state_unknown' | 'opened_elsewhere' }

/**
 * Uses up the `state`, exchanges the code and commits the connection; a failure on the way ends the
 * flow with its reason. The same callback twice leads to the same end.
 */
export async function finishFlow(deps: FinishDeps, callback: Callback): Promise<CallbackOutcome> {
  const stateHash = digest(callback.parameters.get('state') ?? '')
  const flow = await deps.store.flows.findByState(stateHash)
  if (
    flow === undefined ||
    flow.environmentId !== callback.environmentId ||
    flow.provider !== callback.provider
  ) {
    return { type: 'rejected', reason: 'state_unknown' }
  }
  // Before anything is used up: a stranger with a stolen state must not be able to end the flow.
  if (!isFromBrowser(flow, callback.secrets)) return await refuse(deps, flow)
  const environment = await deps.store.environments.find(flow.environmentId)
  assert(environment !== undefined, 'every flow belongs to an environment')
  if (flow.status === 'at_provider') {
    const { parameters } = callback
    const attributes = {
      'firma.environment': environment.id,
      'firma.flow': flow.id,
      'firma.provider': flow.provider,
    }
    const isConnected = await withSpan(
      'firma.connect',
      attributes,
      async () => await carryOut(deps, environment, flow, { stateHash, parameters }),
    )
    // As it is stored now: most flows end like this, and need not be read again.
    if (isConnected) return await endingOf(deps, environment, { ...flow, status: 'succeeded' })
  }
  return await outcomeOf(deps, flow.id)
}

/** Turns a stranger away, and leaves a trace of it: this is what an attack looks like. */
async function refuse(deps: FinishDeps, flow: Flow): Promise<CallbackOutcome> {
  const { id, environmentId, provider, reservedUserId, widgetSessionId } = flow
  const refusal = {
    environmentId,
    actor: 'browser',
    action: 'callback.refuse',
    subject: reservedUserId,
    detail: { flow_id: id, widget_session_id: widgetSessionId ?? undefined, provider },
  } as const
  await deps.store.together(async (tx) => await writeRefusal(deps, tx, refusal))
  return { type: 'rejected', reason: 'opened_elsewhere' }
}

/** Where a flow stands, for a browser that asks again. */
export async function revisitFlow(
  deps: EndingDeps,
  flowId: string,
  secrets: BrowserSecrets,
): Promise<CallbackOutcome> {
  const flow = await deps.store.flows.find(flowId)
  // Events name flows, so a stranger may know the id: not even that it exists is his to learn.
  if (flow === undefined || !isFromBrowser(flow, secrets)) {
    return { type: 'rejected', reason: 'state_unknown' }
  }
  return await outcomeOf(deps, flowId)
}

/** Whether a flow belongs to the browser that asks. */
export function isFromBrowser(flow: Flow, secrets: BrowserSecrets): boolean {
  const secret = secrets(flow.widgetSessionId ?? flow.id)
  if (secret === null || flow.browserHash === null) return false
  return isSameDigest(digest(secret), flow.browserHash)
}

async function outcomeOf(deps: EndingDeps, flowId: string): Promise<CallbackOutcome> {
  const flow = await deps.store.flows.find(flowId)
  assert(flow !== undefined, 'flows are not deleted while a browser is on its way')
  const environment = await deps.store.environments.find(flow.environmentId)
  assert(environment !== undefined, 'every flow belongs to an environment')
  if (flow.endedAtMs !== null) return await endingOf(deps, environment, flow)
  const held = await deps.store.heldGrants.find(flowId)
  // Ended since the flow was read, or still being exchanged: the next look tells.
  if (held === undefined || held.grantJson === null) return { type: 'waiting', flowId }
  const { successUrl } = flow
  if (successUrl === null || deps.clock.nowMs() >= held.expiresAtMs) {
    await failFlow(deps, environment, flow, { reason: 'not_confirmed' })
    return await outcomeOf(deps, flowId)
  }
  const { confirmCode } = readHeld(held.grantJson)
  const url = await confirmationUrl(deps, environment, { ...flow, successUrl }, confirmCode)
  return { type: 'redirect', url }
}

/** @returns Whether the connection was made by this call. */
async function carryOut(
  deps: FinishDeps,
  environment: Environment,
  flow: Flow,
  callback: { stateHash: string; parameters: URLSearchParams },
): Promise<boolean> {
  const nowMs = deps.clock.nowMs()
  const { stateHash, parameters } = callback
  if (flow.stateExpiresAtMs === null || nowMs >= flow.stateExpiresAtMs) {
    await failFlow(deps, environment, flow, { reason: 'expired' })
    return false
  }
  const deadlineMs = nowMs + EXCHANGE_LIFETIME_MS
  const isOurs = await deps.store.single(
    async (tx) => await tx.flows.consumeState(flow.id, stateHash, deadlineMs),
  )
  if (!isOurs) return false
  const returned: Flow = { ...flow, status: 'exchanging' }
  deps.wake.flows(deadlineMs)
  const access = await findProviderAccess(deps, environment.id, flow.provider)
  assert(access !== undefined, 'a flow is only started to a provider that the environment has')
  const outcome = await exchangeCode(deps, {
    provider: access.provider,
    credentials: access.credentials,
    redirectUri: deps.links.callback(environment.id, flow.provider),
    parameters,
    state: parameters.get('state') ?? '',
    ...(flow.codeVerifier !== null && { codeVerifier: flow.codeVerifier.reveal() }),
  })
  // The code is used up: what it gave is either stored or, as a grant that is left over, given back.
  return await insist(
    deps,
    { what: 'the end of a flow', triesMax: CONCLUDE_TRIES_MAX },
    async () => await conclude(deps, { environment, flow: returned, access }, outcome),
  )
}

async function conclude(
  deps: FinishDeps,
  { environment, flow, access }: Exchanged,
  outcome: ExchangeOutcome,
): Promise<boolean> {
  switch (outcome.type) {
    case 'granted':
      return (await connectAccount(deps, { environment, flow, access }, outcome)) === 'connected'
    case 'refused':
      await failFlow(deps, environment, flow, { reason: outcome.reason })
      return false
    case 'scopes_missing':
      await failFlow(deps, environment, flow, {
        reason: 'missing_scopes',
        leftover: toLeftover(outcome),
      })
      return false
    case 'provider_unavailable':
      deps.log.warn(
        { flow: flow.id, provider: flow.provider, detail: outcome.detail },
        'no exchange',
      )
      await failFlow(deps, environment, flow, {
        reason: 'provider_unavailable',
        leftover: toLeftover(outcome),
      })
      return false
    case 'client_misconfigured':
      deps.log.error(
        {
          flow: flow.id,
          provider: flow.provider,
          client: access.app.clientId,
          detail: outcome.detail,
        },
        'the provider refuses this environment’s own credentials; check them and the redirect URI',
      )
      await failFlow(deps, environment, flow, { reason: 'client_misconfigured' })
      return false
  }
}
