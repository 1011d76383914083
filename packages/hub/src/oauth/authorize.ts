import { createHash } from 'node:crypto'
import type { ClockDep, FetchDep, RandomDep } from '../deps.ts'
import { requestTemporaryToken, toLoginUrl } from './oauth1.ts'
import type { ProviderCall } from './types.ts'

/** Random bytes of a code verifier; 43 characters, the least that RFC 7636, section 4.1 allows. */
const VERIFIER_BYTES = 32

/** What {@link createAuthorization} makes. */
export interface Authorization {
  /** Where to send the browser. Holds `state`: not for logs. */
  readonly url: URL
  /**
   * Needed for the exchange; store it encrypted. The PKCE verifier, or the request token of OAuth 1.0a.
   * Absent where the provider refuses PKCE.
   */
  readonly codeVerifier?: string
}

/** What {@link createAuthorization} works on. */
export interface AuthorizationOptions extends ProviderCall {
  /** Registered with the provider. */
  readonly redirectUri: string
  /** The caller's, with at least 128 random bits. */
  readonly state: string
  /** What this connection has granted before, where the provider must not be asked for it again. */
  readonly grantedScopes?: readonly string[]
}

/**
 * Begins an authorization: RFC 6749, section 4.1.1, with PKCE S256 as RFC 9700, section 2.1.1 asks; or
 * RFC 5849, section 2.1, which asks the provider for a request token first.
 *
 * @throws FirmaError `provider_unavailable` when there is no request token to be had.
 */
export async function createAuthorization(
  deps: RandomDep & FetchDep & ClockDep,
  options: AuthorizationOptions,
): Promise<Authorization> {
  switch (options.provider.protocol) {
    case 'oauth2':
      return createCodeRequest(deps, options)
    case 'oauth1': {
      // OAuth 1.0a has no state of its own, so it travels in the callback.
      const callback = new URL(options.redirectUri)
      callback.searchParams.set('state', options.state)
      const token = await requestTemporaryToken(deps, options, callback.href)
      return { url: toLoginUrl(options.provider, token), codeVerifier: JSON.stringify(token) }
    }
  }
}

function createCodeRequest(deps: RandomDep, options: AuthorizationOptions): Authorization {
  const { authorization } = options.provider
  const url = new URL(authorization.url)
  const parameters = url.searchParams
  for (const [name, value] of Object.entries(authorization.extraParameters)) {
    parameters.set(name, value)
  }
  parameters.set('response_type', 'code')
  parameters.set('client_id', options.credentials.clientId)
  parameters.set('redirect_uri', options.redirectUri)
  parameters.set('state', options.state)
  const scopes = scopesToAsk(options)
  if (scopes.length > 0) {
    parameters.set(authorization.scopeParameter, scopes.join(authorization.scopeSeparator))
  }
  switch (authorization.pkce) {
    case 'refused':
      return { url }
    case 'S256': {
      const codeVerifier = Buffer.from(deps.random.bytes(VERIFIER_BYTES)).toString('base64url')
      parameters.set(
        'code_challenge',
        createHash('sha256').update(codeVerifier).digest('base64url'),
      )
      parameters.set('code_challenge_method', 'S256')
      return { url, codeVerifier }
    }
  }
}

function scopesToAsk({ provider, grantedScopes = [] }: AuthorizationOptions): readonly string[] {
  const { scopes, grantedScopes: rule } = provider.authorization
  return rule === 'ask_all' ? scopes : scopes.filter((scope) => !grantedScopes.includes(scope))
}
