/** How the operator gets into the dashboard, and what the login is good for. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { createApiKey } from '../../src/operations/api-keys.ts'
import {
  createSetupToken,
  logIn,
  resetOperator,
  setUpOperator,
} from '../../src/operations/operator-login.ts'
import { DEV_ID, type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { openTestSchema } from '../support/postgres.ts'
import { expectProblem } from '../support/problems.ts'
import { wrapPostgres } from '../support/test-database.ts'

const PASSWORD = 'correct horse battery'

/** A browser as far as it matters: it keeps one cookie. */
function openBrowser(hub: TestHub) {
  const browser = { cookie: '', csrf: '' }
  const send = async (
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Response> => {
    const response = await fetch(hub.url + path, {
      method,
      headers: { cookie: browser.cookie, 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const [cookie] = response.headers.getSetCookie()
    if (cookie !== undefined) browser.cookie = cookie.split(';')[0] ?? ''
    return response
  }
  return { browser, send }
}

async function setUp(hub: TestHub) {
  const token = await createSetupToken(hub.hub.deps)
  const { browser, send } = openBrowser(hub)
  const body = { setup_token: token, password: PASSWORD }
  const response = await send('POST', '/admin/v1/setup', { body })
  const json = (await response.json()) as { csrf_token: string }
  browser.csrf = json.csrf_token
  return { token, response, send, csrf: { 'x-csrf-token': json.csrf_token } }
}

describe('the first run', () => {
  it('lets whoever sees the terminal choose the password, once', async () => {
    const hub = await createTestHub()
    const { send } = openBrowser(hub)
    const before = await send('GET', '/admin/v1/setup')
    expect(await before.json()).toEqual({ needs_setup: true })
    const { token, response } = await setUp(hub)
    expect(response.status).toBe(201)
    expect(response.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^firma-operator=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/,
      ),
    ])
    expect(await (await send('GET', '/admin/v1/setup')).json()).toEqual({ needs_setup: false })
    const again = { body: { setup_token: token, password: 'another password' } }
    await expectProblem(await send('POST', '/admin/v1/setup', again), 'forbidden')
    expect(await createSetupToken(hub.hub.deps)).toBeUndefined()
  })

  it('refuses a wrong token, an old one, and a password that is too short', async () => {
    const hub = await createTestHub()
    const { send } = openBrowser(hub)
    const token = await createSetupToken(hub.hub.deps)
    const choose = async (body: object) => await send('POST', '/admin/v1/setup', { body })
    const short = await choose({ setup_token: token, password: 'too short' })
    expect(await expectProblem(short, 'bad_request')).toMatch(/at least 12 characters/)
    await expectProblem(await choose({ setup_token: 'x', password: PASSWORD }), 'forbidden')
    hub.clock.moveTo(hub.clock.nowMs() + 24 * 3_600_000)
    await expectProblem(await choose({ setup_token: token, password: PASSWORD }), 'forbidden')
  })
})

describe('a session', () => {
  it('opens with the password, and closes', async () => {
    const hub = await createTestHub()
    const early = await openBrowser(hub).send('POST', '/admin/v1/session', {
      body: { password: 'x' },
    })
    await expectProblem(early, 'conflict')
    await setUp(hub)
    const { send } = openBrowser(hub)
    const wrong = await send('POST', '/admin/v1/session', { body: { password: `${PASSWORD}!` } })
    await expectProblem(wrong, 'unauthorized')
    await expectProblem(await send('GET', '/admin/v1/session'), 'unauthorized')
    const opened = await send('POST', '/admin/v1/session', { body: { password: PASSWORD } })
    expect(opened.status).toBe(201)
    const session = (await opened.json()) as { csrf_token: string }
    expect(await (await send('GET', '/admin/v1/session')).json()).toEqual(session)
    const headers = { 'x-csrf-token': session.csrf_token }
    const closed = await send('DELETE', '/admin/v1/session', { headers })
    expect(closed.status).toBe(200)
    expect(closed.headers.getSetCookie()[0]).toMatch(/^firma-operator=; .*Max-Age=0;/)
    await expectProblem(await send('GET', '/admin/v1/session'), 'unauthorized')
    expect(await hub.rows("SELECT actor FROM audit WHERE action = 'session.close'")).toEqual([
      { actor: expect.stringMatching(/^session:[0-9a-f-]{36}$/) },
    ])
  })

  it('may do everything in every environment, with the header that only its pages can send', async () => {
    const hub = await createTestHub()
    const { send, csrf } = await setUp(hub)
    expect((await send('GET', '/admin/v1/environments')).status).toBe(200)
    const headers = { 'dev-id': DEV_ID }
    expect((await send('GET', '/admin/v1/events', { headers })).status).toBe(200)
    const generate = async (extra: Record<string, string>) =>
      await send('POST', '/admin/v1/events/generate', {
        headers: { ...headers, ...extra },
        body: {},
      })
    expect(await expectProblem(await generate({}), 'forbidden')).toMatch(/x-csrf-token/)
    await expectProblem(await generate({ 'x-csrf-token': 'x' }), 'forbidden')
    await expectProblem(await generate(csrf), 'bad_request')
  })

  it('is nothing to the API of the apps', async () => {
    const hub = await createTestHub()
    const { send, csrf } = await setUp(hub)
    const headers = { 'dev-id': DEV_ID, ...csrf }
    const response = await send('GET', '/v2/subscriptions', { headers })
    expect(response.status).toBe(401)
  })

  it('ends after twelve hours', async () => {
    const hub = await createTestHub()
    const { send } = await setUp(hub)
    hub.clock.moveTo(hub.clock.nowMs() + 12 * 3_600_000)
    expect((await send('GET', '/admin/v1/environments')).status).toBe(401)
  })

  it('is not opened by trying one password after the other', async () => {
    const hub = await createTestHub()
    await setUp(hub)
    const { send } = openBrowser(hub)
    const statuses: number[] = []
    for (let i = 0; i < 11; i += 1) {
      const response = await send('POST', '/admin/v1/session', { body: { password: `${i}` } })
      statuses.push(response.status)
    }
    // Setting up was the first of ten.
    expect(statuses).toEqual([...Array.from({ length: 9 }, () => 401), 429, 429])
    const refused = await send('POST', '/admin/v1/session', { body: { password: PASSWORD } })
    expect(refused.headers.get('retry-after')).toBe('60')
    await hub.advanceByMs(60_000)
    const right = await send('POST', '/admin/v1/session', { body: { password: PASSWORD } })
    expect(right.status).toBe(201)
  })

  it('leaves a trace', async () => {
    const hub = await createTestHub()
    await setUp(hub)
    const rows = await hub.rows('SELECT action, actor FROM audit WHERE environment_id IS NULL')
    expect(rows).toEqual([
      { action: 'operator.set_up', actor: 'system' },
      { action: 'session.open', actor: expect.stringMatching(/^session:[0-9a-f-]{36}$/) },
    ])
  })
})

describe('rate limits', () => {
  it('tell a key how much is left, and when there is none', async () => {
    const hub = await createTestHub({ rateLimits: { perKey: 2, perAddress: 2 } })
    const headers = { 'dev-id': DEV_ID, 'x-api-key': hub.apiKey }
    const ask = async () => await fetch(`${hub.url}/v2/subscriptions`, { headers })
    const first = await ask()
    expect(first.headers.get('ratelimit-limit')).toBe('2')
    expect(first.headers.get('ratelimit-remaining')).toBe('1')
    expect(first.headers.get('ratelimit-reset')).toBe('60')
    await ask()
    const third = await ask()
    expect(third.headers.get('retry-after')).toBe('60')
    expect(await expectProblem(third, 'too_many_requests')).toMatch(/more than 2 requests/)
    await hub.advanceByMs(60_000)
    expect((await ask()).status).toBe(200)
  })

  it.each(['/admin/v1/stream', '/admin/v1/events/1/body', '/metrics'])(
    'hold at %s as everywhere',
    async (path) => {
      const hub = await createTestHub({ rateLimits: { perKey: 1, perAddress: 1 } })
      const request = { environmentId: null, name: 'operator' }
      const { secret } = await createApiKey(hub.hub.deps, 'cli', request)
      const ask = async (key: string) => {
        const headers = { 'dev-id': DEV_ID, 'x-api-key': key }
        const { status, body } = await fetch(hub.url + path, { headers })
        await body?.cancel()
        return status
      }
      expect([await ask('a'), await ask('b')]).toEqual([401, 429])
      expect([await ask(secret), await ask(secret)]).toEqual([expect.any(Number), 429])
    },
  )

  it('stop an address that tries keys, and let good ones from there through', async () => {
    const hub = await createTestHub({ rateLimits: { perKey: 9, perAddress: 2 } })
    const ask = async (key: string) =>
      await fetch(`${hub.url}/v2/subscriptions`, {
        headers: { 'dev-id': DEV_ID, 'x-api-key': key },
      })
    const statuses: number[] = []
    for (const key of ['a', 'b', 'c', hub.apiKey]) statuses.push((await ask(key)).status)
    expect(statuses).toEqual([401, 401, 429, 200])
  })
})

/** A transaction of this schema's that wants a row of one that is under way. */
const WAITING = `SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN
  (SELECT pid FROM pg_locks WHERE relation IN ('operator'::regclass, 'setup_token'::regclass))`

async function openHubOn(engine: string): Promise<TestHub> {
  if (engine === 'sqlite') return await createTestHub()
  const schema = await openTestSchema()
  const database = wrapPostgres(schema)
  onTestFinished(async () => {
    await database.close()
    await schema.drop()
  })
  return await createTestHub({ database })
}

type Deps = Parameters<typeof resetOperator>[0]

/** Somebody resets when the old password, or token, was found to be right and nothing is written yet. */
function resetBetween(deps: Deps): Deps {
  const transaction: Deps['store']['transaction'] = async (run) => {
    await resetOperator(deps)
    return await deps.store.transaction(run)
  }
  return { ...deps, store: { ...deps.store, transaction } }
}

/** Somebody resets when everything is written, and nothing committed. @returns When that reset is over. */
function resetBefore(deps: Deps, isWaiting: () => Promise<boolean>) {
  const resets: Promise<unknown>[] = []
  const transaction: Deps['store']['transaction'] = async (run) =>
    await deps.store.transaction(async (tx) => {
      const answer = await run(tx)
      const state = { isOver: false }
      const reset = resetOperator(deps).then(() => {
        state.isOver = true
      })
      resets.push(reset)
      while (!state.isOver && !(await isWaiting())) await deps.store.ping()
      return answer
    })
  const done = async () => await Promise.all(resets)
  return { deps: { ...deps, store: { ...deps.store, transaction } }, done }
}

describe('a reset while somebody logs in', () => {
  it.each(['sqlite', 'postgres'])('leaves them outside on %s', async (engine) => {
    const { deps } = (await openHubOn(engine)).hub
    const setupToken = (await createSetupToken(deps)) ?? ''
    const choice = { setupToken, password: PASSWORD }
    await expect(setUpOperator(resetBetween(deps), choice)).rejects.toMatchObject({
      code: 'forbidden',
    })
    expect(await createSetupToken(deps)).toBeDefined()
    const next = await resetOperator(deps)
    await setUpOperator(deps, { ...choice, setupToken: next.setupToken })
    await expect(logIn(resetBetween(deps), PASSWORD)).rejects.toMatchObject({
      code: 'unauthorized',
    })
    expect(await resetOperator(deps)).toMatchObject({ hadPassword: false, sessionsEnded: 0 })
  })

  it('waits on PostgreSQL for whoever is about to be in, and ends that login', async () => {
    const hub = await openHubOn('postgres')
    const { deps } = hub.hub
    const isWaiting = async () => (await hub.rows(WAITING)).length > 0
    const setupToken = (await createSetupToken(deps)) ?? ''
    const first = resetBefore(deps, isWaiting)
    await setUpOperator(first.deps, { setupToken, password: PASSWORD })
    await first.done()
    const next = await resetOperator(deps)
    expect(next).toMatchObject({ hadPassword: false, sessionsEnded: 0 })
    await setUpOperator(deps, { setupToken: next.setupToken, password: PASSWORD })
    const second = resetBefore(deps, isWaiting)
    await logIn(second.deps, PASSWORD)
    await second.done()
    expect(await resetOperator(deps)).toMatchObject({ hadPassword: false, sessionsEnded: 0 })
  })
})
