/** What a configuration file declares, start after start. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startProduction } from '../src/cli/production.ts'
import { readConfig } from '../src/config/config.ts'
import { rotateApiKey } from '../src/operations/api-keys.ts'
import { applyDeclaration } from '../src/operations/apply-declaration.ts'
import { createEnvironment } from '../src/operations/set-up.ts'
import { Redacted, digest } from '../src/secret.ts'
import { createLog } from '../src/system.ts'
import { createFolder, runCommand } from './cli/run-command.ts'
import { createTestHub } from './support/create-test-hub.ts'
import { openTestSchema } from './support/postgres.ts'
import { TEST_KEYS } from './faults/settings.ts'
import { openWatchedHub } from './support/watched-hub.ts'

const KEY = 'a-key-that-the-operator-chose'

function declare(id: string) {
  return { id, apiKey: new Redacted(KEY), providers: [], destinations: [] }
}

function declareApp(provider: string) {
  return {
    provider,
    clientId: 'client',
    clientSecret: new Redacted('secret'),
    noticeKey: undefined,
    secrets: new Redacted({}),
    overrides: {},
  }
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
  const hubs = await Promise.all(
    Array.from({ length: 4 }, async () => await openWatchedHub(options)),
  )
  onTestFinished(async () => {
    for (const hub of hubs) await hub.close()
  })
  const destination = { url: 'https://app.example/webhook', secret: new Redacted('s'.repeat(32)) }
  const app = declareApp('FITBIT')
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

it('starts with a secret that the provider had in an earlier version, and leaves it out', async () => {
  const hub = await createTestHub()
  const { deps } = hub.hub
  const app = {
    ...declareApp('OURA'),
    secrets: new Redacted({ verificationToken: 'a-token' }),
    overrides: { appSubscriptions: null },
  }
  const declared = { ...declare('declared'), providers: [app] }
  await applyDeclaration(deps, declared)
  await applyDeclaration(deps, declared)
  const saved = await deps.store.providerApps.find('declared', 'OURA')
  expect(saved?.secrets?.reveal().named).toEqual({})
  const warning = 'secrets in the configuration are no longer used; take them out'
  expect(hub.logged).toEqual([warning, warning])
  const unknown = { ...app, secrets: new Redacted({ other: 'x' }) }
  await expect(applyDeclaration(deps, { ...declared, providers: [unknown] })).rejects.toMatchObject(
    { code: 'configuration_invalid' },
  )
})

it('keeps an address for notices of which only the digest is known', async () => {
  const { hub } = await createTestHub()
  const { providerApps } = hub.deps.store
  const declared = { ...declare('declared'), providers: [declareApp('FITBIT')] }
  await applyDeclaration(hub.deps, declared)
  const app = await providerApps.find('declared', 'FITBIT')
  const noticeKeyHash = digest('known-to-the-provider-alone')
  await providerApps.save({ ...app!, noticeKeyHash, secrets: null })
  for (let start = 0; start < 2; start += 1) {
    await applyDeclaration(hub.deps, declared)
    const kept = await providerApps.find('declared', 'FITBIT')
    expect(kept?.noticeKeyHash).toBe(noticeKeyHash)
    expect(kept?.secrets?.reveal()).toEqual({ named: {} })
  }
})

it('is shown where it is changed, and told to whoever changes it all the same', async () => {
  const folder = await createFolder()
  const operatorKey = 'an-operators-key-of-the-test'
  const url = 'https://app.example/webhook'
  const declared = {
    id: 'declared',
    apiKey: KEY,
    matchPolicy: 'reference',
    connect: { confirmation: 'off' },
    redirects: { schemes: ['myapp'] },
    providers: { FITBIT: { clientId: 'client', clientSecret: 'secret' } },
    destinations: [{ url, secret: 's'.repeat(32), eventTypes: ['auth'], concurrency: 2 }],
  }
  const content = {
    baseUrl: 'http://127.0.0.1:1',
    operatorKey,
    data: '.',
    environments: [declared],
  }
  await writeFile(join(folder, 'firma.config.json'), JSON.stringify(content))
  const variables = { FIRMA_ENCRYPTION_KEYS: `k1:${'0f'.repeat(32)}` }
  const config = await readConfig({ port: '0', production: true }, { variables, folder })
  const hub = await startProduction(config, createLog('silent'))
  onTestFinished(async () => await hub.close())
  const access = { FIRMA_URL: hub.url, FIRMA_API_KEY: operatorKey, FIRMA_DEV_ID: 'declared' }
  const ask = async (...args: string[]) => {
    const result = await runCommand(args, { variables: access, input: 'secret' })
    expect(result).toMatchObject({ exitCode: 0 })
    const told = /declares (.*), and its next start/.exec(result.stderr)?.[1]
    return { told, json: JSON.parse(result.stdout) }
  }
  const [environment] = (await ask('environments', 'list')).json
  expect(environment.declared).toEqual([
    'match_policy',
    'connect.confirmation',
    'redirects.schemes',
  ])
  expect((await ask('redirects', 'list')).json.declared).toEqual(['schemes'])
  const change = ['environments', 'change', 'declared', '--match-policy', 'account']
  expect((await ask(...change, '--account-policy', 'reject')).told).toBe('match_policy')
  expect((await ask('environments', 'change', 'declared', '--name', 'New')).told).toBeUndefined()
  expect((await ask('redirects', 'add', 'https://app.example/ok')).told).toBeUndefined()
  expect((await ask('redirects', 'remove', 'myapp:')).told).toBe('schemes')
  const enable = ['providers', 'enable', '--client-id', 'other']
  expect(await ask(...enable, 'fitbit')).toMatchObject({
    told: 'FITBIT',
    json: { declared: true },
  })
  expect(await ask(...enable, 'oura')).toMatchObject({ told: undefined, json: { declared: false } })
  expect((await ask('providers', 'disable', 'fitbit', '--yes')).told).toBe('FITBIT')
  const [{ id, ...destination }] = (await ask('destinations', 'list')).json
  expect(destination).toMatchObject({
    declared: true,
    declared_settings: ['event_types', 'concurrency'],
  })
  // Another one with its address is not the file's.
  const { json: other } = await ask('destinations', 'create', url)
  expect(other).toMatchObject({ declared: false, declared_settings: [] })
  const update = ['destinations', 'update', id]
  expect((await ask(...update, '--timeout-ms', '5000')).told).toBeUndefined()
  const types = ['--types', 'auth,deauth', '--timeout-ms', '4000']
  expect((await ask(...update, ...types)).told).toBe('event_types')
  expect((await ask(...update, '--to', 'https://app.example/new')).told).toBe(url)
  expect((await ask(...update, '--to', url)).told).toBeUndefined()
  expect((await ask('destinations', 'delete', id, '--yes')).told).toBe(url)
})
