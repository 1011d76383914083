/** Calls to a token endpoint, bent to what each provider does where it deviates from RFC 6749. */
import * as oauth from 'oauth4webapi'
import type { FetchDep } from '../deps.ts'
import { findField } from '../providers/json-path.ts'
import type { Provider } from '../providers/provider.ts'
import { type CallContext, applyMarker, callProvider, holdsMarker, readJson } from './call.ts'

/** Member under which an ID token is kept: it is read for the account's id, not used to log anybody in. */
export const ID_TOKEN_MEMBER = 'firma_id_token'

/** Members of RFC 6749, section 5.1. */
const ANSWER_MEMBERS = [
  'access_token',
  'token_type',
  'expires_in',
  'refresh_token',
  'scope',
] as const

/** Options that make oauth4webapi call through {@link callProvider}. */
export function toRequestOptions(deps: FetchDep, context: CallContext, endpoint: string) {
  return {
    [oauth.customFetch]: async (url: string, init: RequestInit) =>
      await callProvider(deps, context, url, init),
    // Only the configured address decides: an environment that points at simulated providers uses http.
    [oauth.allowInsecureRequests]: new URL(endpoint).protocol === 'http:',
  }
}

/**
 * As {@link toRequestOptions}, for the token endpoint of a provider.
 *
 * @param prolonged The access token that a refresh prolongs, where the answer does not repeat it.
 */
export function toTokenRequestOptions(
  deps: FetchDep,
  context: CallContext,
  provider: Provider,
  options: { endpoint: string; prolonged?: string },
) {
  return {
    ...toRequestOptions(deps, context, options.endpoint),
    [oauth.customFetch]: async (url: string, init: RequestInit) => {
      const request = toRequest(provider, url, init)
      const response = await callProvider(deps, context, request.url, request.init)
      return await toStandardAnswer(provider, response, options.prolonged)
    },
  }
}

function toRequest(provider: Provider, url: string, init: RequestInit) {
  const { extraParameters, method, parametersIn } = provider.token
  if (!(init.body instanceof URLSearchParams)) return { url, init }
  const parameters = new URLSearchParams(init.body)
  for (const [name, value] of Object.entries(extraParameters)) parameters.set(name, value)
  if (parametersIn === 'body') return { url, init: { ...init, method, body: parameters } }
  const target = new URL(url)
  for (const [name, value] of parameters) target.searchParams.append(name, value)
  const headers = new Headers(init.headers)
  headers.delete('content-type')
  const { body: _, ...rest } = init
  return { url: target.href, init: { ...rest, method, headers } }
}

/** The answer in the shape of RFC 6749, section 5.1; refusals keep their body. */
export async function toStandardAnswer(
  provider: Provider,
  response: Response,
  prolonged: string | undefined,
): Promise<Response> {
  const { answer } = provider.token
  if (!response.ok) return response
  if (answer === undefined && prolonged === undefined) return await withoutIdToken(response)
  const json = await readJson(response, 'any')
  const marked = await applyMarker(answer?.success, response)
  if (!marked.ok) return marked
  const members = findField(json, answer?.members ?? '')
  if (typeof members !== 'object' || members === null) return asRefusal(response)
  const standard: Record<string, unknown> = { ...members }
  for (const name of ANSWER_MEMBERS) {
    const value = findOwn(members, answer?.names[name] ?? name)
    if (value === undefined || value === null || value === '') delete standard[name]
    else standard[name] = value
  }
  const isProlonged =
    prolonged !== undefined &&
    standard['access_token'] === undefined &&
    answer?.success !== undefined &&
    holdsMarker(answer.success, json) === true
  if (isProlonged) standard['access_token'] = prolonged
  // No token inside a 200 is a refusal, whatever it says.
  if (typeof standard['access_token'] !== 'string') return asRefusal(response)
  standard['token_type'] ??= 'bearer'
  const seconds = Number(standard['expires_in'])
  if (Number.isFinite(seconds) && seconds >= 0) standard['expires_in'] = seconds
  else delete standard['expires_in']
  if (typeof standard['scope'] !== 'string') delete standard['scope']
  return toJson(moveIdToken(standard))
}

async function withoutIdToken(response: Response): Promise<Response> {
  const json = await readJson(response)
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, 'id_token')) return response
  return toJson(moveIdToken({ ...json }))
}

function moveIdToken(answer: Record<string, unknown>): Record<string, unknown> {
  const { id_token: idToken, ...rest } = answer
  return idToken === undefined ? rest : { ...rest, [ID_TOKEN_MEMBER]: idToken }
}

function toJson(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } })
}

async function asRefusal(response: Response): Promise<Response> {
  return new Response(await response.text(), { status: 400, headers: response.headers })
}

function findOwn(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (Reflect.get(object, name) as unknown) : undefined
}
