import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Document } from './documents.ts'
import { type CodeBlock, listCodeBlocks } from './markdown.ts'

export interface Compilation {
  readonly compiled: number
  /** One line each: document, line, what is wrong. */
  readonly problems: string[]
}

interface Sample {
  readonly document: string
  readonly block: CodeBlock
}

const KINDS = ['ts', 'tsx']
/** The first line of a block that others of its document import: `// receiver.ts`. */
const OWN_NAME = /^\/\/ (?<name>[\w./-]+\.tsx?)$/m
/** What runs in browsers. */
const IN_BROWSERS = /^packages\/connect\//
/** `docs_a.md/12.ts(12,5): error TS2304: …` */
const DIAGNOSTIC = /^(?<sample>\S+\.tsx?)\((?<line>\d+),\d+\): (?<message>.*)$/

/**
 * Compiles the `ts` and `tsx` blocks of the documents as modules of the workspace. A block that begins with the name of a
 * file can be imported by the others of its document.
 *
 * @param root Folder whose tsconfig.base.json and node_modules the blocks are compiled with.
 */
export function compileBlocks(root: string, documents: readonly Document[]): Compilation {
  const samples = documents.flatMap(({ file, markdown }) =>
    listCodeBlocks(markdown)
      .filter(({ info }) => KINDS.includes(info))
      .map((block) => ({ document: file, block })),
  )
  const inBrowsers = samples.filter(({ document }) => IN_BROWSERS.test(document))
  const others = samples.filter(({ document }) => !IN_BROWSERS.test(document))
  return {
    compiled: samples.length,
    problems: [
      ...compile(root, others, {}),
      ...compile(root, inBrowsers, { lib: ['ES2023', 'DOM', 'DOM.Iterable'], jsx: 'react-jsx' }),
    ],
  }
}

function compile(root: string, samples: readonly Sample[], options: object): string[] {
  if (samples.length === 0) return []
  // Inside the repository, so that imports find the workspace's packages.
  const artifacts = path.join(root, 'artifacts')
  mkdirSync(artifacts, { recursive: true })
  const folder = mkdtempSync(path.join(artifacts, 'docs-'))
  try {
    const byName = new Map(samples.map((sample) => [toFileName(sample), sample]))
    for (const [name, { block }] of byName) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
      // The empty lines make the compiler count as the document does.
      const padding = '\n'.repeat(block.line - 1)
      writeFileSync(path.join(folder, name), `${padding}${block.code}\nexport {}\n`)
    }
    const config = {
      extends: path.relative(folder, path.join(root, 'tsconfig.base.json')),
      compilerOptions: {
        noEmit: true,
        noUnusedLocals: false,
        noUnusedParameters: false,
        ...options,
      },
      files: [...byName.keys()],
    }
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config))
    return toProblems(runCompiler(folder), byName)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A folder per document, so that each has names of its own. */
function toFileName({ document, block }: Sample): string {
  const [first = ''] = block.code.split('\n')
  const name = OWN_NAME.exec(first)?.groups?.['name'] ?? `${block.line}.${block.info}`
  return `${document.replaceAll(/[^\w.-]/g, '_')}/${name}`
}

function runCompiler(folder: string): string {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json')
  const tsc = path.join(path.dirname(manifest), 'bin/tsc')
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [tsc, '-p', '.', '--pretty', 'false'],
    { cwd: folder, encoding: 'utf8' },
  )
  return status === 0 ? '' : `${stdout}${stderr}`
}

function toProblems(output: string, byName: ReadonlyMap<string, Sample>): string[] {
  return output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const groups = DIAGNOSTIC.exec(line)?.groups
      const sample = byName.get(groups?.['sample'] ?? '')
      if (sample === undefined) return line
      return `${sample.document}:${groups?.['line']}: ${groups?.['message']}`
    })
}
