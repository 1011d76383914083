/** What an app has to subscribe to at a provider, made and kept by the hub through real HTTP. */
import { expect, it } from 'vitest'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../src/core/time.ts'
import { createSubscriptionKeeper } from '../src/operations/keep-subscriptions.ts'
import { enableProvider } from '../src/operations/set-up.ts'
import { Redacted } from '../src/secret.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept, patiently } from './support/intercept.ts'

const STRAVA = { subscribes: true, providers: ['STRAVA'] }
const OURA = { subscribes: true, providers: ['OURA'] }
/** Six kinds of data, each made, changed and deleted. */
const OURA_TOPICS = 18
const OURA_LIFE_MS = 90 * DAY_MS

async function show(hub: TestHub, provider: string) {
  const { json } = await hub.call('GET', `/admin/v1/providers/${provider}`)
  return json.subscriptions
}

function present(hub: TestHub, provider: string) {
  return hub.simulator.subscriptions(provider, hub.clientIds[provider] ?? '')
}

/** Goes there without every minute in between. */
async function jumpByMs(hub: TestHub, ms: number): Promise<void> {
  await hub.hub.settle()
  hub.clock.moveTo(hub.clock.nowMs() + ms)
  await hub.hub.settle()
}

async function openEnabled(options: { subscribes: boolean; providers: string[] }) {
  const hub = await createTestHub(options)
  await hub.hub.settle()
  return hub
}

it('is made when the provider is enabled, after the provider has asked at the address', async () => {
  const hub = await openEnabled(STRAVA)
  expect(present(hub, 'STRAVA')).toMatchObject([{ address: hub.noticeUrls['STRAVA'] }])
  expect(await show(hub, 'STRAVA')).toMatchObject({
    status: 'active',
    wanted: 1,
    active: 1,
    ends_at: null,
    attempts: 0,
    detail: null,
  })
  await hub.connect('STRAVA')
  const [account] = hub.simulator.accounts('STRAVA')
  const clientId = hub.clientIds['STRAVA'] ?? ''
  await hub.simulator.removeApp('STRAVA', { clientId, accountId: account?.accountId ?? '' })
  await hub.hub.settle()
  // Once, although the address is also the one that the app was registered with.
  expect(hub.simulator.notices).toHaveLength(1)
  expect(hub.app.accepted).toEqual(['auth', 'access_revoked'])
})

it('is renewed before it ends, for as long as the hub runs', async () => {
  const hub = await openEnabled(OURA)
  const beganMs = hub.clock.nowMs()
  expect(present(hub, 'OURA')).toHaveLength(OURA_TOPICS)
  expect(await show(hub, 'OURA')).toMatchObject({ status: 'active', active: OURA_TOPICS })
  await jumpByMs(hub, OURA_LIFE_MS - 4 * DAY_MS)
  expect(present(hub, 'OURA')[0]?.endsAtMs).toBe(beganMs + OURA_LIFE_MS)
  await jumpByMs(hub, DAY_MS + HOUR_MS)
  const renewed = present(hub, 'OURA').map(({ endsAtMs }) => endsAtMs)
  expect(renewed).toEqual(
    Array.from({ length: OURA_TOPICS }, () => hub.clock.nowMs() + OURA_LIFE_MS),
  )
  const endsAt = new Date(hub.clock.nowMs() + OURA_LIFE_MS).toISOString().slice(0, 19)
  expect((await show(hub, 'OURA')).ends_at).toContain(endsAt)
})

it('is made again where it has ended, or the provider has dropped it', async () => {
  const hub = await openEnabled(OURA)
  await jumpByMs(hub, OURA_LIFE_MS + DAY_MS)
  expect(present(hub, 'OURA')).toHaveLength(OURA_TOPICS)
  hub.simulator.dropSubscriptions('OURA', hub.clientIds['OURA'] ?? '')
  await jumpByMs(hub, DAY_MS)
  expect(present(hub, 'OURA')).toHaveLength(OURA_TOPICS)
  expect(await show(hub, 'OURA')).toMatchObject({ status: 'active', active: OURA_TOPICS })
})

it('is tried again until the provider takes it', async () => {
  const hub = await openEnabled(OURA)
  const clientId = 'oura-app'
  const app = { resource: 'OURA', redirectUris: [], clientId, clientSecret: 'oura-secret' }
  hub.simulator.registerApp(app)
  hub.simulator.fail('OURA', { subscriptionEndpoint: { status: 503 } })
  await change(hub, 'OURA', { client_id: clientId, client_secret: 'oura-secret' })
  expect(await show(hub, 'OURA')).toMatchObject({
    status: 'failing',
    active: 0,
    attempts: 1,
    detail: 'subscription endpoint of OURA answered 503 to GET',
  })
  hub.simulator.heal('OURA')
  await hub.advanceByMs(MINUTE_MS)
  expect(await show(hub, 'OURA')).toMatchObject({ status: 'active', active: OURA_TOPICS })
  expect(hub.simulator.subscriptions('OURA', clientId)).toHaveLength(OURA_TOPICS)
  expect(new Set(hub.logged)).toEqual(new Set(['subscriptions are not in force']))
})

it('says why the provider refuses it', async () => {
  const hub = await openEnabled(STRAVA)
  hub.simulator.registerApp({
    resource: 'STRAVA',
    redirectUris: [],
    clientId: 'a',
    clientSecret: 'b',
  })
  await change(hub, 'STRAVA', { client_id: 'a', client_secret: 'wrong' })
  expect(await show(hub, 'STRAVA')).toMatchObject({
    status: 'failing',
    detail: 'subscription endpoint of STRAVA answered 401 to GET',
  })
})

it('is one for the environments that share an app, and outlives the first of them', async () => {
  const hub = await openEnabled(STRAVA)
  const other = await hub.addEnvironment('acme-staging', {}, { sharesApp: true })
  await hub.hub.settle()
  await jumpByMs(hub, HOUR_MS)
  expect(present(hub, 'STRAVA')).toHaveLength(1)
  const shown = async () => (await other.call('GET', '/admin/v1/providers/STRAVA')).json
  expect((await shown()).subscriptions).toMatchObject({ status: 'active', active: 1 })
  expect((await hub.call('DELETE', '/admin/v1/providers/STRAVA')).status).toBe(200)
  await hub.hub.settle()
  const [left, ...more] = present(hub, 'STRAVA')
  expect(left?.address).toContain('/acme-staging/')
  expect(more).toEqual([])
  expect((await shown()).subscriptions).toMatchObject({ status: 'active', active: 1 })
})

it('is made by another environment that shares the app where the answer to its removal got lost', async () => {
  let lost = 0
  const hub = await createTestHub({
    ...STRAVA,
    fetch: intercept((url, init) => {
      if (init?.method !== 'DELETE' || lost === 1) return undefined
      lost += 1
      return fetch(url, init).then(() => {
        throw new TypeError('fetch failed')
      })
    }),
  })
  await hub.addEnvironment('acme-staging', {}, { sharesApp: true })
  await hub.hub.settle()
  await jumpByMs(hub, HOUR_MS)
  await hub.call('DELETE', '/admin/v1/providers/STRAVA')
  await hub.hub.settle()
  await jumpByMs(hub, HOUR_MS)
  await hub.hub.settle()
  expect(present(hub, 'STRAVA')).toMatchObject([
    { address: expect.stringContaining('/acme-staging/') },
  ])
})

it('is not fought over by environments that share an app while the provider removes nothing', async () => {
  let refusals = 0
  const hub = await createTestHub({
    ...STRAVA,
    fetch: intercept((_url, init) => {
      // Ends sometime, so that a fight would fail here instead of going on for ever.
      if (init?.method !== 'DELETE' || refusals === 30) return undefined
      refusals += 1
      return Promise.resolve(new Response(null, { status: 503 }))
    }),
  })
  await hub.addEnvironment('acme-staging', {}, { sharesApp: true })
  await hub.hub.settle()
  const app = await hub.hub.deps.store.providerApps.find(DEV_ID, 'STRAVA')
  const credentials = {
    client_id: app?.clientId,
    client_secret: app?.clientSecret.reveal(),
    new_notice_url: true,
  }
  await change(hub, 'STRAVA', credentials)
  expect(refusals).toBeLessThanOrEqual(2)
})

it('is removed when the credentials are, also when the provider is down at that time', async () => {
  const hub = await openEnabled(OURA)
  hub.simulator.fail('OURA', { subscriptionEndpoint: { status: 500 } })
  expect((await hub.call('DELETE', '/admin/v1/providers/OURA')).status).toBe(200)
  await hub.hub.settle()
  expect(await show(hub, 'OURA')).toBeNull()
  expect(present(hub, 'OURA')).toHaveLength(OURA_TOPICS)
  const [row] = await hub.rows('SELECT status, app_sealed FROM app_subscription')
  expect(row?.['status']).toBe('removing')
  expect(row?.['app_sealed']).toMatch(/^v1\.test\./)
  hub.simulator.heal('OURA')
  await hub.advanceByMs(2 * MINUTE_MS)
  expect(present(hub, 'OURA')).toEqual([])
  expect(await hub.rows('SELECT id FROM app_subscription')).toEqual([])
})

it('leaves nothing behind when the app becomes another one while a process subscribes the first', async () => {
  const gate = { isOpen: true, waiting: [] as (() => void)[] }
  const hub = await createTestHub({
    ...OURA,
    fetch: intercept((url, init) => {
      if (gate.isOpen || init?.method !== 'POST' || !url.includes('/webhook/')) return undefined
      return new Promise<void>((resolve) => gate.waiting.push(resolve)).then(
        async () => await patiently(url, init),
      )
    }),
  })
  await hub.hub.settle()
  hub.simulator.dropSubscriptions('OURA', hub.clientIds['OURA'] ?? '')
  expect(present(hub, 'OURA')).toEqual([])
  await hub.rows('UPDATE app_subscription SET due_at_ms = 0')
  gate.isOpen = false
  const making = createSubscriptionKeeper(hub.hub.deps)()
  await expect.poll(() => gate.waiting.length, { timeout: 180_000 }).toBe(1)
  const other = { clientId: 'b', clientSecret: 'c' }
  hub.simulator.registerApp({ resource: 'OURA', redirectUris: [], ...other })
  const credentials = { client_id: 'b', client_secret: 'c' }
  expect((await hub.call('PUT', '/admin/v1/providers/OURA', credentials)).status).toBe(200)
  gate.isOpen = true
  // Whoever looked at the first app now would see nothing of what is on its way.
  await createSubscriptionKeeper(hub.hub.deps)()
  for (const open of gate.waiting) open()
  await making
  await hub.hub.settle()
  expect(present(hub, 'OURA')).toEqual([])
  expect(hub.simulator.subscriptions('OURA', 'b')).toHaveLength(OURA_TOPICS)
  expect(await hub.rows('SELECT status FROM app_subscription')).toEqual([{ status: 'active' }])
})

it('is given up after three days, where the provider takes the credentials no more', async () => {
  const hub = await openEnabled(OURA)
  const app = { resource: 'OURA', redirectUris: [], clientSecret: 'another' }
  hub.simulator.registerApp({ ...app, clientId: hub.clientIds['OURA'] ?? '' })
  await hub.call('DELETE', '/admin/v1/providers/OURA')
  await hub.hub.settle()
  await jumpByMs(hub, 3 * DAY_MS)
  expect(await hub.rows('SELECT id FROM app_subscription')).toEqual([])
  expect(hub.logged).toContain('gave up removing subscriptions of a former app')
})

it('moves along when the app, or the address for notices, becomes another one', async () => {
  const hub = await openEnabled(STRAVA)
  hub.simulator.registerApp({
    resource: 'STRAVA',
    redirectUris: [],
    clientId: 'b',
    clientSecret: 'c',
  })
  await change(hub, 'STRAVA', { client_id: 'b', client_secret: 'c' })
  expect(present(hub, 'STRAVA')).toEqual([])
  const ofApp = () => hub.simulator.subscriptions('STRAVA', 'b').map(({ address }) => address)
  expect(ofApp()).toEqual([hub.noticeUrls['STRAVA']])
  const renewal = { client_id: 'b', client_secret: 'c', new_notice_url: true }
  const { notice_url: noticeUrl } = await change(hub, 'STRAVA', renewal)
  expect(noticeUrl).not.toBe(hub.noticeUrls['STRAVA'])
  expect(ofApp()).toEqual([noticeUrl])
})

it('leaves alone what somebody else has subscribed to, and says that it is in the way', async () => {
  const elsewhere = await openEnabled(STRAVA)
  const hub = await createTestHub({ subscribes: true, providers: [] })
  const app = await elsewhere.hub.deps.store.providerApps.find(DEV_ID, 'STRAVA')
  const clientId = app?.clientId ?? ''
  await enableProvider(hub.hub.deps, {
    environmentId: DEV_ID,
    provider: 'STRAVA',
    clientId,
    clientSecret: app?.clientSecret.reveal() ?? '',
    noticeKey: 'notice-key',
    originOverrides: elsewhere.simulator.originOverrides,
  })
  hub.hub.deps.wake.providerTasks()
  await hub.hub.settle()
  const detail = `STRAVA allows one subscription, and sends the notices of this app to ${elsewhere.url}; remove that one there`
  expect(await show(hub, 'STRAVA')).toMatchObject({ status: 'failing', active: 0, detail })
  expect(present(elsewhere, 'STRAVA')).toHaveLength(1)
  elsewhere.simulator.dropSubscriptions('STRAVA', clientId)
  await hub.advanceByMs(MINUTE_MS)
  expect(await show(hub, 'STRAVA')).toMatchObject({ status: 'active', active: 1 })
})

it('is not made where the operator has it otherwise', async () => {
  const hub = await createTestHub({ providers: ['STRAVA'] })
  await hub.hub.settle()
  expect(present(hub, 'STRAVA')).toEqual([])
  expect(await show(hub, 'STRAVA')).toBeNull()
  // The person still connects.
  await hub.connect('STRAVA')
  expect(hub.app.accepted).toEqual(['auth'])
})

it('stays as it is while the address for notices is not known, and says what to do', async () => {
  const hub = await openEnabled(STRAVA)
  const live = present(hub, 'STRAVA')
  const { providerApps } = hub.hub.deps.store
  const app = await providerApps.find(DEV_ID, 'STRAVA')
  // As from before the key itself was kept, and as an earlier version kept another beside the digest.
  for (const secrets of [null, new Redacted({ noticeKey: 'another', named: {} })]) {
    await providerApps.save({ ...app!, secrets })
    await jumpByMs(hub, DAY_MS)
    expect(present(hub, 'STRAVA')).toEqual(live)
    expect(await show(hub, 'STRAVA')).toMatchObject({
      status: 'failing',
      detail: expect.stringMatching(/known by its digest only.*--new-notice-url/),
    })
  }
  const { notice_url: noticeUrl } = await change(hub, 'STRAVA', {
    client_id: app?.clientId,
    client_secret: app?.clientSecret.reveal(),
  })
  expect(present(hub, 'STRAVA')).toMatchObject([{ address: noticeUrl }])
  expect(await show(hub, 'STRAVA')).toMatchObject({ status: 'active', detail: null })
})

it('is taken up for each app that has none, also beside one that does not open', async () => {
  const hub = await openEnabled({ subscribes: true, providers: ['OURA', 'STRAVA'] })
  await hub.rows(
    "UPDATE provider_app SET client_secret_sealed = 'v1.gone.x' WHERE provider = 'OURA'",
  )
  await hub.rows('DELETE FROM app_subscription')
  await createSubscriptionKeeper(hub.hub.deps)()
  await hub.hub.settle()
  expect(await show(hub, 'STRAVA')).toMatchObject({ status: 'active', active: 1 })
  expect(await show(hub, 'OURA')).toMatchObject({
    status: 'failing',
    detail: 'it could not be read or carried out; see the log',
  })
})

it('needs no secret that an earlier version asked for', async () => {
  const hub = await openEnabled(OURA)
  const { providerApps } = hub.hub.deps.store
  const app = await providerApps.find(DEV_ID, 'OURA')
  const { noticeKey = '' } = app?.secrets?.reveal() ?? {}
  const named = { verificationToken: 'a-token' }
  await providerApps.save({ ...app!, secrets: new Redacted({ noticeKey, named }) })
  const credentials = { client_id: app?.clientId, client_secret: app?.clientSecret.reveal() }
  // Kept, and given once more.
  for (const secrets of [{}, { secrets: named }]) {
    await change(hub, 'OURA', { ...credentials, ...secrets })
    const saved = await providerApps.find(DEV_ID, 'OURA')
    expect(saved?.secrets?.reveal()).toEqual({ noticeKey, named: {} })
  }
})

/** As an operator does; the provider stays a simulated one. */
async function change(hub: TestHub, provider: string, body: Record<string, unknown>) {
  const { status, json } = await hub.call('PUT', `/admin/v1/providers/${provider}`, body)
  expect(status).toBe(200)
  await hub.hub.settle()
  return json
}
