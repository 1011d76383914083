import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { getProvider } from '../providers/catalog.ts'
import { createAuthorization } from './authorize.ts'

const GARMIN = getProvider('GARMIN')
const OURA = getProvider('OURA')

const deps = {
  random: { bytes: randomBytes, fraction: Math.random },
  clock: { nowMs: () => 0 },
  fetch: async () => await Promise.reject(new Error('OAuth 2.0 asks nobody')),
}
const options = {
  credentials: { clientId: 'client&1', clientSecret: 'secret' },
  redirectUri: 'https://hub.test/callback?environment=1',
  state: 'st te',
}

describe('createAuthorization', () => {
  it('asks for a code with PKCE S256', async () => {
    const { url, codeVerifier } = await createAuthorization(deps, { ...options, provider: OURA })
    expect(url.origin + url.pathname).toBe('https://cloud.ouraring.com/oauth/authorize')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: 'client&1',
      redirect_uri: 'https://hub.test/callback?environment=1',
      state: 'st te',
      scope: OURA.authorization.scopes.join(' '),
      code_challenge: createHash('sha256').update(codeVerifier!).digest('base64url'),
      code_challenge_method: 'S256',
    })
    expect(codeVerifier).toMatch(/^[\w-]{43,128}$/)
  })

  it('uses a new verifier each time', async () => {
    const made = Array.from(
      { length: 50 },
      async () => await createAuthorization(deps, { ...options, provider: GARMIN }),
    )
    const verifiers = (await Promise.all(made)).map(({ codeVerifier }) => codeVerifier)
    expect(new Set(verifiers).size).toBe(50)
  })

  it('sends no scope where the provider has none', async () => {
    const { url } = await createAuthorization(deps, { ...options, provider: GARMIN })
    expect(url.searchParams.has('scope')).toBe(false)
  })

  it('adds what the provider needs beyond the specification', async () => {
    const { url, codeVerifier } = await createAuthorization(deps, {
      ...options,
      provider: {
        ...OURA,
        authorization: {
          ...OURA.authorization,
          url: 'https://provider.test/login?kind=app',
          scopes: ['read', 'read_all'],
          scopeSeparator: ',',
          // What the specification names cannot be overridden by accident.
          extraParameters: { prompt: 'consent', client_id: 'other' },
          pkce: 'refused',
        },
      },
    })
    expect(codeVerifier).toBeUndefined()
    expect(Object.fromEntries(url.searchParams)).toEqual({
      kind: 'app',
      prompt: 'consent',
      response_type: 'code',
      client_id: 'client&1',
      redirect_uri: 'https://hub.test/callback?environment=1',
      state: 'st te',
      scope: 'read,read_all',
    })
  })
})
