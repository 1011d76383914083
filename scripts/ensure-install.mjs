// Runs before `npm start` and `npm test`: installs the dependencies when they are not there.
// It must work on a fresh clone and on a Node that is too old, so it imports nothing but Node itself
// and uses no recent syntax.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

const MARKER = 'node_modules/.firma-install.json'
const HIDDEN_LOCK = 'node_modules/.package-lock.json'
const WAIT_MS_MAX = 10 * 60_000
const POLL_MS = 200
/** A lock directory without an owner file is one whose maker died between two system calls. */
const OWNERLESS_MS_MAX = 10_000

/** One line for whoever runs a Node that is too old, or undefined. */
export function nodeProblem(found, required) {
  const wanted = versionNumbers(required)
  const actual = versionNumbers(found)
  for (let i = 0; i < wanted.length; i += 1) {
    const difference = (actual[i] || 0) - wanted[i]
    if (difference > 0) return undefined
    if (difference < 0) {
      return `Firma needs Node ${wanted.join('.')} or newer, and this is Node ${found}: install a newer one, for example Node 24, and run the same command again.`
    }
  }
  return undefined
}

function versionNumbers(text) {
  return text
    .replace(/^[^0-9]*/, '')
    .split('.')
    .map((part) => Number.parseInt(part, 10) || 0)
}

/**
 * What identifies an installation: the lock file, the kind of machine, and when npm last wrote its
 * own record. Without the last, a marker would outlive an `npm install` of another lock file.
 */
export function fingerprint(root) {
  const record = fs.statSync(path.join(root, HIDDEN_LOCK), { throwIfNoEntry: false })
  const lockText = readText(path.join(root, 'package-lock.json'))
  if (record === undefined || lockText === undefined) return undefined
  return createHash('sha256')
    .update(`${process.platform} ${process.arch} ${record.mtimeMs}\n`)
    .update(lockText)
    .digest('hex')
}

/**
 * Why an installation is needed, or undefined when the packages are in place.
 *
 * An installation of ours is known by its marker. One by a plain `npm ci` has none: then npm's own
 * record must be there (npm writes it last, so its absence means that npm was interrupted) and every
 * package that is not optional must exist in the locked version.
 */
export function installReason(root) {
  const lockText = readText(path.join(root, 'package-lock.json'))
  if (lockText === undefined) return 'package-lock.json is missing'
  const current = fingerprint(root)
  if (current === undefined) return 'nothing is installed yet'
  const marker = parseJson(readText(path.join(root, MARKER)))
  if (marker && marker.fingerprint === current) return undefined
  const lock = parseJson(lockText)
  if (!lock || !lock.packages) return 'package-lock.json is not readable'
  for (const place of Object.keys(lock.packages)) {
    const entry = lock.packages[place]
    if (!place.startsWith('node_modules/') && !place.includes('/node_modules/')) continue
    if (entry.optional || entry.devOptional) continue
    const reason = packageReason(root, place, entry)
    if (reason !== undefined) return reason
  }
  return undefined
}

function packageReason(root, place, entry) {
  const installed = parseJson(readText(path.join(root, place, 'package.json')))
  if (!installed) return `${place} is missing`
  if (entry.link || installed.version === entry.version) return undefined
  return `${place} is ${installed.version}, and the lock file says ${entry.version}`
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  }
}

function parseJson(text) {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    // A half-written file says as little as a missing one.
    return undefined
  }
}

function writeMarker(root) {
  try {
    fs.writeFileSync(
      path.join(root, MARKER),
      `${JSON.stringify({ fingerprint: fingerprint(root) })}\n`,
    )
  } catch (error) {
    // A read-only checkout works too; it only checks every package each time.
    if (error.code !== 'EROFS' && error.code !== 'EACCES') throw error
  }
}

/** Where the lock directory of a checkout is: outside it, for `npm ci` empties node_modules. */
export function lockPath(root) {
  const name = createHash('sha256').update(fs.realpathSync(root)).digest('hex').slice(0, 16)
  return path.join(tmpdir(), `firma-install-${name}`)
}

/** True when the process that made the lock is gone. */
export function isAbandoned(lock) {
  const owner = parseJson(readText(path.join(lock, 'owner.json')))
  if (!owner) {
    const stats = fs.statSync(lock, { throwIfNoEntry: false })
    return stats !== undefined && Date.now() - stats.mtimeMs > OWNERLESS_MS_MAX
  }
  try {
    process.kill(owner.pid, 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

function tryLock(lock) {
  try {
    fs.mkdirSync(lock)
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    if (isAbandoned(lock)) discard(lock)
    return false
  }
  fs.writeFileSync(path.join(lock, 'owner.json'), JSON.stringify({ pid: process.pid }))
  return true
}

/** Only one of several finders can rename an abandoned lock away. */
function discard(lock) {
  const grave = `${lock}.${process.pid}`
  try {
    fs.renameSync(lock, grave)
  } catch (error) {
    if (error.code === 'ENOENT') return
    throw error
  }
  fs.rmSync(grave, { recursive: true, force: true })
}

async function takeLock(lock) {
  const giveUpAt = Date.now() + WAIT_MS_MAX
  let isWaiting = false
  while (!tryLock(lock)) {
    if (Date.now() > giveUpAt) {
      throw new Error(`another installation has not finished; if none is running, remove ${lock}`)
    }
    if (!isWaiting) console.log('Another installation is running here; waiting for it …')
    isWaiting = true
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function runNpm(root) {
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional']
  const env = { ...process.env }
  // `npm test --workspace x` hands its choice on, and `npm ci` would then install only a part.
  delete env.npm_config_workspace
  delete env.npm_config_workspaces
  const npmCli = process.env.npm_execpath
  const isNpm = npmCli !== undefined && path.basename(npmCli) === 'npm-cli.js'
  const options = { cwd: root, env, stdio: 'inherit' }
  return isNpm
    ? spawnSync(process.execPath, [npmCli, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
}

function install(root) {
  console.log('Installing dependencies (npm ci --ignore-scripts) …')
  const startedAt = Date.now()
  const result = runNpm(root)
  const cause = result.error ? result.error.message : `exit code ${result.status || result.signal}`
  if (result.status !== 0) {
    console.error(
      `Installing dependencies failed (${cause}). Is this machine offline? Run \`npm ci --ignore-scripts\` in ${root} with a network, then the same command again.`,
    )
    return 1
  }
  writeMarker(root)
  console.log(`Installed in ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`)
  return 0
}

/** Makes sure that Node and the packages are right; returns the exit code. */
export async function ensureInstall(root) {
  const manifest = parseJson(readText(path.join(root, 'package.json')))
  const problem = nodeProblem(process.versions.node, manifest.engines.node)
  if (problem !== undefined) {
    console.error(problem)
    return 1
  }
  if (installReason(root) === undefined) return 0
  const lock = lockPath(root)
  await takeLock(lock)
  try {
    // Whoever held the lock before may have installed everything.
    return installReason(root) === undefined ? 0 : install(root)
  } finally {
    fs.rmSync(lock, { recursive: true, force: true })
  }
}

const self = fileURLToPath(import.meta.url)
if (process.argv[1] && fs.realpathSync(process.argv[1]) === fs.realpathSync(self)) {
  process.exitCode = await ensureInstall(path.dirname(path.dirname(self))).catch((error) => {
    console.error(`Installing dependencies failed: ${error.message}`)
    return 1
  })
}
