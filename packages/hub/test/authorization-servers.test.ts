/** The whole connect flow, rotation, revocation and `iss` at servers that nobody of us has written. */
import { describe, expect, it } from 'vitest'
import { HOUR_MS } from '../src/core/time.ts'
import { enableProvider } from '../src/operations/set-up.ts'
import {
  ACCOUNT_ID,
  type AuthorizationServer,
  CLIENT,
  startNodeOAuth,
  startOidcProvider,
} from './servers/authorization-servers.ts'
import { DEV_ID, type TestHub, createTestHub, types } from './support/create-test-hub.ts'

/** An entry of the catalog in which every fact is the operator's to give. */
const PROVIDER = 'CRONOMETER'

async function open(start: (redirectUri: string) => Promise<AuthorizationServer>) {
  const hub = await createTestHub({ providers: [] })
  const server = await start(hub.hub.deps.links.callback(DEV_ID, PROVIDER))
  await enableProvider(hub.hub.deps, {
    environmentId: DEV_ID,
    provider: PROVIDER,
    ...CLIENT,
    noticeKey: 'unused',
    originOverrides: {},
    overrides: server.overrides,
  })
  return { hub, server }
}

/** A browser: follows redirects with its cookies until it would leave for the app. */
async function browse(start: string | URL, form?: URLSearchParams) {
  const cookies = new Map<string, string>()
  const visit = async (from: URL, body?: URLSearchParams, edit = (url: URL): URL => url) => {
    let url = from
    let sent = body
    for (let step = 0; step < 12; step += 1) {
      const response = await fetch(url, {
        redirect: 'manual',
        headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
        ...(sent === undefined ? {} : { method: 'POST', body: sent }),
      })
      sent = undefined
      for (const cookie of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
        cookies.set(name, value)
      }
      const location = response.headers.get('location')
      if (location === null) return url
      url = edit(new URL(location, url))
      if (url.host === 'app.example') return url
    }
    throw new Error('the redirects do not end')
  }
  await visit(new URL(start))
  return async (path: string, edit?: (url: URL) => URL) =>
    await visit(new URL(start + path), form, edit)
}

async function connect(hub: TestHub, edit?: (url: URL) => URL): Promise<URL> {
  const go = await browse(await hub.createLink(), new URLSearchParams({ provider: PROVIDER }))
  const landing = await go('/connect', edit)
  await hub.hub.settle()
  return landing
}

async function versions(hub: TestHub): Promise<unknown[]> {
  return (await hub.rows('SELECT version FROM token_set')).map((row) => row['version'])
}

describe.each([
  ['oidc-provider', startOidcProvider],
  ['node-oauth', startNodeOAuth],
])('%s', (_, start) => {
  it('connects, refreshes again and again, and knows the account the next time', async () => {
    const { hub, server } = await open(start)
    const landing = await connect(hub)
    expect(landing.searchParams.get('resource')).toBe(PROVIDER)
    const rows = await hub.rows('SELECT provider_account_id, scopes FROM connection')
    expect(rows).toMatchObject([{ provider_account_id: ACCOUNT_ID }])
    for (let hour = 1; hour <= 3; hour += 1) {
      await hub.advanceByMs(HOUR_MS)
      expect(await versions(hub)).toEqual([hour + 1])
    }
    await connect(hub)
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
    expect(server.log).not.toContain('grant.error')
    expect(hub.logged).toEqual([])
  })

  it('blames the operator for a wrong secret, and nobody else', async () => {
    const { hub, server } = await open(start)
    await enableProvider(hub.hub.deps, {
      environmentId: DEV_ID,
      provider: PROVIDER,
      clientId: CLIENT.clientId,
      clientSecret: 'wrong',
      noticeKey: 'unused',
      originOverrides: {},
      overrides: server.overrides,
    })
    const landing = await connect(hub)
    expect(landing.searchParams.get('reason')).toBe('client_misconfigured')
    expect(types(hub)).toEqual(['auth_cancelled'])
  })
})

describe('oidc-provider', () => {
  it('is given its grant back when the person disconnects', async () => {
    const { hub, server } = await open(startOidcProvider)
    const landing = await connect(hub)
    const userId = landing.searchParams.get('user_id')
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    await hub.hub.settle()
    expect(server.log).toContain('grant.revoked')
    expect(await hub.rows('SELECT status FROM revocation')).toEqual([{ status: 'revoked' }])
  })

  it.each([
    ['another issuer', (url: URL) => url.searchParams.set('iss', 'https://evil.test')],
    ['no issuer', (url: URL) => url.searchParams.delete('iss')],
  ])('is not believed to be itself with %s', async (_what, change) => {
    const { hub, server } = await open(startOidcProvider)
    const landing = await connect(hub, (url) => {
      if (url.pathname.startsWith('/callback/')) change(url)
      return url
    })
    expect(landing.searchParams.get('reason')).toBe('issuer_mismatch')
    expect(server.log).toEqual([])
  })
})
