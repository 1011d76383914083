/**
 * Authorization servers that others have written, on loopback, where one person always consents. The hub
 * meets them as a provider of which the operator has given every fact.
 */
import { type RequestListener, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import OAuth2Server from '@node-oauth/oauth2-server'
import { Provider } from 'oidc-provider'
import { onTestFinished } from 'vitest'

/** The operator's credentials at both. */
export const CLIENT = { clientId: 'hub', clientSecret: 'a secret of the hub: +/%' }
export const ACCOUNT_ID = 'account-of-tony'

/** A server as the hub needs to know it. */
export interface AuthorizationServer {
  /** What the operator says of it. */
  readonly overrides: Record<string, unknown>
  /** What happened at its end, in order. */
  readonly log: string[]
}

async function listen(): Promise<{ url: string; serve: (listener: RequestListener) => void }> {
  const server = createServer()
  // Closing an idle one may meet the next request, which then fails.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    serve: (listener) => void server.on('request', listener),
  }
}

/** oidc-provider: certified, insists on PKCE, sends `iss`, ends a grant whose refresh token comes twice. */
export async function startOidcProvider(redirectUri: string): Promise<AuthorizationServer> {
  const { url, serve } = await listen()
  const log: string[] = []
  const provider = new Provider(url, {
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
      },
    ],
    scopes: ['openid', 'profile', 'offline_access'],
    pkce: { required: () => true },
    cookies: { keys: ['a key for cookies'] },
    features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
    interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    findAccount: (_: unknown, accountId: string) => ({
      accountId,
      claims: () => ({ sub: accountId }),
    }),
    clientBasedCORS: () => false,
  })
  for (const event of ['grant.success', 'grant.error', 'grant.revoked', 'refresh_token.consumed']) {
    provider.on(event, () => log.push(event))
  }
  const answer = provider.callback()
  serve((request, response) => {
    const isInteraction = request.url?.startsWith('/interaction/') === true
    void (isInteraction ? consent(provider, request, response) : answer(request, response))
  })
  const overrides = {
    authorization: {
      url: `${url}/auth`,
      scopes: ['openid', 'profile', 'offline_access'],
      extraParameters: { prompt: 'consent' },
      issuer: url,
    },
    token: { url: `${url}/token`, clientAuthentication: 'basic' },
    identity: { from: 'token_claim', member: 'id_token', claim: 'sub' },
    revocation: { kind: 'rfc7009', url: `${url}/token/revocation`, reach: 'token' },
    ...COMMON,
    scopes: { known: ['openid', 'profile', 'offline_access'], required: ['openid'] },
  }
  return { overrides, log }
}

async function consent(provider: Provider, ...[request, response]: Parameters<RequestListener>) {
  const { params } = await provider.interactionDetails(request, response)
  const clientId = params['client_id'] ?? ''
  const grant = new provider.Grant({ accountId: ACCOUNT_ID, clientId })
  grant.addOIDCScope(params['scope'] ?? '')
  await provider.interactionFinished(request, response, {
    login: { accountId: ACCOUNT_ID },
    consent: { grantId: await grant.save() },
  })
}

const COMMON = {
  lifetimes: { accessTokenSeconds: 3600, refreshRotation: 'single_use' },
  refresh: { kind: 'ahead', aheadSeconds: 600 },
}

/** node-oauth's server: of other people's making, without OpenID Connect, without `iss`. */
export async function startNodeOAuth(redirectUri: string): Promise<AuthorizationServer> {
  const { url, serve } = await listen()
  const log: string[] = []
  const server = new OAuth2Server({ model: createModel(redirectUri, log) })
  serve((request, response) => {
    void answerNodeOAuth(server, request, response)
  })
  const overrides = {
    authorization: { url: `${url}/authorize`, scopes: ['read', 'write'] },
    token: { url: `${url}/token` },
    identity: { from: 'request', request: { url: `${url}/me` }, field: 'user.id' },
    scopes: { known: ['read', 'write'], required: ['read'] },
    liveness: { kind: 'request', request: { url: `${url}/me` }, goneStatuses: [401] },
    ...COMMON,
  }
  return { overrides, log }
}

function createModel(redirectUri: string, log: string[]) {
  const codes = new Map<string, OAuth2Server.AuthorizationCode>()
  const tokens = new Map<string, OAuth2Server.Token>()
  const client = { id: CLIENT.clientId, grants: ['authorization_code', 'refresh_token'] }
  const model: OAuth2Server.AuthorizationCodeModel & OAuth2Server.RefreshTokenModel = {
    getClient: async (id, secret) => {
      const isRight = id === CLIENT.clientId && (secret === null || secret === CLIENT.clientSecret)
      return isRight ? { ...client, redirectUris: [redirectUri] } : false
    },
    saveAuthorizationCode: async (code, owner, user) => {
      const saved = { ...code, client: owner, user }
      codes.set(code.authorizationCode, saved)
      return saved
    },
    getAuthorizationCode: async (code) => codes.get(code),
    revokeAuthorizationCode: async ({ authorizationCode }) => codes.delete(authorizationCode),
    saveToken: async (token, owner, user) => {
      const saved = { ...token, client: owner, user }
      for (const value of [token.accessToken, token.refreshToken]) tokens.set(value ?? '', saved)
      log.push('issued')
      return saved
    },
    getAccessToken: async (value) => {
      const found = tokens.get(value)
      return found?.accessToken === value ? found : undefined
    },
    getRefreshToken: async (value) => {
      const found = tokens.get(value)
      if (found?.refreshToken !== value) return undefined
      return { ...found, refreshToken: value }
    },
    revokeToken: async ({ refreshToken }) => {
      log.push('rotated')
      return tokens.delete(refreshToken)
    },
    validateScope: async (_user, _client, scope) => scope ?? [],
    verifyScope: async () => true,
  }
  return model
}

async function answerNodeOAuth(
  server: OAuth2Server,
  ...[message, response]: Parameters<RequestListener>
): Promise<void> {
  const url = new URL(message.url ?? '/', 'http://127.0.0.1')
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  const request = new OAuth2Server.Request({
    headers: message.headers as Record<string, string>,
    method: message.method ?? 'GET',
    query: Object.fromEntries(url.searchParams),
    body: Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString())),
  })
  const made = new OAuth2Server.Response({ headers: {} })
  try {
    if (url.pathname === '/authorize') {
      const authenticateHandler = { handle: () => ({ id: ACCOUNT_ID }) }
      await server.authorize(request, made, { authenticateHandler })
    } else if (url.pathname === '/token') {
      await server.token(request, made)
    } else {
      const { user } = await server.authenticate(request, made)
      made.body = { user }
    }
  } catch (error) {
    const { code, name } = error as { code?: number; name: string }
    made.status = made.status === 302 ? 302 : (code ?? 500)
    made.body = { error: name }
  }
  const headers = { 'content-type': 'application/json', ...made.headers }
  response.writeHead(made.status ?? 200, headers).end(JSON.stringify(made.body ?? {}))
}
