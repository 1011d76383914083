/** What providers say by themselves, and what others say in their name. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createPerson } from '../src/simulator/person.ts'
import { PROFILES } from '../src/simulator/profile.ts'
import { MINUTE_MS } from '../src/core/time.ts'
import {
  DEV_ID,
  type TestEnvironment,
  type TestHub,
  createTestHub,
  types,
} from './support/create-test-hub.ts'

const GARMIN_SCOPES = ['ACTIVITY_EXPORT', 'HEALTH_EXPORT', 'COURSE_IMPORT', 'WORKOUT_IMPORT']

function target(hub: TestHub, provider: string) {
  const [account] = hub.simulator.accounts(provider)
  return { clientId: hub.clientIds[provider] ?? '', accountId: account?.accountId ?? '' }
}

/** A notice as anybody can send it who knows the address. */
async function post(
  hub: TestHub,
  provider: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const response = await fetch(hub.noticeUrls[provider] ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  await hub.hub.settle()
  return response
}

/** What has become of the notices, oldest first. */
async function tasks(hub: TestHub): Promise<string[]> {
  const found = await hub.hub.deps.store.providerTasks.list(DEV_ID, { limit: 100 })
  return found
    .toReversed()
    .filter(({ type }) => type !== 'subscribe')
    .map(({ type, status }) => `${type} ${status}`)
}

async function activeUsers(hub: TestHub): Promise<number> {
  const { json } = await hub.call('GET', '/v2/subscriptions')
  return json.users.filter((user: { active: boolean }) => user.active).length
}

describe('removing the app at the provider', () => {
  it.each(['GARMIN', 'FITBIT'])(
    'at %s announces access_revoked for every connection of the account',
    async (provider) => {
      const hub = await createTestHub()
      await hub.connect(provider, { referenceId: 'tony_stark' })
      await hub.connect(provider, { referenceId: 'iron_man' })
      await hub.connect(provider, {
        referenceId: 'pepper_potts',
        person: createPerson({ login: 'pepper' }),
      })
      await hub.simulator.removeApp(provider, target(hub, provider))
      await hub.hub.settle()
      expect(hub.simulator.notices).toMatchObject([{ isDelivered: true, attempts: 1 }])
      expect(types(hub)).toEqual(['auth', 'auth', 'auth', 'access_revoked', 'access_revoked'])
      const revoked = hub.app.received
        .filter(({ event }) => event.type === 'access_revoked')
        .map(({ event }) => event as unknown as { user: Record<string, unknown> })
      expect(new Set(revoked.map(({ user }) => user['reference_id']))).toEqual(
        new Set(['iron_man', 'tony_stark']),
      )
      expect(revoked.map(({ user }) => user['active'])).toEqual([false, false])
      expect(await activeUsers(hub)).toBe(1)
      expect(await hub.rows('SELECT lineage_id FROM token_set')).toHaveLength(1)
    },
  )

  it('announces once when the notice comes twice', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    await hub.simulator.removeApp('GARMIN', target(hub, 'GARMIN'))
    const { accountId } = target(hub, 'GARMIN')
    expect((await post(hub, 'GARMIN', { deregistrations: [{ userId: accountId }] })).status).toBe(
      200,
    )
    expect(types(hub)).toEqual(['auth', 'access_revoked'])
  })

  it('leaves a user that reconnecting continues', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    await hub.simulator.removeApp('FITBIT', target(hub, 'FITBIT'))
    await hub.connect('FITBIT')
    expect(types(hub)).toEqual(['auth', 'access_revoked', 'auth'])
    expect(await hub.rows('SELECT DISTINCT lineage_id FROM event')).toHaveLength(1)
  })
})

describe('a notice that nobody signed', () => {
  it('disconnects nobody while the grant lives', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const { accountId } = target(hub, 'GARMIN')
    const answer = await post(hub, 'GARMIN', { deregistrations: [{ userId: accountId }] })
    expect(answer.status).toBe(200)
    expect(types(hub)).toEqual(['auth'])
    expect(await activeUsers(hub)).toBe(1)
  })

  it('waits until the provider can be asked about it', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const { accountId } = target(hub, 'GARMIN')
    hub.simulator.fail('GARMIN', { accountEndpoint: { status: 503 } })
    for (const body of [
      { deregistrations: [{ userId: accountId }] },
      { userPermissionsChange: [{ userId: accountId, permissions: [] }] },
    ]) {
      expect((await post(hub, 'GARMIN', body)).status).toBe(200)
    }
    await hub.advanceByMs(10 * MINUTE_MS)
    expect(types(hub)).toEqual(['auth'])
    expect(await activeUsers(hub)).toBe(1)
    hub.simulator.heal('GARMIN')
    await hub.simulator.removeApp('GARMIN', target(hub, 'GARMIN'))
    await hub.advanceByMs(60 * MINUTE_MS)
    expect(types(hub)).toEqual(['auth', 'access_revoked'])
    expect(await tasks(hub)).toEqual(['access_revoked done', 'scopes_changed unfounded'])
  })

  it('changes no permissions that have not changed at the provider', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const { accountId } = target(hub, 'GARMIN')
    const forged = { userPermissionsChange: [{ userId: accountId, permissions: [] }] }
    expect((await post(hub, 'GARMIN', forged)).status).toBe(200)
    expect(types(hub)).toEqual(['auth'])
    const { json } = await hub.call('GET', '/v2/userInfo?reference_id=tony_stark')
    expect(json[0].scopes.split(',').toSorted()).toEqual(GARMIN_SCOPES.toSorted())
  })

  it('is refused when it names another client', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    await hub.simulator.removeApp('GARMIN', target(hub, 'GARMIN'))
    const { accountId } = target(hub, 'GARMIN')
    const answer = await post(
      hub,
      'GARMIN',
      { deregistrations: [{ userId: accountId }] },
      { 'garmin-client-id': 'somebody-else' },
    )
    expect(answer.status).toBe(403)
  })

  it.each([
    ['no JSON', '{"deregistrations"', 400],
    ['nothing', '', 400],
    ['something else', '{"activities":[{"userId":"x"}]}', 200],
    ['null', 'null', 200],
    ['an account that is nobody’s', '{"deregistrations":[{"userId":"nobody"}]}', 200],
    ['no account', '{"deregistrations":[{}]}', 200],
    ['an account of the wrong type', '{"deregistrations":[{"userId":{"a":1}}]}', 200],
  ])('that holds %s changes nothing', async (_what, body, status) => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    expect((await post(hub, 'GARMIN', body)).status).toBe(status)
    expect(types(hub)).toEqual(['auth'])
  })
})

describe('permissions that change later', () => {
  it('are announced with what came and what went', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN', { scopes: ['HEALTH_EXPORT', 'COURSE_IMPORT'] })
    await hub.simulator.changePermissions('GARMIN', {
      ...target(hub, 'GARMIN'),
      scopes: ['HEALTH_EXPORT', 'ACTIVITY_EXPORT'],
    })
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'permission_change'])
    expect(hub.app.received[1]?.event).toMatchObject({
      status: 'warning',
      scopes_added: 'ACTIVITY_EXPORT',
      scopes_removed: 'COURSE_IMPORT',
      user: { active: true, reference_id: 'tony_stark' },
    })
    const { json } = await hub.call('GET', '/v2/userInfo?reference_id=tony_stark')
    expect(json[0].scopes.split(',').toSorted()).toEqual(['ACTIVITY_EXPORT', 'HEALTH_EXPORT'])
  })

  it('may all be switched off without ending the connection', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN', { scopes: ['HEALTH_EXPORT'] })
    await hub.simulator.changePermissions('GARMIN', { ...target(hub, 'GARMIN'), scopes: [] })
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'permission_change'])
    expect(await activeUsers(hub)).toBe(1)
  })
})

describe('a signed notice', () => {
  it('is not there when the signature is wrong', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    const { accountId } = target(hub, 'FITBIT')
    const body = JSON.stringify([{ collectionType: 'userRevokedAccess', ownerId: accountId }])
    const forged = createHmac('sha1', 'wrong&').update(body).digest('base64')
    for (const headers of [{}, { 'x-fitbit-signature': forged }, { 'x-fitbit-signature': '' }]) {
      expect((await post(hub, 'FITBIT', body, headers)).status).toBe(404)
    }
    expect(types(hub)).toEqual(['auth'])
    expect(hub.logged).toContain('notice refused')
  })

  it('of an environment that does not have the app’s secret concerns no other one', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    const stranger = await hub.addEnvironment('stranger')
    // The client id is public: it is in the address of every login.
    const { json } = await stranger.call('PUT', '/admin/v1/providers/FITBIT', {
      client_id: hub.clientIds['FITBIT'],
      client_secret: 'made-up',
      new_notice_url: true,
    })
    const { accountId } = target(hub, 'FITBIT')
    const body = JSON.stringify([{ collectionType: 'userRevokedAccess', ownerId: accountId }])
    const signature = createHmac('sha1', 'made-up&').update(body).digest('base64')
    const headers = { 'content-type': 'application/json', 'x-fitbit-signature': signature }
    expect((await fetch(json.notice_url, { method: 'POST', headers, body })).status).toBe(204)
    await hub.hub.settle()
    expect(await tasks(hub)).toEqual([])
    expect(types(hub)).toEqual(['auth'])
  })

  it('never counts where another one with the same key was changed', async () => {
    const hub = await createTestHub()
    const [app] = await hub.rows('SELECT client_id FROM provider_app')
    expect(app).toBeDefined()
    await hub.connect('FITBIT')
    const access = await hub.hub.deps.store.providerApps.find(DEV_ID, 'FITBIT')
    const body = JSON.stringify([{ collectionType: 'userRevokedAccess', ownerId: 'AAAAAA' }])
    const signature = createHmac('sha1', `${access?.clientSecret.reveal()}&`)
      .update(body)
      .digest('base64')
    const good = await post(hub, 'FITBIT', body, { 'x-fitbit-signature': signature })
    expect(good.status).toBe(204)
    const { accountId } = target(hub, 'FITBIT')
    const changed = body.replace('AAAAAA', accountId)
    const bad = await post(hub, 'FITBIT', changed, { 'x-fitbit-signature': signature })
    expect(bad.status).toBe(404)
    expect(types(hub)).toEqual(['auth'])
  })

  it('shakes hands with the right code only', async () => {
    const hub = await createTestHub()
    const address = hub.noticeUrls['FITBIT'] ?? ''
    const app = await hub.hub.deps.store.providerApps.find(DEV_ID, 'FITBIT')
    const code = app?.secrets?.reveal().named['verificationCode']
    expect((await fetch(`${address}?verify=${code}`)).status).toBe(204)
    expect((await fetch(`${address}?verify=wrong`)).status).toBe(404)
    expect((await fetch(address)).status).toBe(404)
  })
})

describe('the address for notices', () => {
  it('is not there for whoever does not know all of it', async () => {
    const hub = await createTestHub()
    await hub.addEnvironment('acme-staging')
    await hub.connect('GARMIN')
    await hub.simulator.removeApp('GARMIN', target(hub, 'OURA')).catch(() => undefined)
    const right = new URL(hub.noticeUrls['GARMIN'] ?? '')
    const [, , devId = '', provider = '', key = ''] = right.pathname.split('/')
    for (const path of [
      `/notices/${devId}/${provider}/wrong`,
      `/notices/${devId}/${provider}/${key}x`,
      `/notices/${devId}/FITBIT/${key}`,
      `/notices/acme-staging/${provider}/${key}`,
      `/notices/nobody/${provider}/${key}`,
      `/notices/${devId}/NOTHING/${key}`,
      `/notices/${devId}/${provider}`,
    ]) {
      const response = await fetch(new URL(path, right), { method: 'POST', body: '{}' })
      expect([path, response.status]).toEqual([path, 404])
    }
  })

  it.each([
    ['with its length in the header', false],
    ['in chunks without a length', true],
  ])('refuses a notice of more than a mebibyte %s', async (_how, isChunked) => {
    const hub = await createTestHub()
    const text = JSON.stringify({ deregistrations: ['x'.repeat(1_048_576)] })
    const response = await fetch(hub.noticeUrls['GARMIN'] ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(isChunked ? { body: new Blob([text]).stream(), duplex: 'half' } : { body: text }),
    })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ status: 'error', code: 'body_too_large' })
  })
})

describe('a notice that names one account a thousand times', () => {
  it('asks the provider about it once', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const { accountId } = target(hub, 'GARMIN')
    const before = hub.simulator.requests.length
    const deregistrations = Array.from({ length: 1_000 }, () => ({ userId: accountId }))
    await post(hub, 'GARMIN', { deregistrations })
    expect(hub.simulator.requests.length - before).toBe(1)
    expect(await activeUsers(hub)).toBe(1)
  })
})

describe('a notice that was answered', () => {
  it('is safe with us, whatever the provider can tell at that moment', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    hub.simulator.fail('GARMIN', { accountEndpoint: { status: 503 } })
    await hub.simulator.removeApp('GARMIN', target(hub, 'GARMIN'))
    expect(hub.simulator.notices).toMatchObject([{ isDelivered: true, attempts: 1 }])
    expect(await tasks(hub)).toEqual(['access_revoked pending'])
  })

  it('reaches every environment that uses the same app at the provider', async () => {
    const hub = await createTestHub()
    const other = await hub.addEnvironment('acme-staging', {}, { sharesApp: true })
    const apart = await hub.addEnvironment('acme-apart')
    await hub.connect('GARMIN')
    await hub.connectIn(other, 'GARMIN')
    await hub.connectIn(apart, 'GARMIN')
    await hub.simulator.removeApp('GARMIN', target(hub, 'GARMIN'))
    await hub.hub.settle()
    expect(await activeUsers(hub)).toBe(0)
    const activeIn = async ({ call }: TestEnvironment): Promise<boolean[]> =>
      (await call('GET', '/v2/subscriptions')).json.users.map(
        (user: { active: boolean }) => user.active,
      )
    expect(await activeIn(other)).toEqual([false])
    expect(await activeIn(apart)).toEqual([true])
  })

  it('is kept for people to see where nobody could read it', async () => {
    const hub = await createTestHub()
    expect((await post(hub, 'GARMIN', '{"deregistrations"')).status).toBe(400)
    expect((await post(hub, 'GARMIN', { deregistrations: [{ user: 'renamed' }] })).status).toBe(200)
    const { json } = await hub.call('GET', '/admin/v1/notices')
    expect(json.data).toMatchObject([
      { provider: 'GARMIN', type: 'unreadable', body: '{"deregistrations":[{"user":"renamed"}]}' },
      { provider: 'GARMIN', type: 'unreadable', body: '{"deregistrations"', status: 'failed' },
    ])
    expect(json.next).toBeNull()
    const first = await hub.call('GET', '/admin/v1/notices?limit=1')
    const { next } = first.json
    const second = await hub.call('GET', `/admin/v1/notices?limit=1&after=${next}`)
    expect([...first.json.data, ...second.json.data]).toEqual(json.data)
  })

  it('costs one task however often it comes', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const { accountId } = target(hub, 'GARMIN')
    hub.simulator.fail('GARMIN', { accountEndpoint: { status: 503 } })
    for (let index = 0; index < 5; index += 1) {
      await post(hub, 'GARMIN', { deregistrations: [{ userId: accountId }] })
    }
    expect(await tasks(hub)).toEqual(['access_revoked pending'])
  })
})

describe('subscribing to an account', () => {
  it('is tried again until the provider takes it, and then notices come', async () => {
    const hub = await createTestHub()
    hub.simulator.fail('FITBIT', { accountEndpoint: { status: 503 } })
    await hub.connect('FITBIT')
    hub.simulator.heal('FITBIT')
    await hub.advanceByMs(5 * MINUTE_MS)
    await hub.simulator.removeApp('FITBIT', target(hub, 'FITBIT'))
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'access_revoked'])
  })

  it('tells Withings where to send them', async () => {
    const hub = await createTestHub({ providers: ['WITHINGS'] })
    await hub.connect('WITHINGS')
    await hub.simulator.removeApp('WITHINGS', target(hub, 'WITHINGS'))
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'access_revoked'])
  })
})

describe('notices of each provider', () => {
  it.each(['STRAVA', 'IHEALTH', 'GARMIN_OAUTH1'])(
    'of %s are believed when it confirms them, and not before',
    async (provider) => {
      const hub = await createTestHub({ providers: [provider] })
      await hub.connect(provider)
      const { accountId } = target(hub, provider)
      const forged = JSON.stringify(
        PROFILES.get(provider)?.provider.simulation.notices.access_revoked,
      ).replaceAll('{accountId}', accountId)
      expect((await post(hub, provider, forged)).status).toBe(200)
      expect(types(hub)).toEqual(['auth'])
      await hub.simulator.removeApp(provider, target(hub, provider))
      await hub.hub.settle()
      expect(types(hub)).toEqual(['auth', 'access_revoked'])
    },
  )

  it.each(['STRAVA', 'WITHINGS', 'GARMIN'])(
    'of %s that echo our own revocation are nobody’s business',
    async (provider) => {
      const hub = await createTestHub({ providers: [provider] })
      const landing = await hub.connect(provider)
      const userId = landing.searchParams.get('user_id')
      await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
      await hub.hub.settle()
      await hub.simulator.settled()
      expect(hub.simulator.notices).toMatchObject([{ type: 'access_revoked', isDelivered: true }])
      await hub.connect(provider)
      expect(types(hub)).toEqual(['auth', 'deauth', 'auth'])
      expect(await activeUsers(hub)).toBe(1)
    },
  )
})
