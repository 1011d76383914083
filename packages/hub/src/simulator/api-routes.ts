/** The part of a provider's API that is about accounts and grants, laid out as its data says. */
import { createHmac } from 'node:crypto'
import type { Context, Hono } from 'hono'
import { mergePatch } from '../providers/catalog-entry.ts'
import type { ProviderRequest } from '../providers/request.ts'
import { type SimulatedProvider, announceRevocation, stepKey } from './context.ts'
import { isSigned, readSignedToken } from './oauth1-routes.ts'
import { type Account, simulatedPath } from './profile.ts'
import { readBasic, takeFault, toNested } from './token-routes.ts'
import type { Grant } from './grant.ts'

type PlainRequest = Omit<ProviderRequest, 'prepare'>

/** Adds the account, permission, registration and revocation endpoints of a simulated provider. */
export function addApiRoutes(app: Hono, simulated: SimulatedProvider): void {
  const { provider } = simulated.profile
  const { identity, liveness, scopes, registration, subscription } = provider
  addRevocationRoutes(app, simulated)
  if (scopes.granted.from === 'request') {
    const [field = ''] = scopes.granted.fields
    addRoute(app, simulated, scopes.granted.request, (context, grant) =>
      context.json(field === '' ? grant.scopes : toNested(field, grant.scopes)),
    )
  }
  for (const step of [registration, subscription]) {
    if (step === undefined) continue
    addRoute(app, simulated, step.request, (context, grant) => {
      const key = stepKey(step.request.url, grant.account.accountId)
      const isFirst = !simulated.steps.has(key)
      simulated.steps.add(key)
      const [done = 200] = isFirst ? [] : step.doneStatuses
      const success = toSuccess(step.request)
      return context.json(success, done === 409 ? 409 : 200)
    })
  }
  const accountRequests = [
    ...(identity.from === 'request' ? [identity.request] : []),
    ...(liveness.kind === 'request' ? [liveness.request] : []),
  ]
  for (const request of new Map(accountRequests.map((one) => [one.url, one])).values()) {
    addRoute(app, simulated, request, (context, grant) => {
      const { accountScope } = provider.simulation
      if (accountScope !== undefined && !grant.scopes.includes(accountScope)) {
        return refuse(context, simulated, request, 403)
      }
      return context.json(toAccountBody(simulated, request, grant))
    })
  }
}

/** One endpoint for a bearer of an access token. Requests that are another's pass by. */
function addRoute(
  app: Hono,
  simulated: SimulatedProvider,
  request: PlainRequest,
  answer: (context: Context, grant: Grant) => Response,
): void {
  app.on(request.method, toRoutePath(request.url), async (context, next) => {
    if (!(await isFor(context, request))) return await next()
    const fault = await takeFault(context, simulated, 'accountEndpoint')
    if (fault !== undefined) return fault
    const grant = simulated.world.findByAccessToken(await readToken(context, simulated, request))
    return grant === undefined ? refuse(context, simulated, request, 401) : answer(context, grant)
  })
}

function addRevocationRoutes(app: Hono, simulated: SimulatedProvider): void {
  const { revocation } = simulated.profile.provider
  if (revocation.kind !== 'request') return
  const { request } = revocation
  const { prepare } = request
  if (prepare !== undefined) {
    app.on(prepare.method, toRoutePath(prepare.url), async (context, next) => {
      if (!(await isFor(context, prepare))) return await next()
      if (!(await hasSignature(context, simulated, prepare))) {
        return refuse(context, simulated, prepare, 401)
      }
      const read = Object.values(prepare.read).map((path) => toNested(path, 'nonce'))
      return context.json([toSuccess(prepare), ...read].reduce(mergePatch, {}))
    })
  }
  app.on(request.method, toRoutePath(request.url), async (context, next) => {
    if (!(await isFor(context, request))) return await next()
    const fault = await takeFault(context, simulated, 'revokeEndpoint')
    if (fault !== undefined) return fault
    const grant = await findRevoked(context, simulated, request)
    if (grant === undefined) return refuse(context, simulated, request, 401)
    // The echo is a request of its own, after this answer; nobody waits for it here.
    if (simulated.profile.provider.simulation.echoesOwnRevocation) {
      void announceRevocation(simulated, grant)
    }
    return request.method === 'DELETE' ? context.body(null, 204) : context.json(toSuccess(request))
  })
}

/** Whose grant a revocation ends: by its token, or where it carries none by what else it says. */
async function findRevoked(
  context: Context,
  simulated: SimulatedProvider,
  request: PlainRequest,
): Promise<Grant | undefined> {
  const { world } = simulated
  if (request.token.in !== 'none') {
    const accessToken = await readToken(context, simulated, request)
    return world.findByAccessToken(accessToken) && world.revokeToken(accessToken)
  }
  const url = new URL(context.req.url)
  if (request.client === 'basic') {
    const app = world.apps.get(readBasic(context.req.header('authorization')).clientId)
    return app && world.revokeToken(url.searchParams.get('refresh_token') ?? '')
  }
  if (!(await hasSignature(context, simulated, request))) return undefined
  const form = await readForm(context)
  const accountName = Object.entries(request.form ?? {}).find(
    ([, template]) => template === '{providerAccountId}',
  )?.[0]
  const grant = world.findGrant(form.get('client_id') ?? '', form.get(accountName ?? '') ?? '')
  if (grant !== undefined) world.endGrant(grant)
  return grant
}

async function hasSignature(
  context: Context,
  simulated: SimulatedProvider,
  request: PlainRequest,
): Promise<boolean> {
  if (request.sign === undefined) return true
  const form = await readForm(context)
  const app = simulated.world.apps.get(form.get('client_id') ?? '')
  if (app === undefined) return false
  const over = request.sign.over
    .replace('{clientId}', app.clientId)
    .replace('{nonce}', form.get('nonce') ?? '')
    .replace('{timestamp}', form.get('timestamp') ?? '')
  const expected = createHmac('sha256', app.clientSecret).update(over).digest('hex')
  return form.get(request.sign.member) === expected
}

/** Whether a request is for this endpoint, where several share one address. */
async function isFor(context: Context, request: PlainRequest): Promise<boolean> {
  if ((request.token.in === 'signature') !== isSigned(context)) return false
  const form = request.form === undefined ? new URLSearchParams() : await readForm(context)
  return Object.entries(request.form ?? {}).every(
    ([name, template]) => template.includes('{') || form.get(name) === template,
  )
}

async function readToken(
  context: Context,
  simulated: SimulatedProvider,
  request: PlainRequest,
): Promise<string> {
  switch (request.token.in) {
    case 'bearer':
      return /^Bearer (.+)$/i.exec(context.req.header('authorization') ?? '')?.[1] ?? ''
    case 'query':
      return context.req.query(request.token.name) ?? ''
    case 'form':
      return (await readForm(context)).get(request.token.name) ?? ''
    case 'signature':
      return readSignedToken(context, simulated) ?? ''
    case 'none':
      return ''
  }
}

async function readForm(context: Context): Promise<URLSearchParams> {
  return new URLSearchParams(await context.req.text())
}

function toAccountBody(
  simulated: SimulatedProvider,
  request: PlainRequest,
  { account }: Grant,
): unknown {
  const { identity } = simulated.profile.provider
  const body =
    identity.from === 'request'
      ? mergePatch(toNested(identity.field, account.accountId), toLabel(identity.labels, account))
      : { profile: { login: account.login } }
  return mergePatch(body, toSuccess(request))
}

/** What people know the account by, where the provider tells it. */
function toLabel([field]: readonly string[] = [], { login }: Account): unknown {
  if (field === undefined) return {}
  return toNested(field, /email$/i.test(field) ? `${login}@example.com` : login)
}

/** What a success looks like where a 200 may be a refusal. */
function toSuccess({ success }: PlainRequest): unknown {
  const [value] = success?.values ?? []
  // A marker that no value of ours can hold says what a refusal looks like: leave it out.
  if (success === undefined || value === undefined || !/^\d+$/.test(value)) return {}
  return toNested(success.path, /^\d$/.test(value) ? Number(value) : value)
}

function refuse(
  context: Context,
  simulated: SimulatedProvider,
  request: PlainRequest,
  status: 401 | 403,
): Response {
  const { liveness } = simulated.profile.provider
  const isLiveness = liveness.kind === 'request' && liveness.request.url === request.url
  if (isLiveness && liveness.gone !== undefined && status === 401) {
    const [value = ''] = liveness.gone.values
    const body = mergePatch(toSuccess(request), toNested(liveness.gone.path, Number(value)))
    return context.json(body)
  }
  if (request.success !== undefined) {
    return context.json(toNested(request.success.path, status))
  }
  return context.json({ error: status === 401 ? 'invalid_token' : 'insufficient_scope' }, status)
}

/** A path for Hono: placeholders match anything. */
function toRoutePath(url: string): string {
  return simulatedPath(url.replaceAll(/\{(\w+)\}/g, 'PLACEHOLDER$1')).replaceAll(
    /PLACEHOLDER(\w+)/g,
    ':$1',
  )
}
