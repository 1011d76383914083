import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { GARMIN } from '../providers/garmin.ts'
import { OURA } from '../providers/oura.ts'
import { createAuthorization } from './authorize.ts'

const deps = { random: { bytes: randomBytes, fraction: Math.random } }
const options = {
  credentials: { clientId: 'client&1' },
  redirectUri: 'https://hub.test/callback?environment=1',
  state: 'st te',
}

describe('createAuthorization', () => {
  it('asks for a code with PKCE S256', () => {
    const { url, codeVerifier } = createAuthorization(deps, { ...options, provider: OURA })
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

  it('uses a new verifier each time', () => {
    const verifiers = Array.from(
      { length: 50 },
      () => createAuthorization(deps, { ...options, provider: GARMIN }).codeVerifier,
    )
    expect(new Set(verifiers).size).toBe(50)
  })

  it('sends no scope where the provider has none', () => {
    const { url } = createAuthorization(deps, { ...options, provider: GARMIN })
    expect(url.searchParams.has('scope')).toBe(false)
  })

  it('adds what the provider needs beyond the specification', () => {
    const { url, codeVerifier } = createAuthorization(deps, {
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
