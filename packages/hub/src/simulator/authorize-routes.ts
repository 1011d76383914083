/** The authorization endpoint (RFC 6749, section 3.1): login, consent, redirect. */
import type { Context, Hono } from 'hono'
import type { SimulatedProvider } from './context.ts'
import { consentPage, errorPage, loginPage } from './pages.ts'
import { type Account, simulatedPath } from './profile.ts'
import type { App, RequestToken } from './grant.ts'

/** An authorization request whose redirect URI can be trusted. */
interface AuthorizationRequest {
  readonly app: App
  readonly redirectUri: string
  readonly state: string | undefined
  readonly scopes: readonly string[]
  readonly codeChallenge: string | undefined
  /** OAuth 1.0a. */
  readonly requestToken?: { readonly value: string; readonly token: RequestToken }
}

/** Adds the authorization endpoint of a simulated provider. */
export function addAuthorizeRoutes(app: Hono, simulated: SimulatedProvider): void {
  const path = simulatedPath(simulated.profile.provider.authorization.url)
  app.get(path, async (context, next) => {
    // The token endpoint of some is at the same address.
    if (context.req.query('grant_type') !== undefined) return await next()
    const request = await readRequest(context, simulated)
    if (request instanceof Response) return request
    const account = simulated.sessions.find(context)
    if (account === undefined) return await context.html(loginPage(simulated.profile))
    return await showConsent(context, simulated, { request, account })
  })
  app.post(path, async (context) => {
    const request = await readRequest(context, simulated)
    if (request instanceof Response) return request
    const form = await context.req.formData()
    const login = form.get('login')
    if (typeof login === 'string') return await logIn(context, simulated, login)
    if (form.get('action') === 'logout') {
      simulated.sessions.end(context)
      return reload(context)
    }
    const account = simulated.sessions.find(context)
    if (account === undefined) return await context.html(loginPage(simulated.profile))
    return await decide(context, simulated, { request, account, form })
  })
}

/** Shows the address again, now by GET, so that reloading posts nothing twice. */
export function reload(context: Context): Response {
  return context.redirect(new URL(context.req.url).search || context.req.path, 303)
}

/** Answers a posted login. */
export async function logIn(
  context: Context,
  simulated: SimulatedProvider,
  login: string,
): Promise<Response> {
  if (simulated.sessions.start(context, login)) return reload(context)
  const alert = 'Please enter a name of 1 to 64 characters.'
  return await context.html(loginPage(simulated.profile, { alert }), 400)
}

/**
 * The request, or the answer that refuses it: an error page while the redirect URI is not known to be
 * the app's (RFC 9700, section 4.11), the app's own address afterwards.
 */
async function readRequest(
  context: Context,
  simulated: SimulatedProvider,
): Promise<AuthorizationRequest | Response> {
  const { profile, world } = simulated
  if (profile.provider.protocol === 'oauth1') return await readTokenRequest(context, simulated)
  const query = new URL(context.req.url).searchParams
  const app = world.apps.get(query.get('client_id') ?? '')
  if (app === undefined) {
    return await refusePage(context, simulated, 'No app is registered under this client_id.')
  }
  const redirectUri = query.get('redirect_uri') ?? ''
  if (!app.redirectUris.includes(redirectUri)) {
    return await refusePage(
      context,
      simulated,
      `This redirect_uri is not registered for ${app.name}.`,
    )
  }
  const { scopes, authorization } = profile.provider
  const asked = query
    .get(authorization.scopeParameter)
    ?.split(authorization.scopeSeparator)
    .filter(Boolean)
  const request: AuthorizationRequest = {
    app,
    redirectUri,
    state: query.get('state') ?? undefined,
    scopes: asked === undefined || asked.length === 0 ? scopes.known : asked,
    codeChallenge: query.get('code_challenge') ?? undefined,
  }
  const error = findError(simulated, request, query)
  return error === undefined ? request : redirectBack(context, request, { error })
}

/** OAuth 1.0a: whom the login is for is known by the request token. */
async function readTokenRequest(
  context: Context,
  simulated: SimulatedProvider,
): Promise<AuthorizationRequest | Response> {
  const value = context.req.query('oauth_token') ?? ''
  const token = simulated.world.findRequestToken(value)
  if (token === undefined) {
    return await refusePage(context, simulated, 'This request token is unknown or too old.')
  }
  return {
    app: token.app,
    redirectUri: token.callbackUrl,
    state: undefined,
    scopes: simulated.profile.provider.scopes.known,
    codeChallenge: undefined,
    requestToken: { value, token },
  }
}

function findError(
  simulated: SimulatedProvider,
  request: AuthorizationRequest,
  query: URLSearchParams,
): string | undefined {
  const { profile } = simulated
  if (query.get('response_type') !== 'code') return 'unsupported_response_type'
  if (!request.scopes.every((scope) => profile.provider.scopes.known.includes(scope))) {
    return 'invalid_scope'
  }
  const { pkce } = profile.provider.authorization
  if (request.codeChallenge === undefined) {
    return profile.provider.simulation.isPkceRequired ? 'invalid_request' : undefined
  }
  if (pkce === 'refused') return 'invalid_request'
  // RFC 7636, section 4.3: without a method it would be `plain`.
  return query.get('code_challenge_method') === 'S256' ? undefined : 'invalid_request'
}

async function showConsent(
  context: Context,
  simulated: SimulatedProvider,
  options: { request: AuthorizationRequest; account: Account; alert?: string },
): Promise<Response> {
  const { request, account, alert } = options
  const page = consentPage(simulated.profile, {
    app: request.app,
    login: account.login,
    scopes: request.scopes,
    ...(alert === undefined ? {} : { alert }),
  })
  return await context.html(page, alert === undefined ? 200 : 400)
}

async function decide(
  context: Context,
  simulated: SimulatedProvider,
  options: { request: AuthorizationRequest; account: Account; form: FormData },
): Promise<Response> {
  const { request, account, form } = options
  const decision = form.get('decision')
  if (decision === 'deny') {
    // OAuth 1.0a has no error for it; Garmin comes back with the word null.
    return redirectBack(
      context,
      request,
      request.requestToken === undefined
        ? { error: 'access_denied' }
        : { oauth_token: request.requestToken.value, oauth_verifier: 'null' },
    )
  }
  const ticked = form.getAll('scope')
  const scopes = request.scopes.filter((scope) => ticked.includes(scope))
  const { mayGrantNothing } = simulated.profile.provider.simulation
  const mustTick = request.scopes.length > 0 && !mayGrantNothing
  if (decision !== 'allow' || (mustTick && scopes.length === 0)) {
    const alert =
      decision === 'allow' ? 'Choose at least one kind of data, or deny.' : 'Allow or deny.'
    return await showConsent(context, simulated, { request, account, alert })
  }
  const { app, redirectUri, codeChallenge, requestToken } = request
  if (requestToken !== undefined) {
    const consent = { app, account, scopes, redirectUri }
    return redirectBack(context, request, {
      oauth_token: requestToken.value,
      oauth_verifier: simulated.world.grantRequestToken(requestToken.token, consent),
    })
  }
  const code = simulated.world.issueCode({ app, account, scopes, redirectUri, codeChallenge })
  const { granted } = simulated.profile.provider.scopes
  const { scopeSeparator } = simulated.profile.provider.authorization
  return redirectBack(context, request, {
    code,
    ...(granted.from === 'callback' ? { [granted.parameter]: scopes.join(scopeSeparator) } : {}),
  })
}

function redirectBack(
  context: Context,
  request: AuthorizationRequest,
  parameters: Record<string, string>,
): Response {
  const url = new URL(request.redirectUri)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  if (request.state !== undefined) url.searchParams.set('state', request.state)
  // 303: a POST must not be repeated at the app (RFC 9700, section 4.12).
  return context.redirect(url.href, 303)
}

async function refusePage(
  context: Context,
  simulated: SimulatedProvider,
  message: string,
): Promise<Response> {
  return await context.html(errorPage(simulated.profile, message), 400)
}
