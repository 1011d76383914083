/** Scopes of keys, and operators. */
import { describe, expect, it } from 'vitest'
import type { Scope } from '../../src/core/scope.ts'
import { type ApiKeyRequest, createApiKey } from '../../src/operations/api-keys.ts'
import { DEV_ID, type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { expectProblem, sendRaw } from '../support/problems.ts'

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
