import * as oauth from 'oauth4webapi'
import type { ClockDep, FetchDep } from '../deps.ts'
import { describeFailure, toClientAuth, toRequestOptions, toServer } from './call.ts'
import { describeRefusal, readRefusal, toTokenSet } from './token-answer.ts'
import { PROVIDER_TIMEOUT_MS, type ProviderCall, type TokenSet } from './types.ts'

/**
 * How a refresh ended.
 *
 * - `grant_rejected`: the provider calls the grant dead. It may be wrong, and so may we when another
 *   process has refreshed meanwhile: confirm before telling anybody.
 * - `client_misconfigured`: an alarm for the operator, never the end of a connection.
 * - `transient`: try again later. The answer may have been lost on the way: the provider may have
 *   rotated the refresh token already.
 */
export type RefreshOutcome =
  | { readonly type: 'refreshed'; readonly tokenSet: TokenSet }
  | { readonly type: 'grant_rejected'; readonly detail: string }
  | { readonly type: 'client_misconfigured'; readonly detail: string }
  | { readonly type: 'transient'; readonly detail: string }

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
  const signal = AbortSignal.timeout(options.timeoutMs ?? PROVIDER_TIMEOUT_MS)
  try {
    const response = await oauth.refreshTokenGrantRequest(
      server,
      client,
      toClientAuth(provider, credentials),
      tokenSet.refreshToken,
      {
        ...toRequestOptions(deps, { what, signal }, endpoint),
        additionalParameters: { ...provider.token.refreshParameters },
      },
    )
    if (response.status === 200) {
      const answer = await oauth.processRefreshTokenResponse(server, client, response)
      const refreshed = toTokenSet(provider, answer, deps.clock.nowMs(), tokenSet)
      return { type: 'refreshed', tokenSet: refreshed }
    }
    const refusal = await readRefusal(provider, response)
    const detail = describeRefusal(provider, refusal)
    switch (refusal.kind) {
      case 'dead':
        return { type: 'grant_rejected', detail }
      case 'config':
        return { type: 'client_misconfigured', detail }
      case 'transient':
        return { type: 'transient', detail }
    }
  } catch (error) {
    return { type: 'transient', detail: describeFailure(what, error) }
  }
}
