import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../../src/cli/serve.ts'
import { createTestHub } from '../support/create-test-hub.ts'
import { startTestApp } from '../support/test-app.ts'
import { openHub } from './open-hub.ts'
import { createFolder, refusalOf, runCommand } from './run-command.ts'

function createSignal(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve: () => resolve() }
}

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
      terminal: 120,
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
    expect(JSON.parse(once.stdout)).toMatchObject({ type: 'daily', status: 200, to: app.app.url })
  })

  it('comes again where a stream was left, and fetches what the stream left out', async () => {
    const app = await startTestApp()
    const port = await listen('127.0.0.1', 0)
    onTestFinished(async () => {
      await port.close()
      await app.close()
    })
    const asked: (string | null)[] = []
    const NOBODY = { user_id: null, reference_id: null, provider: null }
    const eventOf = (id: string) => ({ ...NOBODY, id, type: id, ordering_timestamp: 1 })
    const told = (id: string, kind = 'event') =>
      `event: ${kind}\ndata: ${JSON.stringify(eventOf(id))}\n\n`
    // A line each: what a stream says; nothing: the hub is away.
    const streams = [
      `retry: 1\nid: 0\n\n${told('first')}id: 1\nevent: cursor\ndata: {}\n\n${told('second')}`,
      undefined,
      `${told('second')}id: 2\nevent: cursor\ndata: {}\n\n${told('', 'gap')}${told('fifth')}`,
    ]
    const ended = createSignal()
    port.serve(async (request) => {
      const { pathname, searchParams } = new URL(request.url)
      const id = /events\/(\w+)\/body$/.exec(pathname)?.[1]
      if (id !== undefined) return new Response(JSON.stringify({ type: id }))
      if (pathname === '/admin/v1/events') {
        const data = ['fifth', 'fourth', 'third', 'second'].map(eventOf)
        return Response.json({ data, next: null })
      }
      asked.push(searchParams.get('last_event_id'))
      if (asked.length > streams.length) ended.resolve()
      return new Response(streams[asked.length - 1] ?? null, {
        status: streams[asked.length - 1] === undefined ? 503 : 200,
      })
    })
    const controller = new AbortController()
    const variables = { FIRMA_URL: port.url, FIRMA_DEV_ID: 'acme', FIRMA_API_KEY: 'key' }
    const args = ['listen', '--forward-to', app.url, '--types', 'first,second,third,fifth']
    const done = runCommand(args, { variables, signal: controller.signal })
    await ended.promise
    controller.abort()
    const { exitCode, stderr } = await done
    expect({ exitCode, asked: asked.slice(0, 4) }).toEqual({
      exitCode: 0,
      asked: [null, '1', '1', '2'],
    })
    expect(app.accepted).toEqual(['first', 'second', 'third', 'fifth'])
    expect(stderr).toMatch(/Listening.*\n.*Trying again …\nThe hub answers again\.\n/)
  })

  it('ends when the hub refuses its key', async () => {
    const { options } = await openHub()
    const variables = { ...options.variables, FIRMA_API_KEY: 'wrong' }
    const { exitCode, stderr } = await runCommand(['listen'], { variables })
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 3 })
    expect(stderr).toContain('do not belong together')
  })

  it('says what the app answers, and refuses what it cannot do', async () => {
    const { options } = await openHub()
    const args = ['listen', '--once', '--replay', '1', '--forward-to']
    const at = { ...options, terminal: 120 }
    const { stdout } = await runCommand([...args, 'http://127.0.0.1:1/'], at)
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
