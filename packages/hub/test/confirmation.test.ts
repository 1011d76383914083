/** The second phase of connecting: nothing is connected until the app says who came back. */
import { verifyRedirect } from 'firma-receiver'
import { describe, expect, it } from 'vitest'
import { type Person, createPerson } from '../src/simulator/person.ts'
import { SUCCESS_URL, type TestHub, createTestHub } from './support/create-test-hub.ts'

/** Events and revocations are on their way when a request has been answered. */
const ARRIVAL = { timeout: 180_000, interval: 20 }

const CONFIRM = '/v2/auth/confirmConnection'
const MINUTE_MS = 60_000

async function createStrictHub(accountPolicy: 'allow' | 'reject' | 'move' = 'allow') {
  return await createTestHub({ settings: { connect: { confirmation: 'required', accountPolicy } } })
}

async function confirm(hub: TestHub, landing: URL, referenceId = 'tony_stark') {
  const confirm_code = landing.searchParams.get('confirm_code')
  const answer = await hub.call('POST', CONFIRM, { confirm_code, reference_id: referenceId })
  await hub.hub.settle()
  return answer
}

function granted(hub: TestHub, provider = 'GARMIN'): string[] {
  return hub.simulator
    .accounts(provider)
    .filter(({ appsConnected }) => appsConnected.length > 0)
    .map(({ login }) => login)
}

async function connectionCount(hub: TestHub): Promise<number> {
  return (await hub.rows('SELECT lineage_id FROM connection')).length
}

describe('an environment that confirms', () => {
  it('connects only when the app has confirmed', async () => {
    const hub = await createStrictHub()
    const landing = await hub.connect('GARMIN')
    expect(landing.href.startsWith(SUCCESS_URL.split('#')[0] ?? '')).toBe(true)
    // Whoever does not know of the second phase must not take this for a connection.
    expect(landing.searchParams.has('user_id')).toBe(false)
    expect([await connectionCount(hub), hub.app.accepted]).toEqual([0, []])
    const { status, json } = await confirm(hub, landing)
    expect(status).toBe(200)
    expect(json.user).toMatchObject({
      reference_id: 'tony_stark',
      provider: 'GARMIN',
      active: true,
    })
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth'])
    expect(hub.app.received[0]?.event).toMatchObject({ user: { user_id: json.user.user_id } })
    await expect.poll(() => granted(hub), ARRIVAL).toEqual(['tony'])
  })

  it('signs the address with the code in it', async () => {
    const hub = await createStrictHub()
    const landing = await hub.connect('GARMIN')
    const clock = () => hub.clock.nowMs()
    const hint = await verifyRedirect(landing, hub.redirectSecret, { clock })
    expect(hint.confirmCode).toBe(landing.searchParams.get('confirm_code'))
    landing.searchParams.set('confirm_code', 'another')
    const changed = verifyRedirect(landing, hub.redirectSecret, { clock })
    await expect(changed).rejects.toMatchObject({ reason: 'signature_mismatch' })
  })

  it('takes a code once, of fifty that come at once', async () => {
    const hub = await createStrictHub()
    const landing = await hub.connect('GARMIN')
    const answers = await Promise.all(Array.from({ length: 50 }, async () => confirm(hub, landing)))
    const codes = answers
      .map(({ status, json }) => (status === 200 ? 'ok' : String(json.code)))
      .toSorted()
    expect(codes).toEqual([...Array.from({ length: 49 }, () => 'confirm_code_used'), 'ok'])
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth'])
  })

  it('sends the browser to the same code again, and to the connection when it is confirmed', async () => {
    const hub = await createStrictHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    const callback = await tony.authorize(await hub.choose(tony, link, 'GARMIN'))
    const go = async (url: string | URL): Promise<URL> =>
      new URL((await tony.request(url)).headers.get('location') ?? 'about:blank')
    const [first, second] = [await go(callback), await go(callback)]
    expect(second.href).toBe(first.href)
    expect((await confirm(hub, first)).status).toBe(200)
    expect((await go(callback)).searchParams.get('user_id')).toMatch(/^[0-9a-f-]{36}$/)
    // The link has connected: it does not do so again.
    expect((await tony.request(link)).status).toBe(410)
  })

  it('leaves the earlier connection alone until then', async () => {
    const hub = await createTestHub()
    const before = (await hub.connect('GARMIN')).searchParams.get('user_id')
    await requireConfirmation(hub)
    const landing = await hub.connect('GARMIN')
    const info = await hub.call('GET', `/v2/userInfo?user_id=${before}`)
    expect(info.json.user.active).toBe(true)
    await confirm(hub, landing)
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth', 'user_reauth', 'auth'])
  })

  it.each([
    ['reference_id', { reference_id: null }],
    ['auth_success_redirect_url', { auth_success_redirect_url: null }],
  ])('makes no link without %s, which nobody could confirm', async (name, body) => {
    const hub = await createStrictHub()
    const whole = { reference_id: 'tony', auth_success_redirect_url: 'https://app.example/' }
    for (const path of ['generateWidgetSession', 'authenticateUser?resource=GARMIN']) {
      const { status, json } = await hub.call('POST', `/v2/auth/${path}`, { ...whole, ...body })
      expect([status, json.code]).toEqual([400, 'bad_request'])
      expect(json.detail).toContain(name)
    }
  })

  it('connects devices as before: their token was made by the app', async () => {
    const hub = await createStrictHub('reject')
    for (const device_id of ['phone-1', 'phone-2']) {
      const made = await hub.call('POST', '/v2/auth/tokens?reference_id=tony_stark')
      const answer = await hub.call('POST', '/v2/auth/redeemToken', {
        token: made.json.token,
        resource: 'APPLE',
        device_id,
      })
      expect(answer.status).toBe(200)
    }
    await hub.hub.settle()
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth', 'user_reauth', 'auth'])
  })
})

async function requireConfirmation(hub: TestHub): Promise<void> {
  const { deps } = hub.hub
  const [environment] = await deps.store.environments.list({ limit: 1 })
  if (environment === undefined) throw new Error('there is an environment')
  const connect = { confirmation: 'required', accountPolicy: 'allow' } as const
  await deps.store.environments.saveSettings(environment.id, { ...environment.settings, connect })
}

describe('what nobody confirms', () => {
  it('is given back to the provider after five minutes, and announced as not connected', async () => {
    const hub = await createStrictHub()
    const landing = await hub.connect('GARMIN')
    await hub.advanceByMs(5 * MINUTE_MS - 1)
    expect([hub.app.accepted, granted(hub)]).toEqual([[], ['tony']])
    await hub.advanceByMs(1)
    await expect
      .poll(() => hub.app.received.map(({ event }) => event), ARRIVAL)
      .toMatchObject([
        { type: 'auth_cancelled', reason: 'not_confirmed', reference_id: 'tony_stark' },
      ])
    await expect.poll(() => granted(hub), ARRIVAL).toEqual([])
    expect(await connectionCount(hub)).toBe(0)
    const late = await confirm(hub, landing)
    expect([late.status, late.json.code]).toEqual([410, 'confirm_code_expired'])
    expect(await hub.rows('SELECT grant_sealed FROM held_grant')).toEqual([{ grant_sealed: null }])
  })

  it('ends at the moment of the deadline, before any worker has had a turn', async () => {
    const hub = await createStrictHub()
    const tony = createPerson({ login: 'tony' })
    const callback = await tony.authorize(await hub.choose(tony, await hub.createLink(), 'GARMIN'))
    await tony.request(callback)
    hub.clock.moveTo(hub.clock.nowMs() + 5 * MINUTE_MS)
    const again = await tony.request(callback)
    expect(again.headers.get('location')).toContain('reason=not_confirmed')
  })

  it('is cancelled when the app disconnects the user that authenticateUser promised', async () => {
    const hub = await createStrictHub()
    const { userId, landing } = await connectDirectly(hub, createPerson({ login: 'tony' }))
    const info = await hub.call('GET', `/v2/userInfo?user_id=${userId}`)
    expect(info.json).toMatchObject({ is_authenticated: false, user: { active: false } })
    const gone = await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    expect(gone.status).toBe(200)
    await hub.hub.settle()
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth_cancelled'])
    await expect.poll(() => granted(hub), ARRIVAL).toEqual([])
    expect((await confirm(hub, landing)).json.code).toBe('confirm_code_expired')
  })

  it('does not take the connection of another with it, where a revocation ends the whole account', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN', { referenceId: 'pepper_potts' })
    await requireConfirmation(hub)
    await hub.connect('GARMIN')
    await hub.advanceByMs(10 * MINUTE_MS)
    await expect.poll(() => granted(hub), ARRIVAL).toEqual(['tony'])
    const statuses = await hub.rows('SELECT status FROM revocation')
    expect(statuses).toEqual([{ status: 'not_needed' }])
  })

  it('is not revoked by the end of an earlier connection of the same account', async () => {
    const hub = await createTestHub()
    const before = (await hub.connect('GARMIN')).searchParams.get('user_id')
    await requireConfirmation(hub)
    const landing = await hub.connect('GARMIN', { referenceId: 'pepper_potts' })
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${before}`)
    await hub.hub.settle()
    await expect.poll(() => granted(hub), ARRIVAL).toEqual(['tony'])
    expect((await confirm(hub, landing, 'pepper_potts')).status).toBe(200)
    await hub.advanceByMs(10 * MINUTE_MS)
    await expect.poll(() => granted(hub), ARRIVAL).toEqual(['tony'])
  })
})

/** Through the link of `authenticateUser`. */
async function connectDirectly(hub: TestHub, person: Person) {
  const { json } = await hub.call('POST', '/v2/auth/authenticateUser?resource=GARMIN', {
    reference_id: 'tony_stark',
    auth_success_redirect_url: SUCCESS_URL,
  })
  const departure = await person.request(json.auth_url)
  const callback = await person.authorize(departure.headers.get('location') ?? '')
  const arrival = await person.request(callback)
  const landing = new URL(arrival.headers.get('location') ?? 'about:blank')
  return { userId: String(json.user_id), landing }
}

describe('a code', () => {
  it('of somebody else connects nothing, and ends at once', async () => {
    const hub = await createStrictHub()
    // Mallory's link, which Victor finished: the app confirms in his session.
    const landing = await hub.connect('GARMIN', {
      referenceId: 'mallory',
      person: createPerson({ login: 'victor' }),
    })
    const { status, json } = await confirm(hub, landing, 'victor')
    expect([status, json.code]).toEqual([403, 'other_end_user'])
    await expect.poll(() => granted(hub), ARRIVAL).toEqual([])
    expect(await connectionCount(hub)).toBe(0)
    await expect
      .poll(() => hub.app.received.map(({ event }) => event), ARRIVAL)
      .toMatchObject([
        { type: 'auth_cancelled', reason: 'other_end_user', reference_id: 'mallory' },
      ])
    // Not for Mallory either, now.
    expect((await confirm(hub, landing, 'mallory')).json.code).toBe('confirm_code_expired')
    const audit = await hub.rows('SELECT actor, action, detail FROM audit ORDER BY id DESC LIMIT 1')
    expect(audit).toMatchObject([{ actor: 'system', action: 'connection.refuse' }])
    expect(String(audit[0]?.['detail'])).toContain('other_end_user')
  })

  it('of another environment looks like one that does not exist', async () => {
    const hub = await createStrictHub()
    const other = await hub.addEnvironment('acme-staging')
    const landing = await hub.connect('GARMIN')
    const ask = async (code: string | null) =>
      await other.call('POST', CONFIRM, { confirm_code: code, reference_id: 'tony_stark' })
    const foreign = await ask(landing.searchParams.get('confirm_code'))
    const unknown = await ask('A'.repeat(43))
    expect(foreign).toEqual(unknown)
    expect([unknown.status, unknown.json.code]).toEqual([404, 'confirm_code_unknown'])
    expect((await confirm(hub, landing)).status).toBe(200)
  })

  it('is not in the database, and neither is what it stands for', async () => {
    const hub = await createStrictHub()
    const landing = await hub.connect('GARMIN')
    const code = landing.searchParams.get('confirm_code') ?? ''
    const [held] = await hub.rows('SELECT * FROM held_grant')
    expect(JSON.stringify(held)).not.toContain(code)
    expect(String(held?.['grant_sealed'])).toMatch(/^v1\./)
    expect(hub.logLines.join('\n')).not.toContain(code)
    // It has done its work.
    const verifiers = await hub.rows('SELECT code_verifier_sealed FROM flow')
    expect(verifiers).toEqual([{ code_verifier_sealed: null }])
  })

  it('whose grant does not open keeps no other attempt from ending', async () => {
    const hub = await createStrictHub()
    await hub.connect('GARMIN')
    const [held] = await hub.rows('SELECT grant_sealed FROM held_grant')
    const sealed = String(held?.['grant_sealed'])
    const seal = async (text: string) =>
      await hub.database.execute(`UPDATE held_grant SET grant_sealed = '${text}'
        WHERE flow_id = (SELECT min(id) FROM flow WHERE reference_id = 'tony_stark')`)
    // As with a key that is missing.
    await seal(sealed.replace(/^v1\.[^.]+/, 'v1.lost'))
    await hub.advanceByMs(1_000)
    const person = createPerson({ login: 'pepper' })
    await hub.connect('GARMIN', { referenceId: 'pepper_potts', person })
    await hub.advanceByMs(6 * MINUTE_MS)
    const told = () => hub.app.received.map(({ event }) => event)
    expect(told()).toMatchObject([{ reason: 'not_confirmed', reference_id: 'pepper_potts' }])
    // It is there again.
    await seal(sealed)
    await hub.advanceByMs(2 * MINUTE_MS)
    expect(told()[1]).toMatchObject({ reason: 'not_confirmed', reference_id: 'tony_stark' })
    await expect.poll(() => granted(hub), ARRIVAL).toEqual([])
  })

  it.each([
    {},
    { confirm_code: 'x' },
    { reference_id: 'x' },
    { confirm_code: '', reference_id: '' },
  ])('needs itself and who confirms: %j', async (body) => {
    const hub = await createStrictHub()
    expect((await hub.call('POST', CONFIRM, body)).status).toBe(400)
  })
})

describe('an operator', () => {
  it('sees what waits, why, and who confirmed it', async () => {
    const hub = await createStrictHub()
    const landing = await hub.connect('GARMIN')
    const list = async () =>
      (await hub.call('GET', '/admin/v1/users?state=unconfirmed')).json.data as any[]
    const [user] = await list()
    expect(user).toMatchObject({
      reference_id: 'tony_stark',
      provider: 'GARMIN',
      state: 'unconfirmed',
      lineage_id: null,
    })
    const path = `/admin/v1/users/${user.user_id}`
    expect((await hub.call('GET', path)).json.user).toEqual(user)
    const explained = await hub.call('GET', `${path}/explain`)
    expect(explained.json).toMatchObject({ status: 'unconfirmed', code: 'confirm' })
    expect((await hub.call('GET', '/admin/v1/users')).json.data).toEqual([])
    const named = '/admin/v1/users?state=unconfirmed&reference_id=pepper_potts'
    expect((await hub.call('GET', named)).json.data).toEqual([])
    await confirm(hub, landing)
    expect(await list()).toEqual([])
    expect((await hub.call('GET', `${path}/explain`)).json.status).toBe('active')
    const rows = await hub.rows(
      "SELECT actor, subject FROM audit WHERE action = 'connection.confirm'",
    )
    expect(rows).toEqual([{ actor: expect.stringMatching(/^key:/), subject: user.user_id }])
  })
})
