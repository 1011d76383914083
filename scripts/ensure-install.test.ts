import { spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { installReason, isAbandoned, lockPath, nodeProblem } from './ensure-install.mjs'

const script = fileURLToPath(new URL('ensure-install.mjs', import.meta.url))

let root: string

function write(place: string, content: unknown): void {
  const file = path.join(root, place)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(content))
}

function read(place: string): string {
  return readFileSync(path.join(root, place), 'utf8')
}

function lockFile(versions: Record<string, object>): object {
  return { name: 'sample', lockfileVersion: 3, packages: { '': { name: 'sample' }, ...versions } }
}

/** Runs the script in the sample project with npm's network switched off. */
async function run(): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [path.join(root, 'scripts/ensure-install.mjs')], {
    cwd: root,
    env: { ...process.env, npm_config_offline: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (output += String(chunk)))
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'firma-ensure-install-')))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

describe('nodeProblem', () => {
  it('accepts the required version and anything newer', () => {
    expect(nodeProblem('20.19.0', '>=20.19')).toBeUndefined()
    expect(nodeProblem('20.20.2', '>=20.19')).toBeUndefined()
    expect(nodeProblem('24.0.0', '>=20.19')).toBeUndefined()
  })

  it('says what was found and what to do about an older one', () => {
    expect(nodeProblem('20.18.3', '>=20.19')).toMatch(
      /needs Node 20\.19 .* Node 20\.18\.3: install/,
    )
    expect(nodeProblem('18.20.8', '>=20.19')).not.toBeUndefined()
  })
})

describe('installReason', () => {
  const lock = lockFile({
    'node_modules/plain': { version: '1.2.3' },
    'node_modules/plain/node_modules/nested': { version: '2.0.0' },
    'node_modules/linked': { resolved: 'packages/linked', link: true },
    'node_modules/native-elsewhere': { version: '9.9.9', optional: true },
    'packages/linked': { version: '0.1.0' },
  })

  beforeEach(() => {
    write('package-lock.json', lock)
    write('node_modules/.package-lock.json', {})
    write('node_modules/plain/package.json', { version: '1.2.3' })
    write('node_modules/plain/node_modules/nested/package.json', { version: '2.0.0' })
    write('node_modules/linked/package.json', { version: '0.1.0' })
  })

  it('finds nothing to do after a plain `npm ci`', () => {
    expect(installReason(root)).toBeUndefined()
  })

  it('asks for an installation on a fresh clone', () => {
    rmSync(path.join(root, 'node_modules'), { recursive: true })
    expect(installReason(root)).toBe('nothing is installed yet')
  })

  it('does not trust an installation that npm did not finish', () => {
    rmSync(path.join(root, 'node_modules/.package-lock.json'))
    expect(installReason(root)).toBe('nothing is installed yet')
  })

  it('names a package that is missing, nested, or linked', () => {
    rmSync(path.join(root, 'node_modules/plain/node_modules/nested/package.json'))
    expect(installReason(root)).toBe('node_modules/plain/node_modules/nested is missing')
    rmSync(path.join(root, 'node_modules/linked'), { recursive: true })
    rmSync(path.join(root, 'node_modules/plain'), { recursive: true })
    expect(installReason(root)).toBe('node_modules/plain is missing')
  })

  it('names a package in another version than the locked one', () => {
    write('node_modules/plain/package.json', { version: '1.2.2' })
    expect(installReason(root)).toBe('node_modules/plain is 1.2.2, and the lock file says 1.2.3')
  })

  it('reads half-written files as missing', () => {
    writeFileSync(path.join(root, 'node_modules/plain/package.json'), '{"version": "1.2')
    expect(installReason(root)).toBe('node_modules/plain is missing')
  })
})

describe('isAbandoned', () => {
  it('holds for a lock whose process is gone, not for one that runs', () => {
    write('lock/owner.json', { pid: process.pid })
    expect(isAbandoned(path.join(root, 'lock'))).toBe(false)
    // Above every system's highest process id.
    write('lock/owner.json', { pid: 2 ** 30 })
    expect(isAbandoned(path.join(root, 'lock'))).toBe(true)
  })

  it('holds for a lock that has had no owner for a while', () => {
    const lock = path.join(root, 'lock')
    mkdirSync(lock)
    expect(isAbandoned(lock)).toBe(false)
    const minuteAgo = new Date(Date.now() - 60_000)
    utimesSync(lock, minuteAgo, minuteAgo)
    expect(isAbandoned(lock)).toBe(true)
    expect(isAbandoned(path.join(root, 'absent'))).toBe(false)
  })
})

describe('ensure-install', () => {
  beforeEach(() => {
    mkdirSync(path.join(root, 'scripts'))
    copyFileSync(script, path.join(root, 'scripts/ensure-install.mjs'))
    const manifest = { name: 'sample', version: '1.0.0', workspaces: ['packages/one'] }
    write('package.json', { ...manifest, engines: { node: '>=20.19' } })
    write('packages/one/package.json', { name: 'one', version: '1.0.0' })
    write('package-lock.json', {
      name: 'sample',
      version: '1.0.0',
      lockfileVersion: 3,
      requires: true,
      packages: {
        '': manifest,
        'node_modules/one': { resolved: 'packages/one', link: true },
        'packages/one': { version: '1.0.0' },
      },
    })
  })

  it('installs once, then says nothing', async () => {
    const first = await run()
    expect(first.output).toMatch(/^Installing dependencies .*\n[^]*Installed in \d+\.\d s\.\n$/)
    expect(first.code).toBe(0)
    expect(existsSync(path.join(root, 'node_modules/one/package.json'))).toBe(true)
    expect(await run()).toEqual({ code: 0, output: '' })
  })

  it('looks again after npm has written another installation', async () => {
    await run()
    const record = path.join(root, 'node_modules/.package-lock.json')
    rmSync(path.join(root, 'node_modules/one'))
    expect(installReason(root)).toBeUndefined()
    utimesSync(record, new Date(0), new Date(0))
    expect(installReason(root)).toBe('node_modules/one is missing')
  })

  it('installs once when two start at the same time', async () => {
    const runs = await Promise.all([run(), run()])
    expect(runs.map((each) => each.code)).toEqual([0, 0])
    const installs = runs.filter((each) => each.output.includes('Installing dependencies'))
    expect(installs).toHaveLength(1)
    expect(existsSync(lockPath(root))).toBe(false)
  })

  it('takes over the lock of a process that died', async () => {
    mkdirSync(lockPath(root))
    writeFileSync(path.join(lockPath(root), 'owner.json'), JSON.stringify({ pid: 2 ** 30 }))
    const { code, output } = await run()
    expect(code).toBe(0)
    expect(output).toContain('Installed in')
  })

  it('explains an installation that fails, and leaves no marker behind', async () => {
    const manifest = JSON.parse(read('package.json'))
    write('package.json', { ...manifest, dependencies: { unlocked: '1.0.0' } })
    const { code, output } = await run()
    expect(code).toBe(1)
    expect(output).toMatch(
      /Installing dependencies failed \(exit code 1\)\. Is this machine offline/,
    )
    expect(existsSync(path.join(root, 'node_modules/.firma-install.json'))).toBe(false)
    expect(existsSync(lockPath(root))).toBe(false)
  })

  it('refuses a Node that is too old before anything else', async () => {
    const manifest = JSON.parse(read('package.json'))
    write('package.json', { ...manifest, engines: { node: '>=99' } })
    const { code, output } = await run()
    expect(code).toBe(1)
    expect(output).toMatch(/^Firma needs Node 99 or newer, and this is Node \d+\.\d+\.\d+: .*\n$/)
  })
})
