/** Who may call the API: whoever brings the key of the environment, and nobody else. */
import { describe, expect, it } from 'vitest'
import { DEV_ID, type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { countRows, expectProblem, sendRaw } from '../support/problems.ts'

/** Every route at every path, with what it needs to succeed, and how it refuses credentials. */
const ROUTES: readonly (readonly [method: string, path: string, refusal: 401 | 403])[] = [
  ['POST', '/v2/auth/generateWidgetSession', 401],
  ['POST', '/api/v2/auth/generateWidgetSession', 401],
  ['POST', '/api/widget/session', 403],
  ['POST', '/widget/api/session', 403],
  ['POST', '/v2/auth/authenticateUser?resource=GARMIN', 401],
  ['POST', '/api/v2/auth/authenticateUser?resource=GARMIN', 401],
  ['DELETE', '/v2/auth/deauthenticateUser?user_id=x', 401],
  ['POST', '/v2/auth/deauthenticateUser?user_id=x', 401],
  ['DELETE', '/api/v2/auth/deauthenticateUser?user_id=x', 401],
  ['POST', '/api/v2/auth/deauthenticateUser?user_id=x', 401],
  ['GET', '/v2/userInfo?reference_id=x', 401],
  ['GET', '/api/v2/userInfo?reference_id=x', 401],
  ['GET', '/v2/subscriptions', 401],
  ['GET', '/api/v2/subscriptions', 401],
  ['GET', '/admin/v1/events', 401],
  ['POST', '/admin/v1/events/generate', 401],
  ['GET', '/admin/v1/events/00000000-0000-7000-8000-000000000000', 401],
  ['GET', '/admin/v1/events/00000000-0000-7000-8000-000000000000/body', 401],
]

function wrongCredentials(hub: TestHub, otherKey: string): Record<string, string | null>[] {
  const key = hub.apiKey
  return [
    { 'dev-id': null, 'x-api-key': null },
    { 'dev-id': null },
    { 'x-api-key': null },
    { 'dev-id': '' },
    { 'x-api-key': '' },
    { 'dev-id': 'nobody' },
    { 'dev-id': DEV_ID.toUpperCase() },
    { 'x-api-key': 'wrong' },
    { 'x-api-key': `${key}x` },
    { 'x-api-key': key.slice(0, -1) },
    { 'x-api-key': key.toUpperCase() },
    { 'x-api-key': `${key}, ${key}` },
    { 'x-api-key': otherKey },
    { 'dev-id': 'acme-staging' },
    { 'x-api-key': null, authorization: `Bearer ${key}` },
    { 'x-api-key': "' OR 1=1 --" },
  ]
}

it('refuses wrong credentials at every route, before it looks at anything else', async () => {
  const hub = await createTestHub()
  const staging = await hub.addEnvironment('acme-staging')
  const before = await countRows(hub)
  for (const [method, path, refusal] of ROUTES) {
    for (const headers of wrongCredentials(hub, staging.apiKey)) {
      const response = await sendRaw(hub, { method, path, headers })
      expect([method, path, response.status]).toEqual([method, path, refusal])
      await expectProblem(response, refusal === 401 ? 'unauthorized' : 'forbidden')
    }
  }
  expect(await countRows(hub)).toEqual(before)
})

it('does not tell an unknown environment from a wrong key', async () => {
  const hub = await createTestHub()
  const unknown = await sendRaw(hub, { path: '/v2/subscriptions', headers: { 'dev-id': 'nobody' } })
  const wrong = await sendRaw(hub, { path: '/v2/subscriptions', headers: { 'x-api-key': 'wrong' } })
  expect(await unknown.text()).toBe(await wrong.text())
})

it('needs no credentials to say that it lives and what it offers', async () => {
  const hub = await createTestHub()
  const headers = { 'dev-id': null, 'x-api-key': null }
  expect(await (await sendRaw(hub, { path: '/healthz', headers })).json()).toEqual({ status: 'ok' })
  expect((await sendRaw(hub, { path: '/openapi.json', headers })).status).toBe(200)
})

describe('Terra’s other paths', () => {
  const connectBody = { reference_id: 'tony_stark' }

  it.each(['/v2/auth/generateWidgetSession', '/api/v2/auth/generateWidgetSession'])(
    'and %s make a widget session alike',
    async (path) => {
      const hub = await createTestHub()
      for (const alias of [path, '/api/widget/session', '/widget/api/session']) {
        const { status, json } = await hub.call('POST', alias, connectBody)
        expect(status).toBe(200)
        expect(json).toEqual({
          status: 'success',
          session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          url: expect.stringMatching(new RegExp(`^${hub.url}/session/[\\w-]{43}$`)),
          expires_in: 900,
        })
      }
    },
  )

  it('take the resource in every place where Terra’s documents put it', async () => {
    const hub = await createTestHub()
    for (const base of ['/v2', '/api/v2']) {
      for (const [query, body] of [
        ['?resource=FITBIT', {}],
        ['?resource=fitbit', undefined],
        ['', { resource: 'FITBIT' }],
        ['', { provider: 'Fitbit' }],
        ['?resource=FITBIT', { resource: 'GARMIN', provider: 'OURA' }],
      ] as const) {
        const path = `${base}/auth/authenticateUser${query}`
        const { status, json } = await hub.call('POST', path, body)
        expect([path, status]).toEqual([path, 200])
        expect(json).toMatchObject({ status: 'success', expires_in: 900 })
        const info = await hub.call('GET', `${base}/userInfo?user_id=${json.user_id}`)
        expect(info.json.user.provider).toBe('FITBIT')
      }
    }
  })

  it('read and disconnect the same users', async () => {
    const hub = await createTestHub()
    for (const base of ['/v2', '/api/v2']) {
      const userId = (await hub.connect('FITBIT')).searchParams.get('user_id')
      const one = await hub.call('GET', `${base}/userInfo?user_id=${userId}`)
      const many = await hub.call('GET', `${base}/userInfo?reference_id=tony_stark`)
      const all = await hub.call('GET', `${base}/subscriptions`)
      expect(one.json.user.user_id).toBe(userId)
      expect(many.json).toHaveLength(1)
      expect(all.json.users).toEqual(many.json)
      await hub.call('DELETE', `${base}/auth/deauthenticateUser?user_id=${userId}`)
      expect((await hub.call('GET', `${base}/userInfo?reference_id=tony_stark`)).json).toEqual([])
    }
  })
})
