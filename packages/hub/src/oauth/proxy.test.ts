/** Where calls through the proxy go: to the API of the provider, whatever the app puts behind the user_id. */
import { describe, expect, it } from 'vitest'
import { getProvider } from '../providers/catalog.ts'
import { callThrough } from './proxy.ts'

const NOW_MS = 1_700_000_000_000
const BASE = 'https://api.example/garmin/v1'

/** @returns The address that was called; the code of a refusal, and what was called all the same. */
async function call(path: string, { base = BASE, query = '' } = {}): Promise<string> {
  const called: string[] = []
  const deps = {
    clock: { nowMs: () => NOW_MS },
    fetch: async (input: string | URL | Request) => {
      called.push(input instanceof Request ? input.url : input.toString())
      return new Response('{}')
    },
  }
  const values = {
    provider: getProvider('GARMIN'),
    credentials: { clientId: 'client', clientSecret: 'secret' },
    tokenSet: { accessToken: 'access', tokenType: 'bearer', obtainedAtMs: NOW_MS },
  }
  const headers = new Headers()
  return await callThrough(deps, values, { method: 'GET', base, path, query, headers, body: null })
    .then(() => called.join())
    .catch((error: { code: string }) => [error.code, ...called].join())
}

describe('a path that leads out of the API', () => {
  it.each([
    '/..',
    '/../',
    '/../admin',
    '/data/../../../admin',
    '/%2e%2e/admin',
    '/.%2E/admin',
    '/%2e./%2e%2E/admin',
    '/..\\admin',
    '\\..\\..\\admin',
    '/\t../admin',
    '/.\n./admin',
    '-of-others/admin',
    '@evil.example/admin',
    '',
  ])('is refused: %j', async (path) => {
    expect(await call(path)).toBe('bad_request')
  })

  it.each(['@evil.example/x', ':secret@evil.example/x', '.evil.example/x', ':8443/x'])(
    'is refused where the API is a whole origin: %j',
    async (path) => {
      expect(await call(path, { base: 'https://api.example' })).toBe('bad_request')
    },
  )

  it.each([
    ['//evil.example/x', `${BASE}//evil.example/x`],
    ['/\\evil.example/x', `${BASE}//evil.example/x`],
    ['/https://evil.example/x', `${BASE}/https://evil.example/x`],
    ['/..%2f..%2fadmin', `${BASE}/..%2f..%2fadmin`],
    ['/%252e%252e/admin', `${BASE}/%252e%252e/admin`],
    ['/a/../b', `${BASE}/b`],
    ['/a#/../../b', `${BASE}/a`],
  ])('stays in it: %j', async (path, address) => {
    expect(await call(path)).toBe(address)
  })

  it('is not in the query', async () => {
    expect(await call('/a', { query: '?to=/../../x' })).toBe(`${BASE}/a?to=/../../x`)
  })
})
