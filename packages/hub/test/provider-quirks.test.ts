/** Where providers deviate, each at its simulated server and through the whole hub. */
import { describe, expect, it } from 'vitest'
import { HOUR_MS, MINUTE_MS } from '../src/core/time.ts'
import { completeProvider, findEntry } from '../src/providers/catalog.ts'
import { enableProvider } from '../src/operations/set-up.ts'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub, types } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

async function departure(provider: string): Promise<URLSearchParams> {
  const hub = await createTestHub({ providers: [provider] })
  const person = createPerson({ login: 'tony' })
  return (await hub.choose(person, await hub.createLink(), provider)).searchParams
}

async function version(hub: TestHub): Promise<unknown> {
  const [row] = await hub.rows('SELECT version FROM token_set')
  return row?.['version']
}

describe('the way to the login', () => {
  it.each([
    ['STRAVA', 'scope', 'read,activity:read_all,profile:read_all'],
    ['WITHINGS', 'scope', 'user.info,user.metrics,user.activity,user.sleepevents'],
    ['GOOGLE', 'access_type', 'offline'],
    ['GOOGLE', 'prompt', 'consent'],
    ['STRAVA', 'approval_prompt', 'auto'],
    ['IHEALTH', 'scope', null],
    ['GARMIN', 'scope', null],
    ['GARMIN', 'code_challenge_method', 'S256'],
    ['WITHINGS', 'code_challenge', null],
    ['FATSECRET', 'state', null],
  ])('of %s has %s = %s', async (provider, name, value) => {
    expect((await departure(provider)).get(name)).toBe(value)
  })

  it('of iHealth names the scopes by its own parameter', async () => {
    expect((await departure('IHEALTH')).get('APIName')).toContain('OpenApiBP OpenApiSleep')
  })

  it('of WHOOP asks for offline, with a state that is long enough', async () => {
    const parameters = await departure('WHOOP')
    expect(parameters.get('scope')?.split(' ')).toContain('offline')
    expect(parameters.get('state')?.length).toBeGreaterThanOrEqual(8)
  })

  it('of MyFitnessPal does not ask for what is granted already', async () => {
    const hub = await createTestHub({ providers: ['MYFITNESSPAL'] })
    await hub.connect('MYFITNESSPAL', { scopes: ['diary'] })
    const person = createPerson({ login: 'tony' })
    const url = await hub.choose(person, await hub.createLink(), 'MYFITNESSPAL')
    expect(url.searchParams.get('scope')).toBe('measurements')
  })
})

describe('connecting', () => {
  it('ends well-formed when there is no request token to be had', async () => {
    const hub = await createTestHub({ providers: ['GARMIN_OAUTH1'] })
    hub.simulator.fail('GARMIN_OAUTH1', { tokenEndpoint: { status: 503 } })
    const person = createPerson({ login: 'tony' })
    const page = await hub.choose(person, await hub.createLink(), 'GARMIN_OAUTH1')
    const landing = await person.request(page)
    const target = new URL(landing.headers.get('location') ?? '')
    expect(target.searchParams.get('reason')).toBe('provider_unavailable')
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth_cancelled'])
  })

  it.each(['GARMIN_OAUTH1', 'FATSECRET'])('tells a refusal by %s', async (provider) => {
    const hub = await createTestHub({ providers: [provider] })
    const landing = await hub.connect(provider, { decision: 'deny' })
    expect(landing.searchParams.get('reason')).toBe('access_denied')
  })

  it('registers people with Polar, and anew when they come again', async () => {
    const hub = await createTestHub({ providers: ['POLAR'] })
    await hub.connect('POLAR')
    await hub.connect('POLAR')
    const statuses = hub.simulator.requests
      .filter(({ path }) => path === '/www.polaraccesslink.com/v3/users')
      .map(({ status }) => status)
    expect(statuses).toEqual([200, 409])
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
  })

  it('fails where Polar registers nobody, and gives the grant back', async () => {
    const hub = await createTestHub({ providers: ['POLAR'] })
    hub.simulator.fail('POLAR', { accountEndpoint: { status: 500 } })
    const landing = await hub.connect('POLAR')
    expect(landing.searchParams.get('reason')).toBe('provider_unavailable')
    expect(types(hub)).toEqual(['auth_cancelled'])
    expect(await hub.rows('SELECT status FROM revocation')).toEqual([{ status: 'revoked' }])
  })

  it('compares what Strava’s people have left ticked with what is needed', async () => {
    const hub = await createTestHub({ providers: ['STRAVA'] })
    const landing = await hub.connect('STRAVA', { scopes: ['activity:read_all'] })
    expect(landing.searchParams.get('reason')).toBe('missing_scopes')
    await hub.connect('STRAVA', { scopes: ['read'] })
    const { json } = await hub.call('GET', '/v2/userInfo?reference_id=tony_stark')
    expect(json[0].scopes).toBe('read')
  })

  it('fails at WHOOP without the profile, which tells whose account it is', async () => {
    const hub = await createTestHub({ providers: ['WHOOP'] })
    const landing = await hub.connect('WHOOP', { scopes: ['offline', 'read:sleep'] })
    expect(landing.searchParams.get('reason')).toBe('missing_scopes')
    expect(types(hub)).toEqual(['auth_cancelled'])
  })

  it('keeps FatSecret’s token out of the account’s name', async () => {
    const hub = await createTestHub({ providers: ['FATSECRET'] })
    await hub.connect('FATSECRET')
    const [row] = await hub.rows('SELECT provider_account_id FROM connection')
    expect(row?.['provider_account_id']).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('a code that lives shortly', () => {
  it('is exchanged at once, and worthless at Withings after half a minute', async () => {
    const hub = await createTestHub({ providers: ['WITHINGS'] })
    const person = createPerson({ login: 'tony' })
    const login = await hub.choose(person, await hub.createLink(), 'WITHINGS')
    const callback = await person.authorize(login)
    hub.clock.moveTo(hub.clock.nowMs() + 31_000)
    const landing = await person.request(callback)
    const target = new URL(landing.headers.get('location') ?? '')
    expect(target.searchParams.get('reason')).not.toBeNull()
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth_cancelled'])
    await hub.connect('WITHINGS')
    expect(types(hub)).toEqual(['auth_cancelled', 'auth'])
  })
})

describe('refreshing', () => {
  it('reads what Withings answers with status 200', async () => {
    const hub = await createTestHub({ providers: ['WITHINGS'] })
    await hub.connect('WITHINGS')
    await hub.advanceByMs(3 * HOUR_MS)
    expect(await version(hub)).toBe(2)
    const [account] = hub.simulator.accounts('WITHINGS')
    const clientId = hub.clientIds['WITHINGS'] ?? ''
    hub.simulator.fail('WITHINGS', { accountEndpoint: { status: 503 } })
    await hub.simulator.removeApp('WITHINGS', { clientId, accountId: account?.accountId ?? '' })
    await hub.advanceByMs(4 * HOUR_MS)
    expect(types(hub)).toContain('connection_error')
  })

  it('prolongs the same token at COROS, and learns there that the person has left', async () => {
    const hub = await createTestHub({ providers: ['COROS'] })
    await hub.connect('COROS')
    await hub.advanceByMs(7 * HOUR_MS)
    expect(types(hub)).toEqual(['auth'])
    const [account] = hub.simulator.accounts('COROS')
    const clientId = hub.clientIds['COROS'] ?? ''
    await hub.simulator.removeApp('COROS', { clientId, accountId: account?.accountId ?? '' })
    await hub.advanceByMs(7 * HOUR_MS)
    expect(types(hub)).toEqual(['auth', 'access_revoked'])
  })

  it('leaves Wahoo alone until somebody needs a token', async () => {
    const hub = await createTestHub({ providers: ['WAHOO'] })
    await hub.connect('WAHOO')
    await hub.advanceByMs(12 * HOUR_MS)
    expect(await version(hub)).toBe(1)
  })

  it('never has more live tokens at Wahoo than it allows, however often a token is needed', async () => {
    const hub = await createTestHub({ providers: ['WAHOO'] })
    const landing = await hub.connect('WAHOO')
    const path = `/v2/proxy/${landing.searchParams.get('user_id')}/v1/user`
    const limit = completeProvider(findEntry('WAHOO')!).lifetimes.liveTokensMax ?? 0
    expect(limit).toBe(10)
    for (let i = 0; i < limit + 2; i += 1) {
      hub.clock.moveTo(hub.clock.nowMs() + 3 * HOUR_MS)
      expect((await hub.call('GET', path)).status).toBe(200)
    }
    expect(await version(hub)).toBe(limit + 3)
  })

  it('sends Withings’ old refresh token again when an answer was lost, while it still counts', async () => {
    const hub = await createTestHub({ providers: ['WITHINGS'] })
    await hub.connect('WITHINGS')
    hub.simulator.fail('WITHINGS', { tokenEndpoint: { isAnswerLost: true, times: 1 } })
    await hub.advanceByMs(4 * HOUR_MS)
    expect(await version(hub)).toBe(2)
    expect(types(hub)).toEqual(['auth'])
  })

  it('keeps Google’s refresh token, which is given once', async () => {
    const hub = await createTestHub({ providers: ['GOOGLE'] })
    await hub.connect('GOOGLE')
    await hub.advanceByMs(3 * HOUR_MS)
    expect(await version(hub)).toBe(4)
    expect(types(hub)).toEqual(['auth'])
  })

  it('keeps the old refresh token where an answer drops it', async () => {
    const hub = await createTestHub({ providers: ['STRAVA'] })
    await hub.connect('STRAVA')
    hub.simulator.fail('STRAVA', { tokenEndpoint: { isRefreshTokenDropped: true, times: 1 } })
    await hub.advanceByMs(6 * HOUR_MS)
    expect(await version(hub)).toBe(2)
  })

  it('outlives a false invalid_grant of some minutes at Suunto', async () => {
    const hub = await createTestHub({ providers: ['SUUNTO'] })
    await hub.connect('SUUNTO')
    await hub.advanceByMs(23 * HOUR_MS)
    hub.simulator.fail('SUUNTO', {
      tokenEndpoint: { error: 'invalid_grant', forMs: 30 * MINUTE_MS },
    })
    await hub.advanceByMs(3 * HOUR_MS)
    expect(await version(hub)).toBe(2)
    expect(types(hub)).toEqual(['auth'])
  })

  it('takes an opaque 400 of Wahoo for no verdict', async () => {
    const provider = completeProvider(findEntry('WAHOO')!)
    expect(provider.failures.dead).not.toContain('invalid_request')
  })
})

describe('Oura', () => {
  it('means a dead grant by invalid_request, and is asked twice before anybody is told', async () => {
    const hub = await createTestHub({ providers: ['OURA'] })
    await hub.connect('OURA')
    hub.simulator.fail('OURA', { tokenEndpoint: { error: 'invalid_request' } })
    await hub.advanceByMs(24 * HOUR_MS)
    const asked = hub.simulator.requests.filter(
      ({ path, status }) => path.endsWith('/oauth/token') && status === 400,
    )
    expect(asked.length).toBeGreaterThanOrEqual(2)
    expect(types(hub)).toEqual(['auth', 'connection_error'])
  })
})

describe('a withdrawal at Fitbit', () => {
  it('is announced as deauth where the operator wants it as Terra has it', async () => {
    const hub = await createTestHub()
    const app = await hub.hub.deps.store.providerApps.find(DEV_ID, 'FITBIT')
    await enableProvider(hub.hub.deps, {
      environmentId: DEV_ID,
      provider: 'FITBIT',
      clientId: app?.clientId ?? '',
      clientSecret: app?.clientSecret.reveal() ?? '',
      noticeKey: app?.secrets?.reveal().noticeKey ?? '',
      originOverrides: hub.simulator.originOverrides,
      overrides: { notices: { revokedAs: 'deauth' } },
      secrets: app?.secrets?.reveal().named ?? {},
    })
    await hub.connect('FITBIT')
    const [account] = hub.simulator.accounts('FITBIT')
    const clientId = hub.clientIds['FITBIT'] ?? ''
    await hub.simulator.removeApp('FITBIT', { clientId, accountId: account?.accountId ?? '' })
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'deauth'])
    expect(hub.app.received[1]?.event).toMatchObject({ status: 'success', user: { active: false } })
    await hub.connect('FITBIT')
    expect(types(hub)).toEqual(['auth', 'deauth', 'auth'])
  })
})

describe('what the calls of the hub carry', () => {
  /** Connects and disconnects, and takes down every call. */
  async function calls(provider: string, headers: Record<string, string> = {}) {
    const seen: { url: URL; headers: Headers; body: string }[] = []
    const hub = await createTestHub({
      providers: [provider],
      fetch: intercept((url, init) => {
        const body = init?.body instanceof URLSearchParams ? init.body.toString() : ''
        seen.push({ url: new URL(url), headers: new Headers(init?.headers), body })
        return undefined
      }),
    })
    const app = await hub.hub.deps.store.providerApps.find(DEV_ID, provider)
    const userId = (await hub.connect(provider)).searchParams.get('user_id')
    await fetch(`${hub.url}/v2/proxy/${userId}/v2/workouts`, {
      headers: { 'dev-id': DEV_ID, 'x-api-key': hub.apiKey, ...headers },
    })
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    await hub.hub.settle()
    return { hub, seen, app }
  }

  it('to Suunto: its subscription key, through the proxy and when a grant is given back', async () => {
    const { hub, seen, app } = await calls('SUUNTO', { 'ocp-apim-subscription-key': 'of the app' })
    const key = app?.secrets?.reveal().named['subscriptionKey']
    const keys = (part: string) =>
      seen
        .filter(({ url }) => url.pathname.endsWith(part))
        .map(({ headers }) => headers.get('ocp-apim-subscription-key'))
    expect(key).toMatch(/./)
    expect(keys('/v2/workouts')).toEqual([key])
    expect(keys('/deauthorize')).toEqual([key])
    const [row] = await hub.rows('SELECT provider_account_id FROM connection')
    // Its JWT names the account; nobody was asked.
    expect(row?.['provider_account_id']).toBe(hub.simulator.accounts('SUUNTO')[0]?.accountId)
  })

  it('to iHealth: everything in the query, at its port', async () => {
    const { seen, app } = await calls('IHEALTH')
    const token = seen.find(({ url }) => url.searchParams.has('code'))
    expect(token?.url.pathname).toContain('api.ihealthlabs.com:8443/')
    expect(token?.url.searchParams.get('client_secret')).toBe(app?.clientSecret.reveal())
    expect(token?.url.searchParams.get('grant_type')).toBe('authorization_code')
    expect(token?.body).toBe('')
    const data = seen.find(({ url }) => url.pathname.endsWith('/v2/workouts'))
    expect(data?.url.searchParams.get('access_token')).toMatch(/./)
    expect(data?.headers.has('authorization')).toBe(false)
  })
})

describe('regions', () => {
  it('keeps accounts of one provider in two regions apart', async () => {
    const hub = await createTestHub({ providers: ['DEXCOM', 'DEXCOM_EU'] })
    await hub.connect('DEXCOM')
    await hub.connect('DEXCOM_EU')
    expect(types(hub)).toEqual(['auth', 'auth'])
    expect(hub.simulator.requests.map(({ path }) => path)).toContain(
      '/api.dexcom.eu/v2/oauth2/token',
    )
  })
})
