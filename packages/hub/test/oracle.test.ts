/**
 * What belongs to another environment is answered as what does not exist: by the same words, and after the same
 * statements to the database, so that no clock can tell them apart either.
 */
import { type SqliteHandle, openSqlite } from 'firma-receiver/sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { createApiKey } from '../src/operations/api-keys.ts'
import { createTestHub } from './support/create-test-hub.ts'

const UNKNOWN = '00000000-0000-4000-8000-000000000000'

/** A database that writes down what it is asked. */
async function openRecorded(): Promise<{ sqlite: SqliteHandle; statements: string[] }> {
  const handle = await openSqlite(':memory:')
  onTestFinished(async () => await handle.close())
  const statements: string[] = []
  const sqlite: SqliteHandle = {
    driver: handle.driver,
    close: async () => await handle.close(),
    exclusive: async (run) =>
      await handle.exclusive(
        async (database) =>
          await run({
            exec: (sql) => database.exec(sql),
            close: () => database.close(),
            prepare: (sql) => {
              statements.push(sql)
              return database.prepare(sql)
            },
          }),
      ),
  }
  return { sqlite, statements }
}

it('answers ids of another environment as ids of nobody, after the same work', async () => {
  const { sqlite, statements } = await openRecorded()
  const connect = { confirmation: 'off', accountPolicy: 'allow' } as const
  const hub = await createTestHub({ sqlite, settings: { connect, tokenAccess: 'allowed' } })
  const other = await hub.addEnvironment('acme-staging', { tokenAccess: 'allowed' })
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
  const events = await hub.call('GET', '/admin/v1/events')
  const key = await createApiKey(hub.hub.deps, 'cli', {
    environmentId: other.devId,
    name: 'all',
    scopes: ['connect', 'read', 'write'],
  })
  const job = await hub.call('POST', '/admin/v1/users/disconnect', {
    filter: { provider: 'FITBIT' },
  })
  await hub.hub.settle()
  const ids = {
    user: userId,
    event: String(events.json.data[0].id),
    destination: hub.destinationId,
    job: String(job.json.job.id),
  }
  const requests: (readonly [keyof typeof ids, string, string, unknown?])[] = [
    ['user', 'GET', '/v2/userInfo?user_id=:id'],
    ['user', 'POST', '/v2/bulkUserInfo', [':id']],
    ['user', 'PATCH', '/v2/users/:id', { reference_id: 'mine' }],
    ['user', 'GET', '/v2/users/:id/token'],
    ['user', 'DELETE', '/v2/auth/deauthenticateUser?user_id=:id'],
    ['user', 'GET', '/v2/proxy/:id/wellness-api/rest/user/id'],
    ['user', 'GET', '/admin/v1/users/:id'],
    ['user', 'GET', '/admin/v1/users/:id/explain'],
    ['user', 'GET', '/admin/v1/users?user_id=:id'],
    ['user', 'DELETE', '/admin/v1/users/:id'],
    ['event', 'GET', '/admin/v1/events/:id'],
    ['event', 'GET', '/admin/v1/events/:id/body'],
    ['event', 'POST', '/admin/v1/events/:id/resend', {}],
    ['destination', 'GET', '/admin/v1/destinations/:id'],
    ['destination', 'DELETE', '/admin/v1/destinations/:id'],
    ['destination', 'POST', '/admin/v1/destinations/:id/disable'],
    ['destination', 'POST', '/admin/v1/destinations/:id/secrets', {}],
    ['job', 'GET', '/admin/v1/jobs/:id'],
  ]
  const ask = async (method: string, path: string, body: unknown, id: string) => {
    statements.length = 0
    const text = body === undefined ? undefined : JSON.stringify(body).replaceAll(':id', id)
    const response = await fetch(hub.url + path.replace(':id', id), {
      method,
      headers: {
        'dev-id': other.devId,
        'x-api-key': key.secret,
        'content-type': 'application/json',
      },
      ...(text !== undefined && { body: text }),
    })
    const said = (await response.text()).replaceAll(id, ':id')
    await hub.hub.settle()
    return { path, status: response.status, said, statements: [...statements] }
  }
  for (const [kind, method, path, body] of requests) {
    // Once before, for what is remembered after a first request.
    await ask(method, path, body, UNKNOWN)
    const unknown = await ask(method, path, body, UNKNOWN)
    const foreign = await ask(method, path, body, ids[kind])
    expect(foreign).toEqual(unknown)
  }
  // And nothing of it has touched what it named.
  const info = await hub.call('GET', `/v2/userInfo?user_id=${userId}`)
  expect(info.json.user).toMatchObject({ active: true, reference_id: 'tony_stark' })
})

it('answers a foreign confirm_code as one that was never made, after the same work', async () => {
  const { sqlite, statements } = await openRecorded()
  const connect = { confirmation: 'required', accountPolicy: 'allow' } as const
  const hub = await createTestHub({ sqlite, settings: { connect } })
  const other = await hub.addEnvironment('acme-staging', { connect })
  const code = (await hub.connect('GARMIN')).searchParams.get('confirm_code') ?? ''
  const ask = async (confirm_code: string) => {
    statements.length = 0
    const body = { confirm_code, reference_id: 'tony_stark' }
    const answer = await other.call('POST', '/v2/auth/confirmConnection', body)
    return { answer, statements: [...statements] }
  }
  await ask('A'.repeat(43))
  expect(await ask(code)).toEqual(await ask('A'.repeat(43)))
})

it('lets a stranger try links, states and notice keys only so often, and nobody else wait for it', async () => {
  const hub = await createTestHub({ rateLimits: { perKey: 1_000, perAddress: 5 } })
  const tries = [
    '/session/x',
    '/connect/x',
    '/callback/acme-testing/GARMIN?state=x&code=x',
    `/flow/${UNKNOWN}`,
    '/notices/acme-testing/GARMIN/x',
  ]
  const statuses: number[] = []
  for (const path of tries) statuses.push((await fetch(hub.url + path)).status)
  expect(statuses.every((status) => status === 404 || status === 400)).toBe(true)
  for (const path of tries) {
    const refused = await fetch(hub.url + path)
    expect([path, refused.status]).toEqual([path, 429])
    expect(refused.headers.get('retry-after')).toBe('60')
  }
  // A person at the same address has the right link.
  expect((await hub.connect('GARMIN')).searchParams.has('user_id')).toBe(true)
  await hub.advanceByMs(60_000)
  expect((await fetch(`${hub.url}/session/x`)).status).toBe(404)
})

it('counts links that are made and confirmations, right ones too, by their key', async () => {
  const hub = await createTestHub({ rateLimits: { perKey: 3, perAddress: 100 } })
  const mint = async () => (await hub.call('POST', '/v2/auth/generateWidgetSession', {})).status
  expect([await mint(), await mint()]).toEqual([200, 200])
  const body = { confirm_code: 'x', reference_id: 'x' }
  const confirm = async () => await hub.call('POST', '/v2/auth/confirmConnection', body)
  expect((await confirm()).json.code).toBe('confirm_code_unknown')
  expect((await confirm()).json.code).toBe('too_many_requests')
  expect(await mint()).toBe(429)
})
