/** Calls of the app to a provider's API, with a token of the hub's, and what they say of the connection. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DEFAULT_SETTINGS } from '../src/store/environments.ts'
import { DEV_ID, type TestHub, createTestHub, types } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** The API of Garmin, as the test wants it; everything else stays with the simulator. */
async function createProxyHub(answer: (asked: Asked, response: ServerResponse) => void) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() }
      asked.push(one)
      answer(one, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const hub = await createTestHub({
    wantsExtensions: true,
    fetch: intercept((url, init) =>
      url.includes('/data/')
        ? fetch(url.replace(/^.*?\/data\//, `http://127.0.0.1:${port}/data/`), init)
        : undefined,
    ),
  })
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
  return {
    hub,
    asked,
    userId,
    get: async (path: string, init?: RequestInit) => get(hub, userId, path, init),
  }
}

async function get(hub: TestHub, userId: string, path: string, init: RequestInit = {}) {
  return await fetch(`${hub.url}/v2/proxy/${userId}/${path}`, {
    redirect: 'manual',
    ...init,
    headers: {
      'dev-id': DEV_ID,
      'x-api-key': hub.apiKey,
      ...(init.headers as Record<string, string> | undefined),
    },
  })
}

async function jsonOf(response: Response): Promise<any> {
  return await response.json()
}

const OK = (_asked: Asked, response: ServerResponse) => {
  response.writeHead(200, {
    'content-type': 'application/json',
    'set-cookie': 'session=theirs',
    'x-ratelimit-remaining': '99',
    location: 'https://elsewhere.example/',
  })
  response.end('{"steps":1}')
}

describe('a call through the proxy', () => {
  it('brings a token and what the app asks for, and none of the hub’s credentials', async () => {
    const { asked, get } = await createProxyHub(OK)
    const answer = await get('data/steps?from=1&to=2%263', {
      headers: {
        accept: 'application/json',
        authorization: 'Bearer of-the-app',
        cookie: 'a=b',
        te: 'trailers',
        'x-forwarded-for': '10.0.0.1',
      },
    })
    expect([answer.status, await answer.json()]).toEqual([200, { steps: 1 }])
    const [request] = asked
    expect(request).toMatchObject({ method: 'GET', url: '/data/steps?from=1&to=2%263' })
    expect(request?.headers['authorization']).toMatch(/^Bearer [\w-]{43}$/)
    for (const name of ['cookie', 'x-api-key', 'dev-id', 'te', 'x-forwarded-for', 'forwarded']) {
      expect([name, request?.headers[name]]).toEqual([name, undefined])
    }
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('99')
    for (const name of ['set-cookie', 'location']) expect(answer.headers.get(name)).toBeNull()
    expect(answer.headers.get('content-security-policy')).toContain('sandbox')
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  it('sends bodies, small and streamed', async () => {
    const { asked, get } = await createProxyHub(OK)
    const json = { 'content-type': 'application/json' }
    await get('data/a', { method: 'POST', body: '{"a":1}', headers: json })
    const chunks = ['one', 'two', 'three'].map((text) => new TextEncoder().encode(text))
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = chunks.shift()
        if (chunk === undefined) controller.close()
        else controller.enqueue(chunk)
      },
    })
    await get('data/b', { method: 'PUT', body, duplex: 'half' })
    expect(asked.map(({ method, body: sent }) => [method, sent])).toEqual([
      ['POST', '{"a":1}'],
      ['PUT', 'onetwothree'],
    ])
    expect(asked[0]?.headers['content-type']).toBe('application/json')
  })

  it('streams what it gets', async () => {
    let finish = (): void => {}
    const { get } = await createProxyHub((_asked, response) => {
      response.write('first')
      finish = () => response.end('last')
    })
    const answer = await get('data/stream')
    const reader = answer.body!.getReader()
    const { value } = await reader.read()
    expect(new TextDecoder().decode(value)).toBe('first')
    finish()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('last')
  })

  it.each([
    ['a redirect', 302, 'answered with a redirect (302), which is not followed'],
    ['no answer', 0, 'could not be reached'],
  ])('says that the provider is unavailable for %s', async (_what, status, words) => {
    const { get } = await createProxyHub((_asked, response) => {
      if (status === 0) response.socket?.destroy()
      else response.writeHead(status, { location: 'http://169.254.169.254/' }).end()
    })
    const answer = await get('data/x')
    expect(answer.status).toBe(502)
    expect(await answer.json()).toMatchObject({
      code: 'provider_unavailable',
      detail: `the API of GARMIN ${words}`,
    })
  })

  it.each([
    '../../data/x',
    '%2e%2e/%2e%2e/data/x',
    '..%2f..%2fdata/x',
    '@evil.example/data/x',
    '/evil.example/data/x',
    '\\evil.example/data/x',
    'https://evil.example/data/x',
  ])('goes nowhere but to the provider’s API with %s', async (path) => {
    const seen: string[] = []
    const hub = await createTestHub({
      fetch: intercept((url) => {
        seen.push(url)
        return undefined
      }),
    })
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    seen.length = 0
    await get(hub, userId, path)
    const base = hub.simulator.originOverrides['https://apis.garmin.com']
    expect(seen.filter((url) => !url.startsWith(`${base}/`))).toEqual([])
  })

  it('goes nowhere else with a path as it stands, which no client has tidied up', async () => {
    const seen: string[] = []
    const hub = await createTestHub({
      fetch: intercept((url) => {
        seen.push(url)
        return undefined
      }),
    })
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    seen.length = 0
    const { hostname, port } = new URL(hub.url)
    const ends = `host: ${hostname}\r\ndev-id: ${DEV_ID}\r\nx-api-key: ${hub.apiKey}\r\nconnection: close\r\n\r\n`
    const paths = ['../../../x', '%2e%2e/%2e%2e/%2e%2e/x', '..\\..\\..\\x', '/evil.example/x']
    for (const path of paths) {
      const socket = connect(Number(port), hostname)
      socket.write(`GET /v2/proxy/${userId}/${path} HTTP/1.1\r\n${ends}`)
      expect([path, await text(socket)]).toEqual([
        path,
        expect.stringMatching(/^HTTP\/1.1 40[04] /),
      ])
    }
    const base = hub.simulator.originOverrides['https://apis.garmin.com']
    expect(seen).toEqual([`${base}//evil.example/x`])
  })

  it('takes no other host than the provider’s', async () => {
    const { asked, get } = await createProxyHub(OK)
    const refused = await get('data/x', { headers: { 'firma-api-host': 'evil.example' } })
    expect([refused.status, (await jsonOf(refused)).detail]).toEqual([
      400,
      'firma-api-host must be one of apis.garmin.com',
    ])
    await get('data/x', { headers: { 'firma-api-host': 'apis.garmin.com' } })
    expect(asked).toHaveLength(1)
  })

  it('is refused without good credentials, for strangers’ users and for other methods', async () => {
    const { hub, userId, asked } = await createProxyHub(OK)
    const other = await hub.addEnvironment('acme-staging')
    const statusOf = async (headers: Record<string, string>, method = 'GET', id = userId) =>
      (await fetch(`${hub.url}/v2/proxy/${id}/data/x`, { method, headers })).status
    const mine = { 'dev-id': DEV_ID, 'x-api-key': hub.apiKey }
    expect(await statusOf({})).toBe(401)
    expect(await statusOf({ ...mine, 'x-api-key': 'wrong' })).toBe(401)
    expect(await statusOf({ 'dev-id': other.devId, 'x-api-key': other.apiKey })).toBe(404)
    expect(await statusOf(mine, 'GET', 'nobody')).toBe(404)
    expect(await statusOf(mine, 'OPTIONS')).toBe(405)
    expect(asked).toEqual([])
  })

  it('has a bound for bodies', async () => {
    const { get, asked } = await createProxyHub(OK)
    const answer = await get('data/x', { method: 'POST', body: new Uint8Array(10_485_761) })
    expect(answer.status).toBe(413)
    expect(asked).toEqual([])
  })
})

describe('what an answer says of the connection', () => {
  it('is tried once more with a new token after a 401, and says nothing when that works', async () => {
    const { hub, asked, get } = await createProxyHub((one, response) => {
      response.writeHead(asked.length === 1 ? 401 : 200).end(one.body)
    })
    const answer = await get('data/x', { method: 'POST', body: 'again' })
    expect([answer.status, await answer.text()]).toEqual([200, 'again'])
    expect(new Set(asked.map(({ headers }) => headers['authorization'])).size).toBe(2)
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth'])
  })

  it.each([401, 403, 412])('is connection_error, once, for %i, and recovers', async (status) => {
    const state = { status }
    const { hub, get } = await createProxyHub((_asked, response) => {
      response.writeHead(state.status).end()
    })
    for (let times = 0; times < 3; times += 1) expect((await get('data/x')).status).toBe(status)
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'connection_error'])
    state.status = 200
    expect((await get('data/x')).status).toBe(200)
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'connection_error', 'connection_recovered'])
  })

  it('passes a limit on, and keeps it without asking again', async () => {
    const { hub, asked, get } = await createProxyHub((_asked, response) => {
      response.writeHead(429, { 'retry-after': '120' }).end()
    })
    const first = await get('data/x')
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '120'])
    await hub.advanceByMs(20_000)
    const second = await get('data/x')
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '100'])
    expect((await jsonOf(second)).code).toBe('provider_limited')
    expect(asked).toHaveLength(1)
    await hub.advanceByMs(100_000)
    await get('data/x')
    expect(asked).toHaveLength(2)
    expect(types(hub)).toEqual(['auth'])
  })

  it('is not asked for when only the person can repair the connection', async () => {
    const { hub, get, asked, userId } = await createProxyHub(OK)
    const [account] = hub.simulator.accounts('GARMIN')
    await hub.simulator.removeApp('GARMIN', {
      clientId: hub.clientIds['GARMIN'] ?? '',
      accountId: account?.accountId ?? '',
    })
    await hub.hub.settle()
    const answer = await get('data/x')
    expect([answer.status, (await jsonOf(answer)).code]).toEqual([409, 'connection_broken'])
    expect(asked).toEqual([])
    const { json } = await hub.call('GET', `/admin/v1/users/${userId}/explain`)
    expect(json).toMatchObject({ status: 'revoked', code: 'connect_again', tokens: null })
  })
})

describe('reading a token', () => {
  it('is refused unless the environment allows it', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const { status, json } = await hub.call('GET', `/v2/users/${userId}/token`)
    expect([status, json.code]).toEqual([403, 'forbidden'])
    expect(json.detail).toContain('/v2/proxy/')
  })

  it('gives a fresh access token, never the refresh token, and leaves a trace', async () => {
    const hub = await createTestHub({ settings: { ...DEFAULT_SETTINGS, tokenAccess: 'allowed' } })
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const { status, json } = await hub.call('GET', `/v2/users/${userId}/token`)
    expect(status).toBe(200)
    expect(Object.keys(json)).toEqual([
      'status',
      'user_id',
      'provider',
      'access_token',
      'token_type',
      'expires_at',
    ])
    const rows = await hub.rows("SELECT subject, detail FROM audit WHERE action = 'token.read'")
    expect(rows).toEqual([{ subject: userId, detail: '{"provider":"GARMIN"}' }])
  })
})
