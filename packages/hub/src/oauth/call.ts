/**
 * One guarded HTTP call to a provider: redirects are not followed, the body is bounded, the deadline
 * covers the body too, and a failure says what happened without quoting anything the provider sent.
 */
import { createHmac } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import {
  type ClockDep,
  type FetchDep,
  WHOLE_BODY,
  type WholeBodyInit,
  type WholeBodyResponse,
} from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { findField } from '../providers/json-path.ts'
import type { Provider } from '../providers/provider.ts'
import type { Marker, ProviderRequest } from '../providers/request.ts'
import { type TemplateValues, fillTemplate, fillTemplates } from '../providers/template.ts'
import { signRequest } from './oauth1-signature.ts'
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
    const whole: WholeBodyInit = {
      ...init,
      redirect: 'manual',
      signal: context.signal,
      [WHOLE_BODY]: PROVIDER_BODY_BYTES_MAX,
    }
    const response: WholeBodyResponse = await deps.fetch(url, whole)
    const { status } = response
    if (status < 200 || (status >= 300 && status < 400)) {
      await response.body?.cancel()
      throw unavailable(context, `answered with a redirect (${status}), which is not followed`)
    }
    const read = response[WHOLE_BODY]
    if (read !== undefined) {
      if (read.byteLength > PROVIDER_BODY_BYTES_MAX) throw tooLarge(context)
      return response
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

/** What a described request is filled in with. */
export interface ApiValues {
  readonly provider: Provider
  readonly credentials: ClientCredentials
  readonly tokenSet: TokenSet
  readonly providerAccountId?: string | undefined
  /** Further placeholders by name. */
  readonly placeholders?: TemplateValues
}

/**
 * Sends a described request with the access token where the provider wants it.
 *
 * @returns Where the provider says no inside a 200, the answer has the status that its body names, or 400.
 */
export async function callApi(
  deps: FetchDep & ClockDep,
  context: CallContext,
  request: ProviderRequest,
  values: ApiValues,
): Promise<Response> {
  const { prepare } = request
  if (prepare === undefined) return await sendRequest(deps, context, request, values)
  const first = await sendRequest(deps, context, prepare, values)
  if (!first.ok) return first
  const json = await readJson(first, 'any')
  const read = Object.entries(prepare.read).map(([name, path]) => {
    const value = findField(json, path)
    return [name, typeof value === 'string' ? value : undefined] as const
  })
  const placeholders = { ...values.placeholders, ...Object.fromEntries(read) }
  return await sendRequest(deps, context, request, { ...values, placeholders })
}

type PlainRequest = Omit<ProviderRequest, 'prepare'>

async function sendRequest(
  deps: FetchDep & ClockDep,
  context: CallContext,
  request: PlainRequest,
  values: ApiValues,
): Promise<Response> {
  const { provider, credentials, tokenSet } = values
  const filled = toTemplateValues(deps, values)
  const url = new URL(fillTemplate(request.url, filled, encodeURIComponent))
  const headers: Record<string, string> = {
    accept: 'application/json',
    ...fillTemplates({ ...provider.api.headers, ...request.headers }, filled),
  }
  const members = fillTemplates(request.form ?? request.json ?? {}, filled)
  if (request.sign !== undefined) {
    members[request.sign.member] = createHmac('sha256', credentials.clientSecret)
      .update(fillTemplate(request.sign.over, filled))
      .digest('hex')
  }
  const hasForm = request.form !== undefined || request.token.in === 'form'
  if (request.client === 'basic') headers['authorization'] = toBasic(credentials)
  switch (request.token.in) {
    case 'bearer':
      headers['authorization'] = `Bearer ${tokenSet.accessToken}`
      break
    case 'query':
      url.searchParams.set(request.token.name, tokenSet.accessToken)
      break
    case 'form':
      members[request.token.name] = tokenSet.accessToken
      break
    case 'signature':
      headers['authorization'] = signRequest(deps, {
        credentials,
        method: request.method,
        url,
        token: { token: tokenSet.accessToken, secret: tokenSet.tokenSecret ?? '' },
        form: request.form === undefined ? {} : members,
      })
      break
    case 'none':
  }
  const body = hasForm ? new URLSearchParams(members) : toJsonBody(request, members, headers)
  const init = { method: request.method, headers, ...(body === undefined ? {} : { body }) }
  return await applyMarker(request.success, await callProvider(deps, context, url.href, init))
}

/** Values of the placeholders that data may name. */
export function toTemplateValues(deps: ClockDep, values: ApiValues): TemplateValues {
  const { credentials, tokenSet } = values
  const secrets = Object.entries(credentials.secrets ?? {})
  return {
    clientId: credentials.clientId,
    clientSecret: credentials.clientSecret,
    providerAccountId: values.providerAccountId,
    refreshToken: tokenSet.refreshToken,
    timestamp: String(Math.floor(deps.clock.nowMs() / 1000)),
    ...Object.fromEntries(secrets.map(([name, value]) => [`secret.${name}`, value])),
    ...values.placeholders,
  }
}

function toJsonBody(
  request: PlainRequest,
  members: Record<string, string>,
  headers: Record<string, string>,
): string | undefined {
  if (request.json === undefined) return undefined
  headers['content-type'] = 'application/json'
  return JSON.stringify(members)
}

/** HTTP Basic with form-encoded halves (RFC 6749, section 2.3.1). */
function toBasic({ clientId, clientSecret }: ClientCredentials): string {
  const halves = [clientId, clientSecret].map((half) =>
    new URLSearchParams({ v: half }).toString().slice('v='.length),
  )
  return `Basic ${Buffer.from(halves.join(':')).toString('base64')}`
}

/** Whether a value at the marker's path is one of its values; undefined where the path leads nowhere. */
export function holdsMarker(marker: Marker, json: unknown): boolean | undefined {
  const value = findField(json, marker.path)
  if (value === undefined || value === null) return undefined
  return (
    (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') &&
    marker.values.includes(String(value))
  )
}

/** A refusal inside a 200 becomes one by its status, so that everybody reads it alike. */
export async function applyMarker(
  marker: Marker | undefined,
  response: Response,
): Promise<Response> {
  if (marker === undefined || !response.ok) return response
  const json = await readJson(response, 'any')
  if (holdsMarker(marker, json) !== false) return response
  const code = Number(findField(json, marker.path))
  const status = Number.isInteger(code) && code >= 400 && code <= 599 ? code : 400
  return new Response(await response.text(), { status, headers: response.headers })
}

/**
 * The parsed body of an answer.
 *
 * @param type `any` reads it whatever its content type says, for providers that say something else.
 * @returns Undefined when it is not JSON, or does not say that it is (an error page, for example).
 */
export async function readJson(
  response: WholeBodyResponse,
  type: 'json' | 'any' = 'json',
): Promise<unknown> {
  if (
    type === 'json' &&
    !/^application\/(?:[\w.-]+\+)?json\b/i.test(response.headers.get('content-type') ?? '')
  ) {
    return undefined
  }
  try {
    const read = response[WHOLE_BODY]
    return read === undefined
      ? await response.clone().json()
      : (JSON.parse(new TextDecoder().decode(read)) as unknown)
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

/** The sentence for an outcome's `detail`; of foreign errors only that they happened. */
export function describeFailure(what: string, error: unknown): string {
  return error instanceof FirmaError ? error.message : `${what} gave an answer that is not usable`
}

function tooLarge(context: CallContext): FirmaError {
  return unavailable(context, `sent more than ${PROVIDER_BODY_BYTES_MAX} bytes`)
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
        throw tooLarge(context)
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
  // By the hub's own guard: see `delivery/url-guard.ts`.
  'FIRMA_ADDRESS_REFUSED',
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
