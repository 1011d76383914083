import { createHmac, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createAuthorization } from '../oauth/authorize.ts'
import { callApi } from '../oauth/call.ts'
import { checkGrant } from '../oauth/check.ts'
import { exchangeCode } from '../oauth/exchange.ts'
import { type NoticeReading, readNotice } from '../oauth/notice.ts'
import { revokeGrant } from '../oauth/revoke.ts'
import type { ClientCredentials } from '../oauth/types.ts'
import { findProvider } from '../providers/catalog.ts'
import { withEndpoints } from '../providers/endpoints.ts'
import { createPerson } from './person.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from './simulator.ts'

const REDIRECT_URI = 'https://hub.test/callback'
const REAL = {
  fetch,
  clock: { nowMs: () => Date.now() },
  random: { bytes: randomBytes, fraction: Math.random },
}

const open: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ noticeDelaysMs: [0, 1], ...options })
  open.push(simulator)
  return simulator
}

function register(simulator: Simulator, resource: string, noticeUrl?: string) {
  return simulator.registerApp({
    resource,
    redirectUris: [REDIRECT_URI],
    name: 'Tony & Co',
    ...(noticeUrl === undefined ? {} : { noticeUrl }),
  })
}

/** An app's address for notices, which answers with the given statuses in turn, then 204. */
async function startReceiver(statuses: number[] = []) {
  const received: { method: string; url: string; headers: Headers; body: Buffer }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const headers = new Headers(Object.entries(request.headers).map(([k, v]) => [k, String(v)]))
      const { method = '', url = '' } = request
      received.push({ method, url, headers, body: Buffer.concat(chunks) })
      response.writeHead(statuses.shift() ?? 204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
  const { port } = server.address() as AddressInfo
  const read = (resource: string, credentials: ClientCredentials): NoticeReading[] =>
    received.map((request) =>
      readNotice({
        ...request,
        provider: findProvider(resource)!,
        credentials,
        noticeKey: 'key',
        nowMs: Date.now(),
      }),
    )
  return { url: `http://127.0.0.1:${port}/notices`, received, read }
}

/** Connects as the hub does. */
async function connect(simulator: Simulator, resource: string, credentials: ClientCredentials) {
  const provider = withEndpoints(findProvider(resource)!, simulator.originOverrides)
  const person = createPerson({ login: 'tony' })
  const basics = { provider, credentials, redirectUri: REDIRECT_URI, state: 'state' }
  const { url, codeVerifier } = await createAuthorization(REAL, basics)
  const { searchParams } = await person.authorize(url)
  const outcome = await exchangeCode(REAL, { ...basics, parameters: searchParams, codeVerifier })
  if (outcome.type !== 'granted') throw new TypeError(`not granted: ${outcome.type}`)
  const { tokenSet, providerAccountId } = outcome
  const call = { provider, credentials, tokenSet, providerAccountId }
  const settings = new URL(
    'settings/apps',
    `${new URL('/', url).href}${url.pathname.split('/')[1]}/`,
  )
  return { person, accountId: providerAccountId, call, settings }
}

describe('revocation by the app', () => {
  it('ends the grant at Garmin, which then sends its last notice', async () => {
    const receiver = await startReceiver()
    const simulator = await start()
    const credentials = register(simulator, 'GARMIN', receiver.url)
    const { accountId, call } = await connect(simulator, 'GARMIN', credentials)
    expect(await revokeGrant(REAL, call)).toEqual({ type: 'revoked' })
    await simulator.settled()
    expect(receiver.read('GARMIN', credentials)).toEqual([
      {
        type: 'notices',
        isAuthenticated: false,
        notices: [{ type: 'access_revoked', providerAccountId: accountId }],
        replyStatus: 200,
      },
    ])
    expect(simulator.isGrantActive('GARMIN', accountId, credentials.clientId)).toBe(false)
    expect(await revokeGrant(REAL, call)).toEqual({ type: 'already_gone' })
    const path = '/apis.garmin.com/wellness-api/rest/user/registration'
    expect(simulator.requests.filter(({ method }) => method === 'DELETE')).toEqual([
      { method: 'DELETE', path, status: 204 },
      { method: 'DELETE', path, status: 401 },
    ])
  })

  it('ends every session of the account at Fitbit', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'FITBIT')
    const first = await connect(simulator, 'FITBIT', credentials)
    const second = await connect(simulator, 'FITBIT', credentials)
    expect(await checkGrant(REAL, second.call)).toBe('alive')
    expect(await revokeGrant(REAL, first.call)).toEqual({ type: 'revoked' })
    // RFC 7009, section 2.2: nothing left to revoke is a success.
    expect(await revokeGrant(REAL, first.call)).toEqual({ type: 'revoked' })
    expect(await checkGrant(REAL, second.call)).toBe('gone')
  })

  it('ends only the one authorization at Oura', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'OURA')
    const first = await connect(simulator, 'OURA', credentials)
    const second = await connect(simulator, 'OURA', credentials)
    expect(await revokeGrant(REAL, first.call)).toEqual({ type: 'revoked' })
    expect(await checkGrant(REAL, first.call)).toBe('gone')
    expect(await checkGrant(REAL, second.call)).toBe('alive')
    // The query held a token: the record must not.
    expect(JSON.stringify(simulator.requests)).not.toContain(first.call.tokenSet.accessToken)
  })
})

/** Fitbit tells only about accounts that the app has subscribed to. */
async function subscribe(call: Awaited<ReturnType<typeof connect>>['call']): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  const { subscription } = call.provider
  const answer = await callApi(REAL, { what: 'subscription', signal }, subscription!.request, call)
  expect(answer.status).toBe(200)
}

describe('settings page', () => {
  it('removes an app, and Fitbit tells it with a signed notice', async () => {
    const receiver = await startReceiver()
    const simulator = await start()
    const credentials = register(simulator, 'FITBIT', receiver.url)
    const { person, accountId, call, settings } = await connect(simulator, 'FITBIT', credentials)
    await subscribe(call)
    expect(await (await person.request(settings)).text()).toContain('Remove Tony &amp; Co')
    const form = new URLSearchParams({ action: 'remove', client_id: credentials.clientId })
    expect((await person.request(settings, form)).status).toBe(303)
    expect(await (await person.request(settings)).text()).toContain('No app is connected.')
    const { body, headers } = receiver.received[0]!
    expect(JSON.parse(body.toString())).toEqual([
      {
        collectionType: 'userRevokedAccess',
        ownerId: accountId,
        ownerType: 'user',
        subscriptionId: accountId,
      },
    ])
    expect(headers.get('x-fitbit-signature')).toBe(
      createHmac('sha1', `${credentials.clientSecret}&`).update(body).digest('base64'),
    )
    expect(receiver.read('FITBIT', credentials)).toMatchObject([
      {
        isAuthenticated: true,
        notices: [{ type: 'access_revoked', providerAccountId: accountId }],
      },
    ])
    expect(simulator.notices).toMatchObject([{ isDelivered: true, attempts: 1, status: 204 }])
  })

  it('switches permissions at Garmin and tells the app', async () => {
    const receiver = await startReceiver([500])
    const simulator = await start({ clock: { nowMs: () => 1_728_272_700_000 } })
    const credentials = register(simulator, 'GARMIN', receiver.url)
    const { person, accountId, settings } = await connect(simulator, 'GARMIN', credentials)
    const form = new URLSearchParams({ action: 'permissions', client_id: credentials.clientId })
    form.append('scope', 'HEALTH_EXPORT')
    await person.request(settings, form)
    const { body, headers } = receiver.received[1]!
    expect(JSON.parse(body.toString())).toEqual({
      userPermissionsChange: [
        { userId: accountId, permissions: ['HEALTH_EXPORT'], changeTimeInSeconds: 1_728_272_700 },
      ],
    })
    expect(headers.get('garmin-client-id')).toBe(credentials.clientId)
    expect(simulator.notices).toMatchObject([{ isDelivered: true, attempts: 2 }])
    expect(simulator.accounts('GARMIN')[0]?.appsConnected[0]?.scopes).toEqual(['HEALTH_EXPORT'])
    expect(receiver.read('GARMIN', credentials)[1]).toMatchObject({
      notices: [
        { type: 'scopes_changed', providerAccountId: accountId, scopes: ['HEALTH_EXPORT'] },
      ],
    })
  })

  it('asks to log in and refuses what nobody granted', async () => {
    const simulator = await start()
    const { clientId } = register(simulator, 'OURA')
    const person = createPerson({ login: 'tony' })
    const url = `${simulator.url}/cloud.ouraring.com/settings/apps`
    const remove = new URLSearchParams({ action: 'remove', client_id: clientId })
    expect(await (await person.request(url)).text()).toContain('name="login"')
    expect(await (await person.request(url, remove)).text()).toContain('name="login"')
    await person.request(url, new URLSearchParams({ login: 'tony' }))
    expect((await person.request(url, remove)).status).toBe(400)
    expect((await person.request(url, new URLSearchParams({ action: 'x' }))).status).toBe(400)
    expect((await person.request(url, new URLSearchParams({ action: 'logout' }))).status).toBe(303)
    expect(await (await person.request(url)).text()).toContain('name="login"')
  })
})

describe('removeApp and changePermissions', () => {
  it('say nothing where the provider says nothing', async () => {
    const receiver = await startReceiver()
    const simulator = await start()
    const credentials = register(simulator, 'OURA', receiver.url)
    const { accountId, call } = await connect(simulator, 'OURA', credentials)
    const { clientId } = credentials
    await expect(
      simulator.changePermissions('OURA', { clientId, accountId, scopes: ['daily'] }),
    ).rejects.toThrow('permissions cannot be changed later')
    await simulator.removeApp('OURA', { clientId, accountId })
    expect(simulator.isGrantActive('OURA', accountId, clientId)).toBe(false)
    expect(await checkGrant(REAL, call)).toBe('gone')
    expect(receiver.received).toEqual([])
    await expect(simulator.removeApp('OURA', { clientId, accountId })).rejects.toThrow(
      'has not connected',
    )
  })

  it('refuse a permission that does not exist', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'GARMIN')
    const { accountId } = await connect(simulator, 'GARMIN', credentials)
    const { clientId } = credentials
    await expect(
      simulator.changePermissions('GARMIN', { clientId, accountId, scopes: ['EVERYTHING'] }),
    ).rejects.toThrow('unknown permission EVERYTHING')
  })

  it('give a notice up after the last attempt, and record it', async () => {
    const receiver = await startReceiver([500, 503])
    const simulator = await start()
    const credentials = register(simulator, 'GARMIN', receiver.url)
    const { accountId } = await connect(simulator, 'GARMIN', credentials)
    const { clientId } = credentials
    await simulator.removeApp('GARMIN', { clientId, accountId })
    expect(simulator.notices).toEqual([
      {
        resource: 'GARMIN',
        clientId,
        accountId,
        type: 'access_revoked',
        attempts: 2,
        status: 503,
        isDelivered: false,
      },
    ])
  })

  it('record a notice that found nobody', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'FITBIT', 'http://127.0.0.1:1/notices')
    const { accountId, call } = await connect(simulator, 'FITBIT', credentials)
    await subscribe(call)
    await simulator.removeApp('FITBIT', { clientId: credentials.clientId, accountId })
    expect(simulator.notices).toMatchObject([{ status: undefined, isDelivered: false }])
  })

  it('do not keep the simulator from closing while a notice waits', async () => {
    const receiver = await startReceiver([500])
    const simulator = await start({ noticeDelaysMs: [0, 3_600_000] })
    const credentials = register(simulator, 'GARMIN', receiver.url)
    const { accountId } = await connect(simulator, 'GARMIN', credentials)
    const removal = simulator.removeApp('GARMIN', { clientId: credentials.clientId, accountId })
    await expect.poll(() => receiver.received.length).toBe(1)
    await simulator.close()
    await removal
    expect(simulator.notices).toMatchObject([{ attempts: 1, isDelivered: false }])
  })
})

describe('fail', () => {
  it('fails as often as asked, then works again', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'GARMIN')
    const { call } = await connect(simulator, 'GARMIN', credentials)
    simulator.fail('GARMIN', { revokeEndpoint: { status: 503, times: 1 } })
    expect((await revokeGrant(REAL, call)).type).toBe('transient')
    expect((await revokeGrant(REAL, call)).type).toBe('revoked')
  })

  it('fails until healed', async () => {
    const simulator = await start()
    const credentials = register(simulator, 'OURA')
    const { call } = await connect(simulator, 'OURA', credentials)
    simulator.fail('OURA', { accountEndpoint: { status: 500 } })
    expect(await checkGrant(REAL, call)).toBe('unknown')
    expect(await checkGrant(REAL, call)).toBe('unknown')
    simulator.heal('OURA')
    expect(await checkGrant(REAL, call)).toBe('alive')
  })
})
