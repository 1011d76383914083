/** The part of a provider's API that is about accounts and grants, laid out as its data says. */
import type { Context, Hono } from 'hono'
import type { ProviderRequest } from '../providers/provider.ts'
import { announceRevocation, type SimulatedProvider } from './context.ts'
import { simulatedPath } from './profile.ts'
import { answerFault } from './token-routes.ts'
import type { Grant } from './world.ts'

/** Adds the account, permission and revocation endpoints of a simulated provider. */
export function addApiRoutes(app: Hono, simulated: SimulatedProvider): void {
  const { identity, liveness, scopes } = simulated.profile.provider
  const accountRequests = [
    ...(identity.from === 'request' ? [identity.request] : []),
    ...(liveness.kind === 'request' ? [liveness.request] : []),
  ]
  for (const request of new Map(accountRequests.map((one) => [one.url, one])).values()) {
    addAccountRoute(app, simulated, request)
  }
  if (scopes.granted.from === 'request') addPermissionsRoute(app, simulated, scopes.granted.request)
  addRevocationRoute(app, simulated)
}

function addAccountRoute(app: Hono, simulated: SimulatedProvider, request: ProviderRequest): void {
  const { profile } = simulated
  app.on(request.method, simulatedPath(request.url), async (context) => {
    const fault = await answerFault(context, simulated, 'accountEndpoint')
    if (fault !== undefined) return fault
    const grant = await findGrant(context, simulated, request)
    if (grant === undefined) return refuse(context, 401, 'invalid_token')
    if (profile.accountScope !== undefined && !grant.scopes.includes(profile.accountScope)) {
      return refuse(context, 403, 'insufficient_scope')
    }
    return context.json(profile.toAccountBody(grant.account))
  })
}

function addPermissionsRoute(
  app: Hono,
  simulated: SimulatedProvider,
  request: ProviderRequest,
): void {
  app.on(request.method, simulatedPath(request.url), async (context) => {
    const fault = await answerFault(context, simulated, 'accountEndpoint')
    if (fault !== undefined) return fault
    const grant = await findGrant(context, simulated, request)
    if (grant === undefined) return refuse(context, 401, 'invalid_token')
    return context.json(grant.scopes)
  })
}

function addRevocationRoute(app: Hono, simulated: SimulatedProvider): void {
  const { revocation } = simulated.profile.provider
  if (revocation.kind !== 'request') return
  const { request } = revocation
  app.on(request.method, simulatedPath(request.url), async (context) => {
    const fault = await answerFault(context, simulated, 'revokeEndpoint')
    if (fault !== undefined) return fault
    const accessToken = await readToken(context, request)
    const isValid = simulated.world.findByAccessToken(accessToken) !== undefined
    const grant = isValid ? simulated.world.revokeToken(accessToken) : undefined
    if (grant === undefined) return refuse(context, 401, 'invalid_token')
    // The echo is a request of its own, after this answer; nobody waits for it here.
    if (simulated.profile.echoesOwnRevocation) void announceRevocation(simulated, grant)
    return request.method === 'DELETE' ? context.body(null, 204) : context.json({})
  })
}

async function findGrant(
  context: Context,
  simulated: SimulatedProvider,
  request: ProviderRequest,
): Promise<Grant | undefined> {
  return simulated.world.findByAccessToken(await readToken(context, request))
}

async function readToken(context: Context, request: ProviderRequest): Promise<string> {
  switch (request.token.in) {
    case 'bearer':
      return readBearer(context)
    case 'query':
      return context.req.query(request.token.name) ?? ''
    case 'form':
      return new URLSearchParams(await context.req.text()).get(request.token.name) ?? ''
  }
}

function readBearer(context: Context): string {
  return /^Bearer (.+)$/i.exec(context.req.header('authorization') ?? '')?.[1] ?? ''
}

function refuse(context: Context, status: 401 | 403, error: string): Response {
  return context.json({ error }, status)
}
