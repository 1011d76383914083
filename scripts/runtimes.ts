/** Runtimes and frameworks that the receiver is tested in, beside Node: real ones, from npm packages that hold their programs. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'

interface Platform {
  /** Packages by name, with their exact versions. */
  readonly packages: Readonly<Record<string, string>>
  /** Programs by runtime, below node_modules. */
  readonly programs: Readonly<Record<'bun' | 'deno' | 'workerd', string>>
}

const BUN = '1.4.5'
const DENO = '2.9.6'
const WORKERD = '1.20261117.1'
const NEXT = '16.4.6'
/** What the apps import, with what `--omit=optional` would leave out. */
const LIBRARIES = {
  '@hono/node-server': '2.1.8',
  '@photostructure/sqlite': '1.2.1',
  hono: '4.13.19',
  next: NEXT,
  pg: '8.23.1',
  'pg-cloudflare': '1.4.1',
  react: '19.3.1',
  'react-dom': '19.3.1',
}
const INSTALL_TIMEOUT_MS = 600_000
const INSTALL_ATTEMPTS = 3

/** By `process.platform` and `process.arch`. */
const PLATFORMS: Readonly<Record<string, Platform>> = {
  'linux x64': toPlatform('bun-linux-x64', 'linux-x64-glibc', 'workerd-linux-64', 'linux-x64-gnu'),
  'linux arm64': toPlatform(
    'bun-linux-aarch64',
    'linux-arm64-glibc',
    'workerd-linux-arm64',
    'linux-arm64-gnu',
  ),
  'darwin x64': toPlatform('bun-darwin-x64', 'darwin-x64', 'workerd-darwin-64', 'darwin-x64'),
  'darwin arm64': toPlatform(
    'bun-darwin-aarch64',
    'darwin-arm64',
    'workerd-darwin-arm64',
    'darwin-arm64',
  ),
}

function toPlatform(bun: string, deno: string, workerd: string, swc: string): Platform {
  return {
    packages: {
      ...LIBRARIES,
      [`@oven/${bun}`]: BUN,
      [`@deno/${deno}`]: DENO,
      [`@cloudflare/${workerd}`]: WORKERD,
      [`@next/swc-${swc}`]: NEXT,
    },
    programs: {
      bun: `@oven/${bun}/bin/bun`,
      deno: `@deno/${deno}/deno`,
      workerd: `@cloudflare/${workerd}/bin/workerd`,
    },
  }
}

/** A folder with the runtimes, and below which apps find them. */
export interface Runtimes {
  /** Has `node_modules`. */
  readonly folder: string
  /** Where each program is. */
  readonly programs: Readonly<Record<'bun' | 'deno' | 'workerd', string>>
}

/**
 * Installs the runtimes, unless they are there: about 700 MB in the user's cache folder, for all clones.
 *
 * @throws With the line to run, when they cannot be had.
 */
export function provideRuntimes(): Runtimes {
  const platform = PLATFORMS[`${process.platform} ${process.arch}`]
  if (platform === undefined || isMusl()) {
    throw new Error(
      'the tests in other runtimes need Linux with glibc or macOS, because Deno and workerd have no programs for ' +
        `${process.platform} ${process.arch}${isMusl() ? ' with musl' : ''}; run: docker run --rm -v "$PWD:/firma" -w /firma node:24 npm test`,
    )
  }
  const manifest = JSON.stringify({ private: true, dependencies: platform.packages })
  const digest = createHash('sha256').update(manifest).digest('hex').slice(0, 16)
  const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'firma')
  const folder = path.join(cache, `runtimes-${digest}`)
  if (!isInstalled(folder)) install({ cache, folder, manifest })
  const toPath = (program: string): string => path.join(folder, 'node_modules', program)
  const { bun, deno, workerd } = platform.programs
  return { folder, programs: { bun: toPath(bun), deno: toPath(deno), workerd: toPath(workerd) } }
}

/** Beside its place and then moved there: nobody ever finds half of it. */
function install({
  cache,
  folder,
  manifest,
}: Record<'cache' | 'folder' | 'manifest', string>): void {
  console.log('Getting Bun, Deno, workerd and Next.js for the tests (about 250 MB, once) …')
  mkdirSync(cache, { recursive: true })
  const fresh = mkdtempSync(path.join(cache, 'installing-'))
  try {
    writeFileSync(path.join(fresh, 'package.json'), manifest)
    const options = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--silent']
    const args = ['install', ...options]
    const run = (): boolean =>
      spawnSync('npm', args, {
        cwd: fresh,
        stdio: ['ignore', 'inherit', 'inherit'],
        timeout: INSTALL_TIMEOUT_MS,
      }).status === 0
    if (!Array.from({ length: INSTALL_ATTEMPTS }).some(run)) {
      throw new Error(
        `the tests need other runtimes, and npm could not install them; run: mkdir -p ${folder} && cd ${folder} && ` +
          `echo '${manifest}' > package.json && npm ${args.join(' ')}`,
      )
    }
    if (isInstalled(folder)) return
    rmSync(folder, { recursive: true, force: true })
    renameSync(fresh, folder)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** By npm's own record, which it writes last. */
function isInstalled(folder: string): boolean {
  return existsSync(path.join(folder, 'node_modules/.package-lock.json'))
}

function isMusl(): boolean {
  if (process.platform !== 'linux') return false
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime === undefined
}
