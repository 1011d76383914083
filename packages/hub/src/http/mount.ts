/** Serves routes: who asks, what is asked, once, the answer. */
import type { OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { FirmaError, assert } from '../errors.ts'
import type { AppDeps } from './app-deps.ts'
import { toSharedNetwork } from './client-address.ts'
import { type Access, type Caller, authenticate, authenticateOperator } from './auth.ts'
import { describeRoute } from './describe.ts'
import { type Answer, answerOnce, toResponse } from './idempotency.ts'
import { problemResponse } from './on-error.ts'
import { rehearse } from './one-commit.ts'
import { type AnyRoute, type GlobalRoute, type Reply, isReading, scopeOf } from './route.ts'

/** Serves every route at all its paths and describes each once. */
export function mountRoutes(app: OpenAPIHono, deps: AppDeps, routes: readonly AnyRoute[]): void {
  for (const path of new Set(routes.flatMap(({ paths }) => paths))) {
    const here = routes.filter(({ paths }) => paths.includes(path))
    for (const route of here) {
      app.on(methodsOf(route), path, async (c) => await serve(deps, route, path, c))
    }
    // Before the next path, which may have a parameter where this one has a word.
    app.all(path, (c) => refuseMethod(c, here.flatMap(methodsOf)))
  }
  for (const route of routes) describeRoute(app, route)
}

function methodsOf({ methods }: AnyRoute): string[] {
  return methods.map((method) => method.toUpperCase())
}

/** The answer to a method that a path does not take (RFC 9110, section 15.5.6). */
export function refuseMethod(c: Context, methods: readonly string[]): Response {
  const allow = methods.join(', ')
  const detail = `this path takes ${allow}, not ${c.req.method.slice(0, 20)}`
  return problemResponse('method_not_allowed', detail, c.req.path, { allow })
}

async function serve(deps: AppDeps, route: AnyRoute, path: string, c: Context): Promise<Response> {
  if ('global' in route) {
    const caller = await enterGlobal(deps, route, c)
    const run = async (own: AppDeps) =>
      await route.handle(own, { ...(await readInput(route, c)), caller })
    return await answer(deps, route, c, { caller, environmentId: '', run })
  }
  const scope = scopeOf(route)
  assert(scope !== null, 'a route about an environment needs a scope')
  const refusal = route.refusal?.(path)
  const { environment, caller } = await enter(deps, c, { scope, refusal })
  const run = async (own: AppDeps) =>
    await route.handle(own, environment, { ...(await readInput(route, c)), caller })
  return await answer(askedFrom(c, deps), route, c, { caller, environmentId: environment.id, run })
}

async function enterGlobal(
  deps: AppDeps,
  route: GlobalRoute,
  c: Context,
): Promise<Caller | undefined> {
  if (route.global === 'public') {
    const address = addressOf(c)
    if (route.isLogin === true) deps.limits.takeLogin(address)
    else c.set(LIMIT_HEADERS, deps.limits.takeAddress(address))
    return undefined
  }
  return await enterAsOperator(deps, c)
}

/** Lets a request about an environment in, and counts it. @throws FirmaError as `authenticate`, `too_many_requests`. */
export async function enter(deps: AppDeps, c: Context, access: Access) {
  const entered = await admit(deps, c, async () => await authenticate(deps, c, access))
  countRequest(deps, c, entered.caller)
  return entered
}

/** {@link enter} for what is an operator's alone. */
export async function enterAsOperator(deps: AppDeps, c: Context): Promise<Caller> {
  const caller = await admit(deps, c, async () => await authenticateOperator(deps, c))
  countRequest(deps, c, caller)
  return caller
}

/** Who tries credentials that are wrong may do it only so often. */
async function admit<T>(deps: AppDeps, c: Context, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    c.set(LIMIT_HEADERS, deps.limits.takeAddress(addressOf(c)))
    throw error
  }
}

/** Counts what a key asks. */
function countRequest(deps: AppDeps, c: Context, caller: Caller): void {
  c.set(LIMIT_HEADERS, deps.limits.takeKey(caller.id))
}

/** Asks what a request would answer, without doing it. */
const DRY_RUN_HEADER = 'firma-dry-run'

/** Where the headers about limits wait for the answer that they belong to. */
export const LIMIT_HEADERS = 'limitHeaders'

/** The address that a request came from, as whoever opened the port has seen it. */
export function addressOf(c: Context): string {
  const { address } = c.env as { readonly address?: string }
  return address ?? 'unknown'
}

/** What an operation gets that is asked for by somebody. */
export function askedFrom(c: Context, deps: AppDeps): AppDeps {
  return { ...deps, network: toSharedNetwork(addressOf(c)) }
}

async function answer(
  deps: AppDeps,
  route: AnyRoute,
  c: Context,
  request: {
    caller: Caller | undefined
    environmentId: string
    run: (deps: AppDeps) => Promise<Reply>
  },
): Promise<Response> {
  const { caller, environmentId } = request
  const run = async (own: AppDeps): Promise<Answer> => {
    const { status = route.answerStatus ?? 200, headers = {}, json } = await request.run(own)
    return {
      status,
      // Most answers are about people, and some hold a secret that is shown once.
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
      body: JSON.stringify(json),
    }
  }
  if (isReading(route, c.req.method)) return toResponse(await run(deps))
  const hasEffectsOutside = route.hasEffectsOutside ?? false
  if (isDryRun(c, caller !== undefined && !hasEffectsOutside)) {
    const answer = await rehearse(deps, run)
    return toResponse({ ...answer, headers: { ...answer.headers, [DRY_RUN_HEADER]: 'true' } })
  }
  if (caller === undefined) return toResponse(await run(deps))
  const body = await c.req.text()
  return await answerOnce(deps, c, { caller, environmentId, body, hasEffectsOutside, run })
}

/** Whether a request is only to be tried. Never carried out for real because somebody misspelt it. */
function isDryRun(c: Context, isPossible: boolean): boolean {
  const wish = c.req.header(DRY_RUN_HEADER)
  if (wish === undefined) return false
  if (wish !== 'true') {
    throw new FirmaError('bad_request', `${DRY_RUN_HEADER} must be true, or be left out`)
  }
  if (isPossible) return true
  throw new FirmaError('bad_request', 'this request has no dry run; leave out the header')
}

async function readInput(route: AnyRoute, c: Context) {
  return {
    params: parse(route.params, readParams(c), 'path'),
    query: parse(route.query, readQuery(c), 'query'),
    body: parse(route.body, route.body === undefined ? {} : await readBody(c), 'body'),
    request: c.req.raw,
  }
}

function parse<T extends z.ZodType>(
  schema: T | undefined,
  value: unknown,
  where: string,
): z.output<T> {
  // A route without a schema does not read the value, so nothing stands where nothing was asked for.
  if (schema === undefined) return {} as z.output<T>
  const result = schema.safeParse(value, { error: explainIssue })
  if (result.success) return result.data
  const [issue] = result.error.issues
  const at = issue === undefined ? '' : issue.path.map(String).join('.')
  const what = issue?.message ?? 'is not what this route takes'
  throw new FirmaError('bad_request', `${where}${at === '' ? '' : ` parameter ${at}`}: ${what}`)
}

/** What zod would say by itself, in words for whoever asks. */
function explainIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_value') return `must be ${toChoice(issue.values.map(String))}`
  if (issue.code !== 'invalid_type') return undefined
  const word = Object.hasOwn(TYPE_WORDS, issue.expected) ? TYPE_WORDS[issue.expected] : undefined
  if (word === undefined) return undefined
  return issue.input === undefined ? `is missing; it must be ${word}` : `must be ${word}`
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  boolean: 'true or false',
  number: 'a number',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

function toChoice(values: readonly string[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(', ')}`
}

function readParams(c: Context): Record<string, string> {
  const params: Record<string, string> = c.req.param()
  for (const [name, value] of Object.entries(params)) refuseNull(`path parameter ${name}`, value)
  return params
}

function readQuery(c: Context): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, all] of Object.entries(c.req.queries())) {
    const [value = '', ...more] = all
    if (more.length > 0) {
      throw new FirmaError('bad_request', `query parameter ${name} is given ${all.length} times`)
    }
    refuseNull(`query parameter ${name}`, value)
    values[name] = value
  }
  return values
}

/** No text that we look for has one, and databases disagree about it. */
function refuseNull(what: string, value: string): void {
  if (!value.includes('\0')) return
  throw new FirmaError('bad_request', `${what} contains a null character`)
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
