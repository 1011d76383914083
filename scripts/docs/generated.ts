/** Parts of the documents that are made from the code: `npm run docs:generate` writes them, the check compares them. */
import { EXIT, EXIT_SAYS } from '../../packages/hub/src/cli/exit-codes.ts'
import type { Io } from '../../packages/hub/src/cli/io.ts'
import { createProgram } from '../../packages/hub/src/cli/program.ts'
import { SETTINGS, type Setting } from '../../packages/hub/src/config/settings.ts'
import type { Document } from './documents.ts'
import { renderProviders } from './provider-pages.ts'

type Command = ReturnType<typeof createProgram>

/** Each part by document and name; it stands between `<!-- name -->` and `<!-- /name -->`. */
const PARTS: readonly { file: string; name: string; render: () => string }[] = [
  { file: 'docs/configuration.md', name: 'settings', render: renderSettings },
  { file: 'docs/cli.md', name: 'exit-codes', render: renderExitCodes },
  { file: 'docs/cli.md', name: 'commands', render: renderCommands },
  { file: 'docs/providers.md', name: 'providers', render: renderProviders },
]

/** The documents with their generated parts renewed, by file. */
export function renewGenerated(documents: readonly Document[]): Map<string, string> {
  const texts = new Map<string, string>()
  for (const { file, name, render } of PARTS) {
    const before = texts.get(file) ?? documents.find((document) => document.file === file)?.markdown
    if (before === undefined) throw new Error(`${file} is missing`)
    const [start, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
    const [from, to] = [before.indexOf(start), before.indexOf(end)]
    if (from === -1 || to < from) throw new Error(`${file} lacks ${start} or ${end}`)
    const text = `${before.slice(0, from + start.length)}\n\n${render()}\n\n${before.slice(to)}`
    texts.set(file, text)
  }
  return texts
}

/** Documents whose generated parts are not what the code makes. */
export function compareGenerated(documents: readonly Document[]): string[] {
  const stale: string[] = []
  for (const [file, text] of renewGenerated(documents)) {
    const present = documents.find((document) => document.file === file)?.markdown ?? ''
    // The formatter pads tables.
    if (squeeze(text) !== squeeze(present)) {
      stale.push(`${file}: its generated parts are not up to date; run npm run docs:generate`)
    }
  }
  return stale
}

function squeeze(markdown: string): string {
  return markdown.replaceAll(/-{3,}/g, '---').replaceAll(/\s+/g, ' ')
}

function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const toRow = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`
  return [toRow(head), toRow(head.map(() => '---')), ...rows.map(toRow)].join('\n')
}

function renderSettings(): string {
  const settings = Object.entries<Setting>(SETTINGS)
  return toTable(
    ['key in the file', 'variable', 'flag', 'default', 'what it does'],
    settings.map(([key, { variable, flag, fallback, isSecret, says }]) => [
      `\`${key}\``,
      `\`${variable}\`${isSecret === true ? ' (secret)' : ''}`,
      flag === undefined ? '' : `\`${flag}\``,
      fallback === undefined ? '' : `\`${fallback}\``,
      says.replaceAll('<', '&lt;'),
    ]),
  )
}

function renderExitCodes(): string {
  const codes = Object.entries(EXIT) as [keyof typeof EXIT, number][]
  return toTable(
    ['code', 'meaning'],
    codes.map(([name, code]) => [String(code), EXIT_SAYS[name]]),
  )
}

function renderCommands(): string {
  return listCommands(createProgram(createSilentIo()))
    .map(({ path, command }) => renderCommand(path, command))
    .join('\n\n')
}

function listCommands(command: Command, path = 'firma'): { path: string; command: Command }[] {
  return command.commands.flatMap((each) => {
    const own = `${path} ${each.name()}`
    const below = listCommands(each, own)
    // Some that have others below do something by themselves, too.
    const isOne = below.length === 0 || each.options.length > 0
    return isOne ? [{ path: own, command: each }, ...below] : below
  })
}

function renderCommand(path: string, command: Command): string {
  const help = captureHelp(command)
  const examples = /\nExamples:\n(?<lines>(?: {2}.*\n?)+)\n*(?<rest>[\s\S]*)$/.exec(help)?.groups
  const options = command.options.map(({ flags, description }) => [`\`${flags}\``, description])
  const words = command.registeredArguments.map((argument) => {
    const name = argument.variadic ? `${argument.name()}...` : argument.name()
    return [argument.required ? `\`<${name}>\`` : `\`[${name}]\``, argument.description]
  })
  const parts = [
    `### \`${path}\``,
    `${capitalise(command.description())}.`,
    ...(words.length + options.length === 0
      ? []
      : [toTable(['argument or option', 'meaning'], [...words, ...options])]),
    ...(examples === undefined ? [] : [renderExamples(examples)]),
  ]
  return parts.join('\n\n')
}

function renderExamples({ lines = '', rest = '' }: Record<string, string>): string {
  const code = lines.trimEnd().replaceAll(/^ {2}/gm, '')
  const text = rest.trim()
  return `\`\`\`sh\n${code}\n\`\`\`${text === '' ? '' : `\n\n${text.replaceAll('<', '&lt;')}`}`
}

function captureHelp(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) })
  command.outputHelp()
  return help
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Nothing here is run. */
export function createSilentIo(): Io {
  const nobody = async (): Promise<never> => Promise.reject(new Error('nobody is there'))
  return {
    out: () => undefined,
    err: () => undefined,
    progress: () => undefined,
    isTerminal: false,
    canAsk: false,
    width: 1_000,
    hasColour: false,
    variables: {},
    folder: '.',
    readInput: nobody,
    ask: nobody,
    askSecret: nobody,
    untilInterrupted: () => new AbortController().signal,
    exitCode: 0,
  }
}
