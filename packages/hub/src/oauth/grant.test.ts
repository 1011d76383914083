/** The life of a grant, from the exchange to its end, at the simulated providers. */
import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { intercept } from '../../test/support/intercept.ts'
import { getProvider } from '../providers/catalog.ts'
import { withEndpoints } from '../providers/endpoints.ts'
import type { Provider } from '../providers/provider.ts'
import { createPerson, type Decision } from '../simulator/person.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { createAuthorization } from './authorize.ts'
import { checkGrant } from './check.ts'
import { exchangeCode } from './exchange.ts'
import { refreshTokenSet } from './refresh.ts'
import { revokeGrant } from './revoke.ts'

const REDIRECT_URI = 'https://hub.test/callback'
const START_MS = Date.UTC(2026, 10, 1)

const simulators: Simulator[] = []

afterEach(async () => {
  for (const one of simulators.splice(0)) await one.close()
})

async function setUp(resource: string) {
  const time = { nowMs: START_MS }
  const clock = { nowMs: () => time.nowMs }
  const simulator = await startSimulator({ clock })
  simulators.push(simulator)
  const deps = { fetch, clock, random: { bytes: randomBytes, fraction: Math.random } }
  const provider = withEndpoints(getProvider(resource), simulator.originOverrides)
  const credentials = simulator.registerApp({ resource, redirectUris: [REDIRECT_URI] })
  const call = { provider, credentials }
  return { time, simulator, deps, provider, credentials, call }
}
type Setup = Awaited<ReturnType<typeof setUp>>

async function authorize(setup: Setup, decision: Decision = {}, provider?: Provider) {
  const call = { ...setup.call, ...(provider === undefined ? {} : { provider }) }
  const basics = { ...call, redirectUri: REDIRECT_URI, state: 'the-state' }
  const { url, codeVerifier } = await createAuthorization(setup.deps, basics)
  const callback = await createPerson({ login: 'tony' }).authorize(url, decision)
  return { ...basics, parameters: callback.searchParams, codeVerifier }
}

async function connect(setup: Setup, decision: Decision = {}) {
  const outcome = await exchangeCode(setup.deps, await authorize(setup, decision))
  if (outcome.type !== 'granted') throw new TypeError(`not granted: ${JSON.stringify(outcome)}`)
  return outcome
}

describe('exchangeCode', () => {
  it('learns account and permissions of Garmin from its API', async () => {
    const setup = await setUp('GARMIN')
    const outcome = await connect(setup, { scopes: ['HEALTH_EXPORT'] })
    expect(outcome.scopes).toEqual(['HEALTH_EXPORT'])
    expect(outcome.providerAccountId).toBe(setup.simulator.accounts('GARMIN')[0]?.accountId)
    expect(outcome.tokenSet).toMatchObject({
      tokenType: 'bearer',
      obtainedAtMs: START_MS,
      expiresAtMs: START_MS + 86_400_000,
      refreshExpiresAtMs: START_MS + 7_776_000_000,
    })
    expect(outcome.tokenSet.scope).toBeUndefined()
  })

  it('learns account and scopes of Fitbit from the token answer', async () => {
    const setup = await setUp('FITBIT')
    const outcome = await connect(setup, { scopes: ['sleep', 'weight'] })
    expect(outcome).toMatchObject({
      providerAccountId: setup.simulator.accounts('FITBIT')[0]?.accountId,
      scopes: ['sleep', 'weight'],
      tokenSet: { scope: 'sleep weight', expiresAtMs: START_MS + 28_800_000 },
    })
    expect(outcome.tokenSet.refreshExpiresAtMs).toBeUndefined()
  })

  it('learns the scopes of Oura from the callback, and the account from its API', async () => {
    const setup = await setUp('OURA')
    const outcome = await connect(setup, { scopes: ['personal', 'daily'] })
    expect(outcome).toMatchObject({
      providerAccountId: setup.simulator.accounts('OURA')[0]?.accountId,
      scopes: ['personal', 'daily'],
    })
  })

  it('takes unmentioned scopes for granted', async () => {
    const setup = await setUp('OURA')
    const options = await authorize(setup)
    options.parameters.delete('scope')
    expect(await exchangeCode(setup.deps, options)).toMatchObject({
      type: 'granted',
      scopes: setup.provider.authorization.scopes,
    })
  })

  it('says which required scopes are missing, and hands over what there is to revoke', async () => {
    const setup = await setUp('OURA')
    const outcome = await exchangeCode(setup.deps, await authorize(setup, { scopes: ['daily'] }))
    expect(outcome).toMatchObject({ type: 'scopes_missing', missing: ['personal'] })
    if (outcome.type !== 'scopes_missing') return
    const { tokenSet } = outcome
    expect(await revokeGrant(setup.deps, { ...setup.call, tokenSet })).toEqual({ type: 'revoked' })
  })

  it('says that the person refused', async () => {
    const setup = await setUp('FITBIT')
    expect(await exchangeCode(setup.deps, await authorize(setup, { decision: 'deny' }))).toEqual({
      type: 'refused',
      reason: 'access_denied',
    })
  })

  it.each([
    ['error=invalid_scope&state=the-state', 'invalid_scope'],
    ['error=%3Cscript%3E&state=the-state', 'unknown_error'],
    ['error=access_denied&state=other', 'state_mismatch'],
    ['code=x&state=other', 'state_mismatch'],
    ['code=x', 'state_mismatch'],
    ['code=x&state=the-state&state=the-state', 'state_mismatch'],
    ['state=the-state', 'code_missing'],
    ['code=&state=the-state', 'code_missing'],
    ['code=a&code=b&state=the-state', 'code_missing'],
    ['code=x&state=the-state&id_token=y', 'callback_malformed'],
  ])('refuses the callback %s with %s', async (query, reason) => {
    const setup = await setUp('FITBIT')
    const options = { ...(await authorize(setup)), parameters: new URLSearchParams(query) }
    expect(await exchangeCode(setup.deps, options)).toEqual({ type: 'refused', reason })
    expect(setup.simulator.requests.some(({ path }) => path.endsWith('/token'))).toBe(false)
  })

  it('compares the issuer where the provider has one', async () => {
    const setup = await setUp('FITBIT')
    const provider = {
      ...setup.provider,
      authorization: { ...setup.provider.authorization, issuer: 'https://issuer.test' },
    }
    const options = await authorize(setup, {}, provider)
    const outcomes = []
    for (const iss of [undefined, 'https://evil.test', 'https://issuer.test']) {
      const parameters = new URLSearchParams(options.parameters)
      if (iss !== undefined) parameters.set('iss', iss)
      const outcome = await exchangeCode(setup.deps, { ...options, parameters })
      outcomes.push(outcome.type === 'refused' ? outcome.reason : outcome.type)
    }
    expect(outcomes).toEqual(['issuer_mismatch', 'issuer_mismatch', 'granted'])
  })

  it('does not mind an issuer nobody announced', async () => {
    const setup = await setUp('FITBIT')
    const options = await authorize(setup)
    options.parameters.set('iss', 'https://www.fitbit.com')
    expect((await exchangeCode(setup.deps, options)).type).toBe('granted')
  })

  it('refuses a code that was used, or another verifier', async () => {
    const setup = await setUp('GARMIN')
    const options = await authorize(setup)
    expect(await exchangeCode(setup.deps, { ...options, codeVerifier: 'x'.repeat(43) })).toEqual({
      type: 'refused',
      reason: 'invalid_grant',
    })
    expect((await exchangeCode(setup.deps, options)).type).toBe('granted')
    expect((await exchangeCode(setup.deps, options)).type).toBe('refused')
  })

  it.each(['FITBIT', 'GARMIN'])(
    'blames the operator for a wrong secret at %s',
    async (resource) => {
      const setup = await setUp(resource)
      const options = await authorize(setup)
      const credentials = { ...setup.credentials, clientSecret: 'wrong' }
      expect(await exchangeCode(setup.deps, { ...options, credentials })).toEqual({
        type: 'client_misconfigured',
        detail: `the token endpoint of ${resource} answered 401 invalid_client`,
      })
    },
  )

  // Session fixation, the flaw of OAuth 1.0: somebody else's login must not end in this flow.
  it.each(['of-another-login', undefined])(
    'refuses an OAuth 1.0a callback whose oauth_token is %s',
    async (token) => {
      const setup = await setUp('GARMIN_OAUTH1')
      const options = await authorize(setup)
      const parameters = new URLSearchParams(options.parameters)
      parameters.delete('oauth_token')
      if (token !== undefined) parameters.set('oauth_token', token)
      const refused = { type: 'refused', reason: 'state_mismatch' }
      expect(await exchangeCode(setup.deps, { ...options, parameters })).toEqual(refused)
      // Nothing was used up by it.
      expect((await exchangeCode(setup.deps, options)).type).toBe('granted')
    },
  )

  it.each(['', '&oauth_callback_confirmed=false'])(
    'sends nobody to log in with an OAuth 1.0a request token that ends with "%s"',
    async (end) => {
      const setup = await setUp('GARMIN_OAUTH1')
      const answer = new Response(`oauth_token=a&oauth_token_secret=b${end}`)
      const { requestTokenUrl } = setup.provider.token
      const deps = {
        ...setup.deps,
        fetch: intercept((url) => (url === requestTokenUrl ? Promise.resolve(answer) : undefined)),
      }
      await expect(authorize({ ...setup, deps })).rejects.toMatchObject({
        code: 'provider_unavailable',
        message: expect.stringContaining('answered 200 without a confirmed request token'),
      })
    },
  )

  it('sends Basic credentials form-encoded', async () => {
    const setup = await setUp('FITBIT')
    const clientId = 'id:with %'
    const credentials = setup.simulator.registerApp({
      resource: 'FITBIT',
      redirectUris: [REDIRECT_URI],
      clientId,
      clientSecret: 'sécret:+&',
    })
    const odd = { ...setup, credentials, call: { ...setup.call, credentials } }
    expect((await exchangeCode(setup.deps, await authorize(odd))).type).toBe('granted')
  })

  it('does not lose the tokens when the account cannot be read', async () => {
    const setup = await setUp('GARMIN')
    const options = await authorize(setup)
    setup.simulator.fail('GARMIN', { accountEndpoint: { status: 503, times: 1 } })
    const outcome = await exchangeCode(setup.deps, options)
    expect(outcome).toMatchObject({
      type: 'provider_unavailable',
      detail: 'permissions of GARMIN answered 503, not 200',
    })
    expect(outcome).toHaveProperty('tokenSet.accessToken')
  })
})

describe('refreshTokenSet', () => {
  it('replaces both tokens, once', async () => {
    const setup = await setUp('GARMIN')
    const { tokenSet } = await connect(setup)
    setup.time.nowMs += 3_600_000
    const outcome = await refreshTokenSet(setup.deps, { ...setup.call, tokenSet })
    expect(outcome).toMatchObject({
      type: 'refreshed',
      tokenSet: {
        obtainedAtMs: START_MS + 3_600_000,
        refreshExpiresAtMs: START_MS + 3_600_000 + 7_776_000_000,
      },
    })
    expect(await refreshTokenSet(setup.deps, { ...setup.call, tokenSet })).toEqual({
      type: 'grant_rejected',
      detail: 'the token endpoint of GARMIN answered 400 invalid_grant',
    })
  })

  it.each([
    ['FITBIT', 'invalid_grant'],
    ['OURA', 'invalid_request'],
  ])('knows what a dead grant looks like at %s', async (resource, code) => {
    const setup = await setUp(resource)
    const { tokenSet, providerAccountId: accountId } = await connect(setup)
    const { clientId } = setup.credentials
    await setup.simulator.removeApp(resource, { clientId, accountId })
    expect(await refreshTokenSet(setup.deps, { ...setup.call, tokenSet })).toEqual({
      type: 'grant_rejected',
      detail: `the token endpoint of ${resource} answered 400 ${code}`,
    })
  })

  it.each([
    [{ status: 503 }, 'transient'],
    [{ status: 429, error: 'invalid_grant' }, 'transient'],
    [{ status: 500, error: 'invalid_grant' }, 'transient'],
    [{ error: 'slow_down' }, 'transient'],
    [{ error: 'invalid_client' }, 'client_misconfigured'],
    [{ status: 401, error: 'unauthorized_client' }, 'client_misconfigured'],
    [{ error: 'invalid_grant' }, 'grant_rejected'],
  ])('calls %j %s', async (fault, type) => {
    const setup = await setUp('FITBIT')
    const { tokenSet } = await connect(setup)
    setup.simulator.fail('FITBIT', { tokenEndpoint: { ...fault, times: 1 } })
    expect((await refreshTokenSet(setup.deps, { ...setup.call, tokenSet })).type).toBe(type)
    // Nothing was lost by failing.
    expect((await refreshTokenSet(setup.deps, { ...setup.call, tokenSet })).type).toBe('refreshed')
  })

  it('cannot do without a refresh token', async () => {
    const setup = await setUp('FITBIT')
    const { refreshToken: _, ...tokenSet } = (await connect(setup)).tokenSet
    expect((await refreshTokenSet(setup.deps, { ...setup.call, tokenSet })).type).toBe(
      'grant_rejected',
    )
  })
})

describe('revokeGrant', () => {
  it.each(['FITBIT', 'GARMIN', 'OURA'])('ends a grant at %s', async (resource) => {
    const setup = await setUp(resource)
    const { tokenSet, providerAccountId } = await connect(setup)
    const options = { ...setup.call, tokenSet, providerAccountId }
    expect(await revokeGrant(setup.deps, options)).toEqual({ type: 'revoked' })
    const { clientId } = setup.credentials
    expect(setup.simulator.isGrantActive(resource, providerAccountId, clientId)).toBe(false)
    expect(['already_gone', 'revoked']).toContain((await revokeGrant(setup.deps, options)).type)
  })

  it('does not take a refused expired token for a grant that is gone', async () => {
    const setup = await setUp('GARMIN')
    const { tokenSet, providerAccountId } = await connect(setup)
    setup.time.nowMs += 86_400_000
    const options = { ...setup.call, tokenSet, providerAccountId }
    const outcome = await revokeGrant(setup.deps, options)
    expect(outcome.type).toBe('transient')
    expect(JSON.stringify(outcome)).toContain('refresh it first')
    const refreshed = await refreshTokenSet(setup.deps, options)
    if (refreshed.type !== 'refreshed') throw new TypeError(refreshed.type)
    const again = { ...options, tokenSet: refreshed.tokenSet }
    expect((await revokeGrant(setup.deps, again)).type).toBe('revoked')
  })

  it.each([
    [{ status: 503 }, 'transient'],
    [{ error: 'invalid_token' }, 'already_gone'],
    [{ error: 'invalid_client', status: 401 }, 'transient'],
  ])('calls %j %s', async (fault, type) => {
    const setup = await setUp('FITBIT')
    const { tokenSet, providerAccountId } = await connect(setup)
    setup.simulator.fail('FITBIT', { revokeEndpoint: fault })
    const options = { ...setup.call, tokenSet, providerAccountId }
    expect((await revokeGrant(setup.deps, options)).type).toBe(type)
  })

  it('says where only the person can do it', async () => {
    const setup = await setUp('OURA')
    const { tokenSet, providerAccountId } = await connect(setup)
    const provider = { ...setup.provider, revocation: { kind: 'unsupported' } } as const
    expect(
      await revokeGrant(setup.deps, { ...setup.call, provider, tokenSet, providerAccountId }),
    ).toEqual({ type: 'unsupported' })
  })
})

describe('checkGrant', () => {
  it.each(['FITBIT', 'GARMIN', 'OURA'])('tells life from death at %s', async (resource) => {
    const setup = await setUp(resource)
    const { tokenSet, providerAccountId } = await connect(setup)
    const options = { ...setup.call, tokenSet, providerAccountId }
    expect(await checkGrant(setup.deps, options)).toBe('alive')
    const { clientId } = setup.credentials
    await setup.simulator.removeApp(resource, { clientId, accountId: providerAccountId })
    expect(await checkGrant(setup.deps, options)).toBe('gone')
  })

  it('has no verdict with an expired token, without a scope, or without a way to ask', async () => {
    const setup = await setUp('FITBIT')
    const { tokenSet } = await connect(setup, { scopes: ['sleep'] })
    const provider = { ...setup.provider, liveness: { kind: 'unsupported' } } as const
    expect(await checkGrant(setup.deps, { ...setup.call, tokenSet })).toBe('unknown')
    expect(await checkGrant(setup.deps, { ...setup.call, provider, tokenSet })).toBe('unknown')
    setup.time.nowMs += 28_800_000
    const before = setup.simulator.requests.length
    expect(await checkGrant(setup.deps, { ...setup.call, tokenSet })).toBe('unknown')
    expect(setup.simulator.requests).toHaveLength(before)
  })
})
