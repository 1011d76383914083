/** Connecting and connecting again: where the browser lands, who exists afterwards, what was announced. */
import { verifyRedirect } from 'firma-receiver'
import { describe, expect, it } from 'vitest'
import { createPerson } from '../src/simulator/person.ts'
import { type TestHub, createTestHub, types } from './support/create-test-hub.ts'

async function authenticateUser(hub: TestHub, body: Record<string, unknown>) {
  const { json } = await hub.call('POST', '/v2/auth/authenticateUser', body)
  return json as { user_id: string; auth_url: string }
}

function verify(hub: TestHub, landing: URL) {
  return verifyRedirect(landing, hub.redirectSecret, { clock: () => hub.clock.nowMs() })
}

describe('connecting', () => {
  it('connects through the connect page and tells the app whose the connection is', async () => {
    const hub = await createTestHub()
    const landing = await hub.connect('GARMIN')
    const userId = landing.searchParams.get('user_id')
    const info = await hub.call('GET', `/v2/userInfo?user_id=${userId}`)
    expect(info.json).toMatchObject({
      status: 'success',
      is_authenticated: true,
      user: { user_id: userId, reference_id: 'tony_stark', provider: 'GARMIN', active: true },
    })
    expect(types(hub)).toEqual(['auth'])
    expect(hub.app.received[0]?.event).toMatchObject({ user: { user_id: userId } })
  })

  it('keeps the promise of authenticateUser: the reserved user_id is the one that connects', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const { user_id, auth_url } = await authenticateUser(hub, {
      resource: 'FITBIT',
      reference_id: 'tony_stark',
      auth_success_redirect_url: 'https://app.example/ok',
    })
    const before = await hub.call('GET', `/v2/userInfo?user_id=${user_id}`)
    expect(before.json).toMatchObject({ is_authenticated: false, user: { active: false } })
    const departure = await tony.request(auth_url)
    expect(departure.status).toBe(303)
    const callback = await tony.authorize(departure.headers.get('location') ?? '')
    const arrival = await tony.request(callback)
    await hub.hub.settle()
    expect(new URL(arrival.headers.get('location') ?? '').searchParams.get('user_id')).toBe(user_id)
    const after = await hub.call('GET', `/v2/userInfo?user_id=${user_id}`)
    expect(after.json).toMatchObject({ is_authenticated: true, user: { active: true } })
    expect(hub.app.received[0]?.event).toMatchObject({ type: 'auth', widget_session_id: null })
  })

  it.each([
    {
      what: 'a query and a fragment',
      url: 'https://app.example/done?tab=devices#top',
      starts: 'https://app.example/done?tab=devices&user_id=',
      ends: '#top',
    },
    {
      what: 'a deep link',
      url: 'acme://connected',
      starts: 'acme://connected?user_id=',
      ends: '',
    },
    {
      what: 'a deep link with a path and a query',
      url: 'acme:/connected?from=hub',
      starts: 'acme:/connected?from=hub&user_id=',
      ends: '',
    },
    {
      what: 'a fragment with a route in it',
      url: 'https://app.example/#/devices?a=b',
      starts: 'https://app.example/?user_id=',
      ends: '#/devices?a=b',
    },
    {
      what: 'parameters of the same names as ours',
      url: 'https://app.example/done?reason=upgrade&user_id=theirs&firma_exp=1',
      starts: 'https://app.example/done?reason=upgrade&user_id=theirs&firma_exp=1&user_id=',
      ends: '',
    },
  ])('comes back to an address with $what, signed', async ({ url, starts, ends }) => {
    const hub = await createTestHub({
      settings: { redirects: { schemes: ['acme'], allowList: null } },
    })
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink({ auth_success_redirect_url: url, reference_id: 'a&b=c#d é' })
    const callback = await tony.authorize(await hub.choose(tony, link, 'GARMIN'))
    const location = (await tony.request(callback)).headers.get('location') ?? ''
    expect(location.startsWith(starts)).toBe(true)
    expect(location.endsWith(ends)).toBe(true)
    const user = await hub.call(
      'GET',
      `/v2/userInfo?reference_id=${encodeURIComponent('a&b=c#d é')}`,
    )
    expect(await verify(hub, new URL(location))).toMatchObject({
      userId: user.json[0].user_id,
      referenceId: 'a&b=c#d é',
      resource: 'GARMIN',
    })
  })

  it('refuses a signed redirect that was changed or is too old', async () => {
    const hub = await createTestHub()
    const landing = await hub.connect('GARMIN')
    await verify(hub, landing)
    const changed = new URL(landing)
    changed.searchParams.set('user_id', '00000000-0000-4000-8000-000000000000')
    await expect(verify(hub, changed)).rejects.toMatchObject({ reason: 'signature_mismatch' })
    await hub.advanceByMs(6 * 60_000)
    await expect(verify(hub, landing)).rejects.toMatchObject({ reason: 'timestamp_too_old' })
  })

  it('ends at a page of its own when the app names no address, and keeps code and state out of it', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink({
      auth_success_redirect_url: null,
      auth_failure_redirect_url: '',
    })
    const callback = await tony.authorize(await hub.choose(tony, link, 'GARMIN'))
    const arrival = await tony.request(callback)
    expect(arrival.status).toBe(303)
    const location = arrival.headers.get('location') ?? ''
    expect(location).toMatch(new RegExp(`^${hub.url}/flow/[0-9a-f-]{36}$`))
    const page = await tony.request(location)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('Garmin is connected')
  })

  it('connects a person whom the app has not named', async () => {
    const hub = await createTestHub()
    const landing = await hub.connect('GARMIN', { referenceId: null })
    expect(landing.searchParams.has('reference_id')).toBe(false)
    expect(hub.app.received[0]?.event).toMatchObject({
      type: 'auth',
      reference_id: null,
      user: { reference_id: null },
    })
    expect(await verify(hub, landing)).toMatchObject({ referenceId: undefined })
  })

  it('offers the providers that the app names, in that order, and no other', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink({ providers: 'oura, Fitbit' })
    const page = await (await tony.request(link)).text()
    const offered = [...page.matchAll(/name="provider" value="(\w+)"/g)].map(([, name]) => name)
    expect(offered).toEqual(['OURA', 'FITBIT'])
    const other = await tony.request(`${link}/connect`, new URLSearchParams({ provider: 'GARMIN' }))
    expect(other.status).toBe(400)
    expect(await hub.rows('SELECT id FROM flow')).toEqual([])
  })
})

describe('connecting again', () => {
  it('gives a new user_id, announces user_reauth and then auth, and keeps the lineage', async () => {
    const hub = await createTestHub()
    const first = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const fitbit = (await hub.connect('FITBIT')).searchParams.get('user_id')
    const second = (await hub.connect('GARMIN')).searchParams.get('user_id')
    expect(second).not.toBe(first)
    expect(types(hub)).toEqual(['auth', 'auth', 'user_reauth', 'auth'])
    expect(hub.app.received[2]?.event).toMatchObject({
      old_user: { user_id: first, active: false, reference_id: 'tony_stark' },
      new_user: { user_id: second, active: true, reference_id: 'tony_stark' },
    })
    const [reauth, auth] = hub.app.received.slice(2)
    expect(Number(auth?.headers['x-terra-ordering-timestamp'])).toBeGreaterThan(
      Number(reauth?.headers['x-terra-ordering-timestamp']),
    )
    const old = await hub.call('GET', `/v2/userInfo?user_id=${first}`)
    expect(old).toMatchObject({ status: 404, json: { code: 'user_not_found' } })
    const oldEvents = await hub.call('GET', `/admin/v1/events?user_id=${first}`)
    expect(oldEvents.json.data.map((event: { type: string }) => event.type)).toEqual(['auth'])
    const lineage = oldEvents.json.data[0].lineage_id
    const all = await hub.call('GET', `/admin/v1/events?lineage_id=${lineage}`)
    expect(all.json.data.map((event: { type: string }) => event.type)).toEqual([
      'auth',
      'user_reauth',
      'auth',
    ])
    const ofFitbit = await hub.call('GET', '/admin/v1/events?provider=FITBIT')
    expect(ofFitbit.json.data).toMatchObject([{ type: 'auth', provider: 'FITBIT' }])
    const users = await hub.call('GET', '/v2/userInfo?reference_id=tony_stark')
    expect(new Set(users.json.map((user: { user_id: string }) => user.user_id))).toEqual(
      new Set([fitbit, second]),
    )
  })

  it('revokes the grant of the account that is no longer used, and not the one that is', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN', { person: createPerson({ login: 'tony' }) })
    await hub.connect('GARMIN', { person: createPerson({ login: 'pepper' }) })
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
    const grants = hub.simulator
      .accounts('GARMIN')
      .map(({ login, appsConnected }) => [login, appsConnected.length])
    expect(grants).toEqual([
      ['tony', 0],
      ['pepper', 1],
    ])
    await hub.simulator.settled()
    await hub.hub.settle()
    // Garmin's echo of that revocation is nobody's news.
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
  })

  it('keeps the grant when the same account connects again', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    await hub.connect('FITBIT')
    const [tony] = hub.simulator.accounts('FITBIT')
    expect(tony?.appsConnected).toHaveLength(1)
    expect(await hub.rows('SELECT id FROM revocation')).toEqual([])
  })

  it('continues a lineage that was disconnected, with auth alone', async () => {
    const hub = await createTestHub()
    const first = (await hub.connect('FITBIT')).searchParams.get('user_id')
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${first}`)
    const second = (await hub.connect('FITBIT')).searchParams.get('user_id')
    expect(second).not.toBe(first)
    expect(types(hub)).toEqual(['auth', 'deauth', 'auth'])
    const lineages = await hub.rows('SELECT DISTINCT lineage_id FROM event')
    expect(lineages).toHaveLength(1)
  })

  // [policy, first, second, what the second is]. Each is [login at the provider, reference_id].
  const tony = ['tony', 'tony_stark'] as const
  it.each([
    ['reference', tony, ['pepper', 'tony_stark'], 'continues'],
    ['reference', tony, ['tony', 'pepper_potts'], 'is new'],
    ['reference', tony, ['tony', null], 'is new'],
    ['reference', ['tony', null], ['tony', null], 'continues'],
    ['reference', ['tony', null], ['pepper', null], 'is new'],
    ['account_and_reference', tony, ['tony', 'tony_stark'], 'continues'],
    ['account_and_reference', tony, ['pepper', 'tony_stark'], 'is new'],
    ['account_and_reference', tony, ['tony', 'pepper_potts'], 'is new'],
    ['account_and_reference', ['tony', null], ['tony', null], 'continues'],
    ['account', tony, ['tony', 'pepper_potts'], 'continues'],
    ['account', tony, ['tony', null], 'continues'],
    ['account', tony, ['pepper', 'tony_stark'], 'is new'],
  ] as const)('with match policy %s after %j, %j %s', async (matchPolicy, one, two, verdict) => {
    const hub = await createTestHub({ settings: { matchPolicy } })
    for (const [login, referenceId] of [one, two]) {
      await hub.connect('FITBIT', { person: createPerson({ login }), referenceId })
    }
    const isSame = verdict === 'continues'
    expect(types(hub)).toEqual(isSame ? ['auth', 'user_reauth', 'auth'] : ['auth', 'auth'])
    expect(await hub.rows('SELECT lineage_id FROM connection')).toHaveLength(isSame ? 1 : 2)
    const { json } = await hub.call('GET', '/v2/subscriptions')
    expect(json.users).toHaveLength(isSame ? 1 : 2)
  })

  it('never continues a connection of another environment', async () => {
    const hub = await createTestHub()
    const staging = await hub.addEnvironment('acme-staging')
    const first = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const { json } = await staging.call('POST', '/v2/auth/generateWidgetSession', {
      reference_id: 'tony_stark',
      auth_success_redirect_url: 'https://staging.example/ok',
    })
    const person = createPerson({ login: 'tony' })
    const callback = await person.authorize(await hub.choose(person, json.url, 'GARMIN'))
    await person.request(callback)
    await hub.hub.settle()
    expect((await hub.call('GET', `/v2/userInfo?user_id=${first}`)).status).toBe(200)
    expect((await staging.call('GET', `/v2/userInfo?user_id=${first}`)).status).toBe(404)
    expect((await staging.call('GET', '/v2/subscriptions')).json.users).toHaveLength(1)
    expect(types(hub)).toEqual(['auth'])
  })
})
