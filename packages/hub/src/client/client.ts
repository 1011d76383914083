/** A typed client of the hub's API, for Node.js and browsers. Its types are made from the API's description. */
import type { Operations, Schemas } from './operations.ts'

export type { Operations, Schemas }

/** An operation, for example `GET /admin/v1/users`. */
export type OperationName = keyof Operations

/** What an operation takes. */
export type OperationInput<N extends OperationName> = Omit<Operations[N], 'answer'>

/** What an operation answers. */
export type OperationAnswer<N extends OperationName> = Operations[N]['answer']

export interface ApiClientOptions {
  /** Where the hub is, without a trailing slash; empty for the page's own origin. */
  readonly baseUrl: string
  /** Headers of a request, for example `dev-id` and `x-api-key`; asked for each time. */
  readonly headers?: () => Readonly<Record<string, string>>
  /** Default the global one. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
}

/** What goes with one request beside its input. */
export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** An answer with what it said beside its body. */
export interface ApiAnswer<T> {
  readonly data: T
  readonly status: number
  readonly headers: Headers
}

/** Input can be left out where nothing in it is required. */
type InputArgument<N extends OperationName> =
  Partial<OperationInput<N>> extends OperationInput<N>
    ? [input?: OperationInput<N>, options?: RequestOptions]
    : [input: OperationInput<N>, options?: RequestOptions]

export interface ApiClient {
  /**
   * Calls an operation.
   *
   * @throws ApiError for every answer that is no success, `network` when none came.
   * @example await api.call('GET /admin/v1/audit', { query: { limit: 10 } })
   */
  call<N extends OperationName>(name: N, ...rest: InputArgument<N>): Promise<OperationAnswer<N>>
  /** As {@link ApiClient.call}, with status and headers. */
  send<N extends OperationName>(
    name: N,
    ...rest: InputArgument<N>
  ): Promise<ApiAnswer<OperationAnswer<N>>>
}

/** The hub refused a request, or did not answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** One of the codes in `docs/errors.md`; `network` where no answer came, `unreadable` where it was none of the hub's. */
  readonly code: string
  /** 0 where no answer came. */
  readonly status: number
  /** For whoever runs the hub; null where no answer came. */
  readonly requestId: string | null
  /** Seconds to wait before asking again, where the hub says so. */
  readonly retryAfterSeconds: number | null

  constructor(
    failure: Pick<ApiError, 'code' | 'status' | 'requestId' | 'retryAfterSeconds' | 'message'>,
    options?: { cause?: unknown },
  ) {
    super(failure.message, options)
    this.code = failure.code
    this.status = failure.status
    this.requestId = failure.requestId
    this.retryAfterSeconds = failure.retryAfterSeconds
  }
}

type Value = string | number | boolean | undefined

interface AnyInput {
  readonly path?: Readonly<Record<string, Value>>
  readonly query?: Readonly<Record<string, Value>>
  readonly body?: unknown
}

/** @returns A client; it does not call anything yet. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const send = async (
    name: OperationName,
    input: AnyInput = {},
    request: RequestOptions = {},
  ): Promise<ApiAnswer<never>> => {
    const [method = '', path = ''] = name.split(' ')
    const headers: Record<string, string> = { ...options.headers?.(), ...request.headers }
    if (input.body !== undefined) headers['content-type'] = 'application/json'
    const response = await reach(options, toUrl(options.baseUrl, path, input), {
      method,
      headers,
      ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
      ...(request.signal !== undefined && { signal: request.signal }),
    })
    const data = await readAnswer(response)
    return { data: data as never, status: response.status, headers: response.headers }
  }
  return {
    send: async (name, ...[input, request]) => await send(name, input, request),
    call: async (name, ...[input, request]) => (await send(name, input, request)).data,
  }
}

function toUrl(baseUrl: string, path: string, { path: values = {}, query = {} }: AnyInput): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) =>
    encodeURIComponent(String(values[name])),
  )
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value))
  }
  const text = search.toString()
  return `${baseUrl}${filled}${text === '' ? '' : `?${text}`}`
}

async function reach(
  { fetch: given, baseUrl }: ApiClientOptions,
  url: string,
  init: RequestInit,
): Promise<Response> {
  try {
    return await (given ?? fetch)(url, init)
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'AbortError') throw cause
    const where = baseUrl === '' ? 'the hub' : baseUrl
    const failure = { code: 'network', status: 0, requestId: null, retryAfterSeconds: null }
    throw new ApiError(
      { ...failure, message: `${where} does not answer; check that it runs and can be reached` },
      { cause },
    )
  }
}

async function readAnswer(response: Response): Promise<unknown> {
  const text = await response.text()
  const json = parseJson(text)
  if (response.ok && json !== undefined) return json
  const problem = (typeof json === 'object' && json !== null ? json : {}) as {
    readonly code?: unknown
    readonly detail?: unknown
  }
  const isProblem = typeof problem.code === 'string' && typeof problem.detail === 'string'
  throw new ApiError({
    code: isProblem ? problem.code : 'unreadable',
    message: isProblem
      ? problem.detail
      : `the answer (HTTP ${response.status}) is not one of a hub; check the address`,
    status: response.status,
    requestId: response.headers.get('x-request-id'),
    retryAfterSeconds: toSeconds(response.headers.get('retry-after')),
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Told to the caller as an answer that is not the hub's.
    return undefined
  }
}

function toSeconds(retryAfter: string | null): number | null {
  return retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null
}
