/** Users through the API that apps use, beyond what Terra's client shows. */
import { describe, expect, it } from 'vitest'
import { type TestHub, createTestHub } from '../support/create-test-hub.ts'

const NOBODY = '00000000-0000-4000-8000-000000000000'

async function connect(hub: TestHub, provider: string, referenceId = 'tony_stark') {
  return (await hub.connect(provider, { referenceId })).searchParams.get('user_id') ?? ''
}

describe('bulkUserInfo', () => {
  it('gives those that are there, in the order asked for', async () => {
    const hub = await createTestHub()
    const staging = await hub.addEnvironment('acme-staging')
    const a = await connect(hub, 'GARMIN')
    const b = await connect(hub, 'FITBIT')
    const old = await connect(hub, 'OURA')
    await connect(hub, 'OURA')
    const { json } = await hub.call('POST', '/v2/bulkUserInfo', [b, NOBODY, old, a, b])
    expect(json.map((user: { user_id: string }) => user.user_id)).toEqual([b, a])
    expect((await hub.call('POST', '/v2/bulkUserInfo', [NOBODY])).status).toBe(404)
    expect((await staging.call('POST', '/v2/bulkUserInfo', [a])).status).toBe(404)
    for (const body of [{}, [], [7], Array.from({ length: 1_001 }, () => 'x')]) {
      expect((await hub.call('POST', '/v2/bulkUserInfo', body)).status).toBe(400)
    }
  })
})

describe('GET /subscriptions', () => {
  it('is of one person where a reference_id says whose, whole and in pages', async () => {
    const hub = await createTestHub()
    for (const provider of ['GARMIN', 'FITBIT']) await connect(hub, provider, 'tony_stark')
    await connect(hub, 'GARMIN', 'pepper_potts')
    const path = '/v2/subscriptions?reference_id=tony_stark'
    const { json } = await hub.call('GET', path)
    expect(json.users).toHaveLength(2)
    const { json: last } = await hub.call('GET', `${path}&page=1&per_page=1`)
    expect(last.data).toEqual({ next: null, max_page: 1, results: [json.users[1]] })
    const { json: none } = await hub.call('GET', '/v2/subscriptions?reference_id=nobody')
    expect(none.users).toEqual([])
  })
})

describe('PATCH /users/{user_id}', () => {
  it('gives a user another reference_id, by which a reconnection knows it', async () => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'GARMIN', 'tmp-7')
    const { json } = await hub.call('PATCH', `/v2/users/${userId}`, { reference_id: 'tony_stark' })
    expect(json).toMatchObject({ status: 'success', user: { reference_id: 'tony_stark' } })
    await connect(hub, 'GARMIN', 'tony_stark')
    expect(hub.app.accepted).toEqual(['auth', 'user_reauth', 'auth'])
    const { json: audit } = await hub.call('GET', '/admin/v1/audit?action=user.change')
    expect(audit.data).toEqual([
      expect.objectContaining({
        actor: `key:${hub.apiKey.slice(-4)}`,
        subject: userId,
        detail: { reference_id: 'tony_stark', previous_reference_id: 'tmp-7' },
      }),
    ])
  })

  it('takes no reference_id from a person who is connected, and that of one who is gone', async () => {
    const hub = await createTestHub()
    const taken = await connect(hub, 'GARMIN', 'tony_stark')
    const userId = await connect(hub, 'GARMIN', 'tmp-7')
    const path = `/v2/users/${userId}`
    const refused = await hub.call('PATCH', path, { reference_id: 'tony_stark' })
    expect(refused).toMatchObject({ status: 409, json: { code: 'conflict' } })
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${taken}`)
    expect((await hub.call('PATCH', path, { reference_id: 'tony_stark' })).status).toBe(200)
    // The same once more changes nothing.
    expect((await hub.call('PATCH', path, { reference_id: 'tony_stark' })).status).toBe(200)
    expect(await connect(hub, 'GARMIN', 'tony_stark')).not.toBe(userId)
    expect(hub.app.accepted).toEqual(['auth', 'auth', 'deauth', 'user_reauth', 'auth'])
  })

  it('does not switch a connection off or on', async () => {
    const hub = await createTestHub()
    const path = `/v2/users/${await connect(hub, 'GARMIN')}`
    expect((await hub.call('PATCH', path, { active: true })).status).toBe(200)
    expect((await hub.call('PATCH', path, { active: false })).status).toBe(409)
    expect((await hub.call('PATCH', path, { reference_id: '' })).status).toBe(400)
    expect((await hub.call('PATCH', `/v2/users/${NOBODY}`, { active: true })).status).toBe(400)
  })
})

describe('the integrations', () => {
  it('are told to everyone', async () => {
    const hub = await createTestHub()
    const { providers, sdk_providers } = (await (
      await fetch(`${hub.url}/api/v2/integrations`)
    ).json()) as { providers: string[]; sdk_providers: string[] }
    expect(providers).toEqual(expect.arrayContaining(['FITBIT', 'GARMIN', 'OURA']))
    expect(sdk_providers).toEqual(['APPLE', 'HEALTH_CONNECT', 'SAMSUNG'])
  })

  it('are those of the environment where a dev-id says which', async () => {
    const hub = await createTestHub()
    const list = async (query: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`${hub.url}/v2/integrations/detailed${query}`, { headers })
      const json = (await response.json()) as { providers: { provider: string; name: string }[] }
      return json.providers.map(({ provider }) => provider)
    }
    const headers = { 'dev-id': 'acme-testing' }
    expect(await list('', headers)).toEqual(['FITBIT', 'GARMIN', 'OURA'])
    expect(await list('', { ...headers, 'x-api-key': 'wrong' })).toHaveLength(3)
    expect(await list('?sdk=true', headers)).toHaveLength(6)
    expect(await list('', { 'dev-id': 'nobody' })).toEqual([])
    expect((await list('?sdk=true')).length).toBeGreaterThanOrEqual(6)
  })
})
