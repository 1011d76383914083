import * as oauth from 'oauth4webapi'
import type { ClockDep, FetchDep } from '../deps.ts'
import type { Provider } from '../providers/provider.ts'
import { describeFailure, isUnsent, toClientAuth, toServer } from './call.ts'
import { startDeadline } from './deadline.ts'
import { describeRefusal, readRefusal, splitScopes, toTokenSet } from './token-answer.ts'
import { toTokenRequestOptions } from './token-call.ts'
import { PROVIDER_TIMEOUT_MS, type ProviderCall, type TokenSet } from './types.ts'

/**
 * How a refresh ended.
 *
 * - `grant_rejected`: the provider calls the grant dead. It may be wrong, and so may we when another
 *   process has refreshed meanwhile: confirm before telling anybody.
 * - `client_misconfigured`: an alarm for the operator, never the end of a connection.
 * - `transient`: try again later. With `isUnanswered` the answer was lost on the way: the provider may
 *   have rotated the refresh token already.
 */
export type RefreshOutcome =
  | {
      readonly type: 'refreshed'
      readonly tokenSet: TokenSet
      /** All scopes that are granted now, where the answer tells. */
      readonly scopes?: string[]
    }
  | { readonly type: 'grant_rejected'; readonly detail: string }
  | { readonly type: 'client_misconfigured'; readonly detail: string }
  | {
      readonly type: 'transient'
      readonly detail: string
      readonly isUnanswered: boolean
      /** What the provider asked for, in milliseconds. */
      readonly retryAfterMs: number | null
    }

/** Answers of a gateway: what the server behind it has done nobody knows. */
const GATEWAY_STATUSES: readonly number[] = [502, 504]

/**
 * Refreshes a token set once (RFC 6749, section 6). Whether and when is the caller's decision; two calls
 * with one single-use refresh token can end the grant.
 *
 * @returns A refreshed set keeps the old refresh token where the answer has none.
 */
export async function refreshTokenSet(
  deps: FetchDep & ClockDep,
  options: ProviderCall & { readonly tokenSet: TokenSet },
): Promise<RefreshOutcome> {
  const { provider, credentials, tokenSet } = options
  if (tokenSet.refreshToken === undefined) {
    return { type: 'grant_rejected', detail: `${provider.resource} gave no refresh token to use` }
  }
  const what = `token endpoint of ${provider.resource}`
  const endpoint = provider.token.refreshUrl ?? provider.token.url
  const server = { ...toServer(provider), token_endpoint: endpoint }
  const client = { client_id: credentials.clientId }
  const deadline = startDeadline(options.timeoutMs ?? PROVIDER_TIMEOUT_MS)
  const { signal } = deadline
  try {
    const response = await oauth.refreshTokenGrantRequest(
      server,
      client,
      toClientAuth(provider, credentials),
      tokenSet.refreshToken,
      {
        ...toTokenRequestOptions(deps, { what, signal }, provider, {
          endpoint,
          ...(provider.refresh.kind === 'extend' ? { prolonged: tokenSet.accessToken } : {}),
        }),
        additionalParameters: { ...provider.token.refreshParameters },
      },
    )
    if (response.status === 200) {
      const answer = await oauth.processRefreshTokenResponse(server, client, response)
      const refreshed = toTokenSet(provider, answer, deps.clock.nowMs(), tokenSet)
      return { type: 'refreshed', tokenSet: refreshed, ...grantedNow(provider, answer.scope) }
    }
    const refusal = await readRefusal(provider, response)
    const detail = describeRefusal(provider, refusal)
    switch (refusal.kind) {
      case 'dead':
        return { type: 'grant_rejected', detail }
      case 'config':
        return { type: 'client_misconfigured', detail }
      case 'transient':
        return {
          type: 'transient',
          detail,
          isUnanswered: GATEWAY_STATUSES.includes(refusal.status),
          retryAfterMs: refusal.retryAfterMs,
        }
    }
  } catch (error) {
    const detail = describeFailure(what, error)
    return { type: 'transient', detail, isUnanswered: !isUnsent(error), retryAfterMs: null }
  } finally {
    deadline.end()
  }
}

/** Where the request itself names scopes, the answer may repeat just those. */
function grantedNow(provider: Provider, scope: string | undefined): { scopes?: string[] } {
  const isTold = provider.scopes.granted.from === 'token_response'
  if (!isTold || scope === undefined || 'scope' in provider.token.refreshParameters) return {}
  return { scopes: splitScopes(provider, scope) }
}
