/** The hub as one `Request → Response` function. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { ERRORS, FirmaError } from '../errors.ts'
import { createReadinessCheck } from '../operations/check-readiness.ts'
import { getStoredEvent } from '../operations/read-events.ts'
import type { AppDeps } from './app-deps.ts'
import { describeRaw } from './describe-raw.ts'
import { mountDocs } from './docs/routes.ts'
import { mountMetrics } from './metrics.ts'
import { mountNotices } from './notices.ts'
import { LIMIT_HEADERS, addressOf, enter, mountRoutes, refuseMethod } from './mount.ts'
import { mountProxy } from './proxy.ts'
import { createFailureReader, problemResponse } from './on-error.ts'
import type { LimitHeaders } from './rate-limit.ts'
import { API_BODY_BYTES_MAX } from './route.ts'
import { ROUTES } from './routes.ts'
import { mountStream } from './stream.ts'
import { deadEndPage } from './widget/end-pages.ts'
import { type PageView, viewOf } from './widget/layout.ts'
import { mountMoves } from './widget/move-page.ts'
import { mountWidget } from './widget/routes.ts'

/** Paths of people's browsers: what goes wrong there is told as a page. */
const PAGE_PATHS = /^\/(?:session|connect|callback|flow)(?:\/|$)/

/** Paths that have a secret in them, or in their query. */
const SECRET_PATHS = /^\/(?:session|connect|callback|flow|notices)\//
/** How somebody is answered who has the wrong one, or whose it is not. */
const STRANGER_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404])

/** Paths beside the API's routes, which refuse other methods by themselves. */
const GET_PATHS = [
  '/metrics',
  '/healthz',
  '/readyz',
  '/openapi.json',
  '/admin/v1/stream',
  '/admin/v1/events/:event_id/body',
  '/llms.txt',
  '/docs',
  '/docs/*',
]

export function createApp(deps: AppDeps): OpenAPIHono {
  const app = new OpenAPIHono()
  const toFailure = createFailureReader(deps)
  app.use(async (c, next) => {
    const requestId = deps.ids.uuid()
    // For whoever answers without a route, and names the request.
    c.header('x-request-id', requestId)
    await next()
    // On the answer itself: `c.header` would make it anew, its body as a stream.
    const { headers } = c.res
    headers.set('x-request-id', requestId)
    const limits = c.get(LIMIT_HEADERS as never) as LimitHeaders | undefined
    for (const [name, value] of Object.entries(limits ?? {})) headers.set(name, value)
  })
  app.use(async (c, next) => {
    await next()
    // Links, states and notice keys can be tried like passwords. Right ones never count.
    if (SECRET_PATHS.test(c.req.path) && STRANGER_STATUSES.has(c.res.status)) {
      deps.limits.takeAddress(addressOf(c))
    }
  })
  mountNotices(app, deps)
  mountProxy(app, deps)
  const limited = bodyLimit({
    maxSize: API_BODY_BYTES_MAX,
    onError: () => {
      throw new FirmaError(
        'body_too_large',
        `the body is larger than ${API_BODY_BYTES_MAX} bytes, which is the most this route takes`,
      )
    },
  })
  app.use(async (c, next) => {
    // Looking at a body makes the whole request anew from Node's, with a stream.
    if (c.req.method === 'GET' || c.req.method === 'HEAD' || saysIsSmall(c)) return await next()
    return await limited(c, next)
  })
  mountMoves(app, deps)
  mountWidget(app, deps)
  mountApi(app, deps)
  mountDocs(app, deps.links)
  app.get('/healthz', async () => {
    await deps.store.ping()
    return Response.json({ status: 'ok' })
  })
  // Whoever closes lets no request in, this one neither: what answers here takes requests.
  const checkReadiness = createReadinessCheck(deps)
  app.get('/readyz', async () => {
    await checkReadiness()
    return Response.json({ status: 'ready' })
  })
  mountMetrics(app, deps)
  for (const path of GET_PATHS) app.all(path, (c) => refuseMethod(c, ['GET']))
  app.notFound(async (c) => {
    if (PAGE_PATHS.test(c.req.path)) return await deadEndPage(viewOf(c), 'unknown')
    const { path } = c.req
    return problemResponse('not_found', `there is nothing at ${path.slice(0, 200)}`, path)
  })
  app.onError(async (error, c) => {
    const failure = toFailure(error, c)
    if (PAGE_PATHS.test(c.req.path)) return await failurePage(viewOf(c), failure)
    return problemResponse(failure.code, failure.message, c.req.path, failure.headers)
  })
  return app
}

/** Whether a body is not too large by its head alone; Node reads no more of it than that says. */
function saysIsSmall({ req }: Context): boolean {
  const length = req.header('content-length')
  return (
    length !== undefined &&
    req.header('transfer-encoding') === undefined &&
    Number(length) <= API_BODY_BYTES_MAX
  )
}

/** A failure as people see it: theirs to correct, or ours. */
async function failurePage(view: PageView, failure: FirmaError): Promise<Response> {
  const { status } = ERRORS[failure.code]
  if (status < 500 && failure.code !== 'too_many_requests') {
    return await deadEndPage(view, 'form_unreadable')
  }
  const page = await deadEndPage(view, 'failed')
  const headers = { ...Object.fromEntries(page.headers), ...failure.headers }
  return new Response(page.body, { status, headers })
}

function mountApi(app: OpenAPIHono, deps: AppDeps): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'dev_id', {
    type: 'apiKey',
    in: 'header',
    name: 'dev-id',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'api_key', {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
  })
  mountRoutes(app, deps, ROUTES)
  // The exact bytes that were signed and sent, which no JSON answer could carry.
  app.get('/admin/v1/events/:event_id/body', async (c) => {
    const { environment } = await enter(deps, c, { scope: 'read' })
    const { body } = await getStoredEvent(deps, environment, c.req.param('event_id'))
    return new Response(body, { headers: { 'content-type': 'application/json' } })
  })
  mountStream(app, deps)
  describeRaw(app)
  app.get('/openapi.json', () => Response.json(toOpenApi(app)))
}

/** The API's description (OpenAPI 3.1). */
export function toOpenApi(app: OpenAPIHono): unknown {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Firma hub', version: '0.1.0' },
  })
}
