/** Connections that stay alive: refreshing, its failures, and what the app is told of them. */
import { describe, expect, it } from 'vitest'
import { findProviderAccess } from '../src/operations/provider-access.ts'
import { getFreshTokens } from '../src/operations/refresh-tokens.ts'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub, types } from './support/create-test-hub.ts'
import { intercept, isRefresh } from './support/intercept.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

function tokenCalls(hub: TestHub): number[] {
  return hub.simulator.requests
    .filter(({ path }) => path.endsWith('/token'))
    .map(({ status }) => status)
}

/** Moves time in longer steps than the workers sleep: whole days pass in no time. */
async function pass(hub: TestHub, ms: number, stepMs = 5 * MINUTE_MS): Promise<void> {
  const endMs = hub.clock.nowMs() + ms
  while (hub.clock.nowMs() < endMs) {
    hub.clock.moveTo(Math.min(endMs, hub.clock.nowMs() + stepMs))
    await hub.hub.settle()
  }
}

async function tokenRows(hub: TestHub) {
  return await hub.rows('SELECT * FROM token_set')
}

/** Asks for tokens as a call to the provider's API would. */
async function fresh(hub: TestHub, rejectedVersion?: number, deps = hub.hub.deps) {
  return await (
    await caller(hub, deps)
  )(rejectedVersion)
}

/** @returns As {@link fresh}, with what the call knows beforehand. */
async function caller(hub: TestHub, deps = hub.hub.deps) {
  const [row] = await hub.rows('SELECT lineage_id AS id FROM connection')
  const connection = await deps.store.connections.find(String(row?.['id']))
  if (connection === undefined) throw new TypeError('nobody is connected')
  const access = await findProviderAccess(deps, DEV_ID, connection.state.user.provider)
  if (access === undefined) throw new TypeError('the provider is not enabled')
  return async (rejectedVersion?: number) =>
    await getFreshTokens(deps, connection, access, rejectedVersion)
}

describe('the refresh worker', () => {
  it('refreshes ahead of expiry, for weeks, and says nothing', async () => {
    const hub = await createTestHub({ wantsExtensions: true })
    await hub.connect('FITBIT')
    await pass(hub, 2 * DAY_MS)
    // Eight hours each, a little earlier.
    expect(tokenCalls(hub)).toEqual([200, 200, 200, 200, 200, 200, 200])
    expect(await fresh(hub)).toMatchObject({ type: 'fresh', version: 7 })
    expect(tokenCalls(hub)).toHaveLength(7)
    expect(types(hub)).toEqual(['auth'])
  })

  it('does not touch a connection that has ended', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('OURA')).searchParams.get('user_id')
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    await pass(hub, 2 * DAY_MS)
    expect(tokenCalls(hub)).toEqual([200])
  })

  it('keeps on refreshing the others when one row does not open', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    await hub.connect('FITBIT', {
      referenceId: 'pepper',
      person: createPerson({ login: 'pepper' }),
    })
    // Moved to another row, as somebody with access to the file might do.
    await hub.database.execute(
      `UPDATE token_set SET sealed = (SELECT sealed FROM token_set ORDER BY lineage_id LIMIT 1)
       WHERE lineage_id = (SELECT max(lineage_id) FROM token_set)`,
    )
    await pass(hub, 9 * HOUR_MS)
    expect(tokenCalls(hub)).toEqual([200, 200, 200])
    expect(hub.logged).toContain('a token set was set aside; it is tried again')
    expect(await hub.rows('SELECT version FROM token_set WHERE last_failure IS NULL')).toEqual([
      { version: 2 },
    ])
  })

  it('takes up what a process has left behind when it was killed', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    await hub.database.execute(
      `UPDATE token_set SET claim_id = 'gone', claim_until_ms = refresh_at_ms + 60000,
       refresh_at_ms = refresh_at_ms + 60000`,
    )
    await pass(hub, 9 * HOUR_MS)
    expect(tokenCalls(hub)).toEqual([200, 200])
  })
})

describe('a process that is held up after it has sent', () => {
  it('keeps the only try, although its claim has run out and the access token is dead', async () => {
    let letGo = (): void => {}
    const held = new Promise<void>((resolve) => (letGo = resolve))
    const slow = intercept((url, init) =>
      isRefresh(init)
        ? fetch(url, init).then(async (response) => {
            await held
            return response
          })
        : undefined,
    )
    const hub = await createTestHub({ fetch: slow })
    await hub.connect('FITBIT')
    const first = fresh(hub, 1)
    await expect.poll(() => tokenCalls(hub)).toEqual([200, 200])
    await hub.database.execute('UPDATE token_set SET claim_id = NULL, claim_until_ms = NULL')
    const { deps } = hub.hub
    const another = { ...deps, refreshes: { ...deps.refreshes, running: new Map() } }
    expect(await fresh(hub, 1, another)).toEqual({ type: 'unavailable' })
    await hub.database.execute('UPDATE token_set SET refresh_at_ms = 0')
    await hub.hub.settle()
    letGo()
    expect(await first).toMatchObject({ type: 'fresh', version: 2 })
    expect(tokenCalls(hub)).toEqual([200, 200])
  })

  it('is followed by another try when nobody can have the answer any more', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const nowMs = hub.clock.nowMs()
    await hub.database.execute(
      `UPDATE token_set SET claim_id = 'gone', claim_until_ms = ${nowMs + MINUTE_MS},
       unanswered_since_ms = ${nowMs}, refresh_at_ms = ${nowMs + MINUTE_MS}`,
    )
    // The worker comes to it as well; whoever meets it there would wait for a time that stands still.
    hub.clock.moveTo(nowMs + 13 * MINUTE_MS)
    await hub.hub.settle()
    expect(await fresh(hub, 1)).toEqual({ type: 'unavailable' })
    hub.clock.moveTo(nowMs + 15 * MINUTE_MS)
    await hub.hub.settle()
    expect(await fresh(hub, 1)).toMatchObject({ type: 'fresh', version: 2 })
    expect(tokenCalls(hub)).toEqual([200, 200])
  })
})

describe('many who need a token at once', () => {
  it('share one refresh', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    hub.simulator.fail('GARMIN', { tokenEndpoint: { hangMs: 50 } })
    const ask = await caller(hub)
    const answers = await Promise.all(Array.from({ length: 1_000 }, async () => await ask(1)))
    expect(new Set(answers.map(({ type }) => type))).toEqual(new Set(['fresh']))
    expect(answers.every((answer) => answer.type === 'fresh' && answer.version === 2)).toBe(true)
    expect(tokenCalls(hub)).toEqual([200, 200])
  })
})

describe('a grant that the provider calls dead', () => {
  it('is announced once, after a second verdict minutes later, and stays a user', async () => {
    const hub = await createTestHub({ wantsExtensions: true })
    const userId = (await hub.connect('FITBIT')).searchParams.get('user_id')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { error: 'invalid_grant' } })
    await pass(hub, 8 * HOUR_MS)
    expect(types(hub)).toEqual(['auth', 'connection_error'])
    const { json } = await hub.call('GET', `/v2/userInfo?user_id=${userId}`)
    expect(json.user.active).toBe(true)
    expect(hub.app.received[1]?.event).toMatchObject({ user: { user_id: userId, active: true } })
  })

  it('is announced once for a thousand uses over two weeks, with few questions to the provider', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { error: 'invalid_grant' } })
    await pass(hub, 8 * HOUR_MS, 30 * MINUTE_MS)
    for (let moments = 0; moments < 50; moments += 1) {
      // Together, as a busy app does it; whatever only one of them may do is then done once as well.
      const ask = await caller(hub)
      const uses = await Promise.all(Array.from({ length: 20 }, async () => await ask()))
      expect(uses.map(({ type }) => type)).not.toContain('fresh')
      await pass(hub, 400 * MINUTE_MS, 400 * MINUTE_MS)
    }
    expect(types(hub)).toEqual(['auth', 'connection_error'])
    expect(tokenCalls(hub).length).toBeLessThan(20)
  })

  it('recovers when the provider was wrong, and says so to those who ask', async () => {
    const hub = await createTestHub({ wantsExtensions: true })
    await hub.connect('FITBIT')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { error: 'invalid_grant' } })
    await pass(hub, 12 * HOUR_MS)
    hub.simulator.heal('FITBIT')
    await pass(hub, 2 * DAY_MS)
    expect(types(hub)).toEqual(['auth', 'connection_error', 'connection_recovered'])
  })

  it('is not announced when only one verdict was wrong', async () => {
    const hub = await createTestHub({ wantsExtensions: true })
    await hub.connect('FITBIT')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { error: 'invalid_grant', times: 1 } })
    await pass(hub, 2 * DAY_MS)
    expect(types(hub)).toEqual(['auth'])
  })

  it('starts anew when the person connects again', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { error: 'invalid_grant' } })
    await pass(hub, 12 * HOUR_MS)
    hub.simulator.heal('FITBIT')
    await hub.connect('FITBIT')
    expect(types(hub)).toEqual(['auth', 'connection_error', 'user_reauth', 'auth'])
    expect(await tokenRows(hub)).toMatchObject([{ failures: 0, rejections: 0, last_failure: null }])
    expect((await fresh(hub)).type).toBe('fresh')
  })

  it('is known by the end of the access token where there is nothing to refresh with', async () => {
    const withoutRefresh = intercept((url, init) =>
      url.endsWith('/oauth2/token') ? fetch(url, init).then(dropRefreshToken) : undefined,
    )
    const hub = await createTestHub({ fetch: withoutRefresh })
    await hub.connect('FITBIT')
    await pass(hub, 7 * HOUR_MS)
    expect(types(hub)).toEqual(['auth'])
    await pass(hub, 2 * HOUR_MS)
    expect(types(hub)).toEqual(['auth', 'connection_error'])
    expect(tokenCalls(hub)).toEqual([200])
  })
})

async function dropRefreshToken(response: Response): Promise<Response> {
  const { refresh_token: _dropped, ...body } = (await response.json()) as Record<string, unknown>
  return Response.json(body)
}

describe('trouble that says nothing about the grant', () => {
  it.each([
    ['an outage', { status: 503 }],
    ['a limit', { status: 429 }],
    ['an error that nobody knows', { error: 'teapot' }],
    ['the operator’s own credentials', { error: 'invalid_client' }],
  ])('is not announced: %s', async (_what, fault) => {
    const hub = await createTestHub({ wantsExtensions: true })
    await hub.connect('FITBIT')
    hub.simulator.fail('FITBIT', { tokenEndpoint: fault })
    await pass(hub, DAY_MS)
    const failed = tokenCalls(hub).length - 1
    expect(failed).toBeGreaterThan(3)
    expect(failed).toBeLessThan(80)
    hub.simulator.heal('FITBIT')
    await pass(hub, 12 * HOUR_MS)
    expect(types(hub)).toEqual(['auth'])
    expect((await fresh(hub)).type).toBe('fresh')
  })

  it('alarms the operator when it is the app’s own credentials', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { error: 'invalid_client' } })
    await pass(hub, 8 * HOUR_MS)
    expect(hub.logged).toContain(
      'the provider refuses this environment’s own credentials; check them',
    )
  })

  it('leaves the old access token usable while it lives', async () => {
    const hub = await createTestHub()
    await hub.connect('FITBIT')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { status: 503 } })
    await pass(hub, 8 * HOUR_MS - 9 * MINUTE_MS)
    expect(await fresh(hub)).toMatchObject({ type: 'fresh', version: 1 })
    await pass(hub, 10 * MINUTE_MS)
    expect(await fresh(hub)).toEqual({ type: 'unavailable' })
  })
})

describe('an answer that was lost', () => {
  /** Cuts refreshes after they have reached the provider. */
  function cutting(state: { isCut: boolean }) {
    return intercept((url, init) => {
      if (!isRefresh(init) || !state.isCut) return undefined
      return fetch(url, init).then(() => {
        throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })
      })
    })
  }

  it('is not followed by a second use of the same refresh token while the access token lives', async () => {
    const state = { isCut: true }
    const hub = await createTestHub({ fetch: cutting(state) })
    await hub.connect('FITBIT')
    await pass(hub, 8 * HOUR_MS - MINUTE_MS)
    expect(tokenCalls(hub)).toEqual([200, 200])
    expect(await fresh(hub)).toMatchObject({ type: 'fresh', version: 1 })
    expect(await tokenRows(hub)).toMatchObject([{ failures: 1 }])
    expect((await tokenRows(hub))[0]?.['unanswered_since_ms']).not.toBeNull()
    // With the access token gone, nothing is left to lose: Fitbit then says that the token was used.
    state.isCut = false
    await pass(hub, 2 * HOUR_MS)
    expect(tokenCalls(hub).slice(0, 4)).toEqual([200, 200, 400, 400])
    expect(types(hub)).toEqual(['auth', 'connection_error'])
  })

  it('is not lost when the request never left', async () => {
    const state = { isDown: true }
    const down = intercept((_url, init) => {
      if (!state.isDown || !isRefresh(init)) return
      return Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } }))
    })
    const hub = await createTestHub({ fetch: down })
    await hub.connect('FITBIT')
    await pass(hub, 8 * HOUR_MS - 9 * MINUTE_MS)
    expect(await tokenRows(hub)).toMatchObject([{ unanswered_since_ms: null }])
    state.isDown = false
    await pass(hub, HOUR_MS)
    expect(await tokenRows(hub)).toMatchObject([{ version: 2, failures: 0 }])
  })

  it('waits for the database rather than losing the new token', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    hub.simulator.fail('GARMIN', { tokenEndpoint: { hangMs: 9 * MINUTE_MS } })
    const waiting = fresh(hub, 1)
    await expect.poll(async () => (await tokenRows(hub))[0]?.['unanswered_since_ms']).not.toBeNull()
    await hub.database.execute('ALTER TABLE connection RENAME TO gone')
    hub.simulator.heal('GARMIN')
    await expect
      .poll(() => hub.logged)
      .toContain('refreshed tokens could not be stored; it is tried again')
    await hub.database.execute('ALTER TABLE gone RENAME TO connection')
    hub.clock.moveTo(hub.clock.nowMs() + 2_000)
    expect(await waiting).toMatchObject({ type: 'fresh', version: 2 })
    expect(tokenCalls(hub)).toEqual([200, 200])
  })
})

describe('a refresh that tells of other scopes', () => {
  it('announces permission_change', async () => {
    const narrower = intercept((url, init) =>
      isRefresh(init)
        ? fetch(url, init).then(async (response) => {
            const body = (await response.json()) as Record<string, unknown>
            return Response.json({ ...body, scope: 'profile sleep' })
          })
        : undefined,
    )
    const hub = await createTestHub({ fetch: narrower })
    await hub.connect('FITBIT', { scopes: ['profile', 'sleep', 'heartrate'] })
    await pass(hub, 17 * HOUR_MS)
    expect(types(hub)).toEqual(['auth', 'permission_change'])
    expect(hub.app.received[1]?.event).toMatchObject({
      scopes_added: '',
      scopes_removed: 'heartrate',
    })
  })
})

describe('a connection that ends while it is refreshed', () => {
  it('gives the tokens that came too late back at once', async () => {
    let letGo = (): void => {}
    const held = new Promise<void>((resolve) => (letGo = resolve))
    const slow = intercept((url, init) =>
      isRefresh(init)
        ? fetch(url, init).then(async (response) => {
            await held
            return response
          })
        : undefined,
    )
    const hub = await createTestHub({ fetch: slow })
    const userId = (await hub.connect('OURA')).searchParams.get('user_id')
    const late = fresh(hub, 1)
    await expect.poll(() => tokenCalls(hub)).toEqual([200, 200])
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    letGo()
    expect(await late).toEqual({ type: 'unavailable' })
    await hub.hub.settle()
    expect(await tokenRows(hub)).toEqual([])
    const rows = await hub.rows('SELECT status FROM revocation WHERE lineage_id IS NOT NULL')
    expect(rows).toEqual([{ status: 'revoked' }, { status: 'revoked' }])
    expect(hub.simulator.accounts('OURA')[0]?.appsConnected).toEqual([])
  })
})

it('goes on where a refresh was cut off while the clock was a year ahead', async () => {
  const hub = await createTestHub()
  await hub.connect('OURA')
  const nowMs = hub.clock.nowMs()
  await hub.rows(`UPDATE token_set SET unanswered_since_ms = ${nowMs + 365 * DAY_MS}`)
  hub.clock.moveTo(nowMs + 2 * DAY_MS)
  await hub.hub.settle()
  expect(await fresh(hub)).toMatchObject({ type: 'fresh', version: 2 })
})
