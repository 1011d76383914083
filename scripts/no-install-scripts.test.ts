import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const repository = fileURLToPath(new URL('..', import.meta.url))
const INSTALL_TIMEOUT_MS = 300_000
const START_TIMEOUT_MS = 180_000

interface LockedPackage {
  readonly dependencies?: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
  readonly hasInstallScript?: boolean
  readonly link?: boolean
  readonly resolved?: string
}

interface Run {
  readonly code: number | null
  readonly output: string
}

/** Runs a command, and kills it with everything it started when it takes too long. */
async function run(folder: string, timeoutMs: number, ...args: string[]): Promise<Run> {
  // Without the settings that the npm of this test run would hand on.
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|VITEST|FIRMA_)/i.test(name),
  )
  const child = spawn('npm', args, {
    cwd: folder,
    env: Object.fromEntries(entries),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (output += String(chunk)))
  const timer = setTimeout(() => {
    output += `\nstill running after ${timeoutMs} ms`
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }, timeoutMs)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code) => resolve({ code, output }))
    })
  } finally {
    clearTimeout(timer)
  }
}

/** The exit code, and all that was printed when it is not 0. */
function explain({ code, output }: Run): string {
  return code === 0 ? 'exit code 0' : `exit code ${code}: ${output}`
}

/** What a commit of the working tree would contain. */
function copyWorkingTree(target: string): void {
  const args = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others']
  const { stdout, status, stderr } = spawnSync('git', [...args, '--exclude-standard'], {
    cwd: repository,
    encoding: 'utf8',
  })
  if (status !== 0) throw new TypeError(stderr)
  const deleted = spawnSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z', '--deleted'], {
    cwd: repository,
    encoding: 'utf8',
  }).stdout.split('\0')
  for (const file of new Set(stdout.split('\0'))) {
    if (file === '' || deleted.includes(file)) continue
    mkdirSync(path.dirname(path.join(target, file)), { recursive: true })
    copyFileSync(path.join(repository, file), path.join(target, file))
  }
}

/** Every package that installing `name` brings along, by its place in node_modules. */
function listRuntimePackages(packages: Record<string, LockedPackage>, name: string): string[] {
  const found = new Set<string>()
  const visit = (place: string): void => {
    if (found.has(place)) return
    found.add(place)
    const entry = packages[place]
    const locked = entry?.link === true ? packages[entry.resolved ?? ''] : entry
    const names = { ...locked?.dependencies, ...locked?.optionalDependencies }
    for (const dependency of Object.keys(names)) {
      const target = findPlace(packages, place, dependency)
      if (target !== undefined) visit(target)
    }
  }
  visit(`node_modules/${name}`)
  return [...found]
}

/** Looks in the package's own node_modules first, then upwards, as Node does. */
function findPlace(
  packages: Record<string, LockedPackage>,
  from: string,
  name: string,
): string | undefined {
  const nested = `${from}/node_modules/${name}`
  if (nested in packages) return nested
  const parent = from.lastIndexOf('/node_modules/')
  if (parent !== -1) return findPlace(packages, from.slice(0, parent), name)
  return `node_modules/${name}` in packages ? `node_modules/${name}` : undefined
}

let folder: string

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'firma-clone-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('npm ci --ignore-scripts', () => {
  it('is enough to run Firma in a fresh clone', { timeout: 500_000 }, async () => {
    copyWorkingTree(folder)
    const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
    const installed = await run(folder, INSTALL_TIMEOUT_MS, 'ci', ...options)
    expect(explain(installed)).toBe('exit code 0')

    const data = path.join(folder, 'script-data')
    const args = ['start', '--', '--script', '--port', '0', '--data', data]
    const started = await run(folder, START_TIMEOUT_MS, ...args)
    expect(explain(started)).toBe('exit code 0')
    expect(started.output).not.toContain('Installing dependencies')
  })
})

describe('runtime dependencies of firma', () => {
  it('have no install script, but for one that the packages do without', () => {
    const { packages }: { packages: Record<string, LockedPackage> } = JSON.parse(
      readFileSync(path.join(repository, 'package-lock.json'), 'utf8'),
    )
    const runtime = listRuntimePackages(packages, 'firma')
    expect(runtime).toContain('node_modules/hono')
    const scripted = runtime.filter((place) => packages[place]?.hasInstallScript === true)
    // Its script would compile where no binary fits; the binaries are in its tarball, and the test
    // above starts without it.
    expect(scripted).toEqual(['node_modules/@photostructure/sqlite'])
  })
})
