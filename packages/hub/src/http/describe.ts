/** What the OpenAPI document says about a route. */
import { type OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi'
import { ERRORS, type ErrorCode } from '../errors.ts'
import { API_BODY_BYTES_MAX, type AnyRoute, isReading, scopeOf } from './route.ts'

/** How every refusal looks. */
export const PROBLEM = z
  .object({
    type: z.literal('about:blank'),
    title: z.string(),
    instance: z.string(),
    detail: z.string(),
    code: z.string(),
    status: z.literal('error'),
    message: z.string(),
  })
  .openapi('Problem')

const IDEMPOTENCY_KEY = z.object({
  'idempotency-key': z.string().optional().openapi({
    description:
      'Makes it safe to send the request again: within 24 hours the same key gets the same answer.',
  }),
})

const DRY_RUN = z.object({
  'firma-dry-run': z.enum(['true']).optional().openapi({
    description:
      'Does nothing, and answers what it would: refusals are the real ones, ids and secrets in the answer are nobody’s.',
  }),
})

/** Describes a route under its first path. */
export function describeRoute(app: OpenAPIHono, route: AnyRoute): void {
  const scope = scopeOf(route)
  const isGlobal = 'global' in route
  for (const method of route.methods) {
    const changes = !isReading(route, method) && scope !== null
    const takesKey = changes && method === 'post'
    const hasDryRun = changes && route.hasEffectsOutside !== true
    const config: RouteConfig = {
      method,
      path: route.paths[0].replaceAll(/:(\w+)/g, '{$1}'),
      summary: route.summary,
      ...(scope !== null && {
        security: [isGlobal ? { api_key: [] } : { dev_id: [], api_key: [] }],
        'x-scope': scope,
      }),
      request: {
        ...(route.params !== undefined && { params: route.params }),
        ...(route.query !== undefined && { query: route.query }),
        ...((takesKey || hasDryRun) && { headers: headersOf(takesKey, hasDryRun) }),
        ...(route.body !== undefined && {
          body: { content: { 'application/json': { schema: route.body } } },
        }),
      },
      responses: {
        [route.answerStatus ?? 200]: {
          description: 'Done.',
          content: { 'application/json': { schema: route.answer } },
        },
        ...refusals(route, { isKeyed: takesKey, needsKey: scope !== null }),
      },
    }
    app.openAPIRegistry.registerPath(config)
  }
}

function headersOf(takesKey: boolean, hasDryRun: boolean) {
  return z.object({
    ...(takesKey && IDEMPOTENCY_KEY.shape),
    ...(hasDryRun && DRY_RUN.shape),
  })
}

function refusals(route: AnyRoute, { isKeyed, needsKey }: { isKeyed: boolean; needsKey: boolean }) {
  const content = { 'application/problem+json': { schema: PROBLEM } }
  const refusal = (description: string) => ({ description, content })
  const own = route.errors?.map((code) => [ERRORS[code].status, refusal(toSentence(code))]) ?? []
  return {
    ...(Object.fromEntries(own) as Record<number, ReturnType<typeof refusal>>),
    400: refusal('The request is not right.'),
    ...(needsKey && {
      401: refusal('The credentials are not right.'),
      403: refusal('The credentials do not allow this.'),
    }),
    404: refusal('There is no such thing in this environment.'),
    ...(isKeyed && {
      409: refusal('The present state does not allow it, or the same request is being answered.'),
      422: refusal('The Idempotency-Key was sent with another request.'),
    }),
    ...(route.body !== undefined && {
      413: refusal(`The body has more than ${API_BODY_BYTES_MAX} bytes.`),
      415: refusal('The body is not JSON.'),
    }),
    429: {
      description: 'Too many requests; Retry-After says when to ask again.',
      content,
    },
    500: refusal('Something went wrong in the hub; the message has the request id.'),
    503: refusal('The database is away, busy or full; Retry-After says when to ask again.'),
  }
}

function toSentence(code: ErrorCode): string {
  return `Refused with the code ${code}.`
}
