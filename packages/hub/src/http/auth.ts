import type { Context } from 'hono'
import { type Scope, hasScope } from '../core/scope.ts'
import type { ClockDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { LinksDep } from '../operations/links.ts'
import { digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import { CSRF_HEADER, hasCsrfToken, readSessionToken } from './operator-cookie.ts'

/** Who asks. */
export interface Caller {
  /** Tells callers apart; the same for everything that one key asks. */
  readonly id: string
  /** As the audit log names it. */
  readonly actor: string
  readonly scopes: readonly Scope[]
  /** The only environment that this caller may use; null for an operator. */
  readonly environmentId: string | null
}

/** How a caller is refused whose credentials are missing or wrong. */
export type Refusal = 'unauthorized' | 'forbidden' | 'environment_not_found'

/** What a route asks of its callers. */
export interface Access {
  readonly scope: Scope
  /** The `dev-id` where it does not come as a header. */
  readonly devId?: string | undefined
  readonly refusal?: Refusal | undefined
}

type AuthDeps = StoreDep & ClockDep & LinksDep

/**
 * The environment that a request is about, and who asks.
 *
 * @throws FirmaError `unauthorized` or the given refusal; an unknown `dev-id` and a wrong key look the
 *   same. `forbidden` where the key is right and lacks the scope. `environment_not_found` for an
 *   operator, who may know which environments there are.
 */
export async function authenticate(
  deps: AuthDeps,
  c: Context,
  { scope, refusal = 'unauthorized', devId = c.req.header('dev-id') }: Access,
): Promise<{ environment: Environment; caller: Caller }> {
  const caller = await findCaller(deps, c)
  if (devId === undefined || devId === '' || caller === 'missing') {
    throw new FirmaError(refusal, 'dev-id or x-api-key headers are missing')
  }
  const isHere =
    caller !== 'unknown' && (caller.environmentId === null || caller.environmentId === devId)
  if (!isHere) {
    throw new FirmaError(
      refusal,
      refusal === 'environment_not_found'
        ? 'Invalid dev-id was provided, or an x-api-key that does not belong to it'
        : 'this dev-id and x-api-key do not belong together; copy both from the same environment',
    )
  }
  requireScope(caller, scope)
  const environment = await deps.store.environments.find(devId)
  if (environment === undefined || (environment.archivedAtMs !== null && !isOperator(caller))) {
    throw new FirmaError(
      'environment_not_found',
      `there is no environment with the dev-id "${devId.slice(0, 100)}", or it is archived`,
    )
  }
  return { environment, caller }
}

/**
 * An operator, for what belongs to no environment.
 *
 * @throws FirmaError `unauthorized`, `forbidden`.
 */
export async function authenticateOperator(deps: AuthDeps, c: Context): Promise<Caller> {
  const caller = await findCaller(deps, c)
  if (caller === 'missing') {
    throw new FirmaError('unauthorized', 'the x-api-key header is missing')
  }
  if (caller === 'unknown') {
    throw new FirmaError('unauthorized', 'this x-api-key is unknown, or it has ended')
  }
  requireScope(caller, 'operator')
  return caller
}

async function findCaller(deps: AuthDeps, c: Context): Promise<Caller | 'missing' | 'unknown'> {
  const apiKey = c.req.header('x-api-key')
  if (apiKey === undefined || apiKey === '') return await findSessionCaller(deps, c)
  const nowMs = deps.clock.nowMs()
  const key = await deps.store.apiKeys.findLive(digest(apiKey), nowMs)
  if (key === undefined) return 'unknown'
  await deps.store.apiKeys.recordUse(key, nowMs)
  return {
    id: `key:${key.id}`,
    actor: `key:${key.hint}`,
    scopes: key.scopes,
    environmentId: key.environmentId,
  }
}

/** A login to the dashboard counts at the admin API, and changes something only from the dashboard's pages. */
async function findSessionCaller(
  { store, clock, links }: AuthDeps,
  c: Context,
): Promise<Caller | 'missing' | 'unknown'> {
  if (!c.req.path.startsWith('/admin/')) return 'missing'
  const token = readSessionToken(c.req.raw, links)
  if (token === undefined) return 'missing'
  const session = await store.operator.findSession(digest(token), clock.nowMs())
  if (session === undefined) return 'missing'
  const isReading = c.req.method === 'GET' || c.req.method === 'HEAD'
  if (!isReading && !hasCsrfToken(c.req.raw, token)) {
    throw new FirmaError(
      'forbidden',
      `send the session's csrf_token in the header ${CSRF_HEADER}; reload the page to get it`,
    )
  }
  const id = `session:${session.id}`
  return { id, actor: id, scopes: ['operator'], environmentId: null }
}

function isOperator({ scopes }: Caller): boolean {
  return scopes.includes('operator')
}

/** @throws FirmaError `forbidden`. */
export function requireScope({ scopes }: Caller, needed: Scope): void {
  if (hasScope(scopes, needed)) return
  throw new FirmaError(
    'forbidden',
    `this needs a key with the scope "${needed}"; this one has ${scopes.length === 0 ? 'none' : scopes.join(', ')}`,
  )
}
