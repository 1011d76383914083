/**
 * The API's description: the committed one is the one that the code gives. That real answers are as it says, every test
 * of the hub proves: see `support/judge-answer.ts`.
 * `UPDATE_OPENAPI=1 npx vitest run packages/hub/test/openapi.test.ts` writes `docs/openapi.json` anew.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { toClientTypes } from '../../../scripts/client-types.ts'
import { ROUTES } from '../src/http/routes.ts'
import { createTestHub } from './support/create-test-hub.ts'
import type { Document } from './support/judge-answer.ts'

const DOCUMENT = new URL('../../../docs/openapi.json', import.meta.url)
const CLIENT_TYPES = new URL('../src/client/operations.ts', import.meta.url)

/** What answers with something else than JSON of the hub's. */
const RAW = ['/admin/v1/stream', '/admin/v1/events/{event_id}/body', '/v2/proxy/{user_id}/{path}']

describe('the description of the API', () => {
  it('is the one in docs/openapi.json, and that of the typed client', async () => {
    const hub = await createTestHub()
    const present = hub.hub.openApi()
    const types = toClientTypes(present)
    if (process.env['UPDATE_OPENAPI'] === '1') {
      await writeFile(DOCUMENT, `${JSON.stringify(present, null, 2)}\n`)
      await writeFile(CLIENT_TYPES, types)
    }
    expect(JSON.parse(await readFile(DOCUMENT, 'utf8'))).toEqual(present)
    expect(await readFile(CLIENT_TYPES, 'utf8')).toBe(types)
  })

  it('is served without the addresses that only Terra’s older clients use', async () => {
    const hub = await createTestHub()
    const document = (await (await fetch(`${hub.url}/openapi.json`)).json()) as Document
    expect(document).toEqual(hub.hub.openApi())
    expect(document.openapi).toBe('3.1.0')
    const documented = ROUTES.map(({ paths }) => paths[0].replaceAll(/:(\w+)/g, '{$1}'))
    expect(new Set(Object.keys(document.paths))).toEqual(new Set([...documented, ...RAW]))
    for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
      expect(operation.summary).toMatch(/\w/)
    }
  })

  it('names every parameter that a route reads', async () => {
    const hub = await createTestHub()
    const { paths } = hub.hub.openApi() as {
      paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>
    }
    const named = Object.fromEntries(
      Object.entries(paths).map(([path, methods]) => [
        path,
        Object.values(methods)[0]
          ?.parameters?.filter((parameter) => parameter.in !== 'header')
          .map(({ name }) => name) ?? [],
      ]),
    )
    expect(named).toMatchObject({
      '/admin/v1/events': [
        'user_id',
        'reference_id',
        'lineage_id',
        'provider',
        'type',
        'destination_id',
        'outcome',
        'since',
        'until',
        'after',
        'limit',
      ],
      '/admin/v1/events/{event_id}': ['event_id'],
      '/v2/auth/authenticateUser': ['resource'],
      '/v2/auth/deauthenticateUser': ['user_id'],
      '/v2/subscriptions': ['page', 'per_page', 'reference_id'],
      '/v2/userInfo': ['user_id', 'reference_id'],
    })
  })
})
