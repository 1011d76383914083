/** Sends every example of `docs/api.md` to a hub, in their order. */
import { readFile, readdir } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { createApiKey } from '../src/operations/api-keys.ts'
import { DEV_ID, createTestHub } from './support/create-test-hub.ts'

const DOCS = new URL('../../../docs/', import.meta.url)
const GUIDE = new URL('api.md', DOCS)

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

it('knows every request that the other documents name', async () => {
  const { paths } = JSON.parse(await readFile(new URL('openapi.json', DOCS), 'utf8'))
  const known = Object.entries<object>(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => {
      const pattern = path.replaceAll(/\{[^}]+\}/g, '[^/]+')
      return new RegExp(`^${method} ${pattern}$`, 'i')
    }),
  )
  const files = (await readdir(DOCS, { recursive: true })).filter((name) => name.endsWith('.md'))
  const unknown: string[] = []
  for (const file of files) {
    const text = await readFile(new URL(file, DOCS), 'utf8')
    for (const [, request = ''] of text.matchAll(/```http\n\s*(\w+ [^\s?]+)/g)) {
      if (!known.some((each) => each.test(request))) unknown.push(`${file}: ${request}`)
    }
  }
  expect(unknown).toEqual([])
})
