/** Every start that cannot succeed ends with one line that says what is wrong and what to do, and with the documented code. */
import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSqlite } from 'firma-receiver/sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { startProduction } from '../../src/cli/production.ts'
import { createLog } from '../../src/system.ts'
import { createFolder, refusalOf } from './run-command.ts'

const KEY = `k1:${'ab'.repeat(32)}`
const SETTINGS = { mode: 'production', baseUrl: 'https://hub.example', port: 0, data: 'data' }
const API_KEY = 'a key of an app, long enough'

/** Writes the configuration file. @returns What a start says of it. */
async function startWith(
  content: unknown,
  { folder, keys = KEY }: { folder?: string; keys?: string } = {},
): Promise<string> {
  const place = folder ?? (await createFolder())
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  await writeFile(join(place, 'firma.config.json'), text)
  const variables = { FIRMA_ENCRYPTION_KEYS: keys }
  const line = await refusalOf(['start'], 2, { folder: place, variables })
  return line.replaceAll(place, '…')
}

function withProvider(resource: string, app: unknown): unknown {
  const environment = { id: 'acme', apiKey: API_KEY, providers: { [resource]: app } }
  return { ...SETTINGS, environments: [environment] }
}

const withOverrides = (overrides: unknown): unknown =>
  withProvider('OURA', { clientId: 'a', clientSecret: 'b', overrides })

/** A data folder that a hub has used. */
async function useFolder(): Promise<{ folder: string; database: string }> {
  const folder = await createFolder()
  await writeFile(join(folder, 'firma.config.json'), JSON.stringify({ ...SETTINGS, environments }))
  const config = await readConfig({}, { variables: { FIRMA_ENCRYPTION_KEYS: KEY }, folder })
  await (await startProduction(config, createLog('silent'))).close()
  return { folder, database: join(folder, 'data/firma.sqlite') }
}

const environments = [{ id: 'acme', apiKey: API_KEY }]
const AT = '…/firma.config.json: '

it.each([
  ['no JSON', '{ "port": 1,', '…/firma.config.json is not JSON'],
  ['no object', [], '…/firma.config.json must hold one object with settings; write { … }'],
  ['an unknown key', { prot: 1 }, `${AT}prot is no setting of Firma (did you mean port?)`],
  ['a value of the wrong type', { port: 'x' }, `${AT}port is "x"; it must be a port number`],
  [
    'an unknown provider',
    withProvider('OURAA', { clientId: 'a', clientSecret: 'b' }),
    `${AT}environments.0.providers.OURAA: the catalog has no such provider (did you mean OURA?)`,
  ],
  [
    'a provider without its secret',
    withProvider('OURA', { clientId: 'a' }),
    `${AT}environments.0.providers.OURA.clientSecret is missing; it must be`,
  ],
  [
    'a secret in a file that is not there',
    withProvider('OURA', { clientId: 'a', clientSecret: { file: 'absent' } }),
    `${AT}environments.0.providers.OURA.clientSecret names the file "…/absent", which cannot be read; correct the path or its rights`,
  ],
  [
    'a fact of the wrong type',
    withOverrides({ token: { url: 5 } }),
    `${AT}environments.0.providers.OURA.overrides: provider OURA: token.url: expected string, received number; correct it (docs/adding-a-provider.md)`,
  ],
  [
    'a fact that no provider has',
    withOverrides({ tokn: {} }),
    `${AT}environments.0.providers.OURA.overrides: provider OURA: Unrecognized key: "tokn"; correct it`,
  ],
  [
    'an unknown variant',
    withOverrides({ variant: 'mars' }),
    `${AT}environments.0.providers.OURA.overrides: OURA has no variant "mars"; it has none`,
  ],
])('refuses a configuration with %s', async (_what, content, message) => {
  const line = await startWith(content)
  expect(line.slice(0, message.length)).toBe(message)
})

it('refuses a configuration file that is missing, or cannot be read', async () => {
  const folder = await createFolder()
  expect(await refusalOf(['start', '--config', 'absent.json'], 2, { folder })).toContain(
    'there is no configuration file at',
  )
  await mkdir(join(folder, 'a.json'))
  expect(await refusalOf(['start', '--config', 'a.json'], 2, { folder })).toContain(
    'cannot be read; correct its rights',
  )
})

it('refuses a data folder that it cannot use', async () => {
  expect(await startWith({ ...SETTINGS, data: '/dev/null/x' })).toContain(
    'cannot be used as data folder; choose one that you may write to with --data',
  )
})

it('refuses a port that is taken', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void other.close())
  const { port } = other.address() as AddressInfo
  expect(await startWith({ ...SETTINGS, port })).toContain(`port ${port} is taken; choose another`)
})

it('refuses keys that the database was not made with', async () => {
  const { folder } = await useFolder()
  const wrong = { folder, keys: `k1:${'cd'.repeat(32)}` }
  expect(await startWith(SETTINGS, wrong)).toContain('give the keys that this database was made')
  const other = { folder, keys: `k2:${'cd'.repeat(32)}` }
  expect(await startWith(SETTINGS, other)).toContain('"k1", which is not configured; add that key')
})

it('refuses a database of a newer version', async () => {
  const { folder, database } = await useFolder()
  const handle = await openSqlite(database)
  await handle.exclusive((open) => {
    open.exec("INSERT INTO migration VALUES ('9999-later.sql', 'x', 1)")
  })
  await handle.close()
  expect(await startWith(SETTINGS, { folder })).toContain(
    'has run migration 9999-later.sql, which this version does not know; start the newer version',
  )
})

it.each([
  ['is none', (bytes: Buffer) => bytes.fill('no database ')],
  ['is damaged', (bytes: Buffer) => bytes.fill(0xff, 100, 8_000)],
  ['is damaged further on', (bytes: Buffer) => bytes.fill(0xff, 8_192)],
])('refuses a database that %s', async (_what, damage) => {
  const { folder, database } = await useFolder()
  await writeFile(database, damage(await readFile(database)))
  expect(await startWith(SETTINGS, { folder })).toContain(
    'cannot open the database …/data/firma.sqlite; restore it, or start afresh',
  )
})

it('refuses an unsound file of the catalog, whatever the command', async () => {
  const root = fileURLToPath(new URL('../../../../', import.meta.url))
  const cache = join(root, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  // Below node_modules, so that packages are found.
  const copy = await mkdtemp(join(cache, 'firma-start-'))
  onTestFinished(async () => await rm(copy, { recursive: true }))
  await cp(join(root, 'packages/hub/src'), join(copy, 'src'), { recursive: true })
  await cp(join(root, 'packages/hub/package.json'), join(copy, 'package.json'))
  const entry = join(copy, 'src/providers/entries/oura.json')
  await writeFile(entry, (await readFile(entry, 'utf8')).replace('"https://', '"ftp://'))
  const main = join(copy, 'src/cli/main.ts')
  const args = ['--conditions=source', '--import', 'tsx', main, 'start']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root })
  expect(String(stderr)).toMatch(
    /^firma: \S+\/entries\/oura\.json: provider OURA: [^\n]+; correct the file \(docs\/adding-a-provider\.md\), or take it away\n$/,
  )
  expect({ status, stdout: String(stdout) }).toEqual({ status: 2, stdout: '' })
})
