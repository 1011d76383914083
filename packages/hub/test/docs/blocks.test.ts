/** The documents' requests are sent to a hub, and their JSON is compared with what it claims to be. */
import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { auth } from 'firma-receiver/testing'
import { describe, expect, it } from 'vitest'
import { JSON_KINDS, type JsonKind } from '../../../../scripts/docs/block-kinds.ts'
import { type CodeBlock, listCodeBlocks } from '../../../../scripts/docs/markdown.ts'
import { ENVIRONMENTS, readDeclared } from '../../src/config/declared.ts'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { completeProvider, readEntries } from '../../src/providers/catalog.ts'
import { TestApp, TestService, toForward } from '../receive/support.ts'
import { DEV_ID, type TestEnvironment, createTestHub } from '../support/create-test-hub.ts'

const ROOT = new URL('../../../../', import.meta.url)
/** In an example: a value that is different each time; as a key, that there are more fields. */
const ANYTHING = '…'

interface Block extends CodeBlock {
  readonly file: string
}

async function readDocuments(): Promise<{ file: string; markdown: string }[]> {
  const docs = await readdir(new URL('docs/', ROOT), { recursive: true })
  const files = docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)
  const others = ['README.md', 'packages/receiver/README.md', 'packages/connect/README.md']
  const read = [...files.toSorted(), ...others].map(async (file) => ({
    file,
    markdown: await readFile(new URL(file, ROOT), 'utf8'),
  }))
  return await Promise.all(read)
}

async function readBlocks(): Promise<Block[]> {
  return (await readDocuments()).flatMap(({ file, markdown }) =>
    listCodeBlocks(markdown).map((block) => ({ ...block, file })),
  )
}

const blocks = await readBlocks()

it('knows every request of the hub that the prose names', async () => {
  const { paths } = JSON.parse(await readFile(new URL('docs/openapi.json', ROOT), 'utf8'))
  const known = Object.entries<object>(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => {
      const pattern = path.replaceAll(/\{[^}]+\}/g, '[^/]+')
      return new RegExp(`^${method} ${pattern}$`, 'i')
    }),
  )
  const named = (await readDocuments()).flatMap(({ file, markdown }) =>
    [...markdown.matchAll(/`([A-Z]+ \/(?:v2|admin)\/[^`\s?]+)/g)].map(([, name = '']) => [
      file,
      name,
    ]),
  )
  expect(named.length).toBeGreaterThan(25)
  expect(named.filter(([, name = '']) => !known.some((each) => each.test(name)))).toEqual([])
})

describe('requests', () => {
  const REQUEST =
    /^(?<method>[A-Z]+) (?<path>\/\S*)\n(?:(?<body>[^→]+)\n)?→ (?<status>\d{3})(?: (?<answer>.+))?$/s

  /** What stands in the examples for something that is there, by document. */
  const places: Readonly<Record<string, () => Promise<Place>>> = {
    'docs/api.md': openGuide,
    'docs/confirmation.md': openConfirmation,
    'docs/moving-fitbit-to-google-health.md': openMove,
    'docs/tokens.md': openGuide,
  }

  const requests = blocks.filter(({ info }) => info === 'http')

  it('are in documents that a test knows', () => {
    expect([...new Set(requests.map(({ file }) => file))]).toEqual(Object.keys(places))
  })

  it.each(Object.entries(places))('of %s are answered as it says', async (file, open) => {
    const { url, headers, named } = await open()
    for (const { code, line } of requests.filter((each) => each.file === file)) {
      const text = code.replaceAll(/^ +/gm, '').replaceAll(/\{user_id\}|MOVE-ID|9Zx…/g, named)
      const { method, path, body, status, answer } = REQUEST.exec(text)?.groups ?? {}
      assert.ok(path, `${file}:${line} is not a request, perhaps a body, an arrow and a status`)
      const response = await fetch(url + path, {
        ...(method !== undefined && { method }),
        headers: { ...headers, 'content-type': 'application/json' },
        ...(body !== undefined && { body }),
      })
      const given = await response.text()
      expect([file, line, path, response.status, given]).toEqual([
        file,
        line,
        path,
        Number(status),
        given,
      ])
      const shown: unknown = JSON.parse(answer ?? JSON.stringify(ANYTHING))
      expect(differences(shown, JSON.parse(given))).toEqual([])
    }
  })
})

interface Place {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** What the one placeholder of the document stands for. */
  readonly named: string
}

async function openGuide(): Promise<Place> {
  const hub = await createTestHub()
  const owner = { environmentId: null, name: 'guide' }
  const { secret } = await createApiKey(hub.hub.deps, 'cli', owner)
  const named = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
  return { url: hub.url, headers: { 'dev-id': DEV_ID, 'x-api-key': secret }, named }
}

async function openConfirmation(): Promise<Place> {
  const hub = await createTestHub()
  const strict = await hub.addEnvironment('acme-strict', {
    connect: { confirmation: 'required', accountPolicy: 'allow' },
  })
  // Its account has a name to show.
  const landing = await hub.connectIn(strict, 'OURA')
  const named = landing.searchParams.get('confirm_code') ?? ''
  return { url: hub.url, headers: toHeaders(strict), named }
}

async function openMove(): Promise<Place> {
  const hub = await createTestHub({ providers: ['FITBIT', 'GOOGLE'] })
  await hub.connect('FITBIT')
  const { json } = await hub.call('POST', '/admin/v1/moves', { from: 'FITBIT' })
  const headers = toHeaders({ devId: DEV_ID, apiKey: hub.apiKey })
  return { url: hub.url, headers, named: json.move.id }
}

function toHeaders({ devId, apiKey }: Pick<TestEnvironment, 'devId' | 'apiKey'>) {
  return { 'dev-id': devId, 'x-api-key': apiKey }
}

describe('JSON', () => {
  const checks: Readonly<Record<JsonKind, (code: string) => unknown>> = {
    'json event': async (code) => {
      const hub = await createTestHub()
      await hub.connect('GARMIN')
      await hub.hub.settle()
      const [delivery] = hub.app.received
      expect(differences(JSON.parse(code), delivery?.event)).toEqual([])
      const { type, status, message, version } = JSON.parse(code)
      expect(delivery?.event).toMatchObject({ type, status, message, version })
    },
    'json catalog-entry': (code) => {
      const [entry] = readEntries('documented.json', code)
      assert.ok(entry)
      return completeProvider(entry)
    },
    'json provider-settings': (code) => {
      const apiKey = 'x'.repeat(24)
      const providers = { WITHINGS: JSON.parse(code) }
      const environments = ENVIRONMENTS.parse([{ id: 'acme-prod', apiKey, providers }])
      readDeclared(environments, { variables: { WITHINGS_SECRET: 'x' }, folder: '.' })
    },
    'json pulled-events': async (code) => {
      const hub = await createTestHub()
      await hub.connect('GARMIN')
      const { json } = await hub.call('GET', '/admin/v1/events/pull')
      expect(differences(JSON.parse(code), json)).toEqual([])
    },
    'json forwarded-event': async (code) => {
      const app = await TestApp.open()
      const service = await TestService.open(toForward(app))
      await service.send(auth(), { traceId: 'trace.1' })
      const [call] = await app.calledTimes(1)
      expect(differences(JSON.parse(code), call?.body)).toEqual([])
    },
  }

  it.each(JSON_KINDS)('that claims to be "%s" is that', async (kind) => {
    const claims = blocks.filter(({ info }) => info === kind)
    expect(claims.length).toBeGreaterThan(0)
    for (const { code } of claims) await checks[kind](code)
  })
})

/** Fields and kinds of values that an example has otherwise than the real thing. */
function differences(example: unknown, real: unknown, at = '$'): string[] {
  if (example === ANYTHING) return []
  const kinds = [kindOf(example), kindOf(real)]
  if (kinds[0] !== kinds[1]) return [`${at} is ${kinds[1]}, not ${kinds[0]}`]
  if (Array.isArray(example) && Array.isArray(real)) {
    return real.flatMap((item, index) => differences(example[0], item, `${at}[${index}]`))
  }
  if (kinds[0] !== 'object') return []
  const [shown, actual] = [example as Record<string, unknown>, real as Record<string, unknown>]
  const names = new Set([...Object.keys(shown), ...(ANYTHING in shown ? [] : Object.keys(actual))])
  names.delete(ANYTHING)
  return [...names].flatMap((name) => {
    if (!(name in actual)) return [`${at}.${name} is not there`]
    if (!(name in shown)) return [`${at}.${name} is not shown`]
    return differences(shown[name], actual[name], `${at}.${name}`)
  })
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
