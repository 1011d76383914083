/** The command lines of the documents: which are run, and as what. */
import { readFile, readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { listCodeBlocks } from '../../../../scripts/docs/markdown.ts'

const ROOT = new URL('../../../../', import.meta.url)
const OTHERS = [
  'README.md',
  'CONTRIBUTING.md',
  'packages/hub/README.md',
  'packages/receiver/README.md',
  'packages/connect/README.md',
]

/** What no test runs, each with the reason. A pattern that fits nothing has to go: a test says so. */
export const NOT_RUN: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^(?:npx )?firma start\b|^npm start$/, 'runs until it is stopped; test/e2e/cli.test.ts runs it'],
  [/^NODE_OPTIONS=.* firma start$/, 'needs a package and a collector of traces'],
  [/\bfirma receive$/, 'runs until it is stopped; test/receive runs it'],
  [/^firma listen (?!.*--once)/, 'runs until it is stopped; test/cli/local-app.test.ts runs it'],
  [/^npm (?:install|test)\b|^git clone /, 'fetches from elsewhere; scripts/test-pack.ts installs'],
  [/^sudo |^journalctl /, 'changes the system; scripts/deploy.test.ts checks its files'],
  [/docker compose/, 'needs a container engine; scripts/deploy.test.ts checks its files'],
  [/\bfirma verify /, 'its signatures are cut short; test/cli/local.test.ts makes whole ones'],
  [/^firma doctor\b/, 'asks providers on the internet; test/cli/local.test.ts runs it'],
  [/^firma logout\b/, 'needs a login of its own; test/cli/hub.test.ts runs both'],
  [/^firma migrate\b/, 'wants the database for itself; test/cli/local.test.ts runs it'],
  [/^firma dashboard\b/, 'wants the database for itself; test/cli/dashboard.test.ts runs it'],
  [/^psql /, 'changes the database of an app'],
  [/^createdb |^pg_restore /, 'needs the programs of PostgreSQL and a dump'],
  [/^firma resends (?:pause|resume|cancel)/, 'its end is nearer; test/cli/history.test.ts runs it'],
]

/** A here-document belongs to its command. */
const LINE = /.*<<'(\w+)'\n[^]*?\n\s*\1$|.+/gm

export interface CommandLine {
  /** For example `docs/cli.md:12`. */
  readonly place: string
  readonly text: string
}

/** Every command line of every page, once; what stands behind a backslash belongs to the line before. */
export async function readCommandLines(): Promise<CommandLine[]> {
  const docs = await readdir(new URL('docs/', ROOT), { recursive: true })
  const pages = docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)
  const lines = new Map<string, CommandLine>()
  for (const file of [...OTHERS, ...pages.toSorted()]) {
    const markdown = await readFile(fileURLToPath(new URL(file, ROOT)), 'utf8')
    for (const { info, code, line: at } of listCodeBlocks(markdown)) {
      if (info !== 'sh') continue
      for (const [line] of code.replaceAll(/\\\n\s*/g, '').matchAll(LINE)) {
        const text = line.trim()
        if (text !== '' && !lines.has(text)) lines.set(text, { place: `${file}:${at}`, text })
      }
    }
  }
  return [...lines.values()]
}
