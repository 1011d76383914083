/** What a configuration file declares, start after start. */
import { expect, it, onTestFinished } from 'vitest'
import { rotateApiKey } from '../src/operations/api-keys.ts'
import { openHub } from '../src/hub.ts'
import { applyDeclaration } from '../src/operations/apply-declaration.ts'
import { createEnvironment } from '../src/operations/set-up.ts'
import { Redacted, digest } from '../src/secret.ts'
import { createTestHub } from './support/create-test-hub.ts'
import { openTestSchema } from './support/postgres.ts'
import { TEST_KEYS } from './faults/settings.ts'

const KEY = 'a-key-that-the-operator-chose'

function declare(id: string) {
  return { id, apiKey: new Redacted(KEY), providers: [], destinations: [] }
}

it('starts with a key that has been replaced since, and leaves it ended', async () => {
  const hub = await createTestHub()
  const { deps } = hub.hub
  expect(await applyDeclaration(deps, declare('declared'))).toEqual(['environment declared'])
  expect(await applyDeclaration(deps, declare('declared'))).toEqual([])
  const live = async () => await deps.store.apiKeys.findLive(digest(KEY), hub.clock.nowMs())
  const keyId = (await live())?.id ?? ''
  await rotateApiKey(deps, 'cli', { environmentId: 'declared', keyId, graceMs: 0 })
  expect(await applyDeclaration(deps, declare('declared'))).toEqual([])
  expect(await live()).toBeUndefined()
  expect(hub.logged).toEqual([expect.stringMatching(/key in the configuration has ended/)])
})

it('refuses a key that belongs to another environment', async () => {
  const { hub } = await createTestHub()
  await applyDeclaration(hub.deps, declare('declared'))
  await createEnvironment(hub.deps, { id: 'other', name: 'Other' })
  await expect(applyDeclaration(hub.deps, declare('other'))).rejects.toMatchObject({
    code: 'configuration_invalid',
  })
})

it('is added once by processes that start together', async () => {
  const schema = await openTestSchema()
  onTestFinished(async () => await schema.drop())
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const options = { postgresUrl: schema.url, baseUrl: 'http://127.0.0.1:1', keys: TEST_KEYS, log }
  const hubs = await Promise.all(Array.from({ length: 4 }, async () => await openHub(options)))
  onTestFinished(async () => {
    for (const hub of hubs) await hub.close()
  })
  const destination = { url: 'https://app.example/webhook', secret: new Redacted('s'.repeat(32)) }
  const app = {
    provider: 'FITBIT',
    clientId: 'client',
    clientSecret: new Redacted('secret'),
    noticeKey: undefined,
    secrets: new Redacted({}),
    overrides: {},
  }
  const declared = { ...declare('declared'), destinations: [destination], providers: [app] }
  const added = await Promise.all(
    hubs.map(async ({ deps }) => await applyDeclaration(deps, declared)),
  )
  expect(added.flat().toSorted()).toEqual([
    'destination https://app.example/webhook of declared',
    'environment declared',
    'provider FITBIT of declared',
  ])
  const [first] = hubs
  expect(await first?.deps.store.destinations.list('declared')).toHaveLength(1)
})
