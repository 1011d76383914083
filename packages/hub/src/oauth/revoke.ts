import * as oauth from 'oauth4webapi'
import type { ClockDep, FetchDep } from '../deps.ts'
import type { RevocationFacts } from '../providers/provider.ts'
import { callApi, describeFailure, toClientAuth, toServer } from './call.ts'
import { readRefusal } from './token-answer.ts'
import { toRequestOptions } from './token-call.ts'
import { PROVIDER_TIMEOUT_MS, type ProviderCall, type TokenSet } from './types.ts'

/**
 * How a revocation ended. `transient`: try again, with fresh tokens where `detail` says so.
 * `unsupported`: only the person can do it, at the provider.
 */
export type RevokeOutcome =
  | { readonly type: 'revoked' }
  | { readonly type: 'already_gone' }
  | { readonly type: 'transient'; readonly detail: string }
  | { readonly type: 'unsupported' }

/** What {@link revokeGrant} works on. */
export interface RevokeOptions extends ProviderCall {
  readonly tokenSet: TokenSet
  /** Absent where the exchange failed before it was known. */
  readonly providerAccountId?: string | undefined
}

type RevocationEndpoint = Extract<RevocationFacts, { kind: 'rfc7009' }>
type RevocationRequest = Extract<RevocationFacts, { kind: 'request' }>

/**
 * Gives a grant back to the provider. Safe to repeat.
 *
 * Look at the provider's `revocation.reach` first: with `account` this ends every grant of that
 * account in the app, including one that a reconnection made a moment ago.
 */
export async function revokeGrant(
  deps: FetchDep & ClockDep,
  options: RevokeOptions,
): Promise<RevokeOutcome> {
  const { revocation, resource } = options.provider
  const what = `revocation endpoint of ${resource}`
  const signal = AbortSignal.timeout(options.timeoutMs ?? PROVIDER_TIMEOUT_MS)
  try {
    switch (revocation.kind) {
      case 'unsupported':
        return { type: 'unsupported' }
      case 'rfc7009':
        return await revokeToken(deps, options, revocation, { what, signal })
      case 'request':
        return await requestRevocation(deps, options, revocation, { what, signal })
    }
  } catch (error) {
    return { type: 'transient', detail: describeFailure(what, error) }
  }
}

/** RFC 7009: the refresh token where there is one, because it lives longer and takes the rest along. */
async function revokeToken(
  deps: FetchDep,
  options: RevokeOptions,
  revocation: RevocationEndpoint,
  context: { what: string; signal: AbortSignal },
): Promise<RevokeOutcome> {
  const { provider, credentials, tokenSet } = options
  const { refreshToken, accessToken } = tokenSet
  const response = await oauth.revocationRequest(
    toServer(provider),
    { client_id: credentials.clientId },
    toClientAuth(provider, credentials),
    refreshToken ?? accessToken,
    {
      ...toRequestOptions(deps, context, revocation.url),
      additionalParameters: {
        token_type_hint: refreshToken === undefined ? 'access_token' : 'refresh_token',
      },
    },
  )
  if (response.ok) return { type: 'revoked' }
  const { kind, code, status } = await readRefusal(provider, response)
  if (kind === 'dead') return { type: 'already_gone' }
  return { type: 'transient', detail: `${context.what} answered ${status} ${code}` }
}

async function requestRevocation(
  deps: FetchDep & ClockDep,
  options: RevokeOptions,
  revocation: RevocationRequest,
  context: { what: string; signal: AbortSignal },
): Promise<RevokeOutcome> {
  const { tokenSet } = options
  const response = await callApi(deps, context, revocation.request, options)
  const { status } = response
  if (response.ok) return { type: 'revoked' }
  if (!revocation.goneStatuses.includes(status)) {
    return { type: 'transient', detail: `${context.what} answered ${status}` }
  }
  // An expired token gets the same answer as a grant that is gone; believing it would leave the
  // grant alive for ever.
  const usesToken = revocation.request.token.in !== 'none'
  const { expiresAtMs } = tokenSet
  if (usesToken && expiresAtMs !== undefined && expiresAtMs <= deps.clock.nowMs()) {
    return {
      type: 'transient',
      detail: `${context.what} answered ${status} to an expired access token; refresh it first`,
    }
  }
  return { type: 'already_gone' }
}
