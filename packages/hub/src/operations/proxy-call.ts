/** A call of the app to a provider's API: with a fresh token, and what its answer says of the connection. */
import { SECOND_MS } from '../core/time.ts'
import { FirmaError } from '../errors.ts'
import { type ProxyCall, callThrough } from '../oauth/proxy.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import { applySignal } from './apply-signal.ts'
import { getUser } from './find-user.ts'
import { type ProviderAccess, findProviderAccess } from './provider-access.ts'
import { getFreshTokens } from './refresh-tokens.ts'
import type { FreshTokens, RefreshDeps } from './stored-tokens.ts'

/** A pause that the provider asks for is kept, up to this. */
const PAUSE_MS_MAX = 3_600 * SECOND_MS
/** Where the provider does not say for how long. */
const PAUSE_MS = 60 * SECOND_MS
/** Seconds until there is room again, as WHOOP and Fitbit say it. */
const RESET_HEADER = /rate-?limit-reset$/

/** What the app wants to ask, of which of the provider's origins. */
export interface AppCall extends Omit<ProxyCall, 'base'> {
  /** Host of one of the provider's API origins; the first where nothing is said. */
  readonly host: string | null
}

/**
 * Calls the provider's API for a user.
 *
 * @returns The provider's answer, whatever its status.
 * @throws FirmaError `user_not_found`; `connection_broken` when only the person can repair it;
 *   `provider_limited` while the provider wants a pause, or would want one after this call; `provider_unavailable`; `bad_request`.
 */
export async function callProviderFor(
  deps: RefreshDeps,
  environment: Environment,
  userId: string,
  call: AppCall,
): Promise<Response> {
  const connection = await getUser(deps, environment, userId)
  const access = await getAccess(deps, environment, connection)
  const proxied = { ...call, base: baseOf(access, call.host) }
  const { providerAccountId } = connection.state
  const values = { ...access, providerAccountId }
  await refuseWhileLimited(deps, connection, access)
  const tokens = await getTokens(deps, connection, access)
  takePlace(deps, connection, access)
  const first = await callThrough(deps, { ...values, tokenSet: tokens.tokenSet }, proxied)
  if (first.status !== 401 || call.body instanceof ReadableStream) {
    await learn(deps, environment, { connection, access }, { response: first, tokens })
    return first
  }
  // The token may have been revoked or replaced behind our back: once more with a new one.
  const renewed = await getFreshTokens(deps, connection, access, tokens.version)
  if (renewed.type !== 'fresh') {
    await learn(deps, environment, { connection, access }, { response: first, tokens })
    return first
  }
  await first.body?.cancel()
  takePlace(deps, connection, access)
  const second = await callThrough(deps, { ...values, tokenSet: renewed.tokenSet }, proxied)
  await learn(deps, environment, { connection, access }, { response: second, tokens: renewed })
  return second
}

type Fresh = Extract<FreshTokens, { type: 'fresh' }>

/**
 * Tokens that can be used now.
 *
 * @throws FirmaError `connection_broken`, `provider_unavailable`.
 */
export async function getTokens(
  deps: RefreshDeps,
  connection: Connection,
  access: ProviderAccess,
): Promise<Fresh> {
  const { provider } = access
  if (connection.state.status !== 'active') throw broken(provider.displayName)
  const tokens = await getFreshTokens(deps, connection, access)
  switch (tokens.type) {
    case 'fresh':
      return tokens
    case 'grant_rejected':
      throw broken(provider.displayName)
    case 'unavailable':
      throw new FirmaError(
        'provider_unavailable',
        `there is no token of ${provider.displayName} that can be used now; ask again later, or see /admin/v1/users/…/explain`,
      )
  }
}

function broken(provider: string): FirmaError {
  return new FirmaError(
    'connection_broken',
    `${provider} does not accept this connection any more; the person has to connect again`,
  )
}

/** @throws FirmaError `resource_unknown` where the environment no longer has the provider. */
export async function getAccess(
  deps: RefreshDeps,
  environment: Environment,
  { state }: Connection,
): Promise<ProviderAccess> {
  const access = await findProviderAccess(deps, environment.id, state.user.provider)
  if (access !== undefined) return access
  throw new FirmaError(
    'resource_unknown',
    `this environment no longer has the provider ${state.user.provider}`,
  )
}

function baseOf({ provider, app }: ProviderAccess, host: string | null): string {
  const { origins } = provider.api
  // An environment may reach the provider elsewhere; the app knows it by its real name.
  const hosts = origins.map((base) => {
    const moved = Object.entries(app.originOverrides).find(([, to]) => to === base)
    return new URL(moved?.[0] ?? base).host
  })
  const base = origins[host === null ? 0 : hosts.indexOf(host)]
  if (base !== undefined) return base
  throw new FirmaError(
    'bad_request',
    hosts.length === 0
      ? `Firma knows no API of ${provider.displayName} to call`
      : `firma-api-host must be one of ${hosts.join(', ')}`,
  )
}

async function refuseWhileLimited(
  deps: RefreshDeps,
  { environmentId, lineageId }: Connection,
  { app, provider }: ProviderAccess,
): Promise<void> {
  const stored = await deps.store.tokenSets.find(environmentId, lineageId)
  const untilMs = Math.max(stored?.limitedUntilMs ?? 0, app.pausedUntilMs ?? 0)
  const leftMs = untilMs - deps.clock.nowMs()
  if (leftMs <= 0) return
  const seconds = Math.ceil(leftMs / SECOND_MS)
  throw limited(seconds, `${provider.displayName} wants no calls for another ${seconds} s`)
}

/** Refuses a call before the provider does. */
function takePlace(deps: RefreshDeps, { state }: Connection, access: ProviderAccess): void {
  const { providerAccountId } = state
  const waitMs = deps.rates.take({ access, providerAccountId, caller: 'app' })
  if (waitMs === 0) return
  const seconds = Math.ceil(waitMs / SECOND_MS)
  const { displayName } = access.provider
  throw limited(
    seconds,
    `as many calls as ${displayName} allows were made; there is room again in ${seconds} s`,
  )
}

function limited(seconds: number, detail: string): FirmaError {
  const headers = { 'retry-after': String(seconds) }
  return new FirmaError('provider_limited', detail, { headers })
}

/** What an answer says about the connection, and about how hard the provider may be called. */
async function learn(
  deps: RefreshDeps,
  environment: Environment,
  { connection, access }: { connection: Connection; access: ProviderAccess },
  { response, tokens }: { response: Response; tokens: Fresh },
): Promise<void> {
  const { status } = response
  const atMs = deps.clock.nowMs()
  if (status === 429) {
    await rememberLimit(deps, connection, access, response)
  } else if (status === 401 || status === 403 || status === 412) {
    const fromVersion = tokens.version
    const signal = { type: 'data_call_rejected', atMs, httpStatus: status, fromVersion } as const
    await applySignal(deps, environment, connection, signal)
  } else if (response.ok && isDegraded(connection)) {
    await applySignal(deps, environment, connection, {
      type: 'connection_worked',
      atMs,
      by: 'data_call',
    })
  }
}

function isDegraded({ state }: Connection): boolean {
  return state.status === 'active' && state.degradedAtMs !== null
}

async function rememberLimit(
  deps: RefreshDeps,
  { environmentId, lineageId }: Connection,
  { provider }: ProviderAccess,
  response: Response,
): Promise<void> {
  const untilMs = deps.clock.nowMs() + Math.min(toPauseMs(response.headers), PAUSE_MS_MAX)
  if (provider.limits?.scope === 'app') {
    await deps.store.providerApps.pause(environmentId, provider.resource, untilMs)
  } else await deps.store.tokenSets.limit(lineageId, untilMs)
}

/** What a provider says of the pause that it wants: `Retry-After`, else how long until its counting begins anew. */
function toPauseMs(headers: Headers): number {
  const reset = [...headers].find(([name]) => RESET_HEADER.test(name))?.[1]
  const said = Number(headers.get('retry-after') ?? reset ?? Number.NaN)
  return Number.isFinite(said) && said >= 0 ? said * SECOND_MS : PAUSE_MS
}
