/** `firma trigger`: sends events and whole stories to an app on this machine, signed as the hub signs. */
import type { Command } from 'commander'
import type { SignedRequest } from 'firma-receiver/testing'
import { suggest } from '../../core/nearest.ts'
import { EXAMPLES, signExample } from '../../operations/examples.ts'
import { addFormatFlags } from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { describeTaken, openLocalApp, sendToApp } from '../local-app.ts'
import { type FormatFlags, toFormat, writeRows } from '../output.ts'

interface TriggerFlags extends FormatFlags {
  readonly to?: string
  readonly user?: string
  readonly newUser?: string
  readonly reference?: string
  readonly provider?: string
  readonly list?: boolean
  readonly dryRun?: boolean
}

export function addTrigger(program: Command, io: Io): void {
  const command = program
    .command('trigger')
    .description('send an event or a whole story to an app on this machine, signed')
    .argument('[name]', 'type of the event or name of the story; --list shows all')
    .option('--to <address>', 'the app (default: that of the last firma listen or trigger)')
    .option('--user <user-id>', 'user_id that it is about')
    .option('--new-user <user-id>', 'user_id after a reconnection')
    .option('--reference <reference-id>', 'reference_id of the person')
    .option('--provider <provider>', 'GARMIN, FITBIT, …')
    .option('--list', 'list all events and stories')
    .option('--dry-run', 'print what would be sent, and send nothing')
  addFormatFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  firma trigger --list
  firma trigger user_reauth --to http://localhost:3000/webhook
  firma trigger auth --user 4735eac4-31a2-47ef-8b11-51e98d84c680 --reference tony_stark
  firma trigger reconnect-twice

The hub is not involved. It is signed with the secret that firma listen prints, or FIRMA_SIGNING_SECRET. It ends with 1 when the app does
not accept everything with 2xx.`,
    )
    .action(async (name: string | undefined, flags: TriggerFlags) => {
      if (name === undefined || flags.list === true) return list(io, flags)
      await trigger(io, name, flags)
    })
}

function list(io: Io, flags: FormatFlags): void {
  writeRows(io, flags, {
    rows: [...EXAMPLES],
    columns: [{ key: 'name' }, { key: 'kind' }],
    empty: '',
  })
}

async function trigger(io: Io, name: string, flags: TriggerFlags): Promise<void> {
  const { url, secret } = openLocalApp(io.variables, flags.to)
  const requests = await prepare(name, flags, secret)
  const rows: Record<string, unknown>[] = []
  for (const { event, headers, body } of requests) {
    if (flags.dryRun === true) {
      rows.push({ type: event.type, to: url, headers, body: Buffer.from(body).toString('utf8') })
      continue
    }
    const taken = await sendToApp(url, { headers, body })
    const isAccepted = taken.status !== null && taken.status >= 200 && taken.status < 300
    if (!isAccepted) io.exitCode = EXIT.failed
    const { status, durationMs: duration_ms, answer } = taken
    rows.push({
      type: event.type,
      to: url,
      status,
      duration_ms,
      answer,
      outcome: describeTaken(taken),
    })
  }
  const isTable = toFormat(io, flags) === 'table'
  const columns =
    flags.dryRun === true
      ? [{ key: 'type' }, { key: 'to' }, { key: 'body' }]
      : [{ key: 'type' }, { key: 'to' }, { key: 'outcome' }]
  writeRows(io, flags, { rows, columns, empty: '' })
  if (io.exitCode === EXIT.failed && isTable && flags.dryRun !== true) io.err(hint(rows))
}

/** What most often is wrong. */
function hint(rows: readonly Record<string, unknown>[]): string {
  if (rows.some(({ status }) => status === 401 || status === 403)) {
    return 'The app refused the signature: start it with the secret that firma listen prints.'
  }
  return rows.some(({ status }) => status === null)
    ? 'Is the app running, and does it take POST at this address? Name another with --to.'
    : 'The app did not accept it.'
}

async function prepare(
  name: string,
  { user, newUser, reference, provider }: TriggerFlags,
  secret: string,
): Promise<SignedRequest[]> {
  const options = { userId: user, newUserId: newUser, referenceId: reference, provider }
  const requests = await signExample(name, options, secret)
  if (requests !== undefined) return requests
  const names = EXAMPLES.map((example) => example.name)
  throw new CliError(
    `there is no event or story "${name}"${suggest(name, names)}; firma trigger --list shows all`,
    EXIT.usage,
  )
}
