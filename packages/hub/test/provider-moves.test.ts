/** People go from a provider that ends to its successor, and the app always knows who they are. */
import { describe, expect, it } from 'vitest'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../src/core/time.ts'
import { createPerson } from '../src/simulator/person.ts'
import { type TestHub, createTestHub } from './support/create-test-hub.ts'

const TO_GOOGLE = { providers: ['FITBIT', 'GOOGLE'] }
const TO_OAUTH2 = { providers: ['GARMIN_OAUTH1', 'GARMIN'] }

function events(hub: TestHub): any[] {
  return hub.app.received.map(({ event }) => event)
}

function types(hub: TestHub): string[] {
  return events(hub).map(({ type }) => type)
}

function connectAs(hub: TestHub, provider: string, name: string): Promise<URL> {
  return hub.connect(provider, { person: createPerson({ login: name }), referenceId: name })
}

async function start(hub: TestHub, from: string, body: object = {}) {
  const { status, json } = await hub.call('POST', '/admin/v1/moves', { from, ...body })
  expect(status).toBe(200)
  return json
}

async function progress(hub: TestHub): Promise<Record<string, number>> {
  const { json } = await hub.call('GET', '/admin/v1/moves')
  return json.data[0].progress
}

async function links(hub: TestHub, moveId: string, body: object = {}) {
  const { json } = await hub.call('POST', `/admin/v1/moves/${moveId}/links`, body)
  return json.data as { url: string; reference_id: string; user_id: string }[]
}

/** Opens a link, presses the button, logs in at the successor. @returns Where the browser ends. */
async function follow(hub: TestHub, url: string, login: string, decision = {}): Promise<Response> {
  const person = createPerson({ login })
  expect((await person.request(url)).status).toBe(200)
  const flow = await person.request(url, new URLSearchParams())
  const provider = await person.request(flow.headers.get('location') ?? '')
  const authorization = new URL(provider.headers.get('location') ?? '')
  const arrival = await person.request(await person.authorize(authorization, decision))
  await hub.hub.settle()
  return arrival
}

describe('people who have to consent again', () => {
  it('keep their lineage: the app gets user_reauth from the old user to the new one', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    const before = events(hub).at(-1)
    const { move } = await start(hub, 'FITBIT')
    const [link] = await links(hub, move.id)
    expect(link?.reference_id).toBe('ann')
    await follow(hub, link?.url ?? '', 'ann@google')
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
    const [, reauth, auth] = events(hub)
    expect(reauth.old_user).toMatchObject({ user_id: before.user.user_id, provider: 'FITBIT' })
    expect(reauth.new_user).toMatchObject({ provider: 'GOOGLE', reference_id: 'ann', active: true })
    expect(auth.user.user_id).toBe(reauth.new_user.user_id)
    const aliases = await hub.rows('SELECT DISTINCT lineage_id FROM user_alias')
    expect(aliases).toHaveLength(1)
    expect(await progress(hub)).toMatchObject({ total: 1, connected: 1, to_do: 0, linked: 0 })
    expect(await hub.rows('SELECT provider, status FROM revocation')).toEqual([
      { provider: 'FITBIT', status: 'revoked' },
    ])
  })

  it('can open the link as often as they like until they have arrived', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    const { move } = await start(hub, 'FITBIT')
    const [link] = await links(hub, move.id)
    await follow(hub, link?.url ?? '', 'ann', { decision: 'deny' })
    expect(await progress(hub)).toMatchObject({ failed: 1 })
    const { json } = await hub.call('GET', `/admin/v1/moves/${move.id}/users?state=failed`)
    expect(json.data).toMatchObject([{ reference_id: 'ann', detail: 'access_denied', attempts: 1 }])
    await follow(hub, link?.url ?? '', 'ann')
    expect(await progress(hub)).toMatchObject({ connected: 1, failed: 0 })
    expect(types(hub)).toEqual(['auth', 'auth_cancelled', 'user_reauth', 'auth'])
    expect((await fetch(link?.url ?? '')).status).toBe(410)
  })

  it('are not taken out of their links by programs that look at them', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    const { move } = await start(hub, 'FITBIT')
    const [link] = await links(hub, move.id)
    for (let i = 0; i < 3; i += 1) expect((await fetch(link?.url ?? '')).status).toBe(200)
    expect(await hub.rows('SELECT id FROM flow WHERE continues_lineage_id IS NOT NULL')).toEqual([])
    await follow(hub, link?.url ?? '', 'ann')
    expect(await progress(hub)).toMatchObject({ connected: 1 })
  })

  it('get a link that ends, and another one', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    const { move } = await start(hub, 'FITBIT')
    const [link] = await links(hub, move.id, { days: 1 })
    expect(await links(hub, move.id)).toEqual([])
    hub.clock.moveTo(hub.clock.nowMs() + DAY_MS)
    expect((await fetch(link?.url ?? '')).status).toBe(410)
    const [second] = await links(hub, move.id, { reference_id: 'ann' })
    expect(second?.url).not.toBe(link?.url)
    expect((await fetch(second?.url ?? '')).status).toBe(200)
  })

  it('may use the app’s ordinary page as well', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    await start(hub, 'FITBIT')
    await connectAs(hub, 'GOOGLE', 'ann')
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
    expect(await progress(hub)).toMatchObject({ connected: 1 })
  })

  it('who have connected both already become one lineage', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    const { move } = await start(hub, 'FITBIT')
    await hub.call('POST', `/admin/v1/moves/${move.id}/end`)
    await connectAs(hub, 'GOOGLE', 'ann')
    const google = events(hub).at(-1).user.user_id
    const again = await start(hub, 'FITBIT')
    expect(again.plan).toMatchObject({ total: 1, connected_already: 1 })
    expect(await progress(hub)).toMatchObject({ connected: 1 })
    // A person without reference_id cannot be known by it: here the link is all that ties them.
    await hub.rows("UPDATE provider_move_user SET status = 'to_do'")
    const [link] = await links(hub, again.move.id)
    await follow(hub, link?.url ?? '', 'ann')
    // Each of the two is told in the order of its own lineage.
    const told = events(hub).slice(2)
    expect(types(hub).slice(2).toSorted()).toEqual(['auth', 'user_reauth', 'user_reauth'])
    const userId = told.find(({ type }) => type === 'auth').user.user_id
    const reauths = told.filter(({ type }) => type === 'user_reauth')
    expect(reauths.map(({ new_user }) => new_user.user_id)).toEqual([userId, userId])
    expect(reauths.map(({ old_user }) => old_user.user_id)).toContain(google)
    const history = `/admin/v1/events?user_id=${userId}`
    expect((await hub.call('GET', history)).json.data).toHaveLength(3)
    const { json } = await hub.call('GET', '/v2/userInfo?reference_id=ann')
    expect(json.map((user: { provider: string }) => user.provider)).toEqual(['GOOGLE'])
  })

  it('who are disconnected meanwhile count as gone and cannot use their link', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    const { move } = await start(hub, 'FITBIT')
    const [link] = await links(hub, move.id)
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${link?.user_id}`)
    expect(await progress(hub)).toMatchObject({ gone: 1, linked: 0 })
    expect((await fetch(link?.url ?? '')).status).toBe(410)
  })

  it('who have withdrawn access at the old provider are still known at the new one', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await hub.connect('FITBIT', { referenceId: null, person: createPerson({ login: 'ann' }) })
    const { move } = await start(hub, 'FITBIT')
    const [link] = await links(hub, move.id)
    const [account] = hub.simulator.accounts('FITBIT')
    const clientId = hub.clientIds['FITBIT'] ?? ''
    await hub.simulator.removeApp('FITBIT', { clientId, accountId: account?.accountId ?? '' })
    await hub.hub.settle()
    await follow(hub, link?.url ?? '', 'ann')
    expect(types(hub)).toEqual(['auth', 'access_revoked', 'user_reauth', 'auth'])
    expect(await hub.rows('SELECT DISTINCT lineage_id FROM user_alias')).toHaveLength(1)
  })
})

describe('people whose connections the app confirms', () => {
  it('get links that lead back to the app, and only those whom it can name', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    await hub.connect('FITBIT', { referenceId: null, person: createPerson({ login: 'bob' }) })
    const { environments } = hub.hub.deps.store
    const [environment] = await environments.list({ limit: 1 })
    if (environment === undefined) throw new TypeError('there is an environment')
    const connect = { confirmation: 'required', accountPolicy: 'allow' } as const
    await environments.saveSettings(environment.id, { ...environment.settings, connect })
    const { move } = await start(hub, 'FITBIT')
    const path = `/admin/v1/moves/${move.id}/links`
    expect(await hub.call('POST', path)).toMatchObject({
      status: 400,
      json: { code: 'bad_request' },
    })
    const back = { auth_success_redirect_url: 'https://app.example/back' }
    const made = await links(hub, move.id, back)
    expect(made.map(({ reference_id }) => reference_id)).toEqual(['ann'])
    const arrival = await follow(hub, made[0]?.url ?? '', 'ann')
    const landing = new URL(arrival.headers.get('location') ?? '')
    const confirm_code = landing.searchParams.get('confirm_code')
    const said = { confirm_code, reference_id: 'ann' }
    expect((await hub.call('POST', '/v2/auth/confirmConnection', said)).status).toBe(200)
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'auth', 'user_reauth', 'auth'])
  })
})

describe('a move', () => {
  it('says beforehand what it would do, and changes nothing', async () => {
    const hub = await createTestHub({ providers: ['FITBIT'] })
    await connectAs(hub, 'FITBIT', 'ann')
    const { plan, move } = await start(hub, 'FITBIT', { dry_run: true })
    expect(plan).toMatchObject({ to: 'GOOGLE', kind: 'reconnect', total: 1, with_reference_id: 1 })
    expect(plan.obstacles[0]).toContain('GOOGLE')
    expect(move).toBeNull()
    expect(await hub.rows('SELECT id FROM provider_move')).toEqual([])
    const { status } = await hub.call('POST', '/admin/v1/moves', { from: 'FITBIT' })
    expect(status).toBe(409)
  })

  it('takes up whoever has connected since when it is started again', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    const first = await start(hub, 'FITBIT')
    await connectAs(hub, 'FITBIT', 'bob')
    const second = await start(hub, 'FITBIT')
    expect(second.move.id).toBe(first.move.id)
    expect(second.move.progress.total).toBe(2)
  })

  it('hands out links page by page, to nobody twice', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    for (const name of ['ann', 'bob', 'cid']) await connectAs(hub, 'FITBIT', name)
    const { move } = await start(hub, 'FITBIT')
    const path = `/admin/v1/moves/${move.id}/links`
    const first = await hub.call('POST', path, { limit: 2 })
    const second = await hub.call('POST', path, { limit: 2, after: first.json.next })
    expect([...first.json.data, ...second.json.data].map((one) => one.reference_id)).toEqual([
      'ann',
      'bob',
      'cid',
    ])
    expect(second.json.next).toBeNull()
    expect((await hub.call('POST', path, {})).json.data).toEqual([])
  })

  it('lets nobody go on while it is paused, nor after its end', async () => {
    const hub = await createTestHub(TO_GOOGLE)
    await connectAs(hub, 'FITBIT', 'ann')
    const { move } = await start(hub, 'FITBIT')
    const [link] = await links(hub, move.id)
    await hub.call('POST', `/admin/v1/moves/${move.id}/pause`)
    expect((await fetch(link?.url ?? '')).status).toBe(410)
    await hub.call('POST', `/admin/v1/moves/${move.id}/resume`)
    expect((await fetch(link?.url ?? '')).status).toBe(200)
    await hub.call('POST', `/admin/v1/moves/${move.id}/end`)
    expect((await fetch(link?.url ?? '')).status).toBe(410)
    const { status } = await hub.call('POST', `/admin/v1/moves/${move.id}/resume`)
    expect(status).toBe(409)
  })
})

describe('tokens that the provider exchanges', () => {
  it('move everybody without anybody doing anything', async () => {
    const hub = await createTestHub(TO_OAUTH2)
    await connectAs(hub, 'GARMIN_OAUTH1', 'ann')
    await connectAs(hub, 'GARMIN_OAUTH1', 'bob')
    await start(hub, 'GARMIN_OAUTH1')
    await hub.hub.settle()
    expect(await progress(hub)).toMatchObject({ total: 2, connected: 2 })
    expect(types(hub).toSorted()).toEqual([
      'auth',
      'auth',
      'auth',
      'auth',
      'user_reauth',
      'user_reauth',
    ])
    const { json } = await hub.call('GET', '/v2/userInfo?reference_id=ann')
    expect(json).toMatchObject([{ provider: 'GARMIN', active: true }])
    // Nothing was revoked, and the new tokens are refreshed like any others.
    expect(await hub.rows('SELECT id FROM revocation')).toEqual([])
    const inADay = hub.clock.nowMs() + DAY_MS
    expect(
      await hub.rows(`SELECT version, provider FROM token_set WHERE refresh_at_ms < ${inADay}`),
    ).toEqual([
      { version: 2, provider: 'GARMIN' },
      { version: 2, provider: 'GARMIN' },
    ])
  })

  it('keep to the pace that the operator has set', async () => {
    const hub = await createTestHub(TO_OAUTH2)
    for (const name of ['ann', 'bob', 'cid']) await connectAs(hub, 'GARMIN_OAUTH1', name)
    await start(hub, 'GARMIN_OAUTH1', { per_minute: 1 })
    await hub.hub.settle()
    expect(await progress(hub)).toMatchObject({ connected: 1, to_do: 2 })
    await hub.advanceByMs(MINUTE_MS)
    expect(await progress(hub)).toMatchObject({ connected: 2, to_do: 1 })
    await hub.advanceByMs(MINUTE_MS)
    expect(await progress(hub)).toMatchObject({ connected: 3 })
  })

  it.each([
    ['is down', { status: 503, times: 2 }],
    ['limits', { status: 429, times: 2 }],
    ['breaks off after its work', { isAnswerLost: true, times: 2 }],
    ['refuses at first', { status: 401, times: 2 }],
  ])('are exchanged later where the provider %s, and work meanwhile', async (_what, fault) => {
    const hub = await createTestHub(TO_OAUTH2)
    await connectAs(hub, 'GARMIN_OAUTH1', 'ann')
    hub.simulator.fail('GARMIN_OAUTH1', { exchangeEndpoint: fault })
    const { move } = await start(hub, 'GARMIN_OAUTH1')
    await hub.hub.settle()
    const { json } = await hub.call('GET', `/admin/v1/moves/${move.id}/users`)
    expect(json.data[0]).toMatchObject({ state: 'failed', attempts: 1 })
    expect(json.data[0].detail).toMatch(/token (exchange|endpoint) of GARMIN_OAUTH1/)
    expect(json.data[0].next_attempt_at).not.toBeNull()
    const { json: users } = await hub.call('GET', '/v2/userInfo?reference_id=ann')
    expect(users).toMatchObject([{ provider: 'GARMIN_OAUTH1', active: true }])
    await hub.advanceByMs(HOUR_MS)
    expect(await progress(hub)).toMatchObject({ connected: 1, failed: 0 })
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
  })

  it('that are refused for good are shown, can be tried again, and their people get links', async () => {
    const hub = await createTestHub(TO_OAUTH2)
    await connectAs(hub, 'GARMIN_OAUTH1', 'ann')
    hub.simulator.fail('GARMIN_OAUTH1', { exchangeEndpoint: { status: 401 } })
    const { move } = await start(hub, 'GARMIN_OAUTH1')
    await hub.hub.settle()
    // Three more hours of refusals.
    await hub.rows(
      `UPDATE provider_move_user SET attempts = 4, due_at_ms = ${hub.clock.nowMs() + MINUTE_MS}`,
    )
    await hub.advanceByMs(5 * MINUTE_MS)
    const { json } = await hub.call('GET', `/admin/v1/moves/${move.id}/users?state=failed`)
    expect(json.data).toMatchObject([{ attempts: 5, next_attempt_at: null }])
    const [link] = await links(hub, move.id)
    expect((await fetch(link?.url ?? '')).status).toBe(200)
    hub.simulator.heal('GARMIN_OAUTH1')
    await hub.call('POST', `/admin/v1/moves/${move.id}/retry`)
    await hub.hub.settle()
    expect(await progress(hub)).toMatchObject({ connected: 1 })
  })

  it('of somebody who leaves during the exchange do not bring them back', async () => {
    let leave: (() => Promise<unknown>) | undefined
    const hub = await createTestHub({
      ...TO_OAUTH2,
      fetch: async (input, init) => {
        const response = await fetch(input, init)
        if (new Request(input).url.endsWith('token-exchange')) await leave?.()
        return response
      },
    })
    const landing = await connectAs(hub, 'GARMIN_OAUTH1', 'ann')
    const userId = landing.searchParams.get('user_id')
    leave = () => hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    await start(hub, 'GARMIN_OAUTH1')
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'deauth'])
    expect(await progress(hub)).toMatchObject({ gone: 1 })
    const revocations = await hub.rows('SELECT provider, status FROM revocation ORDER BY provider')
    expect(revocations).toEqual([
      { provider: 'GARMIN', status: 'revoked' },
      { provider: 'GARMIN_OAUTH1', status: 'revoked' },
    ])
  })

  it('are exchanged again when the process that did it has died before it could store them', async () => {
    const hub = await createTestHub(TO_OAUTH2)
    await connectAs(hub, 'GARMIN_OAUTH1', 'ann')
    hub.simulator.fail('GARMIN_OAUTH1', { exchangeEndpoint: { status: 503, times: 1 } })
    await start(hub, 'GARMIN_OAUTH1')
    await hub.hub.settle()
    // As a killed process leaves it: claimed, due, and nothing stored.
    const nowMs = hub.clock.nowMs()
    await hub.rows(
      `UPDATE provider_move_user SET claim_id = 'dead/1', claim_until_ms = ${nowMs + 3 * MINUTE_MS}, due_at_ms = ${nowMs}`,
    )
    await hub.advanceByMs(2 * MINUTE_MS)
    expect(await progress(hub)).toMatchObject({ connected: 0 })
    await hub.advanceByMs(2 * MINUTE_MS)
    expect(await progress(hub)).toMatchObject({ connected: 1 })
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
  })
})
