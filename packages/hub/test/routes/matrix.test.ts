/**
 * Who may call what: every route that the hub has, at every path, for everybody who must be refused. A new
 * route is in here by itself; one with a new kind of id has to say in `ID_PLACES` where that id comes from.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Scope } from '../../src/core/scope.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { type AnyRoute, scopeOf } from '../../src/http/route.ts'
import { ROUTES } from '../../src/http/routes.ts'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { digest } from '../../src/secret.ts'
import { validBody } from '../support/arbitrary-request.ts'
import { DEV_ID, type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { describedBy } from '../support/judge-answer.ts'
import { countRows, expectProblem } from '../support/problems.ts'

const OTHER = 'acme-staging'
const SCOPES: readonly Scope[] = ['connect', 'read', 'write']
const NOBODY = '00000000-0000-4000-8000-000000000000'

interface Call {
  readonly route: AnyRoute
  readonly method: string
  /** As the route spells it, with its parameters. */
  readonly pattern: string
}

const CALLS: readonly Call[] = ROUTES.flatMap((route) =>
  route.paths.flatMap((pattern) =>
    route.methods.map((method) => ({ route, method: method.toUpperCase(), pattern })),
  ),
)
const KEYED = CALLS.filter(({ route }) => scopeOf(route) !== null)

async function send(
  hub: TestHub,
  { method, path, body }: { method: string; path: string; body?: unknown },
  credentials: Record<string, string>,
): Promise<Response> {
  return await fetch(hub.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...credentials },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}

/** The path with an id in the place of each parameter. */
function fill({ pattern }: Call, id: string): string {
  return pattern.replaceAll(/:\w+/g, id)
}

function refusalOf({ route, pattern }: Call): ErrorCode {
  return 'global' in route ? 'unauthorized' : (route.refusal?.(pattern) ?? 'unauthorized')
}

async function keyOf(hub: TestHub, environmentId: string | null, scopes: readonly Scope[]) {
  const made = await createApiKey(hub.hub.deps, 'cli', { environmentId, name: 'matrix', scopes })
  return made.secret
}

describe('every route', () => {
  it('refuses whoever brings no key, a wrong one, or that of another environment', async () => {
    const hub = await createTestHub()
    const other = await hub.addEnvironment(OTHER)
    const before = await countRows(hub)
    for (const call of KEYED) {
      const isGlobal = 'global' in call.route
      for (const credentials of [
        {},
        { 'dev-id': DEV_ID },
        { 'dev-id': DEV_ID, 'x-api-key': 'wrong' },
        { 'dev-id': DEV_ID, 'x-api-key': '' },
        { 'dev-id': DEV_ID, cookie: 'firma-operator=wrong' },
        // A key of an environment is known to a route of operators; it lacks the scope.
        ...(isGlobal
          ? []
          : [
              { 'x-api-key': hub.apiKey },
              { 'dev-id': DEV_ID, 'x-api-key': other.apiKey },
              { 'dev-id': OTHER, 'x-api-key': hub.apiKey },
              { 'dev-id': 'nowhere', 'x-api-key': hub.apiKey },
            ]),
      ]) {
        const response = await send(hub, { ...call, path: fill(call, NOBODY) }, credentials)
        expect([call.method, call.pattern, credentials, response.status < 500]).toEqual([
          call.method,
          call.pattern,
          credentials,
          true,
        ])
        await expectProblem(response, refusalOf(call))
      }
    }
    expect(await countRows(hub)).toEqual(before)
  })

  it('that answers no JSON refuses them, too, and shows nothing of another environment', async () => {
    const hub = await createTestHub()
    const other = await hub.addEnvironment(OTHER)
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    const eventId = (await hub.call('GET', '/admin/v1/events')).json.data[0].id
    const paths = ['/admin/v1/stream', `/admin/v1/events/${eventId}/body`, `/v2/proxy/${userId}/x`]
    for (const path of paths) {
      for (const credentials of [
        {},
        { 'dev-id': DEV_ID, 'x-api-key': 'wrong' },
        { 'dev-id': DEV_ID, 'x-api-key': other.apiKey },
        { 'dev-id': OTHER, 'x-api-key': hub.apiKey },
      ]) {
        await expectProblem(await send(hub, { method: 'GET', path }, credentials), 'unauthorized')
      }
    }
    const foreign = { 'dev-id': OTHER, 'x-api-key': other.apiKey }
    for (const [id, pattern] of [
      [eventId, '/admin/v1/events/ID/body'],
      [userId, '/v2/proxy/ID/x'],
    ]) {
      const texts: string[] = []
      for (const asked of [id, NOBODY]) {
        const path = pattern.replace('ID', asked)
        const answer = await send(hub, { method: 'GET', path }, foreign)
        expect(answer.status).toBe(404)
        texts.push((await answer.text()).replaceAll(asked, 'ID'))
      }
      expect(texts[0]).toBe(texts[1])
    }
    const readOnly = { 'dev-id': DEV_ID, 'x-api-key': await keyOf(hub, DEV_ID, ['read']) }
    const proxy = { method: 'GET', path: `/v2/proxy/${userId}/x` }
    await expectProblem(await send(hub, proxy, readOnly), 'forbidden')
    const connectOnly = { 'dev-id': DEV_ID, 'x-api-key': await keyOf(hub, DEV_ID, ['connect']) }
    for (const path of paths.slice(0, 2)) {
      await expectProblem(await send(hub, { method: 'GET', path }, connectOnly), 'forbidden')
    }
  })

  it('refuses a key without its scope', async () => {
    const hub = await createTestHub()
    const keys = new Map<Scope, string>()
    for (const scope of SCOPES) keys.set(scope, await keyOf(hub, DEV_ID, [scope]))
    const before = await countRows(hub)
    for (const call of KEYED) {
      const needed = scopeOf(call.route)
      for (const [scope, key] of keys) {
        if (scope === needed) continue
        const credentials = { 'dev-id': DEV_ID, 'x-api-key': key }
        const response = await send(hub, { ...call, path: fill(call, NOBODY) }, credentials)
        const detail = await expectProblem(response, 'forbidden')
        expect([call.pattern, detail]).toEqual([
          call.pattern,
          `this needs a key with the scope "${needed}"; this one has ${scope}`,
        ])
      }
    }
    expect(await countRows(hub)).toEqual(before)
  })

  it('lets nobody in who is logged in but does not send the CSRF token', async () => {
    const hub = await createTestHub()
    const { operator } = hub.hub.deps.store
    const token = 'a-session-of-the-operator'
    const expiresAtMs = hub.clock.nowMs() + 1_000
    await operator.addSession({ id: NOBODY, createdAtMs: 0, expiresAtMs }, digest(token))
    const before = await countRows(hub)
    for (const call of KEYED) {
      if (call.method === 'GET' || !call.pattern.startsWith('/admin/')) continue
      const credentials = { 'dev-id': DEV_ID, cookie: `firma-operator=${token}` }
      const response = await send(hub, { ...call, path: fill(call, NOBODY) }, credentials)
      expect(await expectProblem(response, 'forbidden')).toMatch(/x-csrf-token/)
    }
    expect(await countRows(hub)).toEqual(before)
  })
})

/** Ids of one environment's things, by the name of the parameter that takes them. */
async function idsOf(hub: TestHub): Promise<Record<string, string | null>> {
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
  await hub.advanceByMs(60_000)
  const { json: events } = await hub.call('GET', '/admin/v1/events')
  const job = await hub.call('POST', '/admin/v1/users/disconnect', {
    filter: { provider: 'OURA' },
  })
  const eventId: string = events.data[0].id
  const resend = await hub.call('POST', `/admin/v1/events/${eventId}/resend`, {})
  await hub.hub.settle()
  const [key] = await hub.rows('SELECT id FROM api_key WHERE environment_id = ?', DEV_ID)
  const deliveryId = events.data[0].deliveries[0].id
  const moveId = hub.hub.deps.ids.ordered()
  await hub.hub.deps.store.moves.add({
    id: moveId,
    environmentId: DEV_ID,
    from: 'FITBIT',
    to: 'GOOGLE',
    kind: 'reconnect',
    status: 'running',
    perMinute: 60,
    nextAtMs: 0,
    actor: 'test',
    createdAtMs: 0,
    endedAtMs: null,
  })
  return {
    user_id: userId,
    event_id: eventId,
    resend_id: resend.json.id,
    job_id: job.json.job.id,
    move_id: moveId,
    key_id: String(key?.['id']),
    destination_id: hub.destinationId,
    reference_id: 'tony_stark',
    delivery_id: String(deliveryId),
    // Names that are the same everywhere, and nobody's secret.
    provider: null,
    dev_id: null,
  }
}

/** Ids in queries and bodies: what to send, with the id in it. */
const ELSEWHERE: readonly {
  /** Whose id; a user's where nothing is said. */
  kind?: string
  method: string
  path: (id: string) => string
  body?: (id: string) => unknown
}[] = [
  { method: 'GET', path: (id) => `/v2/userInfo?user_id=${id}` },
  { method: 'DELETE', path: (id) => `/v2/auth/deauthenticateUser?user_id=${id}` },
  { method: 'POST', path: () => '/v2/bulkUserInfo', body: (id) => [id] },
  { method: 'GET', path: (id) => `/admin/v1/users?user_id=${id}` },
  {
    method: 'POST',
    path: () => '/admin/v1/users/disconnect',
    body: (id) => ({ filter: { user_id: id }, dry_run: true }),
  },
  {
    method: 'POST',
    path: () => '/admin/v1/events/generate',
    body: (id) => ({ type: 'daily', user_id: id, data: [] }),
  },
  { method: 'GET', path: (id) => `/admin/v1/events?user_id=${id}` },
  { kind: 'destination_id', method: 'GET', path: (id) => `/admin/v1/events?destination_id=${id}` },
  {
    kind: 'destination_id',
    method: 'GET',
    path: (id) => `/admin/v1/events/pull?destination_id=${id}`,
  },
  {
    kind: 'destination_id',
    method: 'GET',
    path: (id) => `/admin/v1/deliveries?destination_id=${id}`,
  },
  { kind: 'event_id', method: 'GET', path: (id) => `/admin/v1/deliveries?event_id=${id}` },
  { kind: 'resend_id', method: 'GET', path: (id) => `/admin/v1/deliveries?resend_id=${id}` },
  {
    kind: 'destination_id',
    method: 'POST',
    path: () => '/admin/v1/resends',
    body: (id) => ({ destination_id: id }),
  },
  {
    kind: 'event_id',
    method: 'POST',
    path: () => '/admin/v1/resends',
    body: (id) => ({ event_id: id }),
  },
  {
    kind: 'destination_id',
    method: 'POST',
    path: () => '/admin/v1/events/generate',
    body: (id) => ({ example: 'auth', destination_id: id }),
  },
]

describe('the ids of another environment', () => {
  /** What a stranger hears, without what was asked for. */
  async function hear(response: Response, id: string): Promise<unknown> {
    const text = await response.text()
    return { status: response.status, text: text.replaceAll(id, '<id>') }
  }

  it('look like ids of nothing, at every route that takes one', async () => {
    const hub = await createTestHub()
    const other = await hub.addEnvironment(OTHER)
    const ids = await idsOf(hub)
    const secret = await keyOf(hub, OTHER, ['connect', 'read', 'write', 'operator'])
    const stranger = { 'dev-id': OTHER, 'x-api-key': secret }
    const app = { 'dev-id': OTHER, 'x-api-key': other.apiKey }
    const document = describedBy(hub.hub)
    const before = await countRows(hub)
    for (const call of KEYED) {
      const names = [...call.pattern.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
      if (names.length === 0 || 'global' in call.route) continue
      expect([call.pattern, names.filter((name) => !(name in ids))]).toEqual([call.pattern, []])
      const id = ids[names[0] ?? '']
      if (id === null || id === undefined) continue
      // Of the same kind, but nothing's.
      const unknown = /^\d+$/.test(id) ? '987654321' : NOBODY
      const path = call.route.paths[0].replaceAll(/:(\w+)/g, '{$1}')
      const [body] = fc.sample(validBody(document, path, call.method), { numRuns: 1, seed: 7 })
      const credentials = scopeOf(call.route) === 'operator' ? stranger : app
      const answers = []
      for (const one of [id, unknown]) {
        const request = { ...call, path: fill(call, one), body }
        answers.push(await hear(await send(hub, request, credentials), one))
      }
      expect([call.method, call.pattern, answers[0]]).toEqual([
        call.method,
        call.pattern,
        answers[1],
      ])
      expect([call.pattern, answers[0]]).toEqual([
        call.pattern,
        expect.objectContaining({ status: expect.toSatisfy((status) => status >= 400) }),
      ])
    }
    expect(await countRows(hub)).toEqual(before)
  })

  it('look like ids of nothing in queries and bodies', async () => {
    const hub = await createTestHub()
    const other = await hub.addEnvironment(OTHER)
    const ids = await idsOf(hub)
    const credentials = { 'dev-id': OTHER, 'x-api-key': other.apiKey }
    const before = await countRows(hub)
    for (const { kind = 'user_id', method, path, body } of ELSEWHERE) {
      const answers = []
      for (const one of [ids[kind] ?? '', NOBODY]) {
        const request = { method, path: path(one), body: body?.(one) }
        answers.push(await hear(await send(hub, request, credentials), one))
      }
      expect([path(''), answers[0]]).toEqual([path(''), answers[1]])
    }
    expect(await countRows(hub)).toEqual(before)
    const { json } = await hub.call('GET', `/v2/userInfo?user_id=${ids['user_id']}`)
    expect(json).toMatchObject({ is_authenticated: true })
  })
})
