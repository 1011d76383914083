import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Document } from './documents.ts'
import { type CodeBlock, listCodeBlocks } from './markdown.ts'

export interface Compilation {
  readonly compiled: number
  /** Blocks marked `ts fragment`, which make no sense on their own. */
  readonly fragments: number
  /** One line each: document, line, what is wrong. */
  readonly problems: string[]
}

interface Sample {
  readonly document: string
  readonly block: CodeBlock
}

const TYPESCRIPT = /^(?:ts|tsx|typescript)\b/
const COMPILED = 'ts'
const FRAGMENT = 'ts fragment'
/** `README.md__12.ts(12,5): error TS2304: …` */
const DIAGNOSTIC = /^(?<sample>\S+__\d+\.ts)\((?<line>\d+),\d+\): (?<message>.*)$/

/**
 * Compiles the `ts` blocks of the documents as modules of the workspace, each on its own.
 *
 * @param root Folder whose tsconfig.base.json and node_modules the blocks are compiled with.
 */
export function compileBlocks(root: string, documents: readonly Document[]): Compilation {
  const problems: string[] = []
  const samples: Sample[] = []
  let fragments = 0
  for (const { file, markdown } of documents) {
    for (const block of listCodeBlocks(markdown)) {
      if (!TYPESCRIPT.test(block.info)) continue
      if (block.info === COMPILED) samples.push({ document: file, block })
      else if (block.info === FRAGMENT) fragments += 1
      else
        problems.push(
          `${file}:${block.line}: a block is "ts" or "ts fragment", not "${block.info}"`,
        )
    }
  }
  if (samples.length > 0) problems.push(...compile(root, samples))
  return { compiled: samples.length, fragments, problems }
}

function compile(root: string, samples: readonly Sample[]): string[] {
  // Inside the repository, so that imports find the workspace's packages.
  const artifacts = path.join(root, 'artifacts')
  mkdirSync(artifacts, { recursive: true })
  const folder = mkdtempSync(path.join(artifacts, 'docs-'))
  try {
    const byName = new Map(samples.map((sample) => [toFileName(sample), sample]))
    for (const [name, { block }] of byName) {
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
      },
      files: [...byName.keys()],
    }
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config))
    return toProblems(runCompiler(folder), byName)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function toFileName({ document, block }: Sample): string {
  return `${document.replaceAll(/[^\w.-]/g, '_')}__${block.line}.ts`
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
