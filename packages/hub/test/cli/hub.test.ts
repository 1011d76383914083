import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { type TestHub, DEV_ID, createTestHub } from '../support/create-test-hub.ts'
import { type CommandOptions, createFolder, refusalOf, runCommand } from './run-command.ts'

const GONE = '00000000-0000-4000-8000-000000000000'

async function openHub(): Promise<{ hub: TestHub; options: CommandOptions; userId: string }> {
  const hub = await createTestHub()
  const landing = await hub.connect('GARMIN')
  const userId = landing.searchParams.get('user_id') ?? ''
  const variables = { FIRMA_URL: hub.url, FIRMA_DEV_ID: DEV_ID, FIRMA_API_KEY: hub.apiKey }
  return { hub, options: { variables }, userId }
}

async function askJson(args: readonly string[], options: CommandOptions): Promise<any> {
  const { exitCode, stdout, stderr } = await runCommand(args, options)
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return JSON.parse(stdout)
}

function createSignal(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve: () => resolve() }
}

describe('firma users', () => {
  it('shows one, and disconnects it after a yes', async () => {
    const { hub, options, userId } = await openHub()
    expect(await askJson(['users', 'get', userId], options)).toMatchObject({ provider: 'GARMIN' })
    const disconnect = ['users', 'disconnect', userId]
    const dry = await askJson([...disconnect, '--dry-run'], options)
    expect(dry).toMatchObject({ dry_run: true, would: 'disconnect tony_stark from GARMIN' })
    expect(await refusalOf(disconnect, 2, options)).toContain(
      'needs a yes: run it again with --yes',
    )
    const no = await runCommand(disconnect, { ...options, terminal: 80, answers: ['n'] })
    expect(no).toMatchObject({ exitCode: 1, stdout: '' })
    expect(no.stderr).toContain('This disconnects tony_stark from GARMIN. Go on? [y/N]')
    expect(hub.app.accepted).toEqual(['auth'])
    const yes = await runCommand(disconnect, { ...options, terminal: 80, answers: ['y'] })
    expect(yes.exitCode).toBe(0)
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth', 'deauth'])
    expect(await refusalOf(disconnect, 4, options)).toContain('user')
  })
})

describe('firma events', () => {
  it('lists, shows, prints the exact bytes, and makes data', async () => {
    const { hub, options, userId } = await openHub()
    const [event] = await askJson(['events', 'list'], options)
    expect(event).toMatchObject({ type: 'auth', user_id: userId })
    const table = await runCommand(['events', 'list'], { ...options, terminal: 100 })
    expect(table.stdout).toContain('1 delivered')
    for (const line of table.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    const one = await askJson(['events', 'get', event.id], options)
    expect(one.payload.type).toBe('auth')
    const shown = await runCommand(['events', 'get', event.id], { ...options, terminal: 120 })
    expect(shown.stdout).toContain('"type": "auth"')
    const body = await runCommand(['events', 'get', event.id, '--body'], options)
    expect(body.stdout).toBe(hub.app.received[0]?.body)
    const folder = await createFolder()
    await writeFile(join(folder, 'night.json'), '[{"score": 80}]')
    const generate = ['events', 'generate', 'sleep', '--user', userId]
    const dry = await askJson([...generate, '--dry-run'], options)
    expect(dry.body).toEqual({ type: 'sleep', user_id: userId })
    const withData = { ...options, folder }
    expect(await askJson([...generate, '--data', 'night.json'], withData)).toHaveProperty(
      'event_id',
    )
    expect(await askJson([...generate, '--data', '-'], { ...options, input: '[]' })).toBeTruthy()
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth', 'sleep', 'sleep'])
    expect(
      await askJson(['events', 'list', '--type', 'sleep', '--limit', '1'], options),
    ).toHaveLength(1)
    const all = await runCommand(['events', 'list', '--all', '--format', 'ndjson'], options)
    expect(all.stdout.trim().split('\n')).toHaveLength(3)
    const csv = await runCommand(['events', 'list', '--format', 'csv'], options)
    expect(csv.stdout).toMatch(/^created_at,type,provider,reference_id,deliveries,id\r\n/)
  })

  it('refuses what is not right', async () => {
    const { options } = await openHub()
    expect(await refusalOf(['events', 'get', GONE], 4, options)).toBeTruthy()
    expect(
      await refusalOf(['events', 'generate', 'sleep', '--user', GONE], 4, options),
    ).toBeTruthy()
    expect(await refusalOf(['events', 'generate', 'nap', '--user', 'x'], 2, options)).toContain(
      'Allowed choices',
    )
    expect(await refusalOf(['events', 'generate', 'sleep'], 2, options)).toContain(
      "required option '--user",
    )
    expect(await refusalOf(['events', 'list', '--limit', '0'], 2, options)).toContain(
      'whole number from 1',
    )
    expect(await refusalOf(['events', 'list', '--format', 'xml'], 2, options)).toContain(
      'table, json, csv, ndjson',
    )
    const data = ['events', 'generate', 'sleep', '--user', 'x', '--data']
    expect(await refusalOf([...data, 'gone.json'], 2, options)).toContain('cannot be read')
    expect(await refusalOf([...data, '-'], 2, { ...options, input: '{' })).toContain('is not JSON')
  })
})

describe('firma audit and firma environments', () => {
  it('list what there is', async () => {
    const { hub, options } = await openHub()
    const [entry] = await askJson(['audit', '--action', 'environment.create'], options)
    expect(entry).toMatchObject({ action: 'environment.create', subject: DEV_ID })
    expect(await refusalOf(['environments', 'list'], 3, options)).toContain('FIRMA_API_KEY')
    const operator = await createApiKey(hub.hub.deps, 'test', { environmentId: null, name: 'ops' })
    const variables = { FIRMA_URL: hub.url, FIRMA_API_KEY: operator.secret }
    const [environment] = await askJson(['environments', 'list'], { variables })
    expect(environment).toMatchObject({ dev_id: DEV_ID })
    const empty = await runCommand(['audit', '--action', 'none'], { ...options, terminal: 80 })
    expect(empty).toEqual({ exitCode: 0, stdout: '', stderr: 'Nothing was changed.\n' })
  })
})

describe('which hub', () => {
  it('is said when there is none, and when what answers is none', async () => {
    expect(await refusalOf(['audit'], 2)).toContain(
      'no hub to talk to: start one here (firma start)',
    )
    const alone = { variables: { FIRMA_API_KEY: 'x' } }
    expect(await refusalOf(['audit'], 2, alone)).toContain('FIRMA_URL is not; set it')
    const nobody = {
      variables: { FIRMA_API_KEY: 'x', FIRMA_URL: 'http://127.0.0.1:1', FIRMA_DEV_ID: 'x' },
    }
    expect(await refusalOf(['audit'], 5, nobody)).toContain('does not answer; is it running')
    const odd = { variables: { FIRMA_API_KEY: 'x', FIRMA_URL: 'nowhere' } }
    expect(await refusalOf(['audit'], 2, odd)).toContain('--url (FIRMA_URL) is "nowhere"')
    expect(await refusalOf(['audit', '--profile', 'x'], 2)).toContain('there is no profile "x"')
  })

  it('is remembered by login, after the key was tried', async () => {
    const { hub, options, userId } = await openHub()
    const folder = await createFolder()
    const login = ['login', '--url', hub.url, '--dev-id', DEV_ID]
    expect(await refusalOf(login, 3, { folder, input: 'wrong\n' })).toBeTruthy()
    const operator = ['login', '--url', hub.url]
    expect(await refusalOf(operator, 3, { folder, input: hub.apiKey })).toContain(
      'this is no operator key',
    )
    const { stdout } = await runCommand(login, { folder, terminal: 80, answers: [hub.apiKey] })
    expect(stdout).toContain(`for ${DEV_ID}; kept as "default"`)
    expect(stdout).not.toContain(hub.apiKey)
    expect(await askJson(['users', 'get', userId], { folder })).toHaveProperty('provider')
    const elsewhere = { folder, variables: { FIRMA_DEV_ID: 'another-one' } }
    expect(await refusalOf(['users', 'get', userId], 3, elsewhere)).toContain('profiles.json')
    const doctor = await askJson(['doctor'], { folder })
    expect(doctor.find(({ check }: any) => check === 'credentials').status).toBe('ok')
    await runCommand(['logout'], { folder })
    expect(await refusalOf(['users', 'get', userId], 2, { folder })).toContain('no hub to talk to')
    expect(options).toBeTruthy()
  })
})

describe('firma listen', () => {
  it('forwards what has been and what comes, signed with a secret that stays', async () => {
    const { hub, options, userId } = await openHub()
    const folder = await createFolder()
    const app = await createTestHub()
    const controller = new AbortController()
    const listening = createSignal()
    const forwarded = createSignal()
    let output = ''
    const done = runCommand(['listen', '--forward-to', app.app.url, '--replay', '1'], {
      ...options,
      folder,
      signal: controller.signal,
      onOutput: (text) => {
        output += text
        if (text.includes('Listening.')) listening.resolve()
        if (text.includes('daily')) forwarded.resolve()
      },
    })
    await listening.promise
    const greeting = output
    expect(greeting).toContain('auth  GARMIN tony_stark')
    await hub.call('POST', '/admin/v1/events/generate', { type: 'daily', user_id: userId })
    await forwarded.promise
    controller.abort()
    expect((await done).exitCode).toBe(0)
    expect(app.app.accepted).toEqual(['auth', 'daily'])
    expect(app.app.received[0]?.body).toEqual(hub.app.received[0]?.body)
    const kept = JSON.parse(await readFile(join(folder, '.config/firma/listen.json'), 'utf8'))
    expect(greeting).toContain(`Signing secret: ${kept.secret}`)
    const header = app.app.received[0]?.headers['x-terra-signature']
    const verified = await runCommand(
      ['verify', '-H', `x-terra-signature: ${String(header)}`, '--secret', kept.secret],
      {
        input: app.app.received[0]?.body ?? '',
      },
    )
    expect(JSON.parse(verified.stdout)).toMatchObject({ valid: true })
    // The next time it needs no address.
    const once = await runCommand(['listen', '--once', '--replay', '2', '--types', 'daily'], {
      ...options,
      folder,
    })
    expect(once.stdout).toMatch(/^\S+ {2}daily .* → 200 in \d+ ms\n$/)
  })

  it('says what the app answers, and refuses what it cannot do', async () => {
    const { options } = await openHub()
    const args = ['listen', '--once', '--replay', '1', '--forward-to']
    const { stdout } = await runCommand([...args, 'http://127.0.0.1:1/'], options)
    expect(stdout).toContain('→ no answer (')
    expect(await refusalOf([...args, 'nowhere'], 2, options)).toContain('is no address of an app')
  })
})

describe('firma trigger', () => {
  it('sends every event and every story to the app, signed', async () => {
    const folder = await createFolder()
    const { app } = await createTestHub()
    const names = JSON.parse((await runCommand(['trigger', '--list'])).stdout)
    expect(names.length).toBeGreaterThan(30)
    for (const { name } of names) {
      const { exitCode, stdout } = await runCommand(['trigger', name, '--to', app.url], { folder })
      expect(exitCode, name).toBe(0)
      expect(JSON.parse(stdout).every(({ status }: any) => status === 200)).toBe(true)
    }
    const args = ['trigger', 'user_reauth', '--user', 'a', '--new-user', 'b', '--provider', 'oura']
    await runCommand(args, { folder })
    expect(JSON.parse(app.received.at(-1)?.body ?? '')).toMatchObject({
      old_user: { user_id: 'a' },
      new_user: { user_id: 'b', provider: 'OURA' },
    })
  })

  it('prints and sends nothing in a dry run, and says why an app refuses', async () => {
    const folder = await createFolder()
    const dry = await runCommand(['trigger', 'auth', '--dry-run'], { folder })
    expect(JSON.parse(dry.stdout)[0].headers).toHaveProperty('x-terra-signature')
    const away = ['trigger', 'auth', '--to', 'http://127.0.0.1:1/']
    const failed = await runCommand(away, { folder, terminal: 100 })
    expect(failed.exitCode).toBe(1)
    expect(failed.stderr).toContain('Is the app running')
    expect(await refusalOf(['trigger', 'user_reuth'], 2, { folder })).toContain(
      'did you mean user_reauth?',
    )
  })
})
