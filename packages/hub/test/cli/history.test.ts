/** Commands about what was announced, sent, sent again, and told to providers. */
import { describe, expect, it } from 'vitest'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { askJson, openHub } from './open-hub.ts'
import { refusalOf, runCommand } from './run-command.ts'

const GONE = '00000000-0000-4000-8000-000000000000'

describe('firma events generate', () => {
  it('makes examples of every event and story, and shows what it would make', async () => {
    const { hub, options } = await openHub()
    const generate = ['events', 'generate']
    const preview = await askJson([...generate, 'user_reauth', '--preview'], options)
    expect(preview).toMatchObject({ event_id: null, events: [{ id: null, type: 'user_reauth' }] })
    const person = ['--reference', 'pepper', '--provider', 'oura', '--user', GONE]
    const one = await askJson([...generate, 'auth', ...person], options)
    expect(JSON.parse(one.events[0].body)).toMatchObject({
      reference_id: 'pepper',
      user: { user_id: GONE, provider: 'OURA' },
    })
    const to = ['--destination', hub.destinationId]
    const story = await askJson([...generate, 'reconnect-twice', ...to], options)
    expect(story.events.length).toBeGreaterThan(2)
    const shown = await runCommand([...generate, 'sleep', '--preview'], {
      ...options,
      terminal: 90,
    })
    expect(shown.stdout).toMatch(/^type +id +body\nsleep/)
    await hub.hub.settle()
    expect(hub.app.accepted).toHaveLength(1 + 1 + story.events.length)
    expect(await askJson(['users', 'list'], options)).toHaveLength(1)
  })
})

describe('firma redirects', () => {
  it('adds and removes addresses and schemes', async () => {
    const { options } = await openHub()
    const url = 'https://app.example/connected'
    const add = ['redirects', 'add', url]
    expect(await askJson([...add, '--dry-run'], options)).toMatchObject({
      dry_run: true,
      body: { allow_list: [url] },
    })
    expect(await askJson(['redirects', 'list'], options)).toMatchObject({ allow_list: null })
    expect(await askJson(add, options)).toMatchObject({ allow_list: [url] })
    expect(await askJson(add, options)).toMatchObject({ allow_list: [url] })
    expect(await askJson(['redirects', 'add', 'MyApp:'], options)).toMatchObject({
      allow_list: [url],
      schemes: ['myapp'],
    })
    expect(await askJson(['redirects', 'remove', 'myapp://'], options)).toMatchObject({
      schemes: [],
    })
    expect(await askJson(['redirects', 'remove', url], options)).toMatchObject({ allow_list: [] })
    expect(await refusalOf(['redirects', 'remove', url], 4, options)).toContain('it is empty')
    expect(await refusalOf(['redirects', 'add', 'connected'], 2, options)).toContain('myapp:')
    expect(await refusalOf(['redirects', 'add', 'javascript:'], 2, options)).toContain('javascript')
  })
})

describe('firma resends, revocations and notices', () => {
  it('show what goes on, and pause, resume and cancel what is sent again', async () => {
    const { hub, options, userId } = await openHub()
    const started = ['events', 'resend', '--since', '2020-01-01', '--yes']
    const { id } = await askJson(started, options)
    expect(await askJson(['resends', 'get', id], options)).toMatchObject({ status: 'done' })
    expect(await askJson(['resends', 'list'], options)).toMatchObject([{ id, progress: 1 }])
    const table = await runCommand(['resends', 'list'], { ...options, terminal: 160 })
    expect(table.stdout).toContain('100 %')
    for (const action of ['pause', 'resume', 'cancel']) {
      for (const dry of [[], ['--dry-run']]) {
        const ended = await refusalOf(['resends', action, id, ...dry], 1, options)
        expect(ended).toContain('has ended (done)')
      }
      expect(await refusalOf(['resends', action, GONE], 4, options)).toContain(GONE)
    }
    await askJson(['users', 'disconnect', userId, '--yes'], options)
    await hub.hub.settle()
    const [revocation] = await askJson(['revocations', 'list', '--status', 'revoked'], options)
    expect(revocation).toMatchObject({ provider: 'GARMIN' })
    expect(await askJson(['notices', 'list'], options)).toEqual(expect.any(Array))
  })
})

describe('firma encryption rotate', () => {
  it('asks, says what it would do, and says what to do where the keys are in hand', async () => {
    const { hub, options } = await openHub()
    const { secret } = await createApiKey(hub.hub.deps, 'cli', { environmentId: null, name: 'ops' })
    const operator = { variables: { ...options.variables, FIRMA_API_KEY: secret } }
    const rotate = ['encryption', 'rotate']
    expect(await askJson([...rotate, '--dry-run'], operator)).toMatchObject({ primary_key: 'test' })
    expect(await refusalOf(rotate, 2, operator)).toContain('needs a yes')
    expect(await refusalOf([...rotate, '--yes'], 1, operator)).toContain('FIRMA_ENCRYPTION_KEYS')
    expect(await refusalOf([...rotate, '--yes'], 3, options)).toContain('operator')
  })
})

describe('firma deliveries', () => {
  it('lists what destinations were owed, in pages', async () => {
    const { hub, options } = await openHub()
    await askJson(['destinations', 'disable', hub.destinationId], options)
    await hub.connect('FITBIT')
    const [held] = await askJson(['deliveries', 'list', '--status', 'held'], options)
    expect(held).toMatchObject({ type: 'auth', provider: 'FITBIT', attempts: 0, status: 'held' })
    const list = ['deliveries', 'list', '--destination', hub.destinationId]
    expect(await askJson([...list, '--all'], options)).toHaveLength(2)
    expect(await askJson([...list, '--event', held.event_id], options)).toEqual([held])
    const table = await runCommand([...list, '--limit', '1'], { ...options, terminal: 200 })
    expect(table.stdout).toContain(held.event_id)
    expect(table.stderr).toContain('There are more')
    expect(await askJson([...list, '--resend', GONE], options)).toEqual([])
    expect(await refusalOf(['deliveries', 'list', '--status', 'lost'], 2, options)).toContain(
      'owed, pending, held',
    )
  })
})
