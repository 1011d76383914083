/** The token endpoint (RFC 6749, section 3.2) and, where the provider has one, RFC 7009's. */
import type { Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { SimulatedProvider } from './context.ts'
import type { FaultyEndpoint } from './faults.ts'
import { simulatedPath } from './profile.ts'
import type { App, IssuedTokens } from './world.ts'

/** Adds the token and revocation endpoints of a simulated provider. */
export function addTokenRoutes(app: Hono, simulated: SimulatedProvider): void {
  const { token, revocation } = simulated.profile.provider
  app.post(simulatedPath(token.url), async (context) => {
    const fault = await answerFault(context, simulated, 'tokenEndpoint')
    if (fault !== undefined) return fault
    const form = await readForm(context)
    const client = authenticate(context, simulated, form)
    if (client === undefined) return answerError(context, simulated, 'invalid_client', 401)
    return answerGrant(context, simulated, { client, form })
  })
  if (revocation.kind !== 'rfc7009') return
  app.post(simulatedPath(revocation.url), async (context) => {
    const fault = await answerFault(context, simulated, 'revokeEndpoint')
    if (fault !== undefined) return fault
    const form = await readForm(context)
    const client = authenticate(context, simulated, form)
    if (client === undefined) return answerError(context, simulated, 'invalid_client', 401)
    // RFC 7009, section 2.2: a token that is already worthless is a success too.
    simulated.world.revokeToken(form.get('token') ?? '')
    return context.body(null, 200)
  })
}

/** What a fault that was asked for answers; undefined to go on. */
export async function answerFault(
  context: Context,
  simulated: SimulatedProvider,
  endpoint: FaultyEndpoint,
): Promise<Response | undefined> {
  const fault = await simulated.faults.take(endpoint)
  if (fault === undefined) return undefined
  if (fault.error !== undefined) return answerError(context, simulated, fault.error, fault.status)
  return context.html('<h1>Simulated failure</h1>', toStatus(fault.status))
}

function answerGrant(
  context: Context,
  simulated: SimulatedProvider,
  request: { client: App; form: URLSearchParams },
): Response {
  const { client, form } = request
  const { world, profile } = simulated
  switch (form.get('grant_type')) {
    case 'authorization_code': {
      const issued = world.redeemCode({
        app: client,
        code: form.get('code') ?? '',
        redirectUri: form.get('redirect_uri'),
        codeVerifier: form.get('code_verifier'),
      })
      if (issued === undefined) return answerError(context, simulated, 'invalid_grant')
      return context.json(toTokenBody(simulated, issued))
    }
    case 'refresh_token': {
      const issued = world.refresh(client, form.get('refresh_token') ?? '')
      if (issued === undefined) return answerError(context, simulated, profile.refusedRefreshCode)
      return context.json(toTokenBody(simulated, issued))
    }
    case null:
      return answerError(context, simulated, 'invalid_request')
    default:
      return answerError(context, simulated, 'unsupported_grant_type')
  }
}

/** The answer in the provider's own shape, from the same data that the hub reads it with. */
function toTokenBody(simulated: SimulatedProvider, issued: IssuedTokens): Record<string, unknown> {
  const { lifetimes, identity, scopes, authorization } = simulated.profile.provider
  const { grant, accessToken, refreshToken } = issued
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    ...(lifetimes.accessTokenSeconds === null ? {} : { expires_in: lifetimes.accessTokenSeconds }),
    refresh_token: refreshToken,
    ...(lifetimes.refreshExpiresInField === undefined
      ? {}
      : { [lifetimes.refreshExpiresInField]: lifetimes.refreshTokenSeconds }),
    ...(scopes.granted.from === 'token_response'
      ? { scope: grant.scopes.join(authorization.scopeSeparator) }
      : {}),
    ...(identity.from === 'token_response' ? { [identity.field]: grant.account.accountId } : {}),
  }
}

function answerError(
  context: Context,
  simulated: SimulatedProvider,
  code: string,
  status = 400,
): Response {
  const { errorCodePath } = simulated.profile.provider.token
  const body =
    errorCodePath === 'error'
      ? { error: code, error_description: 'Simulated refusal.' }
      : { errors: [{ errorType: code, message: 'Simulated refusal.' }], success: false }
  return context.json(body, toStatus(status))
}

/** The app, if it proves itself in the one way this provider takes. */
function authenticate(
  context: Context,
  simulated: SimulatedProvider,
  form: URLSearchParams,
): App | undefined {
  const { provider } = simulated.profile
  const found =
    provider.token.clientAuthentication === 'basic'
      ? readBasic(context.req.header('authorization'))
      : { clientId: form.get('client_id') ?? '', clientSecret: form.get('client_secret') ?? '' }
  const app = simulated.world.apps.get(found.clientId)
  // Simulated secrets protect nothing, so an ordinary comparison will do.
  return app?.clientSecret === found.clientSecret ? app : undefined
}

/** HTTP Basic with both halves form-encoded (RFC 6749, section 2.3.1). */
function readBasic(header: string | undefined): { clientId: string; clientSecret: string } {
  const encoded = /^Basic (.+)$/i.exec(header ?? '')?.[1] ?? ''
  const [clientId = '', clientSecret = ''] = Buffer.from(encoded, 'base64').toString().split(':')
  return { clientId: formDecode(clientId), clientSecret: formDecode(clientSecret) }
}

function formDecode(value: string): string {
  return new URLSearchParams(`v=${value}`).get('v') ?? ''
}

async function readForm(context: Context): Promise<URLSearchParams> {
  return new URLSearchParams(await context.req.text())
}

function toStatus(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode
}
