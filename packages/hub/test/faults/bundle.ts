/**
 * The hub of `hub-process.ts` in one file, and the thread that sends in another: they load five times as fast as their
 * sources do, and are loaded for each kill.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Plugin, build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const HUB = fileURLToPath(new URL('./hub-process.ts', import.meta.url))
const DELIVERY = fileURLToPath(new URL('../../src/delivery/', import.meta.url))
/** Looks for the thread beside itself, as in what is published. */
const THREAD_STARTER = path.join(DELIVERY, 'courier-threads.ts')

/** Files that lie beside a source, such as migrations, are still found from there. */
const keepUrls: Plugin = {
  name: 'keep-urls',
  setup: ({ onLoad }) => {
    onLoad({ filter: /packages\/.*\.ts$/ }, async ({ path: file }) => {
      if (file === THREAD_STARTER) return
      const url = JSON.stringify(pathToFileURL(file).href)
      const source = await readFile(file, 'utf8')
      return { contents: source.replaceAll('import.meta.url', url), loader: 'ts' }
    })
  },
}

/** @returns The file, and what deletes it. */
export async function bundleHub(): Promise<{ file: string; remove(): Promise<void> }> {
  // Below node_modules, so that packages which are left out are found.
  const cache = path.join(ROOT, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(path.join(cache, 'firma-faults-'))
  await writeFile(path.join(folder, 'package.json'), '{"type":"module"}')
  await build({
    entryPoints: { hub: HUB, 'courier-thread': path.join(DELIVERY, 'courier-thread.ts') },
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['source'],
    external: ['@photostructure/sqlite', 'pg-native'],
    // Packages in the older module format call `require`.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    plugins: [keepUrls],
    logLevel: 'error',
  })
  return {
    file: path.join(folder, 'hub.js'),
    remove: async () => await rm(folder, { recursive: true }),
  }
}
