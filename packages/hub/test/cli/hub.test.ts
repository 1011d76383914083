import { writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CLOSED } from '../../src/core/breaker.ts'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { DEV_ID } from '../support/create-test-hub.ts'
import { askJson, openHub } from './open-hub.ts'
import { createFolder, refusalOf, runCommand } from './run-command.ts'

const GONE = '00000000-0000-4000-8000-000000000000'

describe('firma users', () => {
  it('shows one, and disconnects it after a yes', async () => {
    const { hub, options, userId } = await openHub()
    expect(await askJson(['users', 'get', userId], options)).toMatchObject({ provider: 'GARMIN' })
    const disconnect = ['users', 'disconnect', userId]
    const dry = await askJson([...disconnect, '--dry-run'], options)
    expect(dry).toMatchObject({ dry_run: true, would: 'disconnect tony_stark at GARMIN' })
    expect(await refusalOf(disconnect, 2, options)).toContain(
      'needs a yes: run it again with --yes',
    )
    const no = await runCommand(disconnect, { ...options, terminal: 80, answers: ['n'] })
    expect(no).toMatchObject({ exitCode: 1, stdout: '' })
    expect(no.stderr).toContain('This disconnects tony_stark at GARMIN. Go on? [y/N]')
    expect(hub.app.accepted).toEqual(['auth'])
    const yes = await runCommand(disconnect, { ...options, terminal: 80, answers: ['y'] })
    expect(yes.exitCode).toBe(0)
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth', 'deauth'])
  })
})

describe('a demo that runs on this machine', () => {
  it.each(['absolute', 'relative'])('is found by FIRMA_DATA, %s', async (kind) => {
    const hub = await openHub()
    const folder = await createFolder()
    await writeFile(join(folder, 'running.json'), JSON.stringify({ hubUrl: hub.hub.url }))
    const demo = { devId: DEV_ID, apiKey: hub.hub.apiKey }
    await writeFile(join(folder, 'demo.json'), JSON.stringify(demo))
    const where = { folder: dirname(folder), variables: { FIRMA_DATA: basename(folder) } }
    const from = await createFolder()
    const options =
      kind === 'relative' ? where : { folder: from, variables: { FIRMA_DATA: folder } }
    expect(await runCommand(['users', 'list'], options)).toMatchObject({ exitCode: 0, stderr: '' })
  })
})

describe('firma users, many', () => {
  it('lists by every filter, and explains a connection across its ids', async () => {
    const { hub, options, userId: old } = await openHub()
    const again = await hub.connect('GARMIN')
    const userId = again.searchParams.get('user_id') ?? ''
    await hub.connect('FITBIT', { referenceId: 'pepper' })
    expect(await askJson(['users', 'list'], options)).toHaveLength(2)
    expect(await askJson(['users', 'list', '--reference', 'pepper'], options)).toHaveLength(1)
    expect(await askJson(['users', 'list', '--provider', 'garmin'], options)).toHaveLength(1)
    expect(await askJson(['users', 'list', '--state', 'degraded'], options)).toEqual([])
    expect(await askJson(['users', 'list', '--created-since', '2030-01-01'], options)).toEqual([])
    const explained = await runCommand(['users', 'explain', old], { ...options, terminal: 120 })
    expect(explained.stdout).toContain('tony_stark at GARMIN is active since')
    expect(explained.stdout).toContain(`${old} is a former user_id; the present one is ${userId}.`)
    expect(explained.stdout).toContain('user_reauth')
    expect(explained.stdout).toContain('What to do: Nothing.')
    expect((await askJson(['users', 'explain', old], options)).aliases).toHaveLength(2)
  })

  it('disconnects all that a filter finds, after a count', async () => {
    const { hub, options } = await openHub()
    await hub.connect('FITBIT', { referenceId: 'pepper' })
    const disconnect = ['users', 'disconnect', '--provider', 'FITBIT']
    const dry = await askJson([...disconnect, '--dry-run'], options)
    expect(dry).toMatchObject({ would: 'disconnect 1 user', total: 1 })
    expect(await refusalOf(disconnect, 2, options)).toContain('This disconnects 1 user needs a yes')
    const job = await askJson([...disconnect, '--yes'], options)
    expect(job).toMatchObject({ status: 'done', total: 1, done: 1, failed: 0 })
    expect(await refusalOf([...disconnect, '--yes'], 4, options)).toContain('no user matches')
    expect(await refusalOf(['users', 'disconnect'], 2, options)).toContain(
      'or everybody with --all',
    )
    const all = await askJson(['users', 'disconnect', '--all', '--dry-run'], options)
    expect(all.total).toBe(1)
  })

  it('refuses what is not right', async () => {
    const { options } = await openHub()
    expect(await refusalOf(['users', 'list', '--created-since', 'soon'], 2, options)).toContain(
      '7d',
    )
    expect(await refusalOf(['users', 'list', '--state', 'odd'], 2, options)).toContain(
      'active, degraded',
    )
    for (const verb of ['get', 'explain', 'disconnect']) {
      expect(await refusalOf(['users', verb, GONE], 4, options)).toContain('user not found')
    }
  })
})

describe('firma destinations', () => {
  it('makes, tests, changes, switches, rotates and deletes them', async () => {
    const { hub, options } = await openHub()
    const create = ['destinations', 'create', hub.app.url, '--types', 'auth,deauth']
    const dry = await askJson([...create, '--header', 'x-tenant: 7', '--dry-run'], options)
    expect(dry.body).toMatchObject({
      event_types: ['auth', 'deauth'],
      headers: { 'x-tenant': '7' },
    })
    const made = await askJson(create, options)
    expect(made).toMatchObject({ url: hub.app.url, event_types: ['auth', 'deauth'] })
    expect(made.secret).toMatch(/^whsec_/)
    expect(await askJson(['destinations', 'list'], options)).toHaveLength(2)
    expect(await askJson(['destinations', 'get', made.id], options)).toHaveProperty('health')
    expect(await askJson(['destinations', 'test', made.id], options)).toMatchObject({
      http_status: 200,
    })
    hub.app.answer = () => ({ status: 500 })
    const broken = await runCommand(['destinations', 'test', made.id], options)
    expect(broken.exitCode).toBe(1)
    const update = ['destinations', 'update', made.id, '--types', 'all', '--no-extensions']
    expect(await askJson([...update, '--dry-run'], options)).toMatchObject({ dry_run: true })
    expect(await askJson(update, options)).toMatchObject({ event_types: null })
    const retry = ['destinations', 'update', made.id, '--retries']
    expect(await askJson([...retry, '10s,1h,3d'], options)).toMatchObject({
      retries: { base_seconds: 10, cap_seconds: 3_600, window_hours: 72 },
    })
    expect(await askJson([...retry, 'default'], options)).toMatchObject({ retries: null })
    const off = await askJson(['destinations', 'disable', made.id, '--reason', 'moving'], options)
    expect(off).toMatchObject({ status: 'disabled', disabled_reason: 'moving' })
    const on = ['destinations', 'enable', made.id]
    expect(await askJson([...on, '--dry-run'], options)).toMatchObject({ status: 'disabled' })
    expect(await askJson(on, options)).toMatchObject({ status: 'enabled' })
    const rotated = await askJson(['destinations', 'rotate-secret', made.id], options)
    expect(rotated.secret).not.toBe(made.secret)
    const gone = ['destinations', 'delete', made.id]
    expect(await refusalOf(gone, 2, options)).toContain('needs a yes')
    await askJson([...gone, '--yes'], options)
    expect(await refusalOf(['destinations', 'get', made.id], 4, options)).toContain('destination')
  })

  it('tries on the hub what a dry run would do, and changes nothing', async () => {
    const { hub, options } = await openHub()
    const rows = async () => [
      await askJson(['destinations', 'list'], options),
      await hub.rows('SELECT * FROM signing_key'),
      await hub.rows('SELECT * FROM audit'),
    ]
    const before = await rows()
    const rotate = ['destinations', 'rotate-secret', hub.destinationId, '--dry-run']
    expect(await askJson(rotate, options)).toMatchObject({ dry_run: true })
    for (const args of [
      ['destinations', 'rotate-secret', GONE],
      ['destinations', 'update', GONE, '--types', 'auth'],
      ['destinations', 'delete', GONE],
      ['events', 'generate', 'daily', '--user', GONE],
      ['events', 'resend', GONE],
      ['providers', 'disable', 'pebble'],
    ]) {
      expect(await refusalOf([...args, '--dry-run'], 4, options)).toMatch(/ not? /)
    }
    const create = ['destinations', 'create', 'https://u:p@a.example/', '--dry-run']
    expect(await refusalOf(create, 2, options)).toContain('password')
    expect(await rows()).toEqual(before)
  })

  it('refuses what is not right', async () => {
    const { hub, options } = await openHub()
    const create = ['destinations', 'create']
    expect(await refusalOf([...create, 'nowhere'], 2, options)).toContain('nowhere')
    expect(await refusalOf([...create, 'https://u:p@a.example/'], 2, options)).toContain('password')
    expect(await refusalOf([...create, hub.app.url, '--header', 'x'], 2, options)).toContain(
      'name: value',
    )
    expect(await refusalOf(['destinations', 'update', hub.destinationId], 2, options)).toContain(
      'what to change',
    )
    const retry = ['destinations', 'update', hub.destinationId, '--retries']
    for (const schedule of ['10s', '10s,1h,90m', '10s,1h,x', '10s,1h,3d,4d', '']) {
      expect(await refusalOf([...retry, schedule], 2, options)).toContain('30s,8h,72h')
    }
    expect(await refusalOf([...retry, '50m,40m,72h'], 2, options)).toContain('longer than its cap')
    const rotate = ['destinations', 'rotate-secret', hub.destinationId, '--grace-hours']
    expect(await refusalOf([...rotate, '-1'], 2, options)).toContain('whole number of hours')
  })
})

describe('firma events resend', () => {
  it('sends one again, or all of a filter after a yes', async () => {
    const { hub, options } = await openHub()
    const [event] = await askJson(['events', 'list', '--outcome', 'delivered'], options)
    expect(await askJson(['events', 'list', '--outcome', 'failed'], options)).toEqual([])
    const dry = await askJson(['events', 'resend', event.id, '--dry-run'], options)
    expect(dry.filter).toEqual({ event_id: event.id })
    const one = await askJson(['events', 'resend', event.id], options)
    expect(one).toMatchObject({ status: 'done', deliveries: 1 })
    expect(dry).toMatchObject({ events: 1, deliveries: 1, is_complete: true })
    const shown = await runCommand(['events', 'resend', event.id, '--dry-run'], {
      ...options,
      terminal: 80,
    })
    expect(shown.stdout).toMatch(/again: 1 event made from \S+ to \S+, in 1 delivery \(1 to http/)
    const none = ['events', 'resend', '--type', 'sleep', '--dry-run']
    expect((await askJson(none, options)).would).toContain('no events')
    const all = ['events', 'resend', '--type', 'auth']
    expect(await refusalOf(all, 2, options)).toContain('needs a yes')
    expect(await askJson([...all, '--yes'], options)).toMatchObject({ status: 'done' })
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth', 'auth', 'auth'])
    expect(hub.app.received.at(-1)?.headers).toHaveProperty('x-firma-replay-of')
    expect(await refusalOf(['events', 'resend'], 2, options)).toContain('name an event, a filter')
    expect(await refusalOf(['events', 'resend', '--since', 'x'], 2, options)).toContain('24h')
  })
})

describe('firma encryption status', () => {
  it('says to operators which key seals', async () => {
    const { hub, options } = await openHub()
    expect((await runCommand(['encryption', 'status'], options)).exitCode).not.toBe(0)
    const about = { environmentId: null, name: 'operator' }
    const { secret } = await createApiKey(hub.hub.deps, 'cli', about)
    const variables = { ...options.variables, FIRMA_API_KEY: secret }
    const state = await askJson(['encryption', 'status'], { variables })
    expect(state).toMatchObject({ unknown_values: 0 })
    const table = await runCommand(['encryption', 'status'], { variables, terminal: 120 })
    expect(table.stdout).toContain('seals everything new')
  })
})

describe('firma ledger check', () => {
  it('says that everything has an outcome, and fails where something has none', async () => {
    const { hub, options } = await openHub()
    const ledger = await askJson(['ledger', 'check'], options)
    expect(ledger).toMatchObject({ balanced: true, events: 1, deliveries: 1 })
    const table = await runCommand(['ledger', 'check'], { ...options, terminal: 120 })
    expect(table.stdout).toContain('1 events, 1 deliveries: it balances.')
    await hub.rows('PRAGMA foreign_keys = OFF')
    await hub.rows('DELETE FROM delivery')
    const broken = await runCommand(['ledger', 'check'], { ...options, terminal: 120 })
    expect(broken.exitCode).toBe(1)
    expect(broken.stdout).toContain('do not balance')
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
    const unknown = ['events', 'generate', 'sleep', '--destination', GONE]
    expect(await refusalOf(unknown, 4, options)).toContain(GONE)
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

  it('say whether the log is as it was written', async () => {
    const { hub, options } = await openHub()
    expect(await askJson(['audit', 'verify'], options)).toMatchObject({ intact: true })
    const traffic = await askJson(['audit', 'verify', '--log', 'traffic'], options)
    expect(traffic.chains).toMatchObject([{ log: 'traffic' }])
    await hub.database.execute("UPDATE audit SET actor = 'nobody' WHERE action = 'key.create'")
    const [{ id }] = (await hub.rows("SELECT id FROM audit WHERE action = 'key.create'")) as any
    const { exitCode, stdout } = await runCommand(['audit', 'verify'], {
      ...options,
      terminal: 200,
    })
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: expect.stringContaining(id) })
  })
})

describe('what is no command', () => {
  it('is told with what is', async () => {
    expect(await refusalOf(['usres'], 2)).toContain('(Did you mean users?)')
    expect(await refusalOf(['nonsense'], 2)).toContain('see firma --help')
    expect(await refusalOf(['users', 'nonsense'], 2)).toContain('see firma users --help')
    expect(await refusalOf(['users', 'list', '--nonsense'], 2)).toContain(
      'see firma users list --help',
    )
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
    const statusOf = (name: string) =>
      doctor.find(({ check }: any) => check.startsWith(name))?.status
    expect(['credentials', 'destination ', 'providers'].map(statusOf)).toEqual(['ok', 'ok', 'ok'])
    await hub.hub.settle()
    const refused = { ...CLOSED, failures: 10, probeAtMs: hub.clock.nowMs() }
    await hub.hub.deps.store.destinations.saveBreaker(hub.destinationId, refused)
    const half = await askJson(['doctor'], { folder })
    const refusing = half.find(({ check }: any) => check.startsWith('destination '))
    expect(refusing).toMatchObject({ found: expect.stringContaining('has refused data') })
    await askJson(['destinations', 'disable', hub.destinationId], options)
    const later = await askJson(['doctor'], { folder })
    const disabled = later.find(({ check }: any) => check.startsWith('destination '))
    expect(disabled).toMatchObject({ status: 'warn', todo: expect.stringContaining('enable') })
    await runCommand(['logout'], { folder })
    expect(await refusalOf(['users', 'get', userId], 2, { folder })).toContain('no hub to talk to')
  })
})
