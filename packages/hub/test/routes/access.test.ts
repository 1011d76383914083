/** Scopes of keys, operators, and requests that are sent twice. */
import { describe, expect, it } from 'vitest'
import type { Scope } from '../../src/core/scope.ts'
import { type ApiKeyRequest, createApiKey } from '../../src/operations/api-keys.ts'
import { DEV_ID, type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { countRows, expectProblem, sendRaw } from '../support/problems.ts'

async function keyWith(
  hub: TestHub,
  scopes: readonly Scope[],
  change: Partial<ApiKeyRequest> = {},
): Promise<Record<string, string>> {
  const request = { environmentId: DEV_ID, name: 'test', scopes, ...change }
  const { secret } = await createApiKey(hub.hub.deps, 'cli', request)
  return { 'x-api-key': secret }
}

const CONNECT = { path: '/v2/subscriptions' }
const READ = { path: '/admin/v1/events' }
const WRITE = { method: 'POST', path: '/admin/v1/events/generate' }

describe('the scopes of a key', () => {
  it('allow what they name and nothing else', async () => {
    const hub = await createTestHub()
    const statuses: Record<string, number[]> = {}
    for (const scope of ['connect', 'read', 'write', 'operator'] as const) {
      const headers = await keyWith(hub, [scope])
      const answers = [CONNECT, READ, WRITE].map(async (request) => {
        return (await sendRaw(hub, { ...request, headers })).status
      })
      statuses[scope] = await Promise.all(answers)
    }
    // 400: the body is missing, which only those hear who may write.
    expect(statuses).toEqual({
      connect: [200, 403, 403],
      read: [403, 200, 403],
      write: [403, 403, 400],
      operator: [200, 200, 400],
    })
  })

  it('are named to whoever lacks one', async () => {
    const hub = await createTestHub()
    const headers = await keyWith(hub, ['connect', 'read'])
    const detail = await expectProblem(await sendRaw(hub, { ...WRITE, headers }), 'forbidden')
    expect(detail).toBe('this needs a key with the scope "write"; this one has connect, read')
  })

  it('end with the key', async () => {
    const hub = await createTestHub()
    const expiresAtMs = hub.clock.nowMs() + 1_000
    const headers = await keyWith(hub, ['connect'], { expiresAtMs })
    expect((await sendRaw(hub, { ...CONNECT, headers })).status).toBe(200)
    await hub.advanceByMs(1_000)
    await expectProblem(await sendRaw(hub, { ...CONNECT, headers }), 'unauthorized')
  })

  it('hold in every environment for an operator, and only an operator hears of an unknown one', async () => {
    const hub = await createTestHub()
    const staging = await hub.addEnvironment('acme-staging')
    const operator = await keyWith(hub, ['operator'], { environmentId: null })
    for (const devId of [DEV_ID, staging.devId]) {
      const response = await sendRaw(hub, { ...READ, headers: { ...operator, 'dev-id': devId } })
      expect(response.status).toBe(200)
    }
    const headers = { ...operator, 'dev-id': 'nowhere' }
    await expectProblem(await sendRaw(hub, { ...READ, headers }), 'environment_not_found')
  })
})

describe('the lists of the admin API', () => {
  it('page through what an operator may see', async () => {
    const hub = await createTestHub()
    await hub.addEnvironment('acme-staging')
    const operator = await keyWith(hub, ['operator'], { environmentId: null })
    const headers = { ...operator, 'dev-id': null }
    const names: string[] = []
    let after = ''
    do {
      const path = `/admin/v1/environments?limit=1${after && `&after=${after}`}`
      const { data, next } = (await (await sendRaw(hub, { path, headers })).json()) as {
        data: { dev_id: string }[]
        next: string | null
      }
      names.push(...data.map((environment) => environment.dev_id))
      after = next ?? ''
    } while (after !== '')
    expect(names).toEqual(['acme-staging', DEV_ID])
    await expectProblem(await sendRaw(hub, { path: '/admin/v1/environments' }), 'forbidden')
  })

  it('tell who made a key', async () => {
    const hub = await createTestHub()
    await keyWith(hub, ['read'])
    const { json } = await hub.call('GET', '/admin/v1/audit?action=key.create&limit=1')
    expect(json.data).toEqual([
      expect.objectContaining({
        actor: 'cli',
        detail: { name: 'test', hint: expect.any(String), scopes: ['read'] },
      }),
    ])
    expect(json.next).toEqual(expect.any(String))
  })
})

describe('Idempotency-Key', () => {
  const session = (key: string, body: object = { reference_id: 'tony_stark' }) => ({
    method: 'POST',
    path: '/v2/auth/generateWidgetSession',
    headers: { 'idempotency-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

  it('does a request once and answers it alike for a day', async () => {
    const hub = await createTestHub()
    const first = await sendRaw(hub, session('k'))
    const made = await countRows(hub)
    const second = await sendRaw(hub, session('k'))
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect([second.status, second.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(await second.json()).toEqual(await first.json())
    expect(await countRows(hub)).toEqual(made)
    hub.clock.moveTo(hub.clock.nowMs() + 24 * 3_600_000)
    const third = await sendRaw(hub, session('k'))
    expect(third.headers.get('idempotent-replayed')).toBeNull()
  })

  it('does nothing twice where the answer cannot be kept', async () => {
    const hub = await createTestHub()
    const { idempotency } = hub.hub.deps.store
    idempotency.saveAnswer = async () => await Promise.reject(new Error('the disk is full'))
    expect((await sendRaw(hub, session('k'))).status).toBe(500)
    const made = await countRows(hub)
    await expectProblem(await sendRaw(hub, session('k')), 'request_in_progress')
    expect(await countRows(hub)).toEqual(made)
  })

  it('is refused for another request, and while the first one runs', async () => {
    const hub = await createTestHub()
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => await sendRaw(hub, session('k'))),
    )
    const refused = answers.filter(({ status }) => status !== 200)
    for (const response of refused) {
      expect(response.headers.get('retry-after')).toBe('1')
      await expectProblem(response, 'request_in_progress')
    }
    expect((await hub.rows('SELECT id FROM widget_session')).length).toBe(1)
    const other = await sendRaw(hub, session('k', { reference_id: 'pepper' }))
    await expectProblem(other, 'idempotency_key_reused')
    await expectProblem(await sendRaw(hub, session('x'.repeat(256))), 'bad_request')
  })

  it('belongs to one key and environment', async () => {
    const hub = await createTestHub()
    const staging = await hub.addEnvironment('acme-staging')
    const first = await sendRaw(hub, session('k'))
    const request = session('k')
    const credentials = { 'dev-id': staging.devId, 'x-api-key': staging.apiKey }
    const headers = { ...request.headers, ...credentials }
    const second = await sendRaw(hub, { ...request, headers })
    expect(second.headers.get('idempotent-replayed')).toBeNull()
    expect(await second.json()).not.toEqual(await first.json())
  })

  it('may be used again when the request failed', async () => {
    const hub = await createTestHub()
    await expectProblem(
      await sendRaw(hub, session('k', { providers: 'PEBBLE' })),
      'resource_unknown',
    )
    expect((await sendRaw(hub, session('k'))).status).toBe(200)
  })
})
