/** How often providers are asked: through the proxy, for refreshes and for checks. */
import { describe, expect, it } from 'vitest'
import { DAY_MS, HOUR_MS } from '../src/core/time.ts'
import { enableProvider, providerAddresses } from '../src/operations/set-up.ts'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

/** A hub whose providers answer everything under `/data/`. */
async function open(provider: string, respond: () => Response = () => Response.json({})) {
  const state = { asked: 0 }
  const hub = await createTestHub({
    providers: [provider],
    fetch: intercept((url) => {
      if (!url.includes('/data/')) return undefined
      state.asked += 1
      return Promise.resolve(respond())
    }),
  })
  return { hub, state }
}

async function ask(hub: TestHub, userId: string | null) {
  const headers = { 'dev-id': DEV_ID, 'x-api-key': hub.apiKey }
  const answer = await fetch(`${hub.url}/v2/proxy/${userId}/data/x`, { headers })
  const json: any = await answer.json()
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), json }
}

/** The operator says how often the provider may be asked. */
async function limit(hub: TestHub, provider: string, rate: Record<string, unknown>) {
  const app = await hub.hub.deps.store.providerApps.find(DEV_ID, provider)
  await enableProvider(hub.hub.deps, {
    environmentId: DEV_ID,
    provider,
    clientId: app?.clientId ?? '',
    clientSecret: app?.clientSecret.reveal() ?? '',
    noticeKey: providerAddresses(hub.hub.deps, DEV_ID, provider).noticeKey,
    originOverrides: hub.simulator.originOverrides,
    overrides: { limits: { rates: [rate] } },
  })
}

/** Moves time in steps of ten minutes. */
async function pass(hub: TestHub, ms: number): Promise<void> {
  for (const endMs = hub.clock.nowMs() + ms; hub.clock.nowMs() < endMs;) {
    hub.clock.moveTo(Math.min(endMs, hub.clock.nowMs() + HOUR_MS / 6))
    await hub.hub.settle()
  }
}

describe('the proxy', () => {
  it('refuses what would be too much before the provider does', async () => {
    const { hub, state } = await open('WITHINGS')
    const userId = (await hub.connect('WITHINGS')).searchParams.get('user_id')
    for (let times = 0; times < 108; times += 1) await ask(hub, userId)
    expect(state.asked).toBe(108)
    const refused = await ask(hub, userId)
    expect(refused).toMatchObject({
      status: 429,
      retryAfter: '61',
      json: {
        code: 'provider_limited',
        detail: 'as many calls as Withings allows were made; there is room again in 61 s',
      },
    })
    expect(state.asked).toBe(108)
    hub.clock.moveTo(hub.clock.nowMs() + 61_000)
    expect((await ask(hub, userId)).status).toBe(200)
    expect(state.asked).toBe(109)
  })

  it('keeps the pause that a provider states by its own header, for the whole app', async () => {
    const { hub, state } = await open('WHOOP', () =>
      Response.json({}, { status: 429, headers: { 'x-ratelimit-reset': '30' } }),
    )
    const users = await Promise.all(
      ['tony', 'pepper'].map(async (login) => {
        const person = createPerson({ login })
        const landing = await hub.connect('WHOOP', { person, referenceId: login })
        return landing.searchParams.get('user_id')
      }),
    )
    expect((await ask(hub, users[0] ?? null)).status).toBe(429)
    expect(await ask(hub, users[1] ?? null)).toMatchObject({ status: 429, retryAfter: '30' })
    expect(state.asked).toBe(1)
  })
})

describe('the hub itself', () => {
  it('lets a refresh wait for its place, and makes it up', async () => {
    const { hub } = await open('GARMIN')
    for (const login of ['tony', 'pepper', 'happy']) {
      await hub.connect('GARMIN', { person: createPerson({ login }), referenceId: login })
    }
    await limit(hub, 'GARMIN', { requests: 1, perSeconds: 4 * 3_600 })
    const refreshed = async () =>
      (await hub.rows('SELECT version FROM token_set WHERE version > 1')).length
    await pass(hub, DAY_MS)
    expect(await refreshed()).toBe(1)
    await pass(hub, 4.5 * HOUR_MS)
    expect(await refreshed()).toBe(2)
    await pass(hub, 4.5 * HOUR_MS)
    expect(await refreshed()).toBe(3)
    expect(hub.app.received.map(({ event }) => event.type)).toEqual(['auth', 'auth', 'auth'])
  })
})
