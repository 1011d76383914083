// `npm run check:docs`: what the documents say compiles, leads somewhere, and is complete.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERRORS } from '../packages/hub/src/errors.ts'
import { findUncheckedBlocks } from './docs/block-kinds.ts'
import { compileBlocks } from './docs/compile-blocks.ts'
import { findBrokenLinks } from './docs/broken-links.ts'
import { checkCommandLines, checkCommandNames } from './docs/command-lines.ts'
import { compareErrors } from './docs/error-table.ts'
import { compareGenerated } from './docs/generated.ts'
import { findPrivateText } from './docs/private-text.ts'
import { checkProxyConfigs } from './docs/proxy-configs.ts'
import { type Document, isDocument, readDocuments } from './docs/documents.ts'
import { listCodeBlocks } from './docs/markdown.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** Committed files and those that are about to be. */
function listFiles(): string[] {
  const args = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others']
  const { status, stdout, stderr } = spawnSync('git', [...args, '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the docs check needs git's list of files: ${stderr.trim()}`)
  return stdout.split('\0').filter((file) => file !== '')
}

/** JSON that nobody could send. */
function checkJson(documents: readonly Document[]): string[] {
  return documents.flatMap(({ file, markdown }) =>
    listCodeBlocks(markdown)
      .filter(({ info, code }) => /^json\b/.test(info) && !isJson(code))
      .map(({ line }) => `${file}:${line}: this block is not JSON`),
  )
}

function isJson(code: string): boolean {
  try {
    JSON.parse(code)
    return true
  } catch {
    return false
  }
}

const files = listFiles()
const documents = readDocuments(root, files.filter(isDocument))
const { compiled, problems } = compileBlocks(root, documents)
const allProblems = [
  ...problems,
  ...findBrokenLinks(root, documents),
  ...findPrivateText(root, files),
  ...compareErrors(documents, ERRORS),
  ...compareGenerated(documents),
  ...checkCommandLines(documents),
  ...checkCommandNames(documents),
  ...checkJson(documents),
  ...checkProxyConfigs(documents),
  ...findUncheckedBlocks(documents),
]
for (const problem of allProblems) console.error(problem)
console.log(
  `${documents.length} documents: ${compiled} ts blocks compiled, ${allProblems.length} problems`,
)
if (allProblems.length > 0) process.exitCode = 1
