/** The token endpoint (RFC 6749, section 3.2) and, where the provider has one, RFC 7009's. */
import type { Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { mergePatch } from '../providers/catalog-entry.ts'
import type { SimulatedProvider } from './context.ts'
import type { FaultyEndpoint, MetFault } from './faults.ts'
import { simulatedPath } from './profile.ts'
import type { App, IssuedTokens } from './grant.ts'
import { toJwt } from './world.ts'

/** Adds the token and revocation endpoints of a simulated provider. */
export function addTokenRoutes(app: Hono, simulated: SimulatedProvider): void {
  const { token, revocation, protocol } = simulated.profile.provider
  if (protocol === 'oauth2') {
    for (const url of new Set([token.url, token.refreshUrl ?? token.url])) {
      app.on(token.method, simulatedPath(url), async (context, next) => {
        const parameters = await readParameters(context, simulated)
        // Some keep several endpoints at one address.
        if (!isTokenRequest(simulated, parameters)) return await next()
        return await answerTokenRequest(context, simulated, parameters)
      })
    }
  }
  if (revocation.kind !== 'rfc7009') return
  app.post(simulatedPath(revocation.url), async (context) => {
    const fault = await simulated.faults.take('revokeEndpoint')
    const refusal = answerFault(context, simulated, fault)
    if (refusal !== undefined) return refusal
    const form = new URLSearchParams(await context.req.text())
    const client = authenticate(context, simulated, form)
    if (client === undefined) return answerError(context, simulated, 'invalid_client', 401)
    // RFC 7009, section 2.2: a token that is already worthless is a success too.
    simulated.world.revokeToken(form.get('token') ?? '')
    return afterFault(fault, context.body(null, 200))
  })
}

function isTokenRequest(simulated: SimulatedProvider, parameters: URLSearchParams): boolean {
  const expected = Object.entries(simulated.profile.provider.token.extraParameters)
  if (expected.length > 0) {
    return expected.every(([name, value]) => parameters.get(name) === value)
  }
  return simulated.profile.provider.token.method === 'POST' || parameters.has('grant_type')
}

async function answerTokenRequest(
  context: Context,
  simulated: SimulatedProvider,
  parameters: URLSearchParams,
): Promise<Response> {
  const fault = await simulated.faults.take('tokenEndpoint')
  const refusal = answerFault(context, simulated, fault)
  if (refusal !== undefined) return refusal
  const client = authenticate(context, simulated, parameters)
  if (client === undefined) return answerError(context, simulated, 'invalid_client', 401)
  return afterFault(fault, answerGrant(context, simulated, { client, parameters, fault }))
}

/** What a fault that was asked for answers in place of the work; undefined to go on. */
export function answerFault(
  context: Context,
  simulated: SimulatedProvider,
  fault: MetFault | undefined,
): Response | undefined {
  if (fault?.status === undefined) return undefined
  if (fault.error !== undefined) return answerError(context, simulated, fault.error, fault.status)
  return context.html('<h1>Simulated failure</h1>', toStatus(fault.status))
}

/** As {@link answerFault}, for endpoints that take the fault themselves. */
export async function takeFault(
  context: Context,
  simulated: SimulatedProvider,
  endpoint: FaultyEndpoint,
): Promise<Response | undefined> {
  return answerFault(context, simulated, await simulated.faults.take(endpoint))
}

/** The answer, or a connection that breaks in its place. */
export function afterFault(fault: MetFault | undefined, answer: Response): Response {
  if (fault?.isAnswerLost !== true) return answer
  const broken = new ReadableStream({
    start: (controller) => {
      controller.error(new Error('the simulated answer is lost'))
    },
  })
  return new Response(broken, { headers: { 'content-type': 'application/json' } })
}

function answerGrant(
  context: Context,
  simulated: SimulatedProvider,
  request: { client: App; parameters: URLSearchParams; fault: MetFault | undefined },
): Response {
  const { client, parameters, fault } = request
  const { world, profile } = simulated
  switch (parameters.get('grant_type')) {
    case 'authorization_code': {
      const issued = world.redeemCode({
        app: client,
        code: parameters.get('code') ?? '',
        redirectUri: parameters.get('redirect_uri'),
        codeVerifier: parameters.get('code_verifier'),
      })
      if (issued === undefined) return answerError(context, simulated, 'invalid_grant')
      return context.json(toTokenBody(simulated, issued, fault))
    }
    case 'refresh_token': {
      const issued = world.refresh(client, parameters.get('refresh_token') ?? '')
      const { refusedRefreshCode } = profile.provider.simulation
      if (issued === undefined) return answerError(context, simulated, refusedRefreshCode)
      return context.json(toTokenBody(simulated, issued, fault))
    }
    case null:
      return answerError(context, simulated, 'invalid_request')
    default:
      return answerError(context, simulated, 'unsupported_grant_type')
  }
}

/** The answer in the provider's own shape, from the same data that the hub reads it with. */
export function toTokenBody(
  simulated: SimulatedProvider,
  issued: IssuedTokens,
  fault: MetFault | undefined,
): unknown {
  const { provider } = simulated.profile
  const { lifetimes, identity, scopes, authorization, simulation, token } = provider
  const { grant, accessToken, refreshToken } = issued
  const { accountId } = grant.account
  const standard: Record<string, unknown> =
    accessToken === undefined
      ? {}
      : {
          access_token: accessToken,
          // Who is read leniently leaves it out.
          ...(token.answer === undefined ? { token_type: 'Bearer' } : {}),
          ...(lifetimes.accessTokenSeconds === null || simulation.omitsExpiresIn
            ? {}
            : { expires_in: lifetimes.accessTokenSeconds }),
          ...(refreshToken === undefined || fault?.isRefreshTokenDropped === true
            ? {}
            : { refresh_token: refreshToken }),
          ...(scopes.granted.from === 'token_response' && authorization.scopes.length > 0
            ? { scope: grant.scopes.join(authorization.scopeSeparator) }
            : {}),
        }
  const names = token.answer?.names ?? {}
  const members: Record<string, unknown> = Object.fromEntries(
    Object.entries(standard).map(([name, value]) => [names[name] ?? name, value]),
  )
  if (lifetimes.refreshExpiresInField !== undefined) {
    members[lifetimes.refreshExpiresInField] = lifetimes.refreshTokenSeconds
  }
  let body: unknown = members
  if (identity.from === 'token_response') {
    body = mergePatch(body, toNested(identity.field, accountId))
  } else if (identity.from === 'token_claim' && identity.member === 'id_token') {
    members['id_token'] = toJwt({ [identity.claim]: accountId, aud: grant.app.clientId })
  }
  const { members: path = '', success } = token.answer ?? {}
  const nested = path === '' ? body : toNested(path, body)
  return success === undefined
    ? nested
    : mergePatch(nested, toNested(success.path, toMark(success)))
}

/** `{a: {b: value}}` for the path `a.b`. */
export function toNested(path: string, value: unknown): unknown {
  return path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value)
}

function toMark({ values }: { values: readonly string[] }): string | number {
  const [value = ''] = values
  // As the providers write them: a status of one digit is a number, `0000` a text.
  return /^\d$/.test(value) ? Number(value) : value
}

function answerError(
  context: Context,
  simulated: SimulatedProvider,
  code: string,
  status = 400,
): Response {
  const { errorCodePath, answer } = simulated.profile.provider.token
  const isInside = answer?.success?.path === errorCodePath
  const isNumber = isInside && /^[1-9]\d*$/.test(code)
  const value = isNumber ? Number(code) : code
  const body =
    errorCodePath === 'errors.0.errorType'
      ? { errors: [{ errorType: code, message: 'Simulated refusal.' }], success: false }
      : mergePatch({ error_description: 'Simulated refusal.' }, toNested(errorCodePath, value))
  // Where success is told in the body, a refusal is a 200 as well.
  return context.json(body, toStatus(isInside && status < 429 ? 200 : status))
}

/** The app, if it proves itself in the one way this provider takes. */
function authenticate(
  context: Context,
  simulated: SimulatedProvider,
  parameters: URLSearchParams,
): App | undefined {
  const { provider } = simulated.profile
  const found =
    provider.token.clientAuthentication === 'basic'
      ? readBasic(context.req.header('authorization'))
      : {
          clientId: parameters.get('client_id') ?? '',
          clientSecret: parameters.get('client_secret') ?? '',
        }
  const app = simulated.world.apps.get(found.clientId)
  // Simulated secrets protect nothing, so an ordinary comparison will do.
  return app?.clientSecret === found.clientSecret ? app : undefined
}

/** HTTP Basic with both halves form-encoded (RFC 6749, section 2.3.1). */
export function readBasic(header: string | undefined): { clientId: string; clientSecret: string } {
  const encoded = /^Basic (.+)$/i.exec(header ?? '')?.[1] ?? ''
  const [clientId = '', clientSecret = ''] = Buffer.from(encoded, 'base64').toString().split(':')
  return { clientId: formDecode(clientId), clientSecret: formDecode(clientSecret) }
}

function formDecode(value: string): string {
  return new URLSearchParams(`v=${value}`).get('v') ?? ''
}

async function readParameters(
  context: Context,
  simulated: SimulatedProvider,
): Promise<URLSearchParams> {
  return simulated.profile.provider.token.parametersIn === 'query'
    ? new URL(context.req.url).searchParams
    : new URLSearchParams(await context.req.text())
}

function toStatus(status: number): ContentfulStatusCode {
  return status as ContentfulStatusCode
}
