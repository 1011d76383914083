import { afterEach, describe, expect, it } from 'vitest'
import { createPerson } from './person.ts'
import { PROFILES } from './profile.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from './simulator.ts'

const REDIRECT_URI = 'https://hub.test/callback?environment=1'
const VERIFIER = 'a'.repeat(43)
const CHALLENGE = 'ZtNPunH49FD35FWYhT5Tv8I7vRKQJ8uxMaL0_9eHjNA'

const open: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ noticeDelaysMs: [0, 1], ...options })
  open.push(simulator)
  return simulator
}

const PATHS = {
  GARMIN: {
    authorize: '/connect.garmin.com/oauth2Confirm',
    token: '/diauth.garmin.com/di-oauth2-service/oauth/token',
  },
  FITBIT: {
    authorize: '/www.fitbit.com/oauth2/authorize',
    token: '/api.fitbit.com/oauth2/token',
  },
  OURA: {
    authorize: '/cloud.ouraring.com/oauth/authorize',
    token: '/api.ouraring.com/oauth/token',
  },
} as const
type Resource = keyof typeof PATHS

function register(simulator: Simulator, resource: Resource) {
  return simulator.registerApp({
    resource,
    redirectUris: [REDIRECT_URI],
    name: 'Tony & Co',
  })
}

function authorizeUrl(
  simulator: Simulator,
  resource: Resource,
  changes: Record<string, string | undefined>,
): URL {
  const url = new URL(simulator.url + PATHS[resource].authorize)
  const parameters = {
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    state: 'st&te',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...changes,
  }
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  return url
}

type Credentials = { clientId: string; clientSecret: string }

async function postToken(
  simulator: Simulator,
  resource: Resource,
  credentials: Credentials,
  fields: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { clientId, clientSecret } = credentials
  const isBasic = resource === 'FITBIT'
  const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64')
  const response = await fetch(simulator.url + PATHS[resource].token, {
    method: 'POST',
    headers: isBasic ? { authorization: `Basic ${basic}` } : {},
    body: new URLSearchParams({
      ...(isBasic ? {} : { client_id: clientId, client_secret: clientSecret }),
      ...fields,
    }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function connect(
  simulator: Simulator,
  resource: Resource,
  options: { credentials: Credentials; login?: string; scopes?: string[] },
) {
  const person = createPerson({ login: options.login ?? 'tony' })
  const { clientId } = options.credentials
  const callback = await person.authorize(
    authorizeUrl(simulator, resource, { client_id: clientId }),
    options.scopes === undefined ? {} : { scopes: options.scopes },
  )
  const code = callback.searchParams.get('code') ?? ''
  const fields = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT_URI,
    code_verifier: VERIFIER,
  }
  const { status, body } = await postToken(simulator, resource, options.credentials, fields)
  expect(status).toBe(200)
  const accountId = simulator
    .accounts(resource)
    .find(({ login }) => login === person.login)!.accountId
  return {
    person,
    callback,
    fields,
    accountId,
    accessToken: String(body['access_token']),
    refreshToken: String(body['refresh_token']),
    body,
  }
}

async function api(simulator: Simulator, path: string, accessToken: string, method = 'GET') {
  return await fetch(simulator.url + path, {
    method,
    headers: { authorization: `Bearer ${accessToken}` },
  })
}

describe('authorization endpoint', () => {
  it('asks to log in, then to consent, and shows the app by name', async () => {
    const simulator = await start()
    const { clientId } = register(simulator, 'FITBIT')
    const person = createPerson({ login: 'tony' })
    const url = authorizeUrl(simulator, 'FITBIT', { client_id: clientId, scope: 'sleep weight' })
    const login = await (await person.request(url)).text()
    expect(login).toContain('<label for="login">')
    const answer = await person.request(url, new URLSearchParams({ login: 'tony' }))
    expect(answer.status).toBe(303)
    const consent = await person.request(url)
    expect(consent.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    const page = await consent.text()
    expect(page).toContain('Tony &amp; Co wants to access your Fitbit data')
    expect(page).toContain('Simulated provider')
    expect([...page.matchAll(/name="scope" value="(\w+)"/g)].map(([, scope]) => scope)).toEqual([
      'sleep',
      'weight',
    ])
    expect(page).not.toContain('<script')
  })

  it.each([
    ['empty', ' '],
    ['long', 'x'.repeat(65)],
  ])('refuses a login that is %s', async (_, login) => {
    const simulator = await start()
    const { clientId } = register(simulator, 'FITBIT')
    const url = authorizeUrl(simulator, 'FITBIT', { client_id: clientId })
    const answer = await createPerson({ login }).request(url, new URLSearchParams({ login }))
    expect(answer.status).toBe(400)
    expect(simulator.accounts('FITBIT')).toEqual([])
  })

  it('sends the code and the state back, and Oura the granted scopes too', async () => {
    const simulator = await start()
    const { clientId } = register(simulator, 'OURA')
    const callback = await createPerson({ login: 'tony' }).authorize(
      authorizeUrl(simulator, 'OURA', { client_id: clientId, scope: 'personal daily' }),
      { scopes: ['personal'] },
    )
    expect(callback.href.startsWith('https://hub.test/callback?environment=1&')).toBe(true)
    expect(callback.searchParams.get('state')).toBe('st&te')
    expect(callback.searchParams.get('code')).toMatch(/^[\w-]{43}$/)
    expect(callback.searchParams.get('scope')).toBe('personal')
  })

  it('sends a refusal back', async () => {
    const simulator = await start()
    const { clientId } = register(simulator, 'GARMIN')
    const callback = await createPerson({ login: 'tony' }).authorize(
      authorizeUrl(simulator, 'GARMIN', { client_id: clientId }),
      { decision: 'deny' },
    )
    expect(callback.searchParams.get('error')).toBe('access_denied')
    expect(callback.searchParams.has('code')).toBe(false)
    expect(simulator.accounts('GARMIN')[0]?.appsConnected).toEqual([])
  })

  it.each([
    { redirect_uri: 'https://hub.test/callback' },
    { redirect_uri: 'https://evil.test/' },
    { redirect_uri: undefined },
    { client_id: 'nobody' },
  ])('shows an error page and never redirects for %j', async (changes) => {
    const simulator = await start()
    const { clientId } = register(simulator, 'FITBIT')
    const url = authorizeUrl(simulator, 'FITBIT', { client_id: clientId, ...changes })
    const answer = await createPerson({ login: 'tony' }).request(url)
    expect(answer.status).toBe(400)
    expect(answer.headers.get('location')).toBeNull()
  })

  it.each([
    ['GARMIN', { code_challenge: undefined }, 'invalid_request'],
    ['GARMIN', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['GARMIN', { code_challenge_method: undefined }, 'invalid_request'],
    ['FITBIT', { scope: 'sleep everything' }, 'invalid_scope'],
    ['FITBIT', { response_type: 'token' }, 'unsupported_response_type'],
  ] as const)('%s answers %j with %s', async (resource, changes, error) => {
    const simulator = await start()
    const { clientId } = register(simulator, resource)
    const url = authorizeUrl(simulator, resource, { client_id: clientId, ...changes })
    const callback = await createPerson({ login: 'tony' }).authorize(url)
    expect(callback.searchParams.get('error')).toBe(error)
  })

  it('asks again when nothing is ticked, except at Garmin', async () => {
    const simulator = await start()
    const garmin = register(simulator, 'GARMIN')
    const fitbit = register(simulator, 'FITBIT')
    await connect(simulator, 'GARMIN', { credentials: garmin, scopes: [] })
    const url = authorizeUrl(simulator, 'FITBIT', { client_id: fitbit.clientId })
    await expect(createPerson({ login: 'tony' }).authorize(url, { scopes: [] })).rejects.toThrow(
      'Choose at least one',
    )
  })

  it('lets people switch to another account', async () => {
    const simulator = await start()
    const { clientId } = register(simulator, 'FITBIT')
    const person = createPerson({ login: 'tony' })
    const url = authorizeUrl(simulator, 'FITBIT', { client_id: clientId })
    await person.request(url, new URLSearchParams({ login: 'tony' }))
    await person.request(url, new URLSearchParams({ action: 'logout' }))
    expect(await (await person.request(url)).text()).toContain('name="login"')
  })
})

describe('token endpoint', () => {
  it.each([
    ['FITBIT', ['access_token', 'expires_in', 'refresh_token', 'scope', 'token_type', 'user_id']],
    [
      'GARMIN',
      ['access_token', 'expires_in', 'refresh_token', 'refresh_token_expires_in', 'token_type'],
    ],
    ['OURA', ['access_token', 'expires_in', 'refresh_token', 'token_type']],
  ] as const)('%s answers in its own shape', async (resource, members) => {
    const simulator = await start()
    const credentials = register(simulator, resource)
    const { body } = await connect(simulator, resource, { credentials })
    expect(Object.keys(body).sort()).toEqual(members)
  })

  it('takes the client authentication of the provider and no other', async () => {
    const simulator = await start()
    for (const [resource, other] of [
      ['FITBIT', 'GARMIN'],
      ['OURA', 'FITBIT'],
    ] as const) {
      const credentials = register(simulator, resource)
      const wrong = await postToken(simulator, resource, { ...credentials, clientSecret: 'x' }, {})
      expect(wrong.status).toBe(401)
      expect(JSON.stringify(wrong.body)).toContain('invalid_client')
      // The same credentials at the place where the other provider wants them.
      const path = PATHS[resource].token
      const isBasic = other === 'FITBIT'
      const basic = `${credentials.clientId}:${credentials.clientSecret}`
      const misplaced = await fetch(simulator.url + path, {
        method: 'POST',
        headers: isBasic ? { authorization: `Basic ${Buffer.from(basic).toString('base64')}` } : {},
        body: new URLSearchParams(
          isBasic
            ? { grant_type: 'refresh_token' }
            : { client_id: credentials.clientId, client_secret: credentials.clientSecret },
        ),
      })
      expect(misplaced.status).toBe(401)
    }
  })

  it.each([
    ['a wrong verifier', { code_verifier: 'b'.repeat(43) }],
    ['no verifier', { code_verifier: '' }],
    ['another redirect_uri', { redirect_uri: 'https://hub.test/other' }],
    ['an unknown code', { code: 'nothing' }],
  ])('refuses %s', async (_, changes) => {
    const simulator = await start()
    const credentials = register(simulator, 'GARMIN')
    const callback = await createPerson({ login: 'tony' }).authorize(
      authorizeUrl(simulator, 'GARMIN', { client_id: credentials.clientId }),
    )
    const { status, body } = await postToken(simulator, 'GARMIN', credentials, {
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code')!,
      redirect_uri: REDIRECT_URI,
      code_verifier: VERIFIER,
      ...changes,
    })
    expect([status, body['error']]).toEqual([400, 'invalid_grant'])
  })

  it('exchanges a code once, and ends what a second try finds', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'GARMIN')
    const { fields, accountId, accessToken } = await connect(simulator, 'GARMIN', { credentials })
    const again = await postToken(simulator, 'GARMIN', credentials, fields)
    expect(again.body['error']).toBe('invalid_grant')
    expect(simulator.isGrantActive('GARMIN', accountId, credentials.clientId)).toBe(false)
    expect(
      (await api(simulator, '/apis.garmin.com/wellness-api/rest/user/id', accessToken)).status,
    ).toBe(401)
  })

  it('refuses a code after a minute', async () => {
    let nowMs = 0
    const simulator = await start({ clock: { nowMs: () => nowMs } })
    const credentials = register(simulator, 'OURA')
    const callback = await createPerson({ login: 'tony' }).authorize(
      authorizeUrl(simulator, 'OURA', { client_id: credentials.clientId }),
    )
    nowMs = 60_000
    const { body } = await postToken(simulator, 'OURA', credentials, {
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code')!,
      redirect_uri: REDIRECT_URI,
      code_verifier: VERIFIER,
    })
    expect(body['error']).toBe('invalid_grant')
  })

  it('rotates refresh tokens, and a second use ends the family', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'FITBIT')
    const { refreshToken, accountId } = await connect(simulator, 'FITBIT', { credentials })
    const refresh = async (token: string) =>
      await postToken(simulator, 'FITBIT', credentials, {
        grant_type: 'refresh_token',
        refresh_token: token,
      })
    const second = await refresh(refreshToken)
    expect(second.status).toBe(200)
    expect(second.body['refresh_token']).not.toBe(refreshToken)
    const replay = await refresh(refreshToken)
    expect(replay.body).toMatchObject({ errors: [{ errorType: 'invalid_grant' }], success: false })
    expect((await refresh(String(second.body['refresh_token']))).status).toBe(400)
    expect(simulator.isGrantActive('FITBIT', accountId, credentials.clientId)).toBe(false)
  })

  it('answers a bad refresh at Oura with invalid_request', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'OURA')
    const { body } = await postToken(simulator, 'OURA', credentials, {
      grant_type: 'refresh_token',
      refresh_token: 'nothing',
    })
    expect(body['error']).toBe('invalid_request')
  })

  it('refuses a refresh token of another app, and other grants', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'GARMIN')
    const { refreshToken } = await connect(simulator, 'GARMIN', { credentials })
    const other = register(simulator, 'GARMIN')
    const stolen = { grant_type: 'refresh_token', refresh_token: refreshToken }
    expect((await postToken(simulator, 'GARMIN', other, stolen)).status).toBe(400)
    expect((await postToken(simulator, 'GARMIN', credentials, stolen)).status).toBe(200)
    const password = await postToken(simulator, 'GARMIN', credentials, { grant_type: 'password' })
    expect(password.body['error']).toBe('unsupported_grant_type')
    expect((await postToken(simulator, 'GARMIN', credentials, {})).body['error']).toBe(
      'invalid_request',
    )
  })
})

describe('account and permission endpoints', () => {
  it('know the account, under the same id at every login', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'GARMIN')
    const first = await connect(simulator, 'GARMIN', { credentials, scopes: ['HEALTH_EXPORT'] })
    const path = '/apis.garmin.com/wellness-api/rest/user'
    const account = await api(simulator, `${path}/id`, first.accessToken)
    expect(await account.json()).toEqual({ userId: first.accountId })
    const permissions = await api(simulator, `${path}/permissions`, first.accessToken)
    expect(await permissions.json()).toEqual(['HEALTH_EXPORT'])
    await connect(simulator, 'GARMIN', { credentials, login: 'tony' })
    expect(simulator.accounts('GARMIN')).toHaveLength(1)
  })

  it('answer 401 once the access token has expired', async () => {
    let nowMs = 0
    const simulator = await start({ clock: { nowMs: () => nowMs } })
    const credentials = register(simulator, 'FITBIT')
    const { accessToken } = await connect(simulator, 'FITBIT', { credentials })
    const path = '/api.fitbit.com/1/user/-/profile.json'
    expect((await api(simulator, path, accessToken)).status).toBe(200)
    nowMs = 28_800_000
    expect((await api(simulator, path, accessToken)).status).toBe(401)
  })

  it('answer 403 without the scope they want', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'OURA')
    const { accessToken } = await connect(simulator, 'OURA', { credentials, scopes: ['daily'] })
    const path = '/api.ouraring.com/v2/usercollection/personal_info'
    expect((await api(simulator, path, accessToken)).status).toBe(403)
  })
})

describe('startSimulator', () => {
  it('lists its providers on the first page and keeps to those asked for', async () => {
    const simulator = await start({ profiles: [PROFILES.get('OURA')!] })
    register(simulator, 'OURA')
    const page = await (await fetch(simulator.url)).text()
    expect(page).toContain('href="/cloud.ouraring.com/settings/apps"')
    expect(page).not.toContain('Garmin')
    expect(simulator.originOverrides).toEqual({
      'https://cloud.ouraring.com': `${simulator.url}/cloud.ouraring.com`,
      'https://api.ouraring.com': `${simulator.url}/api.ouraring.com`,
    })
    expect(() => simulator.accounts('GARMIN')).toThrow('no simulated provider GARMIN')
    expect(() => simulator.accounts('NOBODY')).toThrow(
      'no simulated provider NOBODY; there are OURA',
    )
  })

  it('says when its port is taken', async () => {
    const simulator = await start()
    const port = Number(new URL(simulator.url).port)
    await expect(startSimulator({ port })).rejects.toThrow('EADDRINUSE')
  })
})
