import { spawnSync } from 'node:child_process'
import { createProgram } from '../../packages/hub/src/cli/program.ts'
import type { Document } from './documents.ts'
import { createSilentIo } from './generated.ts'
import { listCodeBlocks } from './markdown.ts'

type Command = ReturnType<typeof createProgram>

/** Shell blocks that no shell understands, and commands and options of `firma` that are not there. */
export function checkCommandLines(documents: readonly Document[]): string[] {
  const program = createProgram(createSilentIo())
  return documents.flatMap(({ file, markdown }) =>
    listCodeBlocks(markdown)
      .filter(({ info }) => info === 'sh')
      .flatMap(({ code, line }) => {
        const { status, stderr } = spawnSync('bash', ['-n'], { input: code, encoding: 'utf8' })
        const problems = status === 0 ? [] : [stderr.trim().split('\n')[0] ?? 'no shell reads it']
        // A line that ends with a backslash goes on in the next.
        for (const text of code.replaceAll(/\\\n\s*/g, ' ').split('\n')) {
          problems.push(...checkLine(program, text))
        }
        return problems.map((problem) => `${file}:${line}: ${problem}`)
      }),
  )
}

/** Commands that the prose names, as in `firma users list`. */
export function checkCommandNames(documents: readonly Document[]): string[] {
  const program = createProgram(createSilentIo())
  return documents.flatMap(({ file, markdown }) =>
    markdown
      .split('\n')
      .flatMap((text, index) =>
        [...text.matchAll(/`(?:npx )?(?<line>firma [a-z][^`]*)`/g)].flatMap((match) =>
          checkLine(program, match.groups?.['line'] ?? '').map(
            (problem) => `${file}:${index + 1}: ${problem}`,
          ),
        ),
      ),
  )
}

/** @param text For example `FIRMA_URL=x firma users list | jq`. */
function checkLine(program: Command, text: string): string[] {
  const found = /(?:^|\s|\()firma(?= |$)(?<rest>[^|;&)#]*)/.exec(text)?.groups?.['rest']
  // An account or a package of that name is no command.
  if (found === undefined || /^\s*(?:sudo|systemctl|journalctl)|npm install|pg_\w+/.test(text))
    return []
  let command = program
  const words = found
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '')
  while (words[0] !== undefined) {
    const next = command.commands.find((each) => each.name() === words[0])
    if (next === undefined) break
    command = next
    words.shift()
  }
  if (command.commands.length > 0 && words[0] !== undefined && !words[0].startsWith('-')) {
    return [`there is no command "firma ${found.trim()}"`]
  }
  const known = command.options.flatMap(({ long, short }) => [long, short])
  const flags = words.flatMap((word) => /^--?[a-z][\w-]*/i.exec(word)?.[0] ?? [])
  return flags
    .filter((flag) => ![...known, '--help', '--version'].includes(flag))
    .map((flag) => `"firma ${found.trim()}" has no option ${flag}`)
}
