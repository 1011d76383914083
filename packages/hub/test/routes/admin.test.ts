/** The admin API: environments, keys, providers, redirects, users. */
import { describe, expect, it } from 'vitest'
import { type ApiClient, createApiClient } from '../../src/client/client.ts'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { DEV_ID, SUCCESS_URL, type TestHub, createTestHub } from '../support/create-test-hub.ts'

/** An operator's client, in one environment. */
async function operatorOf(hub: TestHub, devId = DEV_ID): Promise<ApiClient> {
  const request = { environmentId: null, name: 'operator' }
  const { secret } = await createApiKey(hub.hub.deps, 'cli', request)
  const headers = { 'dev-id': devId, 'x-api-key': secret }
  return createApiClient({ baseUrl: hub.url, headers: () => headers })
}

function clientOf(hub: TestHub, devId: string, apiKey: string): ApiClient {
  const headers = { 'dev-id': devId, 'x-api-key': apiKey }
  return createApiClient({ baseUrl: hub.url, headers: () => headers })
}

async function connect(hub: TestHub, provider: string, referenceId: string) {
  return (await hub.connect(provider, { referenceId })).searchParams.get('user_id') ?? ''
}

describe('environments', () => {
  it('are made with their secrets, changed, archived and restored', async () => {
    const hub = await createTestHub()
    const operator = await operatorOf(hub)
    const body = { dev_id: 'acme-staging', name: 'Staging' }
    const made = await operator.call('POST /admin/v1/environments', { body })
    expect(made).toMatchObject({ environment: { dev_id: 'acme-staging', archived_at: null } })
    await expect(operator.call('POST /admin/v1/environments', { body })).rejects.toMatchObject({
      code: 'conflict',
    })
    const app = clientOf(hub, 'acme-staging', made.api_key)
    expect(await app.call('GET /v2/subscriptions')).toEqual({ status: 'success', users: [] })
    const path = { dev_id: 'acme-staging' }
    const archive = async (archived: boolean) =>
      await operator.call('PATCH /admin/v1/environments/{dev_id}', { path, body: { archived } })
    await archive(true)
    await expect(app.call('GET /v2/subscriptions')).rejects.toMatchObject({ status: 404 })
    await archive(false)
    expect((await app.send('GET /v2/subscriptions')).status).toBe(200)
  })

  it('are changed by one of two people who read the same version', async () => {
    const hub = await createTestHub()
    const operator = await operatorOf(hub)
    const path = { dev_id: DEV_ID }
    const { headers } = await operator.send('GET /admin/v1/environments/{dev_id}', { path })
    const rename = async (name: string) =>
      await operator.send(
        'PATCH /admin/v1/environments/{dev_id}',
        { path, body: { name } },
        { headers: { 'if-match': headers.get('etag') ?? '' } },
      )
    const results = await Promise.allSettled([rename('Ours'), rename('Theirs')])
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'precondition_failed' },
    })
    const { data } = await operator.call('GET /admin/v1/audit', {
      query: { action: 'environment.change' },
    })
    expect(data).toHaveLength(1)
    expect(data[0]?.detail).toMatchObject({ before: { name: 'Acme' } })
  })

  it('refuse settings that would not do', async () => {
    const hub = await createTestHub()
    const operator = await operatorOf(hub)
    for (const settings of [
      { redirects: { allow_list: ['/relative'], schemes: [] } },
      { redirects: { allow_list: null, schemes: ['javascript'] } },
      { redirects: { allow_list: null, schemes: ['https'] } },
      { brand: { accent: 'red', logo: null, purpose: null } },
    ]) {
      const input = { path: { dev_id: DEV_ID }, body: { settings } }
      const call = operator.call('PATCH /admin/v1/environments/{dev_id}', input)
      await expect(call).rejects.toMatchObject({ code: 'bad_request' })
    }
  })

  it('send browsers in production only where the list says', async () => {
    const hub = await createTestHub()
    const operator = await operatorOf(hub)
    const start = async (url = SUCCESS_URL) =>
      (await hub.call('POST', '/v2/auth/generateWidgetSession', { auth_success_redirect_url: url }))
        .status
    expect(await start()).toBe(200)
    const input = { path: { dev_id: DEV_ID }, body: { settings: { is_production: true } } }
    await operator.call('PATCH /admin/v1/environments/{dev_id}', input)
    expect(await start()).toBe(400)
    const app = clientOf(hub, DEV_ID, hub.apiKey)
    const body = { allow_list: ['https://app.example/connected'], schemes: ['acme'] }
    const put = await app.send('PUT /admin/v1/redirects', { body })
    expect(await app.call('GET /admin/v1/redirects')).toEqual({ ...body, declared: [] })
    const statuses: number[] = []
    for (const url of [
      SUCCESS_URL,
      'https://app.example/connected/',
      'https://app.example.evil.example/connected',
      'http://app.example/connected',
      'acme://done',
      'evil://done',
    ]) {
      statuses.push(await start(url))
    }
    expect(statuses).toEqual([200, 400, 400, 400, 200, 400])
    const stale = { headers: { 'if-match': '"0"' } }
    await expect(app.call('PUT /admin/v1/redirects', { body }, stale)).rejects.toMatchObject({
      status: 412,
    })
    const fresh = { headers: { 'if-match': put.headers.get('etag') ?? '' } }
    expect(await app.call('PUT /admin/v1/redirects', { body }, fresh)).toMatchObject(body)
  })
})

describe('API keys', () => {
  it('are shown once, used, rotated with a grace, and ended', async () => {
    const hub = await createTestHub()
    const operator = await operatorOf(hub)
    const made = await operator.call('POST /admin/v1/keys', {
      body: { name: 'CI', scopes: ['read'], expires_in_days: 30 },
    })
    const usable = async (key: string) =>
      (
        await fetch(`${hub.url}/admin/v1/audit`, {
          headers: { 'dev-id': DEV_ID, 'x-api-key': key },
        })
      ).status
    expect(await usable(made.api_key)).toBe(200)
    const list = await operator.call('GET /admin/v1/keys')
    expect(JSON.stringify(list)).not.toContain(made.api_key)
    expect(list.data.find(({ id }) => id === made.key.id)).toMatchObject({
      hint: made.api_key.slice(-4),
      scopes: ['read'],
      last_used_at: '2024-10-07T03:45:00.000000+00:00',
      expires_at: '2024-11-06T03:45:00.000000+00:00',
    })
    const path = { key_id: made.key.id }
    const rotated = await operator.call('POST /admin/v1/keys/{key_id}/rotate', {
      path,
      body: { grace_seconds: 60 },
    })
    expect(await usable(made.api_key)).toBe(200)
    await hub.advanceByMs(60_000)
    expect([await usable(made.api_key), await usable(rotated.api_key)]).toEqual([401, 200])
    await operator.call('DELETE /admin/v1/keys/{key_id}', { path: { key_id: rotated.key.id } })
    expect(await usable(rotated.api_key)).toBe(401)
    const again = operator.call('POST /admin/v1/keys/{key_id}/rotate', { path, body: {} })
    await expect(again).rejects.toMatchObject({ code: 'conflict' })
  })

  it('of operators belong to no environment, and only operators make keys', async () => {
    const hub = await createTestHub()
    const operator = await operatorOf(hub)
    const body = { name: 'second', scopes: ['operator' as const] }
    const { key } = await operator.call('POST /admin/v1/keys', { body })
    expect(key.dev_id).toBeNull()
    const app = clientOf(hub, DEV_ID, hub.apiKey)
    await expect(app.call('POST /admin/v1/keys', { body })).rejects.toMatchObject({ status: 403 })
    const mixed = { name: 'x', scopes: ['operator' as const, 'read' as const] }
    const call = operator.call('POST /admin/v1/keys', { body: mixed })
    await expect(call).rejects.toMatchObject({ status: 400 })
  })
})

describe('providers', () => {
  it('are enabled with credentials that are never read back', async () => {
    const hub = await createTestHub()
    const operator = await operatorOf(hub)
    await operator.call('POST /admin/v1/environments', { body: { dev_id: 'acme-new', name: 'N' } })
    const fresh = await operatorOf(hub, 'acme-new')
    const path = { provider: 'garmin' }
    const body = { client_id: 'id-1', client_secret: 'canary-client-secret' }
    const first = await fresh.call('PUT /admin/v1/providers/{provider}', { path, body })
    expect(first).toMatchObject({
      provider: 'GARMIN',
      enabled: true,
      client_id: 'id-1',
      redirect_uri: `${hub.url}/callback/acme-new/GARMIN`,
      notice_url: expect.stringMatching(/\/notices\/acme-new\/GARMIN\/[\w-]{43}$/),
    })
    const second = await fresh.call('PUT /admin/v1/providers/{provider}', { path, body })
    expect(second.notice_url).toBeNull()
    const list = await fresh.call('GET /admin/v1/providers', { query: { limit: 100 } })
    expect(list.data.filter(({ enabled }) => enabled).map(({ provider }) => provider)).toEqual([
      'GARMIN',
    ])
    const one = await fresh.call('GET /admin/v1/providers/{provider}', { path })
    const audit = await fresh.call('GET /admin/v1/audit')
    expect(JSON.stringify([first, second, list, one, audit])).not.toContain('canary')
    await fresh.call('DELETE /admin/v1/providers/{provider}', { path })
    expect((await fresh.call('GET /admin/v1/providers/{provider}', { path })).enabled).toBe(false)
  })

  it('go to other addresses only where an operator says so', async () => {
    const hub = await createTestHub()
    const app = clientOf(hub, DEV_ID, hub.apiKey)
    const operator = await operatorOf(hub)
    const path = { provider: 'FITBIT' }
    const body = { client_id: 'id', client_secret: 'secret' }
    const overrides = { api: { origins: ['http://169.254.169.254'] } }
    const put = async (client: ApiClient, more: { overrides?: Record<string, unknown> }) =>
      await client.call('PUT /admin/v1/providers/{provider}', { path, body: { ...body, ...more } })
    await expect(put(app, { overrides })).rejects.toMatchObject({ code: 'forbidden' })
    await put(operator, { overrides })
    // What an operator has said stays, with new credentials too.
    await put(app, {})
    const stored = await hub.hub.deps.store.providerApps.find(DEV_ID, 'FITBIT')
    expect(stored?.overrides).toEqual(overrides)
    await put(app, { overrides: {} })
  })

  it('stay while somebody is connected to them', async () => {
    const hub = await createTestHub()
    await connect(hub, 'GARMIN', 'tony_stark')
    const app = clientOf(hub, DEV_ID, hub.apiKey)
    const remove = async (provider: string) =>
      await app.call('DELETE /admin/v1/providers/{provider}', { path: { provider } })
    await expect(remove('GARMIN')).rejects.toMatchObject({ code: 'conflict' })
    await expect(remove('PEBBLE')).rejects.toMatchObject({ code: 'resource_unknown' })
  })
})

describe('users', () => {
  it('are found by any of their ids, person, provider, state and time', async () => {
    const hub = await createTestHub()
    const app = clientOf(hub, DEV_ID, hub.apiKey)
    const old = await connect(hub, 'GARMIN', 'tony_stark')
    await hub.advanceByMs(1)
    const present = await connect(hub, 'GARMIN', 'tony_stark')
    await hub.advanceByMs(3_600_000)
    const fitbit = await connect(hub, 'FITBIT', 'pepper_potts')
    const gone = await connect(hub, 'OURA', 'pepper_potts')
    await app.call('DELETE /admin/v1/users/{user_id}', { path: { user_id: gone } })
    const ids = async (query: object) =>
      (await app.call('GET /admin/v1/users', { query })).data.map(({ user_id }) => user_id)
    expect(await ids({})).toEqual([fitbit, present])
    expect(await ids({ include_deleted: 'true' })).toEqual([gone, fitbit, present])
    expect(await ids({ user_id: old })).toEqual([present])
    expect(await ids({ reference_id: 'pepper_potts' })).toEqual([fitbit])
    expect(await ids({ provider: 'garmin' })).toEqual([present])
    expect(await ids({ state: 'deleted' })).toEqual([gone])
    expect(await ids({ state: 'degraded' })).toEqual([])
    expect(await ids({ created_since: '2024-10-07T04:00:00Z' })).toEqual([fitbit])
    expect(await ids({ created_until: '2024-10-07T06:00:00+02:00' })).toEqual([present])
    const page = await app.call('GET /admin/v1/users', { query: { limit: 1 } })
    expect(await ids({ limit: 1, after: page.next ?? '' })).toEqual([present])
    // However much data there is, the timeline tells of the connection.
    const data = { type: 'daily', user_id: present, data: [] }
    expect((await hub.call('POST', '/admin/v1/events/generate', data)).status).toBe(201)
    const { aliases, timeline } = await app.call('GET /admin/v1/users/{user_id}', {
      path: { user_id: old },
    })
    expect(aliases.map(({ user_id, is_current }) => [user_id, is_current])).toEqual([
      [old, false],
      [present, true],
    ])
    expect(timeline.map(({ type }) => type)).toEqual(['auth', 'user_reauth', 'auth'])
    const audit = await app.call('GET /admin/v1/audit', { query: { subject: gone } })
    expect(audit.data).toMatchObject([{ action: 'user.disconnect' }])
  })

  it('are disconnected in bulk by a job, which a dry run shows before', async () => {
    const hub = await createTestHub()
    const app = clientOf(hub, DEV_ID, hub.apiKey)
    for (const person of ['a', 'b', 'c']) await connect(hub, 'GARMIN', person)
    await connect(hub, 'FITBIT', 'a')
    const disconnect = async (body: object) =>
      await app.call('POST /admin/v1/users/disconnect', { body: body as { filter: object } })
    await expect(disconnect({ filter: {} })).rejects.toMatchObject({ code: 'bad_request' })
    const filter = { provider: 'GARMIN' }
    const dry = await disconnect({ filter, dry_run: true })
    expect(dry).toMatchObject({ dry_run: true, total: 3, job: null })
    expect(dry.sample).toHaveLength(3)
    const { job } = await disconnect({ filter })
    await hub.hub.settle()
    const path = { job_id: job?.id ?? '' }
    expect(await app.call('GET /admin/v1/jobs/{job_id}', { path })).toMatchObject({
      status: 'done',
      total: 3,
      done: 3,
      failed: 0,
    })
    expect(hub.app.accepted.filter((type) => type === 'deauth')).toHaveLength(3)
    const { data } = await app.call('GET /admin/v1/users')
    expect(data.map(({ provider }) => provider)).toEqual(['FITBIT'])
    expect((await disconnect({ filter: {}, all: true })).total).toBe(1)
    const unknown = app.call('GET /admin/v1/jobs/{job_id}', { path: { job_id: 'x' } })
    await expect(unknown).rejects.toMatchObject({ code: 'job_not_found' })
  })

  it('are disconnected to the end although the process that began is gone', async () => {
    const hub = await createTestHub()
    const app = clientOf(hub, DEV_ID, hub.apiKey)
    for (const person of ['a', 'b', 'c']) await connect(hub, 'GARMIN', person)
    const { store, clock } = hub.hub.deps
    const users = await store.connections.listBy(DEV_ID, {}, { limit: 1 })
    const { job } = await app.call('POST /admin/v1/users/disconnect', {
      body: { filter: { provider: 'OURA' } },
    })
    await hub.hub.settle()
    // As a process leaves it that dies after the first of three.
    await hub.database.execute(
      `UPDATE job SET status = 'running', input = '{"provider":"GARMIN"}', total = 3, done = 1, ended_at_ms = NULL,
       cursor = '${users[0]?.lineageId}', claim_id = 'dead', claim_until_ms = ${clock.nowMs() + 60_000}`,
    )
    hub.hub.deps.wake.jobs()
    await hub.hub.settle()
    const path = { job_id: job?.id ?? '' }
    const read = async () => await app.call('GET /admin/v1/jobs/{job_id}', { path })
    expect(await read()).toMatchObject({ status: 'running', done: 1 })
    await hub.advanceByMs(60_000)
    expect(await read()).toMatchObject({ status: 'done', done: 3 })
  })
})

describe('the figures', () => {
  it('tell how an environment is doing', async () => {
    const hub = await createTestHub()
    const app = clientOf(hub, DEV_ID, hub.apiKey)
    await connect(hub, 'GARMIN', 'tony_stark')
    await hub.advanceByMs(3_600_000)
    await connect(hub, 'FITBIT', 'tony_stark')
    await connect(hub, 'FITBIT', 'pepper_potts')
    await hub.database.execute(`UPDATE connection SET degraded_at_ms = 1 WHERE provider = 'GARMIN'`)
    const stats = await app.call('GET /admin/v1/stats')
    expect(stats).toMatchObject({
      bucket_seconds: 3_600,
      connections: [
        { provider: 'FITBIT', state: 'active', count: 2 },
        { provider: 'GARMIN', state: 'degraded', count: 1 },
      ],
      events: [
        { start: '2024-10-07T03:00:00.000000+00:00', type: 'auth', count: 1 },
        { start: '2024-10-07T04:00:00.000000+00:00', type: 'auth', count: 2 },
      ],
      destinations: [{ delivered: 3, failed: 0, open: 0, success_rate: 1, oldest_open_at: null }],
      attention: [{ kind: 'connections_degraded', subject: 'GARMIN', count: 1 }],
    })
    expect(stats.destinations[0]?.over_time).toMatchObject([
      { start: '2024-10-07T03:00:00.000000+00:00', delivered: 1, failed: 0, lag_max_ms: 0 },
      { start: '2024-10-07T04:00:00.000000+00:00', delivered: 2, failed: 0, lag_max_ms: 0 },
    ])
    expect(stats.events_counted_until).toBeNull()
    // Written down at the beginning of the hour, before two more had connected.
    expect(stats.connections_over_time.at(-1)).toEqual({
      start: '2024-10-07T04:00:00.000000+00:00',
      provider: 'GARMIN',
      state: 'active',
      count: 1,
    })
    const days = await app.call('GET /admin/v1/stats', { query: { range: '30d' } })
    expect(days.events).toMatchObject([{ count: 3 }])
    await hub.hub.deps.store.destinations.disable(hub.destinationId, 'test')
    await connect(hub, 'OURA', 'tony_stark')
    hub.clock.moveTo(hub.clock.nowMs() + 86_400_000)
    const later = await app.call('GET /admin/v1/stats')
    expect(later.events).toEqual([])
    expect(later.destinations[0]).toMatchObject({ status: 'disabled', success_rate: null })
    expect(later.attention.map(({ kind }) => kind)).toContain('destination_disabled')
    const staging = await hub.addEnvironment('acme-staging')
    const empty = await clientOf(hub, 'acme-staging', staging.apiKey).call('GET /admin/v1/stats')
    expect(empty).toMatchObject({ connections: [], events: [], destinations: [] })
    expect(empty.attention.map(({ kind }) => kind)).toEqual(['no_destination'])
  })
})
