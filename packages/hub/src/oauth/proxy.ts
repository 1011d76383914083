/** A call of the app to the provider's API, with a token of the hub's. */
import type { ClockDep, FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { Provider } from '../providers/provider.ts'
import { fillTemplates } from '../providers/template.ts'
import { type ApiValues, toTemplateValues } from './call.ts'
import { signRequest } from './oauth1-signature.ts'

/** Until the first byte of the answer, and for all of it, in milliseconds. */
const ANSWER_TIMEOUT_MS = 60_000
const BODY_TIMEOUT_MS = 300_000
/** Bytes of an answer at most; a longer one is cut off with an error. */
export const PROXY_ANSWER_BYTES_MAX = 104_857_600

/**
 * Headers of the app that reach the provider. All others stay: credentials of the hub, cookies, what
 * belongs to one connection (RFC 9110, section 7.6.1), and whatever could be read in two ways.
 */
const REQUEST_HEADERS = [
  'accept',
  'accept-language',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-unmodified-since',
  'prefer',
  'range',
]
/** Headers of the provider that reach the app, beside those about its limits. */
const ANSWER_HEADERS = [
  'accept-ranges',
  'content-disposition',
  'content-language',
  'content-range',
  'content-type',
  'etag',
  'last-modified',
  'link',
  'retry-after',
]
const LIMIT_HEADER = /rate-?limit/

/** What the app wants to ask. */
export interface ProxyCall {
  readonly method: string
  /** One of the provider's API origins, as the environment reaches it. */
  readonly base: string
  /** With a slash in front; the query with its question mark. */
  readonly path: string
  readonly query: string
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null
}

/**
 * Makes the call. Redirects are not followed, so that the token goes nowhere else.
 *
 * @returns The provider's answer: its status, its body as a stream, the headers that an app needs.
 * @throws FirmaError `provider_unavailable` without an answer; `bad_request` for a path that leaves the API.
 */
export async function callThrough(
  deps: FetchDep & ClockDep,
  values: ApiValues,
  call: ProxyCall,
): Promise<Response> {
  const { provider } = values
  const url = toUrl(call)
  const headers = new Headers(fillTemplates(provider.api.headers, toTemplateValues(deps, values)))
  for (const name of REQUEST_HEADERS) {
    const value = call.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  placeToken(deps, values, { method: call.method, url, headers })
  const answered = new AbortController()
  const signal = AbortSignal.any([answered.signal, AbortSignal.timeout(BODY_TIMEOUT_MS)])
  const late = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
  const giveUp = (): void => answered.abort()
  late.addEventListener('abort', giveUp)
  try {
    const response = await deps.fetch(url, {
      method: call.method,
      headers,
      redirect: 'manual',
      signal,
      // A stream is sent as it comes; Fetch wants to be told.
      ...(call.body !== null && { body: call.body, duplex: 'half' }),
    })
    if (response.status >= 300 && response.status < 400 && response.status !== 304) {
      await response.body?.cancel()
      const what = `answered with a redirect (${response.status}), which is not followed`
      throw unavailable(provider, what)
    }
    return toAnswer(response)
  } catch (error) {
    if (error instanceof FirmaError) throw error
    throw unavailable(provider, signal.aborted ? 'did not answer in time' : 'could not be reached')
  } finally {
    late.removeEventListener('abort', giveUp)
  }
}

function unavailable(provider: Provider, what: string): FirmaError {
  return new FirmaError('provider_unavailable', `the API of ${provider.resource} ${what}`)
}

function toUrl({ base, path, query }: ProxyCall): URL {
  const url = new URL(`${base}${path}${query}`)
  // What was asked for must be what is called: no dots or backslashes that lead out of the API.
  if (url.href.startsWith(`${base}/`) && url.username === '' && url.password === '') {
    url.hash = ''
    return url
  }
  throw new FirmaError('bad_request', 'the path after the user_id leaves the API of the provider')
}

/** Where the provider wants its token: as in the requests that the hub makes itself. */
function placeToken(
  deps: ClockDep,
  { provider, credentials, tokenSet }: ApiValues,
  { method, url, headers }: { method: string; url: URL; headers: Headers },
): void {
  const { liveness, identity, protocol } = provider
  if (protocol === 'oauth1') {
    const token = { token: tokenSet.accessToken, secret: tokenSet.tokenSecret ?? '' }
    headers.set('authorization', signRequest(deps, { credentials, method, url, token, form: {} }))
    return
  }
  const own =
    liveness.kind === 'request'
      ? liveness.request
      : identity.from === 'request'
        ? identity.request
        : undefined
  if (own?.token.in === 'query') url.searchParams.set(own.token.name, tokenSet.accessToken)
  else headers.set('authorization', `Bearer ${tokenSet.accessToken}`)
}

function toAnswer(response: Response): Response {
  const headers = new Headers({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // The answer comes from the hub's address and must not act as a page of it.
    'content-security-policy': "sandbox; default-src 'none'",
  })
  for (const [name, value] of response.headers) {
    if (ANSWER_HEADERS.includes(name) || LIMIT_HEADER.test(name)) headers.set(name, value)
  }
  const body = response.body?.pipeThrough(bounded()) ?? null
  return new Response(body, { status: response.status, headers })
}

function bounded(): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      if (bytes > PROXY_ANSWER_BYTES_MAX) {
        controller.error(new RangeError(`more than ${PROXY_ANSWER_BYTES_MAX} bytes`))
      } else controller.enqueue(chunk)
    },
  })
}
