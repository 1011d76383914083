/** Whether a secret that got somewhere would be found there. */
import { trace } from '@opentelemetry/api'
import { expect, it, onTestFinished } from 'vitest'
import { createSecret, createSigningSecret } from '../src/secret.ts'
import { systemRandom } from '../src/system.ts'
import { Canaries } from './support/canaries.ts'
import { createTestHub } from './support/create-test-hub.ts'
import { openTestDatabase } from './support/test-database.ts'

async function open() {
  const canaries = new Canaries({ isTraced: true })
  const database = await openTestDatabase()
  await database.execute('CREATE TABLE place (text TEXT)')
  onTestFinished(async () => await database.close())
  return {
    canaries,
    secret: createSecret(canaries.watch(systemRandom)),
    signingSecret: createSigningSecret(canaries.watch(systemRandom)),
    find: async (...logLines: string[]) =>
      (await canaries.findIn(database, logLines)).map((found) => found.split(':')[0]),
    write: async (text: string) =>
      await database.rows('INSERT INTO place VALUES (?) RETURNING text', text),
  }
}

it.each([
  ['as it is', (secret: string) => secret],
  ['in a header', (secret: string) => `authorization: Bearer ${secret}\n`],
  ['in an address', (secret: string) => `https://hub.example/notices/acme/STRAVA/${secret}?a=1`],
  ['in a query', (secret: string) => `?code=${secret}&state=x`],
  ['in JSON within JSON', (secret: string) => JSON.stringify(JSON.stringify({ token: secret }))],
  ['behind a prefix', (secret: string) => `firma_${secret}`],
  ['in hexadecimal', (secret: string) => Buffer.from(secret, 'base64url').toString('hex')],
])('is found %s', async (_how, spell) => {
  const { find, secret, write } = await open()
  const other = createSecret(systemRandom)
  await write(spell(other))
  expect(await find('nothing', spell(other))).toEqual([])
  expect(await find('nothing', `{"message":${JSON.stringify(spell(secret))}}`)).toEqual([
    'a secret is in the log',
  ])
  await write(spell(secret))
  expect(await find()).toEqual(['a secret is in the table place'])
})

it('is found where it signs, and where it was registered', async () => {
  const { canaries, find, signingSecret } = await open()
  canaries.add('0b5b1f56-7f3c-4d6c-9d6e-3f0a3f3d9f11')
  expect(await find(`with ${signingSecret}`, 'id 0b5b1f56-7f3c-4d6c-9d6e-3f0a3f3d9f11.')).toEqual([
    'a secret is in the log',
    'a secret is in the log',
  ])
})

it('is found in what is traced', async () => {
  const { find, secret } = await open()
  trace.getTracer('firma').startActiveSpan('a call', { attributes: { to: 'nobody' } }, (span) => {
    span.setAttribute('with', secret)
    span.end()
  })
  expect(await find()).toEqual(['a secret is in a trace'])
})

it('is remembered of what a hub and its providers make', async () => {
  const hub = await createTestHub()
  const link = await hub.createLink()
  expect(hub.canaries.has(link.split('/').at(-1) ?? '')).toBe(true)
  expect(hub.canaries.has(hub.apiKey)).toBe(true)
  expect(hub.canaries.has(hub.clientIds['GARMIN'] ?? '')).toBe(false)
  await hub.connect('GARMIN')
  const [row] = await hub.rows('SELECT lineage_id AS id FROM token_set')
  const found = await hub.hub.deps.store.tokenSets.find('acme-testing', String(row?.['id']))
  const { accessToken, refreshToken } = JSON.parse(found?.json.reveal() ?? '{}')
  expect([accessToken, refreshToken].map((token) => hub.canaries.has(token))).toEqual([true, true])
})
