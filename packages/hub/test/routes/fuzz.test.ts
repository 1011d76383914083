/**
 * Every operation of the API's description gets requests made from it, right and wrong ones: none fails in
 * the hub, none hangs, and every answer is one that the description knows (`support/judge-answer.ts`).
 */
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { anyRequest } from '../support/arbitrary-request.ts'
import { DEV_ID, createTestHub } from '../support/create-test-hub.ts'
import { describedBy } from '../support/judge-answer.ts'

const SEED = 20_261_123
const RUNS = 25
/** Far above the slowest honest answer, also on a busy machine. */
const ANSWER_MS_MAX = 60_000
/** Opening a session is slow on purpose, and few tries are allowed. The stream ends when its reader does. */
const LEFT_OUT = new Set(['POST /admin/v1/session', 'POST /admin/v1/setup', 'GET /admin/v1/stream'])

/** Once more when the connection was closed: the answer to a body that is too large ends its connection. */
async function reach(url: string, init: RequestInit): Promise<Response> {
  const send = async () => await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_MS_MAX) })
  return await send().catch(send)
}

it('answers whatever is asked', async () => {
  const hub = await createTestHub()
  const { secret } = await createApiKey(hub.hub.deps, 'cli', { environmentId: null, name: 'fuzz' })
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
  const { json } = await hub.call('GET', '/admin/v1/events')
  const document = describedBy(hub.hub)
  const texts = [userId, json.data[0].id, hub.destinationId, 'tony_stark', 'GARMIN', DEV_ID]
  const headers = { 'dev-id': DEV_ID, 'x-api-key': secret, 'content-type': 'application/json' }
  const statuses = new Map<number, number>()
  let calls = 0
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (LEFT_OUT.has(`${method.toUpperCase()} ${path}`)) continue
      const property = fc.asyncProperty(
        anyRequest(document, { path, method, operation }, texts),
        async (request) => {
          const response = await reach(hub.url + request.path, {
            method: request.method,
            // Half of them as requests that may be repeated, which are carried out in another way.
            headers: { ...headers, ...(calls++ % 2 === 0 && { 'idempotency-key': `k${calls}` }) },
            ...(request.body !== undefined && { body: request.body }),
          })
          statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
          const text = await response.text()
          expect([request, response.status < 500 || text]).toEqual([request, true])
        },
      )
      await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true })
    }
  }
  // Requests that nobody understands would prove nothing.
  expect(statuses.get(200)).toBeGreaterThan(RUNS)
  expect(statuses.get(400)).toBeGreaterThan(RUNS)
}, 600_000)
