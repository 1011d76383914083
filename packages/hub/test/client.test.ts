/** The typed client against a hub. */
import { describe, expect, it } from 'vitest'
import { type ApiClient, createApiClient } from '../src/client/client.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'

function clientOf(hub: TestHub): ApiClient {
  const headers = { 'dev-id': DEV_ID, 'x-api-key': hub.apiKey }
  return createApiClient({ baseUrl: hub.url, headers: () => headers })
}

describe('the client', () => {
  it('sends path, query and body, and gives the typed answer', async () => {
    const hub = await createTestHub()
    const client = clientOf(hub)
    const session = await client.call('POST /v2/auth/generateWidgetSession', {
      body: { reference_id: 'tony_stark' },
    })
    expect(session.url).toMatch(hub.url)
    await hub.connect('GARMIN')
    const { data } = await client.call('GET /admin/v1/audit', { query: { limit: 1 } })
    expect(data).toHaveLength(1)
    const users = await client.call('GET /v2/userInfo', { query: { reference_id: 'tony_stark' } })
    expect(users).toEqual([expect.objectContaining({ provider: 'GARMIN' })])
  })

  it('encodes what it puts into a path, and tells a refusal as the hub did', async () => {
    const hub = await createTestHub()
    const call = clientOf(hub).call('GET /admin/v1/events/{event_id}', {
      path: { event_id: '../users?x=#' },
    })
    await expect(call).rejects.toMatchObject({
      name: 'ApiError',
      code: 'event_not_found',
      status: 404,
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  it('sends more headers and gives those of the answer', async () => {
    const hub = await createTestHub()
    const send = async () =>
      await clientOf(hub).send(
        'POST /v2/auth/authenticateUser',
        { query: { resource: 'GARMIN' } },
        { headers: { 'idempotency-key': 'k' } },
      )
    const [first, second] = [await send(), await send()]
    expect(second.data).toEqual(first.data)
    expect(second.headers.get('idempotent-replayed')).toBe('true')
  })

  it('says so when nobody answers, or somebody else', async () => {
    const nobody = createApiClient({ baseUrl: 'http://127.0.0.1:9' })
    await expect(nobody.call('GET /admin/v1/setup')).rejects.toMatchObject({ code: 'network' })
    const fetch = async () =>
      new Response('<html>', { status: 502, headers: { 'retry-after': '7' } })
    const proxy = createApiClient({ baseUrl: 'http://hub.test', fetch })
    await expect(proxy.call('GET /admin/v1/setup')).rejects.toMatchObject({
      code: 'unreadable',
      status: 502,
      retryAfterSeconds: 7,
    })
  })

  it('lets nobody forget what an operation needs', () => {
    const client = createApiClient({ baseUrl: '' })
    const wrong = [
      // @ts-expect-error a path parameter is missing
      async () => await client.call('GET /admin/v1/events/{event_id}'),
      // @ts-expect-error there is no such operation
      async () => await client.call('GET /admin/v1/nothing'),
      // @ts-expect-error the query takes a number
      async () => await client.call('GET /admin/v1/audit', { query: { limit: 'ten' } }),
    ]
    expect(wrong).toHaveLength(3)
  })
})
