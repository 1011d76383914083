/**
 * One guarded HTTP call to a provider: redirects are not followed, the body is bounded, the deadline
 * covers the body too, and a failure says what happened without quoting anything the provider sent.
 */
import * as oauth from 'oauth4webapi'
import type { FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { Provider, ProviderRequest } from '../providers/provider.ts'
import { type ClientCredentials, PROVIDER_BODY_BYTES_MAX, type TokenSet } from './types.ts'

/** Statuses that may not carry a body (Fetch standard, "null body status"). */
const NULL_BODY_STATUSES = new Set([204, 205, 304])

/** What a guarded call needs beside its request. */
export interface CallContext {
  /** What is called, for people: `token endpoint of FITBIT`. */
  readonly what: string
  /** Ends the call, body included. */
  readonly signal: AbortSignal
}

/**
 * Makes the call.
 *
 * @returns The answer with its body already read; of its headers only `content-type` and `retry-after` are left.
 * @throws FirmaError `provider_unavailable` when there is no usable answer: no connection, deadline
 *   passed, a redirect, or more than {@link PROVIDER_BODY_BYTES_MAX} bytes.
 */
export async function callProvider(
  deps: FetchDep,
  context: CallContext,
  url: string,
  init: RequestInit,
): Promise<Response> {
  try {
    const response = await deps.fetch(url, {
      ...init,
      redirect: 'manual',
      signal: context.signal,
    })
    const { status } = response
    if (status < 200 || (status >= 300 && status < 400)) {
      await response.body?.cancel()
      throw unavailable(context, `answered with a redirect (${status}), which is not followed`)
    }
    const body = await readBounded(context, response)
    // No others are passed on: a WWW-Authenticate header would hide the error body.
    const headers = new Headers()
    for (const name of ['content-type', 'retry-after']) {
      const value = response.headers.get(name)
      if (value !== null) headers.set(name, value)
    }
    return new Response(NULL_BODY_STATUSES.has(status) ? null : body, { status, headers })
  } catch (error) {
    if (error instanceof FirmaError) throw error
    if (context.signal.aborted) throw unavailable(context, 'did not answer in time', error)
    throw unavailable(context, `could not be reached${describeCause(error)}`, error)
  }
}

/** Sends a described request with the access token where the provider wants it. */
export async function callApi(
  deps: FetchDep,
  context: CallContext,
  request: ProviderRequest,
  values: {
    tokenSet: TokenSet
    credentials: ClientCredentials
    providerAccountId?: string | undefined
  },
): Promise<Response> {
  const { accessToken } = values.tokenSet
  const url = new URL(
    request.url
      .replaceAll('{providerAccountId}', encodeURIComponent(values.providerAccountId ?? ''))
      .replaceAll('{clientId}', encodeURIComponent(values.credentials.clientId)),
  )
  const headers: Record<string, string> = { accept: 'application/json' }
  let body: URLSearchParams | undefined
  switch (request.token.in) {
    case 'bearer':
      headers['authorization'] = `Bearer ${accessToken}`
      break
    case 'query':
      url.searchParams.set(request.token.name, accessToken)
      break
    case 'form':
      body = new URLSearchParams({ [request.token.name]: accessToken })
      break
  }
  return await callProvider(deps, context, url.href, {
    method: request.method,
    headers,
    ...(body === undefined ? {} : { body }),
  })
}

/**
 * The parsed body of an answer.
 *
 * @returns Undefined when it is not JSON, or does not say that it is (an error page, for example).
 */
export async function readJson(response: Response): Promise<unknown> {
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(response.headers.get('content-type') ?? '')) {
    return undefined
  }
  try {
    return await response.clone().json()
  } catch {
    // Not JSON after all, which the caller treats as no usable answer.
    return undefined
  }
}

/** The provider in the terms of oauth4webapi. */
export function toServer(provider: Provider): oauth.AuthorizationServer {
  const { authorization, token, revocation } = provider
  return {
    // The library wants an issuer even where the provider has none; then `iss` is removed before it looks.
    issuer: authorization.issuer ?? new URL(authorization.url).origin,
    authorization_response_iss_parameter_supported: authorization.issuer !== undefined,
    token_endpoint: token.url,
    ...(revocation.kind === 'rfc7009' ? { revocation_endpoint: revocation.url } : {}),
  }
}

/** How the app proves itself at the token and revocation endpoints (RFC 6749, section 2.3.1). */
export function toClientAuth(provider: Provider, credentials: ClientCredentials): oauth.ClientAuth {
  switch (provider.token.clientAuthentication) {
    case 'basic':
      return oauth.ClientSecretBasic(credentials.clientSecret)
    case 'body':
      return oauth.ClientSecretPost(credentials.clientSecret)
  }
}

/** Options that make oauth4webapi call through {@link callProvider}. */
export function toRequestOptions(deps: FetchDep, context: CallContext, endpoint: string) {
  return {
    [oauth.customFetch]: async (url: string, init: RequestInit) =>
      await callProvider(deps, context, url, init),
    // Only the configured address decides: an environment that points at simulated providers uses http.
    [oauth.allowInsecureRequests]: new URL(endpoint).protocol === 'http:',
  }
}

/** The sentence for an outcome's `detail`; of foreign errors only that they happened. */
export function describeFailure(what: string, error: unknown): string {
  return error instanceof FirmaError ? error.message : `${what} gave an answer that is not usable`
}

async function readBounded(
  context: CallContext,
  response: Response,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  if (response.body !== null) {
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      bytes += value.byteLength
      if (bytes > PROVIDER_BODY_BYTES_MAX) {
        await reader.cancel()
        throw unavailable(context, `sent more than ${PROVIDER_BODY_BYTES_MAX} bytes`)
      }
      chunks.push(value)
    }
  }
  const body = new Uint8Array(bytes)
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.byteLength
  }
  return body
}

function unavailable(context: CallContext, what: string, cause?: unknown): FirmaError {
  return new FirmaError('provider_unavailable', `${context.what} ${what}`, { cause })
}

/** Failures before the first byte of a request has left. */
const UNSENT_CODES = new Set([
  'ECONNREFUSED',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Whether a call that threw is known never to have reached the provider. */
export function isUnsent(error: unknown): boolean {
  if (UNSENT_CODES.has(codeOf(error))) return true
  return error instanceof Error && isUnsent(error.cause)
}

/** A system error code such as ECONNREFUSED; nothing else of a foreign error is safe to repeat. */
function describeCause(error: unknown): string {
  const code = codeOf(error instanceof Error ? error.cause : undefined)
  return code === '' ? '' : ` (${code})`
}

function codeOf(error: unknown): string {
  const code: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(code) ? code : ''
}
