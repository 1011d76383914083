/** Packages that Firma is measured beside: installed once, into a folder outside of the workspace. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'

/**
 * @param packages The one that is wanted first, then what it wants beside it: `name@version`.
 * @returns Loads from there.
 */
export function installPeer(packages: readonly string[]): NodeJS.Require {
  const folder = path.join(tmpdir(), 'firma-bench-peers', packages.join('+'))
  const [name = ''] = (packages[0] ?? '').split('@')
  if (!existsSync(path.join(folder, 'node_modules', name))) {
    mkdirSync(folder, { recursive: true })
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save']
    const args = ['i', '--prefix', folder, ...flags, ...packages]
    if (spawnSync('npm', args, { stdio: 'inherit' }).status !== 0) {
      throw new Error(`"npm ${args.join(' ')}" failed; look above`)
    }
  }
  return createRequire(path.join(folder, 'package.json'))
}
