/** What a configuration file declares, start after start. */
import { expect, it } from 'vitest'
import { rotateApiKey } from '../src/operations/api-keys.ts'
import { applyDeclaration } from '../src/operations/apply-declaration.ts'
import { createEnvironment } from '../src/operations/set-up.ts'
import { Redacted, digest } from '../src/secret.ts'
import { createTestHub } from './support/create-test-hub.ts'

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
