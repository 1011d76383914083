/** Canaries: whatever is secret is followed through a whole life, and looked for in databases, logs and traces. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { openSqlite } from 'firma-receiver/sqlite'
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { HOUR_MS } from '../src/core/time.ts'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'
import { openTestSchema } from './support/postgres.ts'
import { wrapPostgres } from './support/test-database.ts'

/** With tokens in headers, in queries and in signatures, and with secrets in bodies and in queries. */
const PROVIDERS = ['GARMIN', 'FITBIT', 'OURA', 'IHEALTH', 'FATSECRET']

const exporter = new InMemorySpanExporter()

beforeAll(() => {
  const spanProcessors = [new SimpleSpanProcessor(exporter)]
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }))
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
})

beforeEach(() => exporter.reset())

afterAll(() => {
  trace.disable()
  context.disable()
})

/** Everything secret that passes by, under a name that says where it was seen. */
class Canaries {
  readonly values = new Map<string, string>()

  add(name: string, value: string | null | undefined): void {
    // A short value would be found by chance, and a missing one never.
    if (value == null || value.length < 16) throw new TypeError(`${name} is no canary: ${value}`)
    this.values.set(`${name} ${this.values.size}`, value)
  }

  /** Names of those that a text holds, also in the encodings that a text may have them in. */
  foundIn(text: string): string[] {
    return [...this.values]
      .filter(([, value]) => spellings(value).some((spelling) => text.includes(spelling)))
      .map(([name]) => name)
  }
}

function spellings(value: string): string[] {
  return [
    value,
    encodeURIComponent(value),
    Buffer.from(value).toString('base64').replace(/=+$/, ''),
    Buffer.from(value).toString('hex'),
  ]
}

const SENT = ['code', 'code_verifier', 'client_secret', 'access_token', 'refresh_token', 'token']
const IN_JSON = /"(access_?token|refresh_?token)":"([^"]+)"/gi
const IN_FORM = /(?:^|&)(oauth_token|oauth_token_secret)=([^&]+)/g

/** A fetch that takes down what the providers hand out and what they are sent. */
function listenIn(canaries: Canaries) {
  return intercept((url, init) => {
    const query = new URL(url).searchParams
    const body = new URLSearchParams(init?.body instanceof URLSearchParams ? init.body : undefined)
    for (const name of SENT) {
      for (const value of [query.get(name), body.get(name)]) {
        if (value !== null) canaries.add(name, value)
      }
    }
    if (url.includes('/data/')) return answerProxied(url)
    return fetch(url, init).then(async (response) => {
      const text = await response.text()
      for (const [, name, value] of [...text.matchAll(IN_JSON), ...text.matchAll(IN_FORM)]) {
        canaries.add(name?.toLowerCase() ?? '', decodeURIComponent(value ?? ''))
      }
      return new Response(response.status === 204 ? null : text, response)
    })
  })
}

/** What passes through the proxy: of the app, and of the provider. */
const PROXIED = {
  query: 'canary-in-the-proxied-query',
  authorization: 'canary-in-the-authorization-of-the-app',
  body: 'canary-in-the-proxied-body',
  answer: 'canary-in-the-proxied-answer',
  cookie: 'canary-in-the-cookie-of-the-provider',
}

async function answerProxied(url: string): Promise<Response> {
  // As undici says it, and with the address that others would add.
  if (url.includes('/data/down')) throw new TypeError(`fetch failed: ${url}`, { cause: url })
  const status = url.includes('/data/refused') ? 401 : 200
  const headers = { 'set-cookie': `session=${PROXIED.cookie}` }
  return Response.json({ heart_rate: PROXIED.answer }, { status, headers })
}

/** The app asks each provider for each of its users, whatever comes of it. */
async function callProviders(hub: TestHub, canaries: Canaries): Promise<void> {
  for (const [name, value] of Object.entries(PROXIED)) canaries.add(`proxied ${name}`, value)
  const { json } = await hub.call('GET', '/v2/subscriptions')
  for (const { user_id } of json.users) {
    for (const path of ['ok', 'down', 'refused']) {
      const answer = await fetch(
        `${hub.url}/v2/proxy/${user_id}/data/${path}?with=${PROXIED.query}`,
        {
          method: 'POST',
          headers: {
            'dev-id': DEV_ID,
            'x-api-key': hub.apiKey,
            authorization: `Bearer ${PROXIED.authorization}`,
          },
          body: PROXIED.body,
        },
      )
      expect([path, answer.status]).toEqual([path, { ok: 200, down: 502, refused: 401 }[path]])
      await answer.body?.cancel()
    }
  }
  await hub.hub.settle()
}

/** Moves time in steps of an hour: on PostgreSQL there is something to look at every two seconds. */
async function pass(hub: TestHub, hours: number): Promise<void> {
  for (let hour = 0; hour < hours; hour += 1) {
    hub.clock.moveTo(hub.clock.nowMs() + HOUR_MS)
    await hub.hub.settle()
  }
}

/**
 * Goes through a whole life of connections, and takes down what the hub itself hands out.
 *
 * @param look Is called when everything is connected, and when it is gone.
 */
async function live(
  hub: TestHub,
  canaries: Canaries,
  look: () => Promise<void> = async () => undefined,
): Promise<void> {
  canaries.add('api key', hub.apiKey)
  canaries.add('redirect secret', hub.redirectSecret)
  canaries.add('signing secret', hub.destinationSecret)
  for (const provider of PROVIDERS) {
    canaries.add('notice key', hub.noticeUrls[provider]?.split('/').at(-1))
    const app = await hub.hub.deps.store.providerApps.find(DEV_ID, provider)
    canaries.add('client secret', app?.clientSecret.reveal())
  }
  const login = 'canary-account-at-the-provider'
  const label = 'canary-account-at-the-app'
  for (const account of [login, label]) canaries.add('account label', account)
  const tony = createPerson({ login })
  for (const provider of [...PROVIDERS, 'GARMIN', 'FITBIT']) {
    const link = await hub.createLink({ account_label: `${label}@example.com` })
    canaries.add('link', link.split('/').at(-1))
    const page = await tony.request(link)
    canaries.add('browser secret', /=([\w-]+);/.exec(page.headers.get('set-cookie') ?? '')?.[1])
    const departure = await hub.choose(tony, link, provider)
    const callback = await tony.authorize(departure)
    canaries.add('state', callback.searchParams.get('state'))
    canaries.add(
      'code',
      callback.searchParams.get(provider === 'FATSECRET' ? 'oauth_verifier' : 'code'),
    )
    await tony.request(callback)
    await hub.hub.settle()
  }
  await look()
  await callProviders(hub, canaries)
  await goWrong(hub, canaries)
  // Everything is refreshed, and revoked after trouble.
  hub.simulator.fail('GARMIN', { revokeEndpoint: { status: 503 } })
  const { json } = await hub.call('GET', '/v2/subscriptions')
  for (const { user_id } of json.users) {
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${user_id}`)
  }
  await pass(hub, 30)
  hub.simulator.heal('GARMIN')
  await pass(hub, 12)
  await look()
}

const KINDS = [
  'access_token',
  'accesstoken',
  'account label',
  'api key',
  'browser secret',
  'client secret',
  'client_secret',
  'code',
  'code_verifier',
  'link',
  'notice key',
  'oauth_token',
  'oauth_token_secret',
  'proxied answer',
  'proxied authorization',
  'proxied body',
  'proxied cookie',
  'proxied query',
  'redirect secret',
  'refresh_token',
  'refreshtoken',
  'signing secret',
  'state',
  'token',
]

/** That every kind of secret has passed by, and none was logged or traced. */
function expectSilence(hub: TestHub, canaries: Canaries): void {
  const kinds = new Set([...canaries.values.keys()].map((name) => name.replace(/ \d+$/, '')))
  expect([...kinds].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(KINDS)
  expect(hub.logLines.length).toBeGreaterThan(5)
  expect(canaries.foundIn(hub.logLines.join('\n'))).toEqual([])
  const spans = exporter.getFinishedSpans()
  const traced = spans.map(({ name, attributes, events, links, status, resource }) =>
    JSON.stringify([name, attributes, events, links, status, resource.attributes]),
  )
  expect(traced.length).toBeGreaterThan(20)
  expect(canaries.foundIn(traced.join('\n'))).toEqual([])
  // The search itself works: what is not secret is found.
  const known = new Canaries()
  known.add('attribute', 'firma.destination')
  expect(known.foundIn(traced.join('\n'))).toEqual(['attribute 0'])
}

/** Failures of every kind, because it is they that get logged. */
async function goWrong(hub: TestHub, canaries: Canaries): Promise<void> {
  const mallory = createPerson({ login: 'mallory' })
  for (const fault of [
    { tokenEndpoint: { status: 503 } },
    { tokenEndpoint: { error: 'invalid_client' } },
    { tokenEndpoint: { error: 'invalid_grant' } },
    { accountEndpoint: { status: 500 } },
  ]) {
    hub.simulator.fail('GARMIN', fault)
    const link = await hub.createLink({ reference_id: 'mallory' })
    const callback = await mallory.authorize(await hub.choose(mallory, link, 'GARMIN'))
    canaries.add('code', callback.searchParams.get('code'))
    canaries.add('state', callback.searchParams.get('state'))
    await mallory.request(callback)
    hub.simulator.heal('GARMIN')
  }
  await hub.database.execute('ALTER TABLE flow RENAME TO gone')
  const link = await hub.createLink()
  canaries.add('link', link.split('/').at(-1))
  await mallory.request(link)
  await mallory.request(`${link}/connect`, new URLSearchParams({ provider: 'GARMIN' }))
  await fetch(
    `${hub.url}/callback/${DEV_ID}/GARMIN?code=canary-code-in-query&state=canary-state-in-query`,
  )
  canaries.add('code', 'canary-code-in-query')
  canaries.add('state', 'canary-state-in-query')
  await hub.database.execute('ALTER TABLE gone RENAME TO flow')
  await fetch(`${hub.noticeUrls['FITBIT']}`, { method: 'POST', body: '[]' })
  await hub.hub.settle()
}

it('keeps tokens, codes, secrets, states and verifiers out of logs, traces and database files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'firma-canary-'))
  const sqlite = await openSqlite(join(folder, 'hub.db'))
  const canaries = new Canaries()
  onTestFinished(async () => {
    await sqlite.close()
    await rm(folder, { recursive: true, force: true })
  })
  const hub = await createTestHub({ sqlite, fetch: listenIn(canaries), providers: PROVIDERS })
  await live(hub, canaries)
  expectSilence(hub, canaries)
  const names = await readdir(folder)
  expect(names).toContain('hub.db')
  for (const name of names) {
    const bytes = await readFile(join(folder, name), 'latin1')
    expect([name, canaries.foundIn(bytes)]).toEqual([name, []])
  }
  // The search itself works: what is not secret is found.
  const known = new Canaries()
  known.add('address', 'https://app.example/connected')
  const files = await Promise.all(names.map((name) => readFile(join(folder, name), 'latin1')))
  expect(known.foundIn(files.join(''))).toEqual(['address 0'])
})

it('keeps them out of every row of PostgreSQL', async () => {
  const schema = await openTestSchema()
  const database = wrapPostgres(schema)
  const canaries = new Canaries()
  onTestFinished(async () => {
    await database.close()
    await schema.drop()
  })
  const hub = await createTestHub({ database, fetch: listenIn(canaries), providers: PROVIDERS })
  const dumps: string[] = []
  await live(hub, canaries, async () => {
    for (const table of await database.tables()) {
      // As text, with bytes in hexadecimal digits.
      const rows = await database.rows(`SELECT row_to_json(t)::text AS line FROM "${table}" AS t`)
      for (const { line } of rows) dumps.push(`${table} ${String(line)}`)
    }
  })
  expectSilence(hub, canaries)
  for (const table of ['connection', 'token_set', 'provider_app', 'flow', 'audit', 'event']) {
    expect([table, dumps.some((line) => line.startsWith(`${table} `))]).toEqual([table, true])
  }
  expect(canaries.foundIn(dumps.join('\n'))).toEqual([])
  // The search itself works: what is not secret is found.
  const known = new Canaries()
  known.add('address', 'https://app.example/connected')
  expect(known.foundIn(dumps.join('\n'))).toEqual(['address 0'])
})

it('keeps them out of every event and every answer of the API', async () => {
  const canaries = new Canaries()
  const hub = await createTestHub({ fetch: listenIn(canaries) })
  await hub.connect('GARMIN')
  await hub.connect('FITBIT')
  const list = await hub.call('GET', '/admin/v1/events')
  const answers = [
    list,
    await hub.call('GET', `/admin/v1/events/${list.json.data[0].id}`),
    await hub.call('GET', '/v2/subscriptions'),
    await hub.call('GET', '/v2/userInfo?reference_id=tony_stark'),
    hub.app.received,
  ]
  expect(canaries.values.size).toBeGreaterThan(5)
  expect(canaries.foundIn(JSON.stringify(answers))).toEqual([])
})
