/** Connecting by OAuth 1.0a: request token, login, access token (RFC 5849, section 2). */
import type { ClockDep, FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { Provider } from '../providers/provider.ts'
import { type CallContext, callProvider } from './call.ts'
import { signRequest } from './oauth1-signature.ts'
import { PROVIDER_TIMEOUT_MS, type ProviderCall } from './types.ts'

/** A token with its secret. */
export interface Token {
  readonly token: string
  readonly secret: string
}

/** What {@link requestAccessToken} brings back. */
export type AccessTokenOutcome =
  | {
      readonly type: 'granted'
      readonly answer: Readonly<Record<string, string>>
      readonly token: Token
    }
  | { readonly type: 'refused'; readonly status: number }

type Deps = FetchDep & ClockDep

/**
 * Fetches a request token for one login (section 2.1).
 *
 * @param callbackUrl Comes back with `oauth_token` and `oauth_verifier` added.
 * @throws FirmaError `provider_unavailable` without a usable answer.
 */
export async function requestTemporaryToken(
  deps: Deps,
  call: ProviderCall,
  callbackUrl: string,
): Promise<Token> {
  const context = toContext(call, 'request token endpoint')
  const url = call.provider.token.requestTokenUrl ?? ''
  const parameters = { oauth_callback: callbackUrl }
  const response = await post(deps, context, { call, url, parameters })
  const answer = response.ok ? await readAnswer(response) : undefined
  if (answer?.['oauth_callback_confirmed'] === 'true') {
    const token = toToken(answer)
    if (token !== undefined) return token
  }
  throw new FirmaError(
    'provider_unavailable',
    `${context.what} answered ${response.status} without a confirmed request token`,
  )
}

/** Where a request token sends the browser (section 2.2). */
export function toLoginUrl(provider: Provider, token: Token): URL {
  const url = new URL(provider.authorization.url)
  url.searchParams.set('oauth_token', token.token)
  return url
}

/** Exchanges the request token (section 2.3). @throws FirmaError `provider_unavailable` without an answer. */
export async function requestAccessToken(
  deps: Deps,
  call: ProviderCall,
  grant: { readonly requestToken: Token; readonly verifier: string },
): Promise<AccessTokenOutcome> {
  const context = toContext(call, 'token endpoint')
  const { url } = call.provider.token
  const parameters = { oauth_verifier: grant.verifier }
  const response = await post(deps, context, { call, url, parameters, token: grant.requestToken })
  if (response.status >= 400 && response.status < 500 && response.status !== 429) {
    return { type: 'refused', status: response.status }
  }
  const answer = response.ok ? await readAnswer(response) : {}
  const token = toToken(answer)
  if (token !== undefined) return { type: 'granted', answer, token }
  throw new FirmaError(
    'provider_unavailable',
    `${context.what} answered ${response.status} without a token`,
  )
}

async function post(
  deps: Deps,
  context: CallContext,
  request: { call: ProviderCall; url: string; parameters: Record<string, string>; token?: Token },
): Promise<Response> {
  const { call, url, parameters, token } = request
  const authorization = signRequest(deps, {
    credentials: call.credentials,
    method: 'POST',
    url: new URL(url),
    parameters,
    ...(token === undefined ? {} : { token }),
  })
  return await callProvider(deps, context, url, { method: 'POST', headers: { authorization } })
}

async function readAnswer(response: Response): Promise<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(await response.text()))
}

function toToken(answer: Readonly<Record<string, string>>): Token | undefined {
  const { oauth_token: token = '', oauth_token_secret: secret } = answer
  return token === '' || secret === undefined ? undefined : { token, secret }
}

function toContext(call: ProviderCall, what: string): CallContext {
  return {
    what: `${what} of ${call.provider.resource}`,
    signal: AbortSignal.timeout(call.timeoutMs ?? PROVIDER_TIMEOUT_MS),
  }
}
