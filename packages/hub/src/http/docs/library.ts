/** The documentation as pages: read once from where this installation has it. */
import { readFile, readdir } from 'node:fs/promises'
import { posix } from 'node:path'
import { type DocPage, toPlain, withoutComments } from './page.ts'
import { type Section, toSections } from './sections.ts'

export interface Library {
  /** In reading order. */
  readonly groups: readonly { readonly title: string; readonly pages: readonly DocPage[] }[]
  readonly pages: ReadonlyMap<string, DocPage>
  readonly sections: readonly Section[]
  /** The page of a document of the repository, if it is one. */
  findByFile(file: string): DocPage | undefined
  /** The bytes of a picture of the documentation. */
  readImage(name: string): Promise<Uint8Array | undefined>
}

/** Reading order: `slug` of pages, or `folder/` for everything in it. What is not named comes last, as reference. */
const GROUPS: readonly { readonly title: string; readonly slugs: readonly string[] }[] = [
  { title: 'Start', slugs: ['', 'quickstart-app', 'quickstart-operator', 'faq'] },
  {
    title: 'Your app',
    slugs: [
      'receiver',
      'receiver-frameworks',
      'receive',
      'receiver-map',
      'connect-button',
      'confirmation',
      'api',
      'tokens',
    ],
  },
  {
    title: 'Moving',
    slugs: [
      'migrating-from-terra',
      'migrating-from-terra-template',
      'moving-fitbit-to-google-health',
      'moving-garmin-to-oauth2',
    ],
  },
  { title: 'Events', slugs: ['events', 'guides/events/'] },
  { title: 'Providers', slugs: ['providers', 'guides/providers/', 'simulator'] },
  {
    title: 'Operating',
    slugs: ['connect-page', 'configuration', 'cli', 'operations', 'delivery', 'security'],
  },
]

/** The documents that are no pages: records for those who change Firma. */
const NOT_PAGES = /^docs\/decisions\//
/** Pages from outside of `docs/`. */
const OTHERS: Readonly<Record<string, string>> = {
  'packages/receiver/README.md': 'receiver',
  'packages/connect/README.md': 'connect-button',
}

/** Built next to the compiled code; in the repository they are at its root. */
const ROOTS = ['../../documents/', '../../../../../']

export async function loadLibrary(): Promise<Library> {
  const root = await findRoot()
  const files = [...(await listMarkdown(new URL('docs/', root), 'docs/')), ...Object.keys(OTHERS)]
  const pages = new Map<string, DocPage>()
  for (const file of files) {
    if (NOT_PAGES.test(file)) continue
    const page = toPage(file, await readFile(new URL(file, root), 'utf8'))
    pages.set(page.slug, page)
  }
  const byFile = new Map([...pages.values()].map((page) => [page.file, page]))
  const groups = toGroups(pages)
  const ordered = groups.flatMap((group) => group.pages)
  return {
    groups,
    pages,
    sections: ordered.flatMap((page) => toSections(page)),
    findByFile: (file) => byFile.get(file),
    readImage: async (name) => {
      // Only plain names reach the disk.
      if (!/^[\w-]+\.png$/.test(name)) return undefined
      return await readFile(new URL(`docs/images/${name}`, root)).catch(() => undefined)
    },
  }
}

async function findRoot(): Promise<URL> {
  for (const folder of ROOTS) {
    const root = new URL(folder, import.meta.url)
    try {
      await readFile(new URL('docs/index.md', root))
      return root
    } catch {
      // The other folder has it: built and source trees differ only in this.
    }
  }
  throw new TypeError('the documentation is missing from this installation')
}

async function listMarkdown(folder: URL, prefix: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const files: string[] = []
  for (const entry of entries) {
    const path = prefix + entry.name
    if (entry.isDirectory()) {
      files.push(...(await listMarkdown(new URL(`${entry.name}/`, folder), `${path}/`)))
    } else if (entry.name.endsWith('.md')) files.push(path)
  }
  return files.toSorted()
}

function toPage(file: string, text: string): DocPage {
  const slug = OTHERS[file] ?? file.replace(/^docs\//, '').replace(/\.md$/, '')
  const markdown = withoutComments(text)
  const title = /^# +(.+)$/m.exec(markdown)?.[1] ?? posix.basename(slug)
  const paragraph = /^# .+\n+(?<first>(?!#|\||>|-|```)[^]+?)(?:\n\n|$)/m.exec(markdown)?.groups?.[
    'first'
  ]
  const plain = toPlain(paragraph ?? '').replaceAll(/\s+/g, ' ')
  const summary = /^.*?[.:!?](?=\s|$)/.exec(plain)?.[0] ?? plain
  return {
    slug: slug === 'index' ? '' : slug,
    file,
    title: toPlain(title),
    summary,
    markdown,
    source: text,
  }
}

function toGroups(pages: ReadonlyMap<string, DocPage>): Library['groups'] {
  const left = new Map(pages)
  const take = (slug: string): DocPage[] => {
    const found = slug.endsWith('/')
      ? [...left.values()].filter((page) => page.slug.startsWith(slug))
      : [left.get(slug)].filter((page) => page !== undefined)
    for (const page of found) left.delete(page.slug)
    return found
  }
  const named = GROUPS.map(({ title, slugs }) => ({ title, pages: slugs.flatMap(take) }))
  const groups = [...named, { title: 'Reference', pages: [...left.values()] }]
  return groups.filter((group) => group.pages.length > 0)
}
