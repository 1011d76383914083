/** Sends every example of `docs/api.md` to a hub, in their order. */
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { createApiKey } from '../src/operations/api-keys.ts'
import { DEV_ID, createTestHub } from './support/create-test-hub.ts'

const GUIDE = new URL('../../../docs/api.md', import.meta.url)

interface Example {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly status: number
}

/** A request line, perhaps a body, and what comes back. */
async function readExamples(): Promise<Example[]> {
  const text = await readFile(GUIDE, 'utf8')
  return [...text.matchAll(/```http\n(\w+) (\S+)\n(?:([^→]*)\n)?→ (\d+)\n```/g)].map(
    ([, method = '', path = '', body = '', status]) => ({
      method,
      path,
      body,
      status: Number(status),
    }),
  )
}

it('answers every example of the guide as the guide says', async () => {
  const examples = await readExamples()
  expect(examples.length).toBeGreaterThan(15)
  const hub = await createTestHub()
  const { secret } = await createApiKey(hub.hub.deps, 'cli', { environmentId: null, name: 'guide' })
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
  for (const { method, path, body, status } of examples) {
    const response = await fetch(hub.url + path.replace('{user_id}', userId), {
      method,
      headers: { 'dev-id': DEV_ID, 'x-api-key': secret, 'content-type': 'application/json' },
      ...(body !== '' && { body: body.replace('{user_id}', userId) }),
    })
    expect([method, path, response.status, await response.text()]).toEqual([
      method,
      path,
      status,
      expect.any(String),
    ])
  }
})
