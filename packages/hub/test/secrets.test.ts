/** Canaries: whatever is secret is followed through a whole life, and looked for in files and logs. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

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
      .filter(([, value]) =>
        [
          value,
          encodeURIComponent(value),
          Buffer.from(value).toString('base64').replace(/=+$/, ''),
          Buffer.from(value).toString('hex'),
        ].some((spelling) => text.includes(spelling)),
      )
      .map(([name]) => name)
  }
}

/** A fetch that takes down what the providers hand out and what they are sent. */
function listenIn(canaries: Canaries) {
  return intercept((url, init) => {
    const sent = new URLSearchParams(init?.body instanceof URLSearchParams ? init.body : undefined)
    for (const name of ['code', 'code_verifier', 'client_secret', 'refresh_token', 'token']) {
      if (sent.has(name)) canaries.add(name, sent.get(name))
    }
    return fetch(url, init).then(async (response) => {
      const text = await response.text()
      for (const [, name, value] of text.matchAll(/"(access_token|refresh_token)":"([^"]+)"/g)) {
        canaries.add(name ?? '', value)
      }
      return new Response(response.status === 204 ? null : text, response)
    })
  })
}

/** Goes through a whole life of connections, and takes down what the hub itself hands out. */
async function live(hub: TestHub, canaries: Canaries): Promise<void> {
  canaries.add('api key', hub.apiKey)
  canaries.add('redirect secret', hub.redirectSecret)
  canaries.add('signing secret', hub.destinationSecret)
  for (const provider of ['GARMIN', 'FITBIT', 'OURA']) {
    canaries.add('notice key', hub.noticeUrls[provider]?.split('/').at(-1))
    const app = await hub.hub.deps.store.providerApps.find(DEV_ID, provider)
    canaries.add('client secret', app?.clientSecret.reveal())
  }
  const tony = createPerson({ login: 'tony' })
  for (const provider of ['GARMIN', 'FITBIT', 'OURA', 'GARMIN', 'FITBIT']) {
    const link = await hub.createLink()
    canaries.add('link', link.split('/').at(-1))
    const page = await tony.request(link)
    canaries.add('browser secret', /=([\w-]+);/.exec(page.headers.get('set-cookie') ?? '')?.[1])
    const departure = await hub.choose(tony, link, provider)
    canaries.add('state', departure.searchParams.get('state'))
    const callback = await tony.authorize(departure)
    canaries.add('code', callback.searchParams.get('code'))
    await tony.request(callback)
    await hub.hub.settle()
  }
  await goWrong(hub, canaries)
  // Everything is refreshed, and revoked after trouble.
  hub.simulator.fail('GARMIN', { revokeEndpoint: { status: 503 } })
  const { json } = await hub.call('GET', '/v2/subscriptions')
  for (const { user_id } of json.users) {
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${user_id}`)
  }
  await hub.advanceByMs(30 * 3_600_000)
  hub.simulator.heal('GARMIN')
  await hub.advanceByMs(12 * 3_600_000)
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

it('keeps tokens, codes, secrets, states and verifiers out of logs and database files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'firma-canary-'))
  const sqlite = await openSqlite(join(folder, 'hub.db'))
  const canaries = new Canaries()
  onTestFinished(async () => {
    await sqlite.close()
    await rm(folder, { recursive: true, force: true })
  })
  const hub = await createTestHub({ sqlite, fetch: listenIn(canaries) })
  await live(hub, canaries)
  const kinds = new Set([...canaries.values.keys()].map((name) => name.replace(/ \d+$/, '')))
  expect(kinds).toEqual(
    new Set([
      'api key',
      'redirect secret',
      'signing secret',
      'notice key',
      'client secret',
      'client_secret',
      'link',
      'browser secret',
      'state',
      'code',
      'code_verifier',
      'access_token',
      'refresh_token',
      'token',
    ]),
  )
  expect(hub.logLines.length).toBeGreaterThan(5)
  expect(canaries.foundIn(hub.logLines.join('\n'))).toEqual([])
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
