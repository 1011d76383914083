/** Grants that no connection came of are given back, where that ends nobody else's. */
import { expect, it } from 'vitest'
import { createPerson } from '../src/simulator/person.ts'
import { type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

async function revocations(hub: TestHub) {
  return await hub.rows(
    'SELECT provider, provider_account_id AS account, status, token_set_sealed AS tokens FROM revocation ORDER BY id',
  )
}

/** Logins whose account has a grant at the provider. */
function granted(hub: TestHub, provider: string): string[] {
  return hub.simulator
    .accounts(provider)
    .filter(({ appsConnected }) => appsConnected.length > 0)
    .map(({ login }) => login)
}

it('gives a grant back that lacks a required scope', async () => {
  const hub = await createTestHub()
  const landing = await hub.connect('OURA', { scopes: ['daily'] })
  expect(landing.searchParams.get('reason')).toBe('missing_scopes')
  expect(granted(hub, 'OURA')).toEqual([])
  // Without the scope the account is not told, and Oura's revocation does not need to know.
  expect(await revocations(hub)).toEqual([
    { provider: 'OURA', account: null, status: 'revoked', tokens: null },
  ])
})

it('gives the token back although the account is connected, where only the token dies', async () => {
  const hub = await createTestHub()
  const userId = (await hub.connect('OURA')).searchParams.get('user_id')
  await hub.connect('OURA', { scopes: ['daily'], referenceId: 'pepper_potts' })
  expect((await revocations(hub)).map(({ status }) => status)).toEqual(['revoked'])
  expect(granted(hub, 'OURA')).toEqual(['tony'])
  const { json } = await hub.call('GET', `/v2/userInfo?user_id=${userId}`)
  expect(json.user.active).toBe(true)
})

it('gives a grant back when the provider fails after the exchange, as soon as it says whose it is', async () => {
  const hub = await createTestHub()
  hub.simulator.fail('GARMIN', { accountEndpoint: { status: 503 } })
  const landing = await hub.connect('GARMIN')
  expect(landing.searchParams.get('reason')).toBe('provider_unavailable')
  expect(await revocations(hub)).toMatchObject([{ account: null, status: 'pending' }])
  expect(granted(hub, 'GARMIN')).toEqual(['tony'])
  hub.simulator.heal('GARMIN')
  await hub.advanceByMs(10 * 60_000)
  expect(await revocations(hub)).toMatchObject([{ status: 'revoked', tokens: null }])
  expect(granted(hub, 'GARMIN')).toEqual([])
})

it('keeps the grant of an account that is connected otherwise', async () => {
  const hub = await createTestHub()
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
  hub.simulator.fail('GARMIN', { accountEndpoint: { status: 503 } })
  await hub.connect('GARMIN', { referenceId: 'pepper_potts' })
  hub.simulator.heal('GARMIN')
  await hub.advanceByMs(10 * 60_000)
  expect(await revocations(hub)).toMatchObject([{ status: 'not_needed', tokens: null }])
  expect(granted(hub, 'GARMIN')).toEqual(['tony'])
  const { json } = await hub.call('GET', `/v2/userInfo?user_id=${userId}`)
  expect(json.user.active).toBe(true)
})

it('keeps the grant when the next try connects before it could be given back', async () => {
  const hub = await createTestHub()
  hub.simulator.fail('GARMIN', {
    accountEndpoint: { status: 503 },
    revokeEndpoint: { status: 503 },
  })
  await hub.connect('GARMIN')
  hub.simulator.heal('GARMIN')
  await hub.connect('GARMIN')
  await hub.advanceByMs(60 * 60_000)
  expect(await revocations(hub)).toMatchObject([{ status: 'not_needed' }])
  expect(granted(hub, 'GARMIN')).toEqual(['tony'])
  expect(hub.app.accepted).toEqual(['auth_cancelled', 'auth'])
})

it('stops asking when the person has removed the app in the meantime', async () => {
  const hub = await createTestHub()
  hub.simulator.fail('GARMIN', { accountEndpoint: { status: 503 } })
  await hub.connect('GARMIN')
  const [account] = hub.simulator.accounts('GARMIN')
  await hub.simulator.removeApp('GARMIN', {
    clientId: hub.clientIds['GARMIN'] ?? '',
    accountId: account?.accountId ?? '',
  })
  hub.simulator.heal('GARMIN')
  await hub.advanceByMs(10 * 60_000)
  expect(await revocations(hub)).toMatchObject([{ status: 'revoked', tokens: null }])
  expect(hub.app.accepted).toEqual(['auth_cancelled'])
})

it('gives up after three days, says so, and forgets the tokens', async () => {
  const hub = await createTestHub()
  hub.simulator.fail('GARMIN', { accountEndpoint: { status: 503 } })
  await hub.connect('GARMIN')
  // By the hour: not every timer of every worker matters here, and each costs real time.
  for (let hours = 0; hours < 4 * 24; hours += 1) {
    hub.clock.moveTo(hub.clock.nowMs() + 3_600_000)
    await hub.hub.settle()
  }
  expect(await revocations(hub)).toMatchObject([{ status: 'failed', tokens: null }])
  expect(hub.logged).toContain('could not revoke a grant at its provider')
})

it('leaves nothing to give back when the code was never exchanged', async () => {
  const hub = await createTestHub()
  hub.simulator.fail('GARMIN', { tokenEndpoint: { status: 503 } })
  await hub.connect('GARMIN')
  await hub.connect('FITBIT', { decision: 'deny' })
  expect(await revocations(hub)).toEqual([])
})

it('leaves a grant alone that could be anybody’s where revoking reaches the whole account', async () => {
  // The token answer, the only place where Fitbit tells the account, names it in another shape.
  const broken = intercept((url, init) =>
    url.endsWith('/oauth2/token') ? fetch(url, init).then(nestUserId) : undefined,
  )
  const hub = await createTestHub({ fetch: broken })
  const landing = await hub.connect('FITBIT', { person: createPerson({ login: 'tony' }) })
  expect(landing.searchParams.get('reason')).toBe('provider_unavailable')
  // An account without an id could be anybody's, and Fitbit's revocation reaches all of it.
  expect(await revocations(hub)).toMatchObject([{ provider: 'FITBIT', status: 'pending' }])
  expect(granted(hub, 'FITBIT')).toEqual(['tony'])
})

async function nestUserId(response: Response): Promise<Response> {
  const body = (await response.json()) as Record<string, unknown>
  return Response.json({ ...body, user_id: { nested: body['user_id'] } })
}

it('keeps the grant of an account that another environment has connected through the same app', async () => {
  const hub = await createTestHub()
  const staging = await hub.addEnvironment('acme-staging', {}, { sharesApp: true })
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
  await hub.connectIn(staging, 'GARMIN')
  await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
  await hub.hub.settle()
  expect(await revocations(hub)).toMatchObject([{ status: 'not_needed', tokens: null }])
  expect(granted(hub, 'GARMIN')).toEqual(['tony'])
  // The last one out gives it back.
  const { json } = await staging.call('GET', '/v2/userInfo?reference_id=tony_stark')
  await staging.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${json[0].user_id}`)
  await hub.hub.settle()
  expect(granted(hub, 'GARMIN')).toEqual([])
})

it('gives a grant back although an environment with another app has connected the account', async () => {
  const hub = await createTestHub()
  const other = await hub.addEnvironment('acme-staging')
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
  await hub.connectIn(other, 'GARMIN')
  await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
  await hub.hub.settle()
  expect(await revocations(hub)).toMatchObject([{ status: 'revoked' }])
})

it('keeps the grant of an account whose tokens were exchanged for somebody else', async () => {
  const hub = await createTestHub({ providers: ['GARMIN_OAUTH1', 'GARMIN'] })
  const userId = (await hub.connect('GARMIN_OAUTH1')).searchParams.get('user_id')
  await hub.connect('GARMIN', { referenceId: 'pepper_potts' })
  await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
  await hub.hub.settle()
  expect(await revocations(hub)).toMatchObject([
    { provider: 'GARMIN_OAUTH1', status: 'not_needed' },
  ])
})

it('keeps the grant of an account that waits to be confirmed in another form', async () => {
  const connect = { confirmation: 'required', accountPolicy: 'allow' } as const
  const hub = await createTestHub({
    providers: ['GARMIN_OAUTH1', 'GARMIN'],
    settings: { connect },
  })
  const confirm = async (landing: URL) => {
    const confirm_code = landing.searchParams.get('confirm_code')
    const body = { confirm_code, reference_id: 'tony_stark' }
    return await hub.call('POST', '/v2/auth/confirmConnection', body)
  }
  const { json } = await confirm(await hub.connect('GARMIN_OAUTH1'))
  const landing = await hub.connect('GARMIN')
  await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${json.user.user_id}`)
  await hub.hub.settle()
  expect(await revocations(hub)).toMatchObject([{ status: 'pending' }])
  expect((await confirm(landing)).status).toBe(200)
  await hub.advanceByMs(60_000)
  await expect
    .poll(async () => await revocations(hub), { timeout: 180_000 })
    .toMatchObject([{ provider: 'GARMIN_OAUTH1', status: 'not_needed' }])
})
