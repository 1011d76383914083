/** The hub of `hub-process.ts` in one file: it loads five times as fast as its sources do, and it is loaded for each kill. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Plugin, build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const ENTRY = fileURLToPath(new URL('./hub-process.ts', import.meta.url))

/** Files that lie beside a source, such as migrations, are still found from there. */
const keepUrls: Plugin = {
  name: 'keep-urls',
  setup: ({ onLoad }) => {
    onLoad({ filter: /packages\/.*\.ts$/ }, async ({ path }) => {
      const url = JSON.stringify(pathToFileURL(path).href)
      const source = await readFile(path, 'utf8')
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
  const file = path.join(folder, 'hub.mjs')
  await build({
    entryPoints: [ENTRY],
    outfile: file,
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
  return { file, remove: async () => await rm(folder, { recursive: true }) }
}
