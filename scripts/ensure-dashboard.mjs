// Builds the dashboard, and the connect button for pages without a build, when their sources have changed:
// before `npm start`, and before vitest runs. Nothing has to be built twice or by hand.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

const DASHBOARD = 'packages/dashboard'
const SOURCES = [
  `${DASHBOARD}/src`,
  `${DASHBOARD}/index.html`,
  `${DASHBOARD}/vite.config.ts`,
  'packages/connect/src',
  'package-lock.json',
]
const MARKER = '.build.json'

/** What the present build was made from; undefined when there is none. */
function builtFrom(folder) {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, MARKER), 'utf8')).sources
  } catch {
    return undefined
  }
}

/** @returns A digest of every source file, by name and content. */
function digestSources(root) {
  const hash = createHash('sha256')
  for (const source of SOURCES) {
    const files = fs.statSync(path.join(root, source)).isDirectory()
      ? fs
          .readdirSync(path.join(root, source), { recursive: true })
          .map((file) => path.join(source, String(file)))
      : [source]
    for (const file of files.filter((name) => !name.includes('.test.')).toSorted()) {
      const full = path.join(root, file)
      if (fs.statSync(full).isFile()) hash.update(`${file}\0`).update(fs.readFileSync(full))
    }
  }
  return hash.digest('hex')
}

/** Builds beside the present build and swaps them, so that nobody is ever served half of one. */
function build(root, sources) {
  const dist = path.join(root, DASHBOARD, 'dist')
  const fresh = `${dist}.${process.pid}`
  const manifest = createRequire(path.join(root, DASHBOARD, 'package.json')).resolve(
    'vite/package.json',
  )
  const vite = path.join(path.dirname(manifest), 'bin/vite.js')
  const args = [vite, 'build', '--logLevel', 'warn', '--emptyOutDir', '--outDir', fresh]
  const { status } = spawnSync(process.execPath, args, {
    cwd: path.join(root, DASHBOARD),
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: 'inherit',
  })
  if (status !== 0) {
    fs.rmSync(fresh, { recursive: true, force: true })
    throw new Error('the dashboard does not build; see above')
  }
  fs.writeFileSync(path.join(fresh, MARKER), JSON.stringify({ sources }))
  fs.rmSync(dist, { recursive: true, force: true })
  fs.renameSync(fresh, dist)
}

/** Makes sure that the dashboard is built from the present sources. */
export function ensureDashboard(root) {
  const sources = digestSources(root)
  if (builtFrom(path.join(root, DASHBOARD, 'dist')) === sources) return
  const startedAt = Date.now()
  console.log('Building the dashboard (only when it has changed) …')
  build(root, sources)
  console.log(`Built in ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`)
}

const self = fileURLToPath(import.meta.url)
const repository = path.dirname(path.dirname(self))

/** Called by vitest before the tests. */
export function setup() {
  ensureDashboard(repository)
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fs.realpathSync(self)) {
  ensureDashboard(repository)
}
