/** A route of the API as data: its schemas make both the checks and the OpenAPI document. */
import { type OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { AppDeps } from './app-deps.ts'
import { FirmaError } from '../errors.ts'
import type { Environment } from '../store/environments.ts'
import { authenticate } from './auth.ts'
import { problemResponse } from './on-error.ts'

/** Largest body of an API request, in bytes. */
export const API_BODY_BYTES_MAX = 65_536

/** What a handler answers. */
export interface Reply {
  readonly status?: number
  readonly json: unknown
}

export interface Route<
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
  P extends z.ZodObject = z.ZodObject,
> {
  /** The first is the documented one; the others are the same under Terra's other names. */
  readonly paths: readonly [string, ...string[]]
  readonly methods: readonly ['get' | 'post' | 'delete', ...('get' | 'post' | 'delete')[]]
  readonly summary: string
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  /** Schema of the answer that is not an error. */
  readonly answer: z.ZodType
  readonly answerStatus?: number
  /** How wrong credentials are refused at a path; `unauthorized` where nothing is said. */
  readonly refusal?: (path: string) => 'unauthorized' | 'forbidden'
  readonly handle: (
    deps: AppDeps,
    environment: Environment,
    input: { query: z.output<Q>; body: z.output<B>; params: z.output<P> },
  ) => Promise<Reply>
}

/** Lets TypeScript infer a route's schemas. */
export function defineRoute<
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
  P extends z.ZodObject = z.ZodObject,
>(route: Route<Q, B, P>): Route<Q, B, P> {
  return route
}

/** Serves a route at all its paths and describes it once. */
export function mount<Q extends z.ZodObject, B extends z.ZodType, P extends z.ZodObject>(
  app: OpenAPIHono,
  deps: AppDeps,
  route: Route<Q, B, P>,
): void {
  const methods = route.methods.map((method) => method.toUpperCase())
  for (const path of route.paths) {
    app.on(methods, path, async (c) => {
      const environment = await authenticate(deps, c, route.refusal?.(path))
      const reply = await route.handle(deps, environment, {
        params: parse(route.params, c.req.param(), 'path'),
        query: parse(route.query, readQuery(c), 'query'),
        body: parse(route.body, route.body === undefined ? {} : await readBody(c), 'body'),
      })
      return Response.json(reply.json, { status: reply.status ?? 200 })
    })
    app.all(path, (c) => refuseMethod(c, methods))
  }
  describe(app, route)
}

/** The answer to a method that a path does not take (RFC 9110, section 15.5.6). */
export function refuseMethod(c: Context, methods: readonly string[]): Response {
  const allow = methods.join(', ')
  const detail = `this path takes ${allow}, not ${c.req.method.slice(0, 20)}`
  return problemResponse('method_not_allowed', detail, c.req.path, { allow })
}

function parse<T extends z.ZodType>(
  schema: T | undefined,
  value: unknown,
  where: string,
): z.output<T> {
  // A route without a schema does not read the value, so nothing stands where nothing was asked for.
  if (schema === undefined) return {} as z.output<T>
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const at = issue === undefined ? '' : issue.path.map(String).join('.')
  const what = issue?.message ?? 'is not what this route takes'
  throw new FirmaError('bad_request', `${where}${at === '' ? '' : ` parameter ${at}`}: ${what}`)
}

function readQuery(c: Context): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, all] of Object.entries(c.req.queries())) {
    const [value = '', ...more] = all
    if (more.length > 0) {
      throw new FirmaError('bad_request', `query parameter ${name} is given ${all.length} times`)
    }
    values[name] = value
  }
  return values
}

/** An empty body counts as `{}`: Terra's clients send one with and without a content type. */
async function readBody(c: Context): Promise<unknown> {
  const text = await c.req.text()
  if (text.trim() === '') return {}
  const contentType = c.req.header('content-type') ?? ''
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType)) {
    throw new FirmaError(
      'unsupported_content_type',
      `send the body with content-type application/json, not "${contentType.slice(0, 100)}"`,
    )
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new FirmaError('malformed_json', 'the body is not valid JSON', { cause })
  }
}

function describe<Q extends z.ZodObject, B extends z.ZodType, P extends z.ZodObject>(
  app: OpenAPIHono,
  route: Route<Q, B, P>,
): void {
  const problem = { 'application/problem+json': { schema: PROBLEM } }
  const [path] = route.paths
  for (const method of route.methods) {
    const config: RouteConfig = {
      method,
      path: path.replaceAll(/:(\w+)/g, '{$1}'),
      summary: route.summary,
      security: [{ dev_id: [], api_key: [] }],
      request: {
        ...(route.params !== undefined && { params: route.params }),
        ...(route.query !== undefined && { query: route.query }),
        ...(route.body !== undefined && {
          body: { content: { 'application/json': { schema: route.body } } },
        }),
      },
      responses: {
        [route.answerStatus ?? 200]: {
          description: 'Done.',
          content: { 'application/json': { schema: route.answer } },
        },
        400: { description: 'The request is not right.', content: problem },
        401: { description: 'The credentials are not right.', content: problem },
        404: { description: 'There is no such thing in this environment.', content: problem },
        ...(route.body !== undefined && {
          413: {
            description: `The body has more than ${API_BODY_BYTES_MAX} bytes.`,
            content: problem,
          },
          415: { description: 'The body is not JSON.', content: problem },
        }),
      },
    }
    app.openAPIRegistry.registerPath(config)
  }
}

const PROBLEM = z
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
