/**
 * The token endpoints of OAuth 1.0a (RFC 5849). Signatures are checked here with code of their own, so
 * that a mistake in the hub's signing is not repeated.
 */
import { createHmac } from 'node:crypto'
import type { Context, Hono } from 'hono'
import type { SimulatedProvider } from './context.ts'
import { simulatedPath } from './profile.ts'
import { takeFault } from './token-routes.ts'
import type { App } from './grant.ts'

/** Seconds that a signed request may be old or early. */
const TOLERANCE_SECONDS = 300

/** Adds the endpoints for request tokens and access tokens. */
export function addOAuth1Routes(app: Hono, simulated: SimulatedProvider): void {
  const { protocol, token } = simulated.profile.provider
  if (protocol !== 'oauth1' || token.requestTokenUrl === undefined) return
  const { world } = simulated
  app.post(simulatedPath(token.requestTokenUrl), async (context) => {
    const fault = await takeFault(context, simulated, 'tokenEndpoint')
    if (fault !== undefined) return fault
    const signed = readSigned(context, simulated, () => '')
    const callbackUrl = signed?.parameters.get('oauth_callback')
    if (signed === undefined || callbackUrl === undefined) return refuse(context)
    const target = new URL(callbackUrl)
    target.searchParams.delete('state')
    if (!signed.app.redirectUris.includes(target.href)) return refuse(context)
    const issued = world.issueRequestToken(signed.app, callbackUrl)
    return context.body(
      toForm(issued.token, issued.secret, { oauth_callback_confirmed: 'true' }),
      200,
    )
  })
  app.post(simulatedPath(token.url), async (context) => {
    const fault = await takeFault(context, simulated, 'tokenEndpoint')
    if (fault !== undefined) return fault
    const secretOf = (value: string): string | undefined => world.findRequestToken(value)?.secret
    const signed = readSigned(context, simulated, secretOf)
    const issued = world.redeemRequestToken(
      signed?.parameters.get('oauth_token') ?? '',
      signed?.parameters.get('oauth_verifier') ?? '',
    )
    if (issued === undefined) return refuse(context)
    return context.body(toForm(issued.token, issued.secret), 200)
  })
}

/** Whether a request brings an OAuth 1.0a signature. */
export function isSigned(context: Context): boolean {
  return /^OAuth /i.test(context.req.header('authorization') ?? '')
}

/** The access token that a request is rightly signed with. */
export function readSignedToken(
  context: Context,
  simulated: SimulatedProvider,
): string | undefined {
  const secretOf = (value: string): string | undefined => simulated.world.findTokenSecret(value)
  return readSigned(context, simulated, secretOf)?.parameters.get('oauth_token')
}

/** Checks signature, time and single use of the nonce (RFC 5849, section 3.2). */
function readSigned(
  context: Context,
  simulated: SimulatedProvider,
  secretOf: (token: string) => string | undefined,
): { app: App; parameters: Map<string, string> } | undefined {
  const header = (context.req.header('authorization') ?? '').replace(/^OAuth /i, '')
  const parameters = new Map(
    [...header.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      decodeURIComponent(value),
    ]),
  )
  const app = simulated.world.apps.get(parameters.get('oauth_consumer_key') ?? '')
  const tokenSecret = secretOf(parameters.get('oauth_token') ?? '')
  const ageSeconds =
    simulated.deps.clock.nowMs() / 1000 - Number(parameters.get('oauth_timestamp') ?? Number.NaN)
  if (app === undefined || tokenSecret === undefined) return undefined
  if (!(Math.abs(ageSeconds) <= TOLERANCE_SECONDS)) return undefined
  const nonce = `nonce ${app.clientId} ${parameters.get('oauth_nonce')}`
  if (simulated.steps.has(nonce)) return undefined
  simulated.steps.add(nonce)
  const { origin, pathname, searchParams } = new URL(context.req.url)
  const all = [...parameters, ...searchParams].filter(([name]) => name !== 'oauth_signature')
  const encoded = all.map(([name, value]): [string, string] => [encode(name), encode(value)])
  encoded.sort(
    ([a, x], [b, y]) => Buffer.compare(Buffer.from(a), Buffer.from(b)) || (x < y ? -1 : 1),
  )
  const normalized = encoded.map((pair) => pair.join('=')).join('&')
  const base = [context.req.method, encode(origin + pathname), encode(normalized)].join('&')
  const signature = createHmac('sha1', `${encode(app.clientSecret)}&${encode(tokenSecret)}`)
    .update(base)
    .digest('base64')
  return signature === parameters.get('oauth_signature') ? { app, parameters } : undefined
}

function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[\w.~-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

function toForm(token: string, secret: string, more: Record<string, string> = {}): string {
  return new URLSearchParams({ oauth_token: token, oauth_token_secret: secret, ...more }).toString()
}

function refuse(context: Context): Response {
  return context.body('oauth_problem=refused', 401)
}
