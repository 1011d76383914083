import * as oauth from 'oauth4webapi'
import type { ClockDep, FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { findField } from '../providers/json-path.ts'
import type { Provider } from '../providers/provider.ts'
import { describeFailure, toClientAuth, toRequestOptions, toServer } from './call.ts'
import { type GrantCall, requestAccountId, requestScopes, toAccountId } from './read-grant.ts'
import {
  describeRefusal,
  readRefusal,
  sanitizeCode,
  splitScopes,
  toTokenSet,
} from './token-answer.ts'
import { PROVIDER_TIMEOUT_MS, type ProviderCall, type TokenSet } from './types.ts'

/**
 * How an exchange ended. Nothing in it but `tokenSet` is secret.
 *
 * - `refused`: the person or the provider said no. `reason` is `access_denied`, another OAuth error
 *   code, or one of ours: `state_mismatch`, `issuer_mismatch`, `code_missing`, `callback_malformed`.
 * - `scopes_missing`: granted, but without scopes that a connection needs; revoke `tokenSet`.
 * - `provider_unavailable`: nothing is known. With a `tokenSet` the code had already been exchanged
 *   when a later request failed; revoke it.
 * - `client_misconfigured`: the operator's credentials or settings at the provider are wrong.
 */
export type ExchangeOutcome =
  | {
      readonly type: 'granted'
      readonly tokenSet: TokenSet
      readonly providerAccountId: string
      readonly scopes: string[]
    }
  | { readonly type: 'refused'; readonly reason: string }
  | {
      readonly type: 'scopes_missing'
      readonly missing: string[]
      readonly tokenSet: TokenSet
      /** Absent when it could not be learnt without the missing scopes. */
      readonly providerAccountId?: string
    }
  | {
      readonly type: 'provider_unavailable'
      readonly detail: string
      readonly tokenSet?: TokenSet
      /** Absent when the failure came before it was learnt. */
      readonly providerAccountId?: string
    }
  | { readonly type: 'client_misconfigured'; readonly detail: string }

/** What {@link exchangeCode} works on. */
export interface ExchangeOptions extends ProviderCall {
  /** The same as in the authorization request. */
  readonly redirectUri: string
  /** Query of the callback. */
  readonly parameters: URLSearchParams
  /** The `state` of the authorization request, already consumed by the caller. */
  readonly state: string
  /** From the authorization request; absent only where the provider refuses PKCE. */
  readonly codeVerifier?: string | undefined
}

type Deps = FetchDep & ClockDep

/** The token answer together with the requests that follow it. */
interface Granted {
  readonly answer: oauth.TokenEndpointResponse
  readonly tokenSet: TokenSet
  readonly options: ExchangeOptions
  readonly signal: AbortSignal
}

/**
 * Turns the callback's parameters into a token set, the account's id and the granted scopes
 * (RFC 6749, section 4.1.3; RFC 9207 where the provider has an issuer).
 *
 * All requests together take at most `timeoutMs`. Expected outcomes are data; it throws only on bugs.
 */
export async function exchangeCode(deps: Deps, options: ExchangeOptions): Promise<ExchangeOutcome> {
  const validated = validateCallback(options)
  if (!(validated instanceof URLSearchParams)) return validated
  const signal = AbortSignal.timeout(options.timeoutMs ?? PROVIDER_TIMEOUT_MS)
  const what = `token endpoint of ${options.provider.resource}`
  let granted: Granted
  try {
    const exchanged = await requestTokens(deps, options, validated, { what, signal })
    if ('type' in exchanged) return exchanged
    const tokenSet = toTokenSet(options.provider, exchanged.answer, deps.clock.nowMs())
    granted = { answer: exchanged.answer, tokenSet, options, signal }
  } catch (error) {
    return { type: 'provider_unavailable', detail: describeFailure(what, error) }
  }
  return await describeGrant(deps, granted)
}

/** The callback's parameters, checked, or the outcome they already decide. */
function validateCallback(options: ExchangeOptions): URLSearchParams | ExchangeOutcome {
  const { provider, credentials, state } = options
  const parameters = new URLSearchParams(options.parameters)
  // Without an issuer to compare with, RFC 9207, section 2.4 has nothing to check.
  if (provider.authorization.issuer === undefined) parameters.delete('iss')
  const client = { client_id: credentials.clientId }
  try {
    const validated = oauth.validateAuthResponse(toServer(provider), client, parameters, state)
    const isComplete =
      validated.getAll('code').join() !== '' && validated.getAll('code').length === 1
    return isComplete ? validated : { type: 'refused', reason: 'code_missing' }
  } catch (error) {
    if (error instanceof oauth.AuthorizationResponseError) {
      return { type: 'refused', reason: sanitizeCode(error.error) }
    }
    return { type: 'refused', reason: findMismatch(provider, parameters, state) }
  }
}

function findMismatch(provider: Provider, parameters: URLSearchParams, state: string): string {
  const { issuer } = provider.authorization
  if (parameters.getAll('state').join() !== state) return 'state_mismatch'
  const isForeign = issuer !== undefined && parameters.getAll('iss').join() !== issuer
  return isForeign ? 'issuer_mismatch' : 'callback_malformed'
}

async function requestTokens(
  deps: Deps,
  options: ExchangeOptions,
  callback: URLSearchParams,
  context: { what: string; signal: AbortSignal },
): Promise<ExchangeOutcome | { answer: oauth.TokenEndpointResponse }> {
  const { provider, credentials } = options
  const server = toServer(provider)
  const client = { client_id: credentials.clientId }
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    toClientAuth(provider, credentials),
    callback,
    options.redirectUri,
    options.codeVerifier ?? oauth.nopkce,
    toRequestOptions(deps, context, provider.token.url),
  )
  if (response.status === 200) {
    return { answer: await oauth.processAuthorizationCodeResponse(server, client, response) }
  }
  const refusal = await readRefusal(provider, response)
  const detail = describeRefusal(provider, refusal)
  switch (refusal.kind) {
    case 'config':
      return { type: 'client_misconfigured', detail }
    case 'dead':
      return { type: 'refused', reason: refusal.code }
    case 'transient':
      return { type: 'provider_unavailable', detail }
  }
}

/** Learns scopes and account, scopes first: without them the account's id may not be readable. */
async function describeGrant(deps: Deps, granted: Granted): Promise<ExchangeOutcome> {
  const { tokenSet, options } = granted
  try {
    const scopes = await findScopes(deps, granted)
    const missing = options.provider.scopes.required.filter((scope) => !scopes.includes(scope))
    if (missing.length > 0) {
      return { type: 'scopes_missing', missing, tokenSet, ...(await tryAccountId(deps, granted)) }
    }
    const providerAccountId = await findAccountId(deps, granted)
    return { type: 'granted', tokenSet, providerAccountId, scopes }
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    // The token answer tells without another call to a provider that is in trouble.
    const isAtHand = options.provider.identity.from === 'token_response'
    const account = isAtHand ? await tryAccountId(deps, granted) : {}
    return { type: 'provider_unavailable', detail: error.message, tokenSet, ...account }
  }
}

/** Whose grant has to be given back, where that can be learnt. */
async function tryAccountId(deps: Deps, granted: Granted): Promise<{ providerAccountId?: string }> {
  try {
    return { providerAccountId: await findAccountId(deps, granted) }
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    return {}
  }
}

async function findScopes(deps: Deps, granted: Granted): Promise<string[]> {
  const { provider, parameters } = granted.options
  const source = provider.scopes.granted
  switch (source.from) {
    case 'token_response':
      return grantedScopes(provider, granted.answer.scope)
    case 'callback':
      return grantedScopes(provider, granted.answer.scope ?? parameters.get(source.parameter))
    case 'request':
      return await requestScopes(deps, toCall(granted), source, granted.signal)
  }
}

async function findAccountId(deps: Deps, granted: Granted): Promise<string> {
  const { provider } = granted.options
  const source = provider.identity
  switch (source.from) {
    case 'token_response':
      return toAccountId(
        findField(granted.answer, source.field),
        `token answer of ${provider.resource}`,
      )
    case 'request':
      return await requestAccountId(deps, toCall(granted), source, granted.signal)
  }
}

function toCall({ options, tokenSet }: Granted): GrantCall {
  const { provider, credentials } = options
  return { provider, credentials, tokenSet }
}

/** RFC 6749, section 5.1: an answer that does not mention the scopes grants what was asked for. */
function grantedScopes(provider: Provider, scope: string | null | undefined): string[] {
  return typeof scope === 'string'
    ? splitScopes(provider, scope)
    : [...provider.authorization.scopes]
}
