/** What providers, or whoever sits in their place, may answer: nothing of it throws or leaks. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { getProvider } from '../providers/catalog.ts'
import { providerOrigins, withEndpoints } from '../providers/endpoints.ts'
import type { Provider } from '../providers/provider.ts'
import { checkGrant } from './check.ts'
import { exchangeCode } from './exchange.ts'
import { refreshTokenSet } from './refresh.ts'
import { revokeGrant } from './revoke.ts'
import { PROVIDER_BODY_BYTES_MAX, type TokenSet } from './types.ts'

const FITBIT = getProvider('FITBIT')
const GARMIN = getProvider('GARMIN')
const OURA = getProvider('OURA')

const NOW_MS = 1_700_000_000_000
const deps = { fetch, clock: { nowMs: () => NOW_MS } }
const credentials = { clientId: 'client', clientSecret: 'canary_secret' }
const tokenSet: TokenSet = {
  accessToken: 'canary_access',
  refreshToken: 'canary_refresh',
  tokenType: 'bearer',
  obtainedAtMs: NOW_MS,
}

const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A provider whose every address is answered by `listener`. */
async function open(provider: Provider, listener: RequestListener): Promise<Provider> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return withEndpoints(
    provider,
    Object.fromEntries(
      providerOrigins(provider).map((origin) => [origin, `http://127.0.0.1:${port}`]),
    ),
  )
}

function json(status: number, body: unknown, type = 'application/json'): RequestListener {
  return (_, response) => {
    response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body))
  }
}

async function exchange(provider: Provider, timeoutMs = 5_000) {
  return await exchangeCode(deps, {
    provider,
    credentials,
    timeoutMs,
    redirectUri: 'https://hub.test/callback',
    parameters: new URLSearchParams({ code: 'canary_code', state: 'state' }),
    state: 'state',
    codeVerifier: 'canary_verifier',
  })
}

const redirect: RequestListener = (request, response) => {
  const location = request.url === '/elsewhere' ? undefined : '/elsewhere'
  response.writeHead(location === undefined ? 200 : 302, location === undefined ? {} : { location })
  response.end('{"access_token":"stolen","token_type":"bearer"}')
}

const huge: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  const chunk = Buffer.alloc(65_536, 0x20)
  const write = (): void => {
    // Ends only when the reader hangs up.
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', write)
  write()
}

const silent: RequestListener = () => {
  // Accepts, and never answers.
}

const drip: RequestListener = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.write('{')
}

const hangUp: RequestListener = (request) => {
  request.socket.destroy()
}

const HOSTILE: [string, RequestListener, number?][] = [
  ['a redirect', redirect],
  ['an endless body', huge],
  ['silence', silent, 50],
  ['half an answer', drip, 50],
  ['a closed connection', hangUp],
  ['an error page', json(500, '<html>canary_secret</html>', 'text/html')],
  ['a page with 200', json(200, '<html>', 'text/html')],
  ['something that is no object', json(200, ['canary_access'])],
  ['an answer without a token', json(200, { token_type: 'bearer' })],
  ['a token that is no string', json(200, { access_token: {}, token_type: 'bearer' })],
  ['an unknown kind of token', json(200, { access_token: 'x', token_type: 'mac' })],
  ['an unknown error', json(400, { error: 'canary_refresh is invalid' })],
  ['an empty error', json(400, null)],
]

describe.each(HOSTILE)('with %s', (_, listener, timeoutMs = 5_000) => {
  it('exchangeCode says that the provider is unavailable', async () => {
    const outcome = await exchange(await open(GARMIN, listener), timeoutMs)
    expect(outcome.type).toBe('provider_unavailable')
    expect(JSON.stringify(outcome)).not.toMatch(/canary|stolen/)
  })

  it('refreshTokenSet says that it is transient', async () => {
    const provider = await open(GARMIN, listener)
    const outcome = await refreshTokenSet(deps, { provider, credentials, tokenSet, timeoutMs })
    expect(outcome.type).toBe('transient')
    expect(JSON.stringify(outcome)).not.toMatch(/canary|stolen/)
  })

  it('revokeGrant and checkGrant do not take it for an end', async () => {
    const provider = await open(GARMIN, listener)
    const options = { provider, credentials, tokenSet, timeoutMs, providerAccountId: 'a' }
    const outcome = await revokeGrant(deps, options)
    expect(['transient', 'revoked']).toContain(outcome.type)
    expect(JSON.stringify(outcome)).not.toMatch(/canary/)
    expect(await checkGrant(deps, options)).not.toBe('gone')
  })
})

describe('details', () => {
  it.each([
    [redirect, 'token endpoint of FITBIT answered with a redirect (302), which is not followed'],
    [huge, `token endpoint of FITBIT sent more than ${PROVIDER_BODY_BYTES_MAX} bytes`],
    [silent, 'token endpoint of FITBIT did not answer in time'],
    [drip, 'token endpoint of FITBIT did not answer in time'],
    [json(502, ''), 'the token endpoint of FITBIT answered 502 unknown_error'],
    [json(200, {}), 'token endpoint of FITBIT gave an answer that is not usable'],
  ])('say what happened', async (listener, detail) => {
    const timeoutMs = listener === silent || listener === drip ? 50 : 5_000
    const outcome = await exchange(await open(FITBIT, listener), timeoutMs)
    expect(outcome).toEqual({ type: 'provider_unavailable', detail })
  })

  it('name the system error when nobody listens', async () => {
    const provider = await open(FITBIT, silent)
    for (const close of closers.splice(0)) await close()
    expect(await exchange(provider)).toMatchObject({
      detail: 'token endpoint of FITBIT could not be reached (ECONNREFUSED)',
    })
  })
})

describe('lenience', () => {
  const granted = { access_token: 'a', token_type: 'Bearer' }

  it.each([
    [{ ...granted, expires_in: '3600' }, { expiresAtMs: NOW_MS + 3_600_000 }],
    [granted, { expiresAtMs: NOW_MS + 28_800_000 }],
    [{ ...granted, expires_in: 1e15 }, { expiresAtMs: undefined }],
    [{ ...granted, scope: '' }, { refreshToken: 'canary_refresh' }],
    [
      { ...granted, refresh_token: 'new' },
      { refreshToken: 'new', tokenType: 'bearer' },
    ],
  ])('reads the refresh answer %j', async (body, expected) => {
    const provider = await open(FITBIT, json(200, body))
    const outcome = await refreshTokenSet(deps, { provider, credentials, tokenSet })
    if (outcome.type !== 'refreshed') throw new TypeError(outcome.type)
    expect({ ...outcome.tokenSet, expiresAtMs: outcome.tokenSet.expiresAtMs }).toMatchObject(
      expected,
    )
  })

  it('reads tokens under a wrong content type: a rotated one must not be lost', async () => {
    const provider = await open(FITBIT, json(200, granted, 'text/plain'))
    const outcome = await refreshTokenSet(deps, { provider, credentials, tokenSet })
    expect(outcome.type).toBe('refreshed')
  })

  it('keeps what the old token set knew about the refresh token', async () => {
    const provider = await open(GARMIN, json(200, granted))
    const old = { ...tokenSet, refreshExpiresAtMs: NOW_MS + 1, scope: 'x' }
    const outcome = await refreshTokenSet(deps, { provider, credentials, tokenSet: old })
    expect(outcome).toMatchObject({ tokenSet: { refreshExpiresAtMs: NOW_MS + 1, scope: 'x' } })
  })

  it('takes numbers for account ids', async () => {
    const provider = await open(FITBIT, json(200, { ...granted, user_id: 42 }))
    expect(await exchange(provider)).toMatchObject({ type: 'granted', providerAccountId: '42' })
  })

  it.each([undefined, '', null, {}, 1.5, 'x'.repeat(257)])(
    'takes no other account id: %j',
    async (id) => {
      const provider = await open(FITBIT, json(200, { ...granted, user_id: id }))
      expect(await exchange(provider)).toMatchObject({
        type: 'provider_unavailable',
        tokenSet: { accessToken: 'a' },
      })
    },
  )

  it.each([
    [['HEALTH_EXPORT'], ['HEALTH_EXPORT']],
    [{ permissions: ['HEALTH_EXPORT', null] }, ['HEALTH_EXPORT']],
    [{ permissions: [] }, []],
  ])('reads the permissions %j', async (permissions, scopes) => {
    const provider = await open(GARMIN, (request, response) => {
      const answer = request.url?.endsWith('/permissions')
        ? permissions
        : { ...granted, userId: 'someone' }
      json(200, answer)(request, response)
    })
    expect(await exchange(provider)).toMatchObject({ type: 'granted', scopes })
  })

  it.each([{ permissions: 'HEALTH_EXPORT' }, {}])(
    'does not guess permissions from %j',
    async (bad) => {
      const provider = await open(GARMIN, json(200, { ...granted, ...bad }))
      expect(await exchange(provider)).toMatchObject({
        type: 'provider_unavailable',
        detail: 'permissions of GARMIN gave an answer that is not usable',
      })
    },
  )
})

describe('requests', () => {
  it('put token, account and client where the data says, and refresh where it says', async () => {
    const seen: string[] = []
    const provider = await open(
      {
        ...OURA,
        token: {
          ...OURA.token,
          refreshUrl: 'https://api.ouraring.com/extend',
          refreshParameters: { scope: 'offline' },
        },
        revocation: {
          kind: 'request',
          request: {
            headers: {},
            method: 'POST',
            url: 'https://api.ouraring.com/users/{providerAccountId}?app={clientId}',
            token: { in: 'form', name: 'token' },
          },
          reach: 'account',
          goneStatuses: [],
        },
      },
      (request, response) => {
        const chunks: Buffer[] = []
        request.on('data', (chunk: Buffer) => chunks.push(chunk))
        request.on('end', () => {
          seen.push(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`)
          json(200, { access_token: 'a', token_type: 'bearer' })(request, response)
        })
      },
    )
    const options = { provider, credentials, tokenSet }
    await refreshTokenSet(deps, options)
    expect(await revokeGrant(deps, { ...options, providerAccountId: 'a/b' })).toEqual({
      type: 'revoked',
    })
    expect(seen[0]).toMatch(/^POST \/extend scope=offline&/)
    expect(seen[0]).toContain('client_secret=canary_secret')
    expect(seen[1]).toBe('POST /users/a%2Fb?app=client token=canary_access')
  })
})
