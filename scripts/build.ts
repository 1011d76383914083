// `npm run build`: compiles the published packages into their dist folders.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureDashboard } from './ensure-dashboard.mjs'
import { listEntryFiles, readManifest } from './package-manifest.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
/** In this order: the hub compiles against the receiver's built types. */
const PACKAGES = ['packages/receiver', 'packages/connect', 'packages/hub']
/** Files that are read at run time and that tsc does not copy. */
const ASSETS = [
  { from: 'packages/hub/src/store/migrations', to: 'packages/hub/dist/store/migrations' },
  { from: 'packages/hub/src/providers/entries', to: 'packages/hub/dist/providers/entries' },
  { from: 'packages/dashboard/dist', to: 'packages/hub/dist/dashboard' },
  // The documentation, served at /docs; links between documents need the repository's folders.
  { from: 'docs', to: 'packages/hub/dist/documents/docs' },
  {
    from: 'packages/receiver/README.md',
    to: 'packages/hub/dist/documents/packages/receiver/README.md',
  },
  {
    from: 'packages/connect/README.md',
    to: 'packages/hub/dist/documents/packages/connect/README.md',
  },
]
const SHEBANG = '#!/usr/bin/env node\n'

function compile(folder: string): void {
  rmSync(path.join(root, folder, 'dist'), { recursive: true, force: true })
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json')
  const tsc = path.join(path.dirname(manifest), 'bin/tsc')
  // Sources travel inside the source maps, so that stack traces of the published package can be read.
  const project = path.join(folder, 'tsconfig.build.json')
  const { status } = spawnSync(process.execPath, [tsc, '-p', project, '--inlineSources'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`${folder} does not compile`)
}

function copyAssets(): void {
  for (const { from, to } of ASSETS) {
    const source = path.join(root, from)
    if (!existsSync(source)) continue
    cpSync(source, path.join(root, to), {
      recursive: true,
      filter: (file) => !file.endsWith('.ts'),
    })
  }
}

/** Makes the commands of a package runnable, and proves that everything it promises was built. */
function finish(folder: string): void {
  const manifest = readManifest(path.join(root, folder))
  for (const file of listEntryFiles(manifest)) {
    if (!existsSync(path.join(root, folder, file))) {
      throw new Error(`${folder}/package.json promises ${file}, which the build did not make`)
    }
  }
  for (const file of Object.values(manifest.bin ?? {})) {
    const command = path.join(root, folder, file)
    const code = readFileSync(command, 'utf8')
    if (!code.startsWith('#!')) writeFileSync(command, SHEBANG + code)
    chmodSync(command, 0o755)
  }
}

try {
  ensureDashboard(root)
  for (const folder of PACKAGES) compile(folder)
  copyAssets()
  for (const folder of PACKAGES) finish(folder)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
