/** Attempts that come to nothing: each ends once, with a reason that the app gets twice. */
import { verifyRedirect } from 'firma-receiver'
import { describe, expect, it } from 'vitest'
import type { FetchDep } from '../src/deps.ts'
import { type Decision, createPerson } from '../src/simulator/person.ts'
import { FAILURE_URL, type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

const MINUTE_MS = 60_000

function events(hub: TestHub) {
  return hub.app.received.map(({ event }) => event)
}

/** `authenticateUser`, then as far as the provider's login. */
async function startDirect(hub: TestHub, body: Record<string, unknown> = {}) {
  const { json } = await hub.call('POST', '/v2/auth/authenticateUser', {
    resource: 'FITBIT',
    reference_id: 'tony_stark',
    auth_failure_redirect_url: FAILURE_URL,
    ...body,
  })
  return json as { user_id: string; auth_url: string }
}

async function statusOf(hub: TestHub, userId: string): Promise<number> {
  return (await hub.call('GET', `/v2/userInfo?user_id=${userId}`)).status
}

/** What was written about connections and grants, which must be nothing. */
async function leftovers(hub: TestHub) {
  return [
    ...(await hub.rows('SELECT lineage_id FROM connection')),
    ...(await hub.rows('SELECT lineage_id FROM token_set')),
  ]
}

describe('a refusal at the provider', () => {
  it('ends at the failure address with its reason and is announced once', async () => {
    const hub = await createTestHub()
    const landing = await hub.connect('GARMIN', { decision: 'deny' })
    expect(landing.href).toMatch(
      /^https:\/\/app\.example\/failed\?reference_id=tony_stark&resource=GARMIN&reason=access_denied&firma_exp=\d+&firma_sig=[0-9a-f]{64}$/,
    )
    const clock = () => hub.clock.nowMs()
    expect(await verifyRedirect(landing, hub.redirectSecret, { clock })).toMatchObject({
      userId: undefined,
      reason: 'access_denied',
    })
    expect(events(hub)).toEqual([
      {
        type: 'auth_cancelled',
        status: 'error',
        flow_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        reason: 'access_denied',
        reference_id: 'tony_stark',
      },
    ])
    expect(await leftovers(hub)).toEqual([])
  })

  it('removes the reserved user', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const { user_id, auth_url } = await startDirect(hub)
    expect(await statusOf(hub, user_id)).toBe(200)
    const departure = await tony.request(auth_url)
    const callback = await tony.authorize(departure.headers.get('location') ?? '', {
      decision: 'deny',
    })
    await tony.request(callback)
    expect(await statusOf(hub, user_id)).toBe(404)
  })

  it('has the older shape where the environment asks for it', async () => {
    const hub = await createTestHub({ settings: { failedAuthShape: 'legacy' } })
    await hub.connect('GARMIN', { decision: 'deny' })
    expect(events(hub)).toMatchObject([
      { type: 'auth', status: 'error', reference_id: 'tony_stark', reason: 'access_denied' },
    ])
  })

  it('is found in the history by the user_id that it names, also where it belongs to a connection', async () => {
    const hub = await createTestHub({ settings: { failedAuthShape: 'legacy' } })
    await hub.connect('GARMIN', { decision: 'deny' })
    await hub.connect('GARMIN')
    await hub.connect('GARMIN', { decision: 'deny' })
    const other = await hub.addEnvironment('acme-staging')
    const failed = await hub.rows(`SELECT user_id FROM event WHERE body LIKE '%"status":"error"%'`)
    expect(failed).toHaveLength(2)
    for (const { user_id } of failed) {
      const path = `/admin/v1/events?user_id=${String(user_id)}`
      expect((await hub.call('GET', path)).json.data).toMatchObject([{ type: 'auth', user_id }])
      expect((await other.call('GET', path)).json.data).toEqual([])
    }
  })

  it('ends at a page that says what happened when the app names no address', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink({ auth_failure_redirect_url: null })
    const callback = await tony.authorize(await hub.choose(tony, link, 'GARMIN'), {
      decision: 'deny',
    })
    const arrival = await tony.request(callback)
    const page = await (await tony.request(arrival.headers.get('location') ?? '')).text()
    expect(page).toContain('Garmin is not connected')
    expect(page).toContain('You chose not to share your data.')
  })

  it('stays in order with the history of the connection that is there', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    await hub.connect('GARMIN', { decision: 'deny' })
    await hub.connect('GARMIN')
    expect(events(hub).map(({ type }) => type)).toEqual([
      'auth',
      'auth_cancelled',
      'user_reauth',
      'auth',
    ])
    const stored = await hub.rows('SELECT lineage_id, ordering_ms FROM event ORDER BY id')
    expect(new Set(stored.map((row) => row['lineage_id'])).size).toBe(1)
    const order = stored.map((row) => Number(row['ordering_ms']))
    expect(order).toEqual([...new Set(order)].toSorted((a, b) => a - b))
  })

  it('leaves the connection that is there as it is', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    await hub.connect('GARMIN', { decision: 'deny' })
    const { json } = await hub.call('GET', `/v2/userInfo?user_id=${userId}`)
    expect(json.user.active).toBe(true)
  })
})

describe('cancelling on the connect page', () => {
  it('goes back to the app and leaves the link usable', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    await tony.request(link)
    const arrival = await tony.request(`${link}/cancel`, new URLSearchParams())
    expect(arrival.status).toBe(303)
    const landing = new URL(arrival.headers.get('location') ?? '')
    expect(landing.searchParams.get('reason')).toBe('auth_cancelled')
    expect(landing.searchParams.get('reference_id')).toBe('tony_stark')
    expect((await tony.request(link)).status).toBe(200)
  })

  it('ends the attempt that had begun, once', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink({ auth_failure_redirect_url: null })
    const provider = await hub.choose(tony, link, 'GARMIN')
    for (let click = 0; click < 2; click += 1) {
      const page = await tony.request(`${link}/cancel`, new URLSearchParams())
      expect(page.status).toBe(200)
      expect(await page.text()).toContain('Nothing was connected')
    }
    await hub.hub.settle()
    expect(events(hub)).toMatchObject([{ type: 'auth_cancelled', reason: 'auth_cancelled' }])
    // The provider's page is still open in another tab: allowing there comes too late.
    const late = await tony.request(await tony.authorize(provider))
    const text = await (await tony.request(late.headers.get('location') ?? '')).text()
    expect(text).toContain('You went back before the connection was made.')
    expect(await leftovers(hub)).toEqual([])
  })
})

describe('the back button', () => {
  it('ends the first attempt when another provider is chosen', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    const garmin = await hub.choose(tony, link, 'GARMIN')
    const fitbit = await hub.choose(tony, link, 'FITBIT')
    await hub.hub.settle()
    expect(events(hub)).toMatchObject([{ type: 'auth_cancelled', reason: 'auth_cancelled' }])
    await tony.request(await tony.authorize(fitbit))
    await hub.hub.settle()
    expect(events(hub)).toMatchObject([
      { type: 'auth_cancelled' },
      { type: 'auth', user: { provider: 'FITBIT' } },
    ])
    const late = await tony.request(await tony.authorize(garmin))
    expect(late.headers.get('location')).toContain('reason=auth_cancelled')
    expect(await hub.rows('SELECT provider FROM connection')).toEqual([{ provider: 'FITBIT' }])
  })

  it('continues the attempt when the same provider is chosen again', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    const first = await hub.choose(tony, link, 'GARMIN')
    const second = await hub.choose(tony, link, 'GARMIN')
    const stale = await tony.request(await tony.authorize(first))
    expect(stale.status).toBe(400)
    const arrival = await tony.request(await tony.authorize(second))
    expect(arrival.headers.get('location')).toContain('user_id=')
    await hub.hub.settle()
    expect(events(hub).map(({ type }) => type)).toEqual(['auth'])
    expect(await hub.rows('SELECT id FROM flow')).toHaveLength(1)
  })
})

describe('consent that is narrower than asked for', () => {
  it('connects with what was granted where nothing else is needed', async () => {
    const hub = await createTestHub()
    const granted: [string, Decision, string][] = [
      ['GARMIN', { scopes: ['HEALTH_EXPORT'] }, 'HEALTH_EXPORT'],
      ['FITBIT', { scopes: ['sleep', 'profile'] }, 'profile,sleep'],
      ['OURA', { scopes: ['personal', 'daily'] }, 'personal,daily'],
    ]
    for (const [provider, decision, scopes] of granted) {
      const userId = (await hub.connect(provider, decision)).searchParams.get('user_id')
      const { json } = await hub.call('GET', `/v2/userInfo?user_id=${userId}`)
      expect(json.user.scopes.split(',').toSorted()).toEqual(scopes.split(',').toSorted())
    }
  })

  it('connects to Garmin with every permission off: the grant is there all the same', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN', { scopes: [] })
    expect(events(hub)).toMatchObject([{ type: 'auth', user: { scopes: '' } }])
  })

  it('fails when a scope is missing that the connection cannot do without', async () => {
    const hub = await createTestHub()
    const landing = await hub.connect('OURA', { scopes: ['daily'] })
    expect(landing.searchParams.get('reason')).toBe('missing_scopes')
    expect(events(hub)).toMatchObject([{ type: 'auth_cancelled', reason: 'missing_scopes' }])
    expect(await leftovers(hub)).toEqual([])
  })
})

describe('time that runs out', () => {
  it('announces a link of authenticateUser that nobody opened, once, and frees its user', async () => {
    const hub = await createTestHub()
    const { user_id, auth_url } = await startDirect(hub)
    await hub.advanceByMs(14 * MINUTE_MS)
    expect(await statusOf(hub, user_id)).toBe(200)
    await hub.advanceByMs(MINUTE_MS)
    expect(await statusOf(hub, user_id)).toBe(404)
    await hub.advanceByMs(3 * 60 * MINUTE_MS)
    expect(events(hub)).toMatchObject([{ type: 'auth_cancelled', reason: 'expired' }])
    const late = await createPerson({ login: 'tony' }).request(auth_url)
    expect(late.headers.get('location')).toContain(`${FAILURE_URL}?`)
    expect(late.headers.get('location')).toContain('reason=expired')
  })

  it('announces a login that nobody finished, once, and refuses it afterwards', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    const callback = await tony.authorize(await hub.choose(tony, link, 'GARMIN'))
    await hub.advanceByMs(10 * MINUTE_MS)
    expect(events(hub)).toMatchObject([{ type: 'auth_cancelled', reason: 'expired' }])
    const late = await tony.request(callback)
    expect(late.headers.get('location')).toContain('reason=expired')
    await hub.advanceByMs(60 * MINUTE_MS)
    expect(events(hub)).toHaveLength(1)
    expect(await leftovers(hub)).toEqual([])
  })

  it('lets a person start again with the same link as long as that is good', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    await hub.choose(tony, link, 'GARMIN')
    await hub.advanceByMs(11 * MINUTE_MS)
    const callback = await tony.authorize(await hub.choose(tony, link, 'GARMIN'))
    await tony.request(callback)
    await hub.hub.settle()
    expect(events(hub).map(({ type }) => type)).toEqual(['auth_cancelled', 'auth'])
  })

  it('waits for a slow login of nine minutes', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const provider = await hub.choose(tony, await hub.createLink(), 'GARMIN')
    await hub.advanceByMs(9 * MINUTE_MS)
    await tony.request(await tony.authorize(provider))
    await hub.hub.settle()
    expect(events(hub).map(({ type }) => type)).toEqual(['auth'])
  })

  it('sends a browser with an expired link of the connect page back to the app', async () => {
    const hub = await createTestHub()
    const link = await hub.createLink()
    await hub.advanceByMs(15 * MINUTE_MS)
    const late = await createPerson({ login: 'tony' }).request(link)
    expect(late.status).toBe(303)
    expect(late.headers.get('location')).toContain(`${FAILURE_URL}?reference_id=tony_stark&reason=`)
    expect(late.headers.get('location')).toContain('reason=expired')
  })
})

/** Garbage that a token endpoint may answer with status 200. */
const GARBAGE: [string, () => Response][] = [
  [
    'an HTML page',
    () => new Response('<h1>Welcome</h1>', { headers: { 'content-type': 'text/html' } }),
  ],
  [
    'half a JSON object',
    () => new Response('{"access_tok', { headers: { 'content-type': 'application/json' } }),
  ],
  ['no access token', () => Response.json({ token_type: 'bearer' })],
  ['a list', () => Response.json([])],
  ['nothing', () => new Response(null, { headers: { 'content-type': 'application/json' } })],
]

describe('a provider in trouble', () => {
  it('writes nothing when the provider is down during the exchange, and connects on the next try', async () => {
    const hub = await createTestHub()
    hub.simulator.fail('GARMIN', { tokenEndpoint: { status: 503 } })
    const landing = await hub.connect('GARMIN')
    expect(landing.searchParams.get('reason')).toBe('provider_unavailable')
    expect(events(hub)).toMatchObject([{ type: 'auth_cancelled', reason: 'provider_unavailable' }])
    expect(await leftovers(hub)).toEqual([])
    hub.simulator.heal('GARMIN')
    const next = await hub.connect('GARMIN')
    expect(next.searchParams.has('user_id')).toBe(true)
  })

  it('gives up on a token endpoint that hangs', async () => {
    // The hub's own limit is tested beside exchange.ts; here the connection breaks sooner.
    const impatient: FetchDep['fetch'] = async (input, init) =>
      await fetch(input, {
        ...init,
        signal: AbortSignal.any([AbortSignal.timeout(150), ...(init?.signal ? [init.signal] : [])]),
      })
    const hub = await createTestHub({ fetch: impatient })
    hub.simulator.fail('GARMIN', { tokenEndpoint: { hangMs: 60_000 } })
    const landing = await hub.connect('GARMIN')
    expect(landing.searchParams.get('reason')).toBe('provider_unavailable')
    expect(await leftovers(hub)).toEqual([])
  })

  it.each(GARBAGE)('takes %s from the token endpoint for no answer', async (_what, answer) => {
    const fetchGarbage = intercept((url) =>
      url.includes('/token') ? Promise.resolve(answer()) : undefined,
    )
    const hub = await createTestHub({ fetch: fetchGarbage })
    const landing = await hub.connect('FITBIT')
    expect(landing.searchParams.get('reason')).toBe('provider_unavailable')
    expect(await leftovers(hub)).toEqual([])
  })

  it('blames wrong credentials on nobody but the operator', async () => {
    const hub = await createTestHub()
    hub.simulator.fail('FITBIT', { tokenEndpoint: { error: 'invalid_client', status: 401 } })
    const landing = await hub.connect('FITBIT')
    expect(landing.searchParams.get('reason')).toBe('client_misconfigured')
    expect(events(hub)).toMatchObject([{ type: 'auth_cancelled', reason: 'client_misconfigured' }])
    expect(hub.logged.join()).toContain('credentials')
    expect(await leftovers(hub)).toEqual([])
  })
})
