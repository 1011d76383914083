/** Turns a grant of a provider that ends into one of its successor, without the person. */
import * as oauth from 'oauth4webapi'
import type { ClockDep, FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { Provider } from '../providers/provider.ts'
import type { ProviderRequest } from '../providers/request.ts'
import { callApi, describeFailure, toServer } from './call.ts'
import { requestAccount, requestScopes } from './read-grant.ts'
import { describeRefusal, readRefusal, splitScopes, toTokenSet } from './token-answer.ts'
import { toStandardAnswer } from './token-call.ts'
import { type ClientCredentials, PROVIDER_TIMEOUT_MS, type TokenSet } from './types.ts'

/** How an exchange ended. Whatever it was, the old tokens still work. */
export type GrantExchange =
  | {
      readonly type: 'exchanged'
      readonly tokenSet: TokenSet
      readonly providerAccountId: string
      readonly scopes: readonly string[]
    }
  /** The provider does not take the old token, or the app has not been converted. */
  | { readonly type: 'refused'; readonly detail: string }
  | {
      readonly type: 'transient'
      readonly detail: string
      readonly retryAfterMs: number | null
    }

interface Side {
  readonly provider: Provider
  readonly credentials: ClientCredentials
}

/** Answers that say no; all others are waited out. */
const REFUSALS: readonly number[] = [400, 401, 403, 404, 409]

/**
 * Makes the exchange, and asks the successor whose grant it has become.
 *
 * @returns `exchanged` only with tokens that have worked once.
 */
export async function exchangeGrant(
  deps: FetchDep & ClockDep,
  exchange: {
    readonly from: Side & { readonly tokenSet: TokenSet }
    readonly to: Side
    readonly request: ProviderRequest
    /** The account of the old grant; taken over where only a login tells the successor's. */
    readonly providerAccountId: string
    readonly scopes: readonly string[]
  },
): Promise<GrantExchange> {
  const { from, to } = exchange
  const what = `token exchange of ${from.provider.resource}`
  const context = { what, signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS) }
  let tokenSet: TokenSet
  let scope: string | undefined
  try {
    const response = await callApi(deps, context, exchange.request, from)
    if (REFUSALS.includes(response.status)) {
      return { type: 'refused', detail: `${what} answered ${response.status}` }
    }
    const standard = await toStandardAnswer(to.provider, response, undefined)
    if (standard.status !== 200) {
      const refusal = await readRefusal(to.provider, standard)
      const detail = describeRefusal(from.provider, refusal)
      return { type: 'transient', detail, retryAfterMs: refusal.retryAfterMs }
    }
    const client = { client_id: to.credentials.clientId }
    const answer = await oauth.processRefreshTokenResponse(toServer(to.provider), client, standard)
    tokenSet = toTokenSet(to.provider, answer, deps.clock.nowMs())
    scope = answer.scope
  } catch (error) {
    return { type: 'transient', detail: describeFailure(what, error), retryAfterMs: null }
  }
  try {
    const call = { ...to, tokenSet }
    const { identity, scopes } = to.provider
    const accountId =
      identity.from === 'request'
        ? (await requestAccount(deps, call, identity)).providerAccountId
        : exchange.providerAccountId
    const granted =
      scopes.granted.from === 'request'
        ? await requestScopes(deps, call, scopes.granted)
        : scope === undefined
          ? exchange.scopes
          : splitScopes(to.provider, scope)
    return { type: 'exchanged', tokenSet, providerAccountId: accountId, scopes: granted }
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    // The new grant is the account's, as the old one is: giving it back would end both, so it is left.
    return { type: 'transient', detail: error.message, retryAfterMs: null }
  }
}
