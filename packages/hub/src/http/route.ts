/** A route of the API as data: its schemas make both the checks and the OpenAPI document. */
import type { z } from '@hono/zod-openapi'
import type { Scope } from '../core/scope.ts'
import type { ErrorCode } from '../errors.ts'
import type { Environment } from '../store/environments.ts'
import type { AppDeps } from './app-deps.ts'
import type { Caller, Refusal } from './auth.ts'

/** Largest body of an API request, in bytes. */
export const API_BODY_BYTES_MAX = 65_536

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** What a handler answers. */
export interface Reply {
  /** The route's `answerStatus` where nothing is said. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json: unknown
}

/** A request that has passed the route's schemas. */
export interface Input<Q extends z.ZodObject, B extends z.ZodType, P extends z.ZodObject> {
  readonly query: z.output<Q>
  readonly body: z.output<B>
  readonly params: z.output<P>
  /** As it came, for what is neither. Its body has been read. */
  readonly request: Request
}

interface RouteShape<Q extends z.ZodObject, B extends z.ZodType, P extends z.ZodObject> {
  /** The first is the documented one; the others are the same under Terra's other names. */
  readonly paths: readonly [string, ...string[]]
  readonly methods: readonly [Method, ...Method[]]
  readonly summary: string
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  /** Schema of the answer that is not an error. */
  readonly answer: z.ZodType
  /** 200 where nothing is said. */
  readonly answerStatus?: number
  /** What it can fail with, beyond what every route of its kind can. */
  readonly errors?: readonly ErrorCode[]
  /**
   * Of a POST: whether it does more than one transaction, calls others, or writes something and then refuses. Sent with an
   * `Idempotency-Key` it is then not done again when the process ended meanwhile.
   */
  readonly hasEffectsOutside?: true
}

/** A route about one environment. */
export interface Route<
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
  P extends z.ZodObject = z.ZodObject,
> extends RouteShape<Q, B, P> {
  /**
   * What a key must be allowed. Where nothing is said: under `/admin` `read` for reading and `write` for
   * all else, elsewhere `connect`.
   */
  readonly scope?: Scope
  /** How wrong credentials are refused at a path; `unauthorized` where nothing is said. */
  readonly refusal?: (path: string) => Refusal
  handle(
    deps: AppDeps,
    environment: Environment,
    input: Input<Q, B, P> & { readonly caller: Caller },
  ): Promise<Reply>
}

/** A route about no environment: `operator` needs an operator's key and no `dev-id`, `public` nothing. */
export interface GlobalRoute<
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
  P extends z.ZodObject = z.ZodObject,
> extends RouteShape<Q, B, P> {
  readonly global: 'operator' | 'public'
  /** Whether it tries a password or a token, which few requests in a minute may. */
  readonly isLogin?: boolean
  /** @param input Has a caller exactly where the route is an operator's. */
  handle(
    deps: AppDeps,
    input: Input<Q, B, P> & { readonly caller: Caller | undefined },
  ): Promise<Reply>
}

/** Any of them, whatever its schemas. */
export type AnyRoute = Route | GlobalRoute

/** Lets TypeScript infer a route's schemas. */
export function defineRoute<
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
  P extends z.ZodObject = z.ZodObject,
>(route: Route<Q, B, P>): Route<Q, B, P> {
  return route
}

/** {@link defineRoute} for what belongs to no environment. */
export function defineGlobalRoute<
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
  P extends z.ZodObject = z.ZodObject,
>(route: GlobalRoute<Q, B, P>): GlobalRoute<Q, B, P> {
  return route
}

/** What a key must be allowed to use a route; null where it needs none. */
export function scopeOf(route: AnyRoute): Scope | null {
  if ('global' in route) return route.global === 'public' ? null : 'operator'
  if (route.scope !== undefined) return route.scope
  if (!route.paths[0].startsWith('/admin/')) return 'connect'
  return route.methods.every((method) => method === 'get') ? 'read' : 'write'
}

/** Whether a request changes nothing, so that it needs neither an `Idempotency-Key` nor a dry run. */
export function isReading(route: AnyRoute, method: string): boolean {
  return method.toLowerCase() === 'get' || scopeOf(route) === 'read'
}
