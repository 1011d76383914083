import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { readManifest, withoutSourceCondition } from './package-manifest.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/**
 * Makes the tarball that is published from a built package.
 *
 * It is packed from a copy, because what is published differs from the workspace: it carries the
 * licence, and its entries point at built files only.
 *
 * @param folder The package, relative to the repository.
 * @param target An empty folder for the copy and the tarball.
 * @param built Where its built files are; the package itself by default.
 * @returns The tarball's path.
 */
export function packPackage(
  folder: string,
  target: string,
  built: string = path.join(root, folder),
): string {
  const manifest = readManifest(path.join(root, folder))
  const stage = path.join(target, manifest.name)
  mkdirSync(stage, { recursive: true })
  for (const file of manifest.files ?? []) {
    const source = [built, path.join(root, folder)]
      .map((place) => path.join(place, file))
      .find((place) => existsSync(place))
    if (source !== undefined) cpSync(source, path.join(stage, file), { recursive: true })
  }
  cpSync(path.join(root, 'LICENSE'), path.join(stage, 'LICENSE'))
  const published = JSON.stringify(withoutSourceCondition(manifest), undefined, 2)
  writeFileSync(path.join(stage, 'package.json'), `${published}\n`)
  const args = ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', target]
  const { status, stderr } = spawnSync('npm', args, {
    cwd: stage,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm pack failed in ${folder}: ${stderr.trim()}`)
  return path.join(target, `${manifest.name}-${manifest.version}.tgz`)
}
