// `npm run lockfile` completes package-lock.json; with `--check` it only says what is missing.
//
// npm leaves a platform's binary out of the lock file when the registry did not have it at the time
// of the installation, which happens to new releases and behind a mirror. `npm ci` then refuses the
// lock file everywhere. Version and platform are all that npm needs to fetch the binary later.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** A package in package-lock.json; unknown fields are kept. */
export interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

export type LockedPackages = Readonly<Record<string, LockedPackage>>

const OPERATING_SYSTEMS = new Set([
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
])
const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[\w.-]+)?$/

/** The optional dependencies that have no entry, by the place in which npm would look for them. */
export function listMissing(packages: LockedPackages): Record<string, LockedPackage> {
  const missing: Record<string, LockedPackage> = {}
  for (const [place, locked] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
      if (isFound(packages, place, name)) continue
      missing[`node_modules/${name}`] = createEntry(name, version, locked.dev === true)
    }
  }
  return missing
}

/** npm looks in the package's own node_modules first, then upwards. */
function isFound(packages: LockedPackages, from: string, name: string): boolean {
  if (`${from === '' ? '' : `${from}/`}node_modules/${name}` in packages) return true
  if (from === '') return false
  const parent = from.lastIndexOf('/node_modules/')
  return isFound(packages, parent === -1 ? '' : from.slice(0, parent), name)
}

/** `@oxlint/binding-linux-arm64-musl`: its name tells the platform. */
function createEntry(name: string, version: string, isDev: boolean): LockedPackage {
  // Runs anywhere, which to npm is a processor that no machine has: it is installed on request only.
  if (name.endsWith('-wasm32-wasi') && EXACT_VERSION.test(version)) {
    return { version, cpu: ['wasm32'], ...(isDev ? { dev: true } : {}), optional: true }
  }
  const parts = name.split(/[/-]/)
  const at = parts.findIndex((part) => OPERATING_SYSTEMS.has(part))
  const [os, cpu, abi] = at === -1 ? [] : parts.slice(at)
  if (os === undefined || cpu === undefined || !EXACT_VERSION.test(version)) {
    throw new TypeError(
      `${name}@${version} is missing from the lock file, and its name does not tell the platform; install it where the registry has it`,
    )
  }
  const libc = abi?.startsWith('musl') === true ? 'musl' : 'glibc'
  return {
    version,
    cpu: [cpu],
    ...(isDev ? { dev: true } : {}),
    ...(os === 'linux' && abi !== undefined ? { libc: [libc] } : {}),
    optional: true,
    os: [os],
  }
}

/** In npm's order, so that the next `npm install` moves nothing. */
export function complete(packages: LockedPackages): LockedPackages {
  const entries = Object.entries({ ...packages, ...listMissing(packages) })
  return Object.fromEntries(entries.toSorted(([a], [b]) => a.localeCompare(b, 'en')))
}

function main(isCheck: boolean): number {
  const file = path.join(path.dirname(fileURLToPath(import.meta.url)), '../package-lock.json')
  const lock: { packages: LockedPackages } = JSON.parse(readFileSync(file, 'utf8'))
  const missing = Object.keys(listMissing(lock.packages))
  if (missing.length === 0) return 0
  if (isCheck) {
    console.error(
      `npm ci would refuse package-lock.json; run \`npm run lockfile\`, which adds:\n${missing.join('\n')}`,
    )
    return 1
  }
  const text = JSON.stringify({ ...lock, packages: complete(lock.packages) }, undefined, 2)
  writeFileSync(file, `${text}\n`)
  console.log(`Added ${missing.length} packages of other platforms to package-lock.json.`)
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = main(process.argv.includes('--check'))
}
