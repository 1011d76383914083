import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { auth, signedRequest } from 'firma-receiver/testing'
import { describe, expect, it } from 'vitest'
import { SETTING_LIST } from '../../src/cli/receive/settings.ts'
import { VERSION } from '../../src/cli/version.ts'
import { API_KEY, cleanUp, makeFolder, SECRET, toVariables } from './support.ts'

const hub = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))))

function start(variables: NodeJS.ProcessEnv, ...args: string[]) {
  const main = path.join(hub, 'src/cli/main.ts')
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--import', import.meta.resolve('tsx'), main, 'receive', ...args],
    {
      cwd: makeFolder(),
      env: { PATH: process.env['PATH'], ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text))
  const ended = once(child, 'close')
  cleanUp(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, said, ended }
}

describe('firma receive', () => {
  it('serves until it is told to end, and ends cleanly', async () => {
    const { child, said, ended } = start(toVariables())
    while (!said.out.includes('Stop with Ctrl+C')) {
      await Promise.race([once(child.stdout, 'data'), ended])
      expect(child.exitCode, said.err).toBe(null)
    }
    const webhook = /Webhook +(\S+)/.exec(said.out)?.[1] ?? ''
    const { body, headers } = await signedRequest(auth({ userId: 'u-1' }), { secret: SECRET })
    const answer = await fetch(webhook, { method: 'POST', headers, body: Buffer.from(body) })
    expect(answer.status).toBe(200)
    const found = await fetch(new URL('/v1/users/u-1', webhook), {
      headers: { authorization: `Bearer ${API_KEY}` },
    })
    expect(await found.json()).toMatchObject({ user_id: 'u-1', status: 'active' })
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(said).toMatchObject({ err: '' })
    for (const secret of [SECRET, API_KEY]) expect(said.out).not.toContain(secret)
  })

  it('says in one line what is wrong with its settings, and ends with 2', async () => {
    const { said, ended } = start({ FIRMA_RECEIVE_PORT: '99999' })
    expect(await ended).toEqual([2, null])
    expect(said.err).toBe(
      'firma: FIRMA_RECEIVE_SIGNING_SECRETS is not set; set it to the secret that events are signed with\n',
    )
  })

  it('explains its settings', async () => {
    const { said, ended } = start({}, '--help')
    expect(await ended).toEqual([0, null])
    for (const [name] of SETTING_LIST) expect(said.out).toContain(name)
  })

  it('has the version of its package', () => {
    const manifest = JSON.parse(readFileSync(path.join(hub, 'package.json'), 'utf8'))
    expect(VERSION).toBe(manifest.version)
  })
})

describe('docs/receive.md', () => {
  it('lists every setting with its default', () => {
    const document = readFileSync(path.join(hub, '../../docs/receive.md'), 'utf8')
    const rows = [...document.matchAll(/^\| `(FIRMA_RECEIVE_\w+)` +\| (.*?) +\|/gm)]
    const listed = rows.map(([, name, fallback]) => [name, fallback])
    const expected = SETTING_LIST.map(([name, { fallback }]) => [
      name,
      fallback === undefined ? '' : `\`${fallback}\``,
    ])
    expect(listed).toEqual(expected)
  })
})
