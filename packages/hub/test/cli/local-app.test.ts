import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createTestHub } from '../support/create-test-hub.ts'
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
