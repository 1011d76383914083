/** The API's side for tests: a real HTTP server on loopback that knows some users and can answer oddly. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** What the server answers to one request instead of the truth. */
export interface OddAnswer {
  status?: number
  headers?: Record<string, string>
  /** A text as it is, anything else as JSON. */
  body: unknown
}

/** A running server. */
export interface ApiServer {
  baseUrl: string
  /** The users that it has, in the shape of the wire. */
  users: Record<string, unknown>[]
  /** Users whose flow is under way. */
  pending: Set<string>
  /** Which of the documented shapes lists have. */
  shape: 'current' | 'older'
  /** Answers instead of the truth, while it is set. */
  odd: ((url: URL) => OddAnswer | undefined) | undefined
  /** Paths with queries of all requests, and the headers of the last one. */
  requests: string[]
  lastHeaders: IncomingMessage['headers']
  /** Bodies of the requests that had one. */
  bodies: string[]
  close(): Promise<void>
}

/** Starts a server; its clock is the receiver's, so that no `Date` disturbs. */
export async function startApiServer(): Promise<ApiServer> {
  const server = createServer((request, response) => answer(api, request, response))
  // Closing an idle one may meet the next request, which then fails.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const api: ApiServer = {
    baseUrl: `http://127.0.0.1:${port}/v2`,
    users: [],
    pending: new Set(),
    shape: 'current',
    odd: undefined,
    requests: [],
    lastHeaders: {},
    bodies: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return api
}

function answer(api: ApiServer, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '', 'http://localhost')
  api.requests.push(url.pathname + url.search)
  api.lastHeaders = request.headers
  request.setEncoding('utf8').on('data', (text: string) => api.bodies.push(text))
  const { status = 200, headers = {}, body } = api.odd?.(url) ?? toAnswer(api, url)
  response.sendDate = false
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

function toAnswer(api: ApiServer, { pathname, searchParams }: URL): OddAnswer {
  const { users, shape, pending } = api
  if (pathname === '/v2/subscriptions') {
    if (shape === 'older') return { body: { status: 'success', users } }
    const page = Number(searchParams.get('page'))
    const size = Number(searchParams.get('per_page'))
    const pages = Math.max(1, Math.ceil(users.length / size))
    const next = page + 1 < pages ? page + 1 : null
    const results = users.slice(page * size, (page + 1) * size)
    return { body: { status: 'success', data: { next, max_page: pages - 1, results } } }
  }
  const referenceId = searchParams.get('reference_id')
  if (referenceId !== null) {
    const found = users.filter((user) => user['reference_id'] === referenceId)
    return { body: shape === 'older' ? { status: 'success', users: found } : found }
  }
  const id = searchParams.get('user_id')
  const user = users.find((each) => each['user_id'] === id)
  if (user === undefined) {
    const problem = { type: 'about:blank', title: 'not found', detail: 'user not found' }
    const headers = { 'content-type': 'application/problem+json' }
    return shape === 'older'
      ? { status: 404, body: { status: 'error', message: 'user not found' } }
      : { status: 404, headers, body: problem }
  }
  return { body: { status: 'success', is_authenticated: !pending.has(id ?? ''), user } }
}
