/** The health sweep, warnings before an end, and explanations. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { type TestHub, createTestHub, types } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Moves time in steps of an hour. */
async function pass(hub: TestHub, ms: number): Promise<void> {
  for (const endMs = hub.clock.nowMs() + ms; hub.clock.nowMs() < endMs;) {
    hub.clock.moveTo(Math.min(endMs, hub.clock.nowMs() + HOUR_MS))
    await hub.hub.settle()
  }
}

async function explain(hub: TestHub, userId: string | null) {
  return (await hub.call('GET', `/admin/v1/users/${userId}/explain`)).json
}

/** Oura with access tokens that live for a month, without a refresh token. */
function longLived(state = { isGone: false, checks: 0 }, goneStatus = 401) {
  return intercept((url, init) => {
    if (url.endsWith('/personal_info') && state.checks++ > 0) {
      return Promise.resolve(
        Response.json({ id: 'x' }, { status: state.isGone ? goneStatus : 200 }),
      )
    }
    if (!url.endsWith('/oauth/token')) return undefined
    return fetch(url, init).then(async (response) => {
      const body = (await response.json()) as Record<string, unknown>
      const { refresh_token: _dropped, ...rest } = body
      return Response.json({ ...rest, expires_in: 30 * 86_400 })
    })
  })
}

describe('the health sweep', () => {
  it('finds out that a silent provider has ended a grant, and says so once', async () => {
    // Oura sends no notices. The token lives for a month, so no refresh finds it out.
    const state = { isGone: false, checks: 0 }
    const hub = await createTestHub({ fetch: longLived(state) })
    const userId = (await hub.connect('OURA')).searchParams.get('user_id')
    await pass(hub, 20 * HOUR_MS)
    state.isGone = true
    expect(types(hub)).toEqual(['auth'])
    await pass(hub, 3 * DAY_MS)
    expect(types(hub)).toEqual(['auth', 'connection_error'])
    expect(await explain(hub, userId)).toMatchObject({
      status: 'degraded',
      code: 'reconnect_if_it_lasts',
    })
  })

  it('finds out that the grant works again, and says so once', async () => {
    const state = { isGone: false, checks: 0 }
    const hub = await createTestHub({ wantsExtensions: true, fetch: longLived(state) })
    const userId = (await hub.connect('OURA')).searchParams.get('user_id')
    await pass(hub, 20 * HOUR_MS)
    state.isGone = true
    await pass(hub, 3 * DAY_MS)
    expect(types(hub)).toEqual(['auth', 'connection_error'])
    state.isGone = false
    await pass(hub, 4 * DAY_MS)
    expect(types(hub)).toEqual(['auth', 'connection_error', 'connection_recovered'])
    expect(await explain(hub, userId)).toMatchObject({ status: 'active', code: 'nothing' })
  })

  it('does not take Oura’s 403 for an end: it is the membership that is over', async () => {
    const state = { isGone: true, checks: 0 }
    const hub = await createTestHub({ fetch: longLived(state, 403) })
    await hub.connect('OURA')
    await pass(hub, 3 * DAY_MS)
    expect(state.checks).toBeGreaterThan(1)
    expect(types(hub)).toEqual(['auth'])
  })

  it('asks once a day', async () => {
    const state = { isGone: false, checks: 0 }
    const hub = await createTestHub({ fetch: longLived(state) })
    await hub.connect('OURA')
    await pass(hub, 5 * DAY_MS)
    // The first one is part of connecting.
    expect(state.checks - 1).toBe(5)
    expect(types(hub)).toEqual(['auth'])
  })
})

describe('a connection that is never refreshed, whose notice got lost', () => {
  async function loseNotice(): Promise<TestHub> {
    const hub = await createTestHub({ providers: ['GARMIN_OAUTH1'] })
    await hub.connect('GARMIN_OAUTH1')
    await hub.database.execute("UPDATE provider_app SET notice_key_hash = 'another'")
    await hub.simulator.removeApp('GARMIN_OAUTH1', {
      clientId: hub.clientIds['GARMIN_OAUTH1'] ?? '',
      accountId: hub.simulator.accounts('GARMIN_OAUTH1')[0]?.accountId ?? '',
    })
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth'])
    return hub
  }

  async function migrate(hub: TestHub, name: string): Promise<void> {
    const file = new URL(`../src/store/migrations/sqlite/${name}`, import.meta.url)
    await hub.database.execute(await readFile(file, 'utf8'))
  }

  it('is found out within a day', async () => {
    const hub = await loseNotice()
    await pass(hub, DAY_MS)
    expect(types(hub)).toEqual(['auth', 'connection_error'])
  })

  it('is found out too where an earlier version had connected it', async () => {
    const hub = await loseNotice()
    await hub.database.execute('UPDATE token_set SET refresh_at_ms = NULL')
    await pass(hub, 2 * DAY_MS)
    expect(types(hub)).toEqual(['auth'])
    await hub.database.execute(`UPDATE migration SET ran_at_ms = ${hub.clock.nowMs()}`)
    await migrate(hub, '0090-look-at-garmin-oauth1.sql')
    await migrate(hub, '0097-look-at-garmin-oauth1-later.sql')
    // A process of that version, which would put it away for good, may not have ended yet.
    await pass(hub, DAY_MS - 1)
    expect(types(hub)).toEqual(['auth'])
    expect(await hub.rows('SELECT checked_at_ms FROM token_set')).toEqual([{ checked_at_ms: null }])
    await pass(hub, DAY_MS)
    expect(types(hub)).toEqual(['auth', 'connection_error'])
  })
})

describe('an end that nothing can prevent', () => {
  it('is announced a week before, once, to those who ask for extensions', async () => {
    const hub = await createTestHub({
      wantsExtensions: true,
      fetch: longLived(),
    })
    const userId = (await hub.connect('OURA')).searchParams.get('user_id')
    await pass(hub, 22 * DAY_MS)
    expect(types(hub)).toEqual(['auth'])
    await pass(hub, 2 * DAY_MS)
    expect(types(hub)).toEqual(['auth', 'expiry_warning'])
    expect(await explain(hub, userId)).toMatchObject({
      code: 'connect_again',
      why: expect.stringContaining('this one ends at 2024-11-06T03:45:00'),
    })
    expect(hub.app.received[1]?.event).toMatchObject({
      status: 'warning',
      user: { user_id: userId, active: true },
      expires_at: '2024-11-06T03:45:00.000000+00:00',
    })
    await pass(hub, 7 * DAY_MS)
    expect(types(hub)).toEqual(['auth', 'expiry_warning', 'connection_error'])
    expect(await explain(hub, userId)).toMatchObject({
      code: 'connect_again',
      why: 'The access that Oura gave has ended, and there is nothing to renew it with.',
      todo: 'Ask the person to connect again.',
    })
  })
})

describe('explain', () => {
  it('tells of a link that nobody has finished', async () => {
    const hub = await createTestHub()
    const { json } = await hub.call('POST', '/v2/auth/authenticateUser?resource=GARMIN', {})
    expect(await explain(hub, json.user_id)).toMatchObject({
      status: 'reserved',
      code: 'wait',
      tokens: null,
    })
  })

  it('tells why a connection works, what comes next, and what happened', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('FITBIT')).searchParams.get('user_id')
    const explanation = await explain(hub, userId)
    expect(explanation).toMatchObject({
      user_id: userId,
      present_user_id: userId,
      status: 'active',
      code: 'nothing',
      why: 'The person connected Fitbit.',
      todo: 'Nothing.',
      tokens: {
        version: 1,
        obtained_at: '2024-10-07T03:45:00.000000+00:00',
        access_token_expires_at: '2024-10-07T11:45:00.000000+00:00',
        next_refresh_at: '2024-10-07T11:32:30.000000+00:00',
        failures: 0,
      },
      events: [{ type: 'auth' }],
      revocations: [],
    })
    expect(JSON.stringify(explanation)).not.toContain('access_token"')
  })

  it.each(['STRAVA', 'FITBIT'])('tells how long %s wants no calls, and no longer', async (name) => {
    const limited = new Response('{}', { status: 429, headers: { 'retry-after': '120' } })
    const hub = await createTestHub({
      providers: [name],
      fetch: intercept((url) =>
        url.endsWith('/data') ? Promise.resolve(limited.clone()) : undefined,
      ),
    })
    const userId = (await hub.connect(name)).searchParams.get('user_id')
    const limitedUntil = async () => (await explain(hub, userId)).tokens.limited_until
    expect(await limitedUntil()).toBeNull()
    expect((await hub.call('GET', `/v2/proxy/${userId}/data`)).status).toBe(429)
    expect(await limitedUntil()).toBe('2024-10-07T03:47:00.000000+00:00')
    await hub.advanceByMs(120_000)
    expect(await limitedUntil()).toBeNull()
  })

  it('tells what a refused grant means, and goes on asking', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('FITBIT')).searchParams.get('user_id')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { error: 'invalid_grant' } })
    await pass(hub, 12 * HOUR_MS)
    expect(await explain(hub, userId)).toMatchObject({
      status: 'degraded',
      code: 'connect_again',
      tokens: { last_failure: 'the token endpoint of FITBIT answered 400 invalid_grant' },
      events: [{ type: 'connection_error' }, { type: 'auth' }],
    })
  })

  it('tells what the person must do who has switched permissions off', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const [account] = hub.simulator.accounts('GARMIN')
    const switchTo = async (scopes: string[]) => {
      const at = { clientId: hub.clientIds['GARMIN'] ?? '', accountId: account?.accountId ?? '' }
      await hub.simulator.changePermissions('GARMIN', { ...at, scopes })
      await hub.hub.settle()
      return await explain(hub, userId)
    }
    expect(await switchTo([])).toMatchObject({
      status: 'active',
      code: 'grant_permissions',
      why: expect.stringContaining(
        '(ACTIVITY_EXPORT, HEALTH_EXPORT, COURSE_IMPORT, WORKOUT_IMPORT)',
      ),
      todo: expect.stringContaining('switch the permissions on again in the settings of Garmin'),
    })
    expect(await switchTo(['HEALTH_EXPORT'])).toMatchObject({
      code: 'nothing',
      why: 'The person connected Garmin, without ACTIVITY_EXPORT, COURSE_IMPORT, WORKOUT_IMPORT.',
    })
    const all = ['ACTIVITY_EXPORT', 'HEALTH_EXPORT', 'COURSE_IMPORT', 'WORKOUT_IMPORT']
    expect(await switchTo(all)).toMatchObject({ code: 'nothing', todo: 'Nothing.' })
  })

  it('tells whose mistake it is when a refresh is refused', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('FITBIT')).searchParams.get('user_id')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { error: 'invalid_client' } })
    await pass(hub, 10 * HOUR_MS)
    expect(await explain(hub, userId)).toMatchObject({
      status: 'active',
      code: 'correct_credentials',
      why: expect.stringContaining('answered 400 invalid_client'),
    })
  })

  it('tells how people move whose provider ends', async () => {
    const hub = await createTestHub({ providers: ['FITBIT', 'GOOGLE'] })
    const userId = (await hub.connect('FITBIT')).searchParams.get('user_id')
    expect(await explain(hub, userId)).toMatchObject({ code: 'nothing' })
    await hub.call('POST', '/admin/v1/moves', { from: 'FITBIT' })
    expect(await explain(hub, userId)).toMatchObject({
      code: 'connect_again',
      todo: 'Send the person their link of the move; the connection goes on behind it.',
    })
  })

  it('tells of a user that was replaced, and of one that was disconnected', async () => {
    const hub = await createTestHub()
    const old = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const present = (await hub.connect('GARMIN')).searchParams.get('user_id')
    expect(await explain(hub, old)).toMatchObject({ user_id: old, present_user_id: present })
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${present}`)
    await hub.hub.settle()
    expect(await explain(hub, present)).toMatchObject({
      status: 'disconnected',
      code: 'connect_again',
      revocations: [{ status: 'revoked', provider: 'GARMIN', attempts: 1 }],
    })
    const { json } = await hub.call('GET', '/admin/v1/revocations')
    expect(json.data).toMatchObject([{ status: 'revoked', next_attempt_at: null }])
    expect((await hub.call('GET', '/admin/v1/revocations?status=pending')).json.data).toEqual([])
  })

  it('knows nobody of another environment', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const other = await hub.addEnvironment('acme-staging')
    const answer = await other.call('GET', `/admin/v1/users/${userId}/explain`)
    expect([answer.status, answer.json.code]).toEqual([404, 'user_not_found'])
    expect((await other.call('GET', '/admin/v1/revocations')).json.data).toEqual([])
  })
})
