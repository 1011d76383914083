import { createHash } from 'node:crypto'
import type { RandomDep } from '../deps.ts'
import type { Provider } from '../providers/provider.ts'
import type { ClientCredentials } from './types.ts'

/** Random bytes of a code verifier; 43 characters, the least that RFC 7636, section 4.1 allows. */
const VERIFIER_BYTES = 32

/** What {@link createAuthorization} makes. */
export interface Authorization {
  /** Where to send the browser. Holds `state`: not for logs. */
  readonly url: URL
  /** Needed for the exchange; store it encrypted. Absent where the provider refuses PKCE. */
  readonly codeVerifier?: string
}

/**
 * The authorization request (RFC 6749, section 4.1.1, with PKCE S256 as RFC 9700, section 2.1.1 asks).
 *
 * @param options `redirectUri` must be registered with the provider; `state` is the caller's, with at
 *   least 128 random bits.
 */
export function createAuthorization(
  deps: RandomDep,
  options: {
    provider: Provider
    credentials: Pick<ClientCredentials, 'clientId'>
    redirectUri: string
    state: string
  },
): Authorization {
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
  if (authorization.scopes.length > 0) {
    parameters.set('scope', authorization.scopes.join(authorization.scopeSeparator))
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
