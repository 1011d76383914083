import { createHash } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import type { ClockDep, FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { findField } from '../providers/json-path.ts'
import type { Provider } from '../providers/provider.ts'
import { callApi, describeFailure, toClientAuth, toServer } from './call.ts'
import { type Token, requestAccessToken } from './oauth1.ts'
import {
  type AccountFacts,
  type GrantCall,
  requestAccount,
  requestScopes,
  toAccountId,
} from './read-grant.ts'
import {
  describeRefusal,
  readRefusal,
  sanitizeCode,
  splitScopes,
  toTokenSet,
} from './token-answer.ts'
import { ID_TOKEN_MEMBER, toTokenRequestOptions } from './token-call.ts'
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
      /** What people know the account by, masked; null where the provider does not say. */
      readonly accountLabel: string | null
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
  /** Members of the token answer, by the names of RFC 6749 where it has them. */
  readonly answer: Readonly<Record<string, unknown>>
  readonly tokenSet: TokenSet
  readonly options: ExchangeOptions
  readonly signal: AbortSignal
}

/**
 * Turns the callback's parameters into a token set, the account's id and the granted scopes
 * (RFC 6749, section 4.1.3; RFC 9207 where the provider has an issuer; RFC 5849, section 2.3).
 *
 * All requests together take at most `timeoutMs`. Expected outcomes are data; it throws only on bugs.
 */
export async function exchangeCode(deps: Deps, options: ExchangeOptions): Promise<ExchangeOutcome> {
  const signal = AbortSignal.timeout(options.timeoutMs ?? PROVIDER_TIMEOUT_MS)
  const what = `token endpoint of ${options.provider.resource}`
  let granted: ExchangeOutcome | Granted
  try {
    granted = await requestGrant(deps, options, { what, signal })
  } catch (error) {
    return { type: 'provider_unavailable', detail: describeFailure(what, error) }
  }
  return 'type' in granted ? granted : await describeGrant(deps, granted)
}

async function requestGrant(
  deps: Deps,
  options: ExchangeOptions,
  context: { what: string; signal: AbortSignal },
): Promise<ExchangeOutcome | Granted> {
  const { signal } = context
  switch (options.provider.protocol) {
    case 'oauth1':
      return await redeemVerifier(deps, options, signal)
    case 'oauth2': {
      const validated = validateCallback(options)
      if (!(validated instanceof URLSearchParams)) return validated
      const exchanged = await requestTokens(deps, options, validated, context)
      if ('type' in exchanged) return exchanged
      const tokenSet = toTokenSet(options.provider, exchanged.answer, deps.clock.nowMs())
      return { answer: exchanged.answer, tokenSet, options, signal }
    }
  }
}

/** OAuth 1.0a: the callback must bring back the request token of this very login. */
async function redeemVerifier(
  deps: Deps,
  options: ExchangeOptions,
  signal: AbortSignal,
): Promise<ExchangeOutcome | Granted> {
  const { parameters, codeVerifier } = options
  if (parameters.getAll('state').join() !== options.state || codeVerifier === undefined) {
    return { type: 'refused', reason: 'state_mismatch' }
  }
  const verifier = parameters.get('oauth_verifier') ?? ''
  // Garmin says `null`; others come back without one.
  if (verifier === '' || verifier === 'null') return { type: 'refused', reason: 'access_denied' }
  // Written by `createAuthorization`.
  const requestToken = JSON.parse(codeVerifier) as Token
  if (parameters.get('oauth_token') !== requestToken.token) {
    return { type: 'refused', reason: 'state_mismatch' }
  }
  const outcome = await requestAccessToken(deps, options, { requestToken, verifier })
  if (outcome.type === 'refused') return { type: 'refused', reason: 'invalid_grant' }
  const { token, answer } = outcome
  const tokenSet: TokenSet = {
    accessToken: token.token,
    tokenSecret: token.secret,
    tokenType: 'oauth1',
    obtainedAtMs: deps.clock.nowMs(),
  }
  return { answer, tokenSet, options, signal }
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
    toTokenRequestOptions(deps, context, provider, { endpoint: provider.token.url }),
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
    const account = await findAccount(deps, granted)
    await register(deps, granted, account.providerAccountId)
    return { type: 'granted', tokenSet, ...account, scopes }
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    // The token answer tells without another call to a provider that is in trouble.
    const isAtHand = options.provider.identity.from !== 'request'
    const account = isAtHand ? await tryAccountId(deps, granted) : {}
    return { type: 'provider_unavailable', detail: error.message, tokenSet, ...account }
  }
}

/** Whose grant has to be given back, where that can be learnt. */
async function tryAccountId(deps: Deps, granted: Granted): Promise<{ providerAccountId?: string }> {
  try {
    const { providerAccountId } = await findAccount(deps, granted)
    return { providerAccountId }
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    return {}
  }
}

/** What a provider wants to be told before it hands out data. @throws FirmaError when it refuses. */
async function register(deps: Deps, granted: Granted, providerAccountId: string): Promise<void> {
  const { provider } = granted.options
  if (provider.registration === undefined) return
  const { request, doneStatuses } = provider.registration
  const what = `registration at ${provider.resource}`
  const context = { what, signal: granted.signal }
  // Unique within the app, and the same when the person comes again.
  const memberId = createHash('sha256')
    .update(`${provider.resource}:${providerAccountId}`)
    .digest('hex')
  const values = { ...toCall(granted), providerAccountId, placeholders: { memberId } }
  const { ok, status } = await callApi(deps, context, request, values)
  if (ok || doneStatuses.includes(status)) return
  throw new FirmaError('provider_unavailable', `${what} was answered with ${status}`)
}

async function findScopes(deps: Deps, granted: Granted): Promise<string[]> {
  const { provider, parameters } = granted.options
  const source = provider.scopes.granted
  const { scope } = granted.answer
  switch (source.from) {
    case 'token_response':
      return toScopes(provider, scope)
    case 'callback':
      return toScopes(provider, scope ?? parameters.get(source.parameter))
    case 'request':
      return await requestScopes(deps, toCall(granted), source, granted.signal)
  }
}

async function findAccount(deps: Deps, granted: Granted): Promise<AccountFacts> {
  const { provider } = granted.options
  const source = provider.identity
  const what = `token answer of ${provider.resource}`
  switch (source.from) {
    case 'token_response': {
      const id = toAccountId(findField(granted.answer, source.field), what)
      const providerAccountId = source.isSecret ? createHash('sha256').update(id).digest('hex') : id
      return { providerAccountId, accountLabel: null }
    }
    case 'token_claim': {
      const member = source.member === 'id_token' ? ID_TOKEN_MEMBER : source.member
      const id = toAccountId(readClaim(granted.answer[member], source.claim), what)
      return { providerAccountId: id, accountLabel: null }
    }
    case 'request':
      return await requestAccount(deps, toCall(granted), source, granted.signal)
  }
}

/** A claim of a JWT that came straight from the token endpoint (OpenID Connect Core, section 3.1.3.7, 6). */
function readClaim(jwt: unknown, claim: string): unknown {
  if (typeof jwt !== 'string') return undefined
  try {
    const payload = Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()
    return findField(JSON.parse(payload), claim)
  } catch {
    // Not a JWT: no id, which the caller reports.
    return undefined
  }
}

function toCall({ options, tokenSet }: Granted): GrantCall {
  const { provider, credentials } = options
  return { provider, credentials, tokenSet }
}

/** RFC 6749, section 5.1: an answer that does not mention the scopes grants what was asked for. */
function toScopes(provider: Provider, scope: unknown): string[] {
  return typeof scope === 'string'
    ? splitScopes(provider, scope)
    : [...provider.authorization.scopes]
}
