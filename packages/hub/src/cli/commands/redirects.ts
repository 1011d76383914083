/** `firma redirects`: where browsers may be sent when a connection has ended. */
import type { Command } from 'commander'
import { z } from 'zod'
import {
  type ChangeFlags,
  type HubFlags,
  addDryRun,
  addHubFlags,
  openApi,
  warnDeclared,
  writeDryRun,
} from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { toRow, writeRecord } from '../output.ts'

const PATH = '/admin/v1/redirects'
const REDIRECTS = z.object({
  allow_list: z.array(z.string()).nullable(),
  schemes: z.array(z.string()),
})
const DECLARED = z.object({ declared: z.array(z.string()) })
type Redirects = z.output<typeof REDIRECTS>

export function addRedirects(program: Command, io: Io): void {
  const redirects = program
    .command('redirects')
    .description('redirects: where browsers may be sent when a connection has ended')
  addHubFlags(redirects.command('list').description('show the addresses and schemes of deep links'))
    .addHelpText(
      'after',
      `
Examples:
  firma redirects list

An allow_list of null lets every http(s) address pass, but not in production.`,
    )
    .action(async (flags: HubFlags) => {
      writeRecord(io, flags, toRow(await openApi(io, flags).get(PATH)))
    })
  addChange(redirects, io, {
    name: 'add',
    says: 'allow an address, or a scheme of deep links such as myapp:',
    examples: ['https://app.example/connected', 'myapp:'],
    apply: add,
  })
  addChange(redirects, io, {
    name: 'remove',
    says: 'allow an address or a scheme no more',
    examples: ['https://app.example/old', 'myapp:'],
    apply: remove,
  })
}

interface Change {
  readonly name: string
  readonly says: string
  readonly examples: readonly string[]
  readonly apply: (before: Redirects, target: Target) => Redirects
}

/** What is added or removed. */
interface Target {
  readonly key: 'allow_list' | 'schemes'
  readonly value: string
}

function addChange(redirects: Command, io: Io, { name, says, examples, apply }: Change): void {
  const command = redirects
    .command(name)
    .description(says)
    .argument('<address>', 'an exact address, or a scheme with its colon')
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `\nExamples:\n${examples.map((each) => `  firma redirects ${name} ${each}`).join('\n')}`,
    )
    .action(async (text: string, flags: HubFlags & ChangeFlags) => {
      const api = openApi(io, flags)
      const response = await api.open(PATH, {}, AbortSignal.timeout(30_000))
      const etag = response.headers.get('etag') ?? '*'
      const body = apply(REDIRECTS.parse(await response.json()), toTarget(text))
      // Whoever changes it at the same moment must not be overwritten.
      const headers = { 'if-match': etag }
      if (flags.dryRun === true) {
        await api.rehearse('PUT', PATH, body, headers)
        return writeDryRun(io, flags, `${name} ${text}`, { body })
      }
      const answer = toRow(await api.send('PUT', PATH, body, headers))
      writeRecord(io, flags, answer)
      const { key } = toTarget(text)
      const { declared } = DECLARED.parse(answer)
      if (declared.includes(key)) warnDeclared(io, [key])
    })
}

function toTarget(text: string): Target {
  const [, scheme] = /^([a-z][a-z\d+.-]*):(?:\/\/)?$/i.exec(text) ?? []
  if (scheme !== undefined) return { key: 'schemes', value: scheme.toLowerCase() }
  if (URL.canParse(text)) return { key: 'allow_list', value: text }
  throw new CliError(
    `"${text}" is neither an address like https://app.example/connected nor a scheme like myapp:`,
    EXIT.usage,
  )
}

function add(before: Redirects, { key, value }: Target): Redirects {
  const list = before[key] ?? []
  return list.includes(value) ? before : { ...before, [key]: [...list, value] }
}

function remove(before: Redirects, { key, value }: Target): Redirects {
  const list = before[key] ?? []
  if (list.includes(value)) return { ...before, [key]: list.filter((each) => each !== value) }
  const there = list.length === 0 ? 'it is empty' : `it has ${list.join(', ')}`
  throw new CliError(`${value} is not in ${key}; ${there}`, EXIT.absent)
}
