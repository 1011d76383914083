import { describe, expect, it } from 'vitest'
import { getProvider, PROVIDERS } from './catalog.ts'
import { providerOrigins, providerUrls, withEndpoints } from './endpoints.ts'

const GARMIN = getProvider('GARMIN')

describe('withEndpoints', () => {
  it.each([...PROVIDERS.values()])('moves every address of $resource', (provider) => {
    const overrides = Object.fromEntries(
      providerOrigins(provider).map((origin) => [
        origin,
        `http://127.0.0.1:4010/${new URL(origin).host}`,
      ]),
    )
    const moved = withEndpoints(provider, overrides)
    expect(providerUrls(moved)).toEqual(
      providerUrls(provider).map((url) => url.replace('https://', 'http://127.0.0.1:4010/')),
    )
    expect(moved.facts).toEqual(provider.facts)
  })

  it('leaves other origins alone', () => {
    const moved = withEndpoints(GARMIN, {
      'https://diauth.garmin.com': 'http://127.0.0.1:1/',
      'https://other.test': 'http://127.0.0.1:2',
    })
    expect(moved.token.url).toBe('http://127.0.0.1:1/di-oauth2-service/oauth/token')
    expect(moved.authorization.url).toBe(GARMIN.authorization.url)
  })

  it('keeps placeholders as they are and moves a refresh address of its own', () => {
    const moved = withEndpoints(
      {
        ...GARMIN,
        token: { ...GARMIN.token, refreshUrl: 'https://diauth.garmin.com/refresh' },
        revocation: {
          kind: 'request',
          request: {
            headers: {},
            method: 'DELETE',
            url: 'https://apis.garmin.com/users/{providerAccountId}?a=b',
            token: { in: 'bearer' },
          },
          reach: 'account',
          goneStatuses: [],
        },
      },
      {
        'https://diauth.garmin.com': 'http://a.test',
        'https://apis.garmin.com': 'http://b.test/x',
      },
    )
    expect(providerUrls(moved)).toContain('http://b.test/x/users/{providerAccountId}?a=b')
    expect(moved.token.refreshUrl).toBe('http://a.test/refresh')
  })

  it('has nothing to move where the provider offers nothing', () => {
    const bare = {
      ...GARMIN,
      identity: { from: 'token_response', field: 'id', isSecret: false },
      scopes: { ...GARMIN.scopes, granted: { from: 'token_response' } },
      revocation: { kind: 'unsupported' },
      liveness: { kind: 'unsupported' },
    } as const
    expect(withEndpoints(bare, { 'https://nobody.test': 'http://a.test' })).toEqual(bare)
  })
})
