/** `firma keys`: keys to the API. */
import { type Command, Option } from 'commander'
import {
  type ChangeFlags,
  type HubFlags,
  type PageFlags,
  addConfirmation,
  addDryRun,
  addHubFlags,
  addPageFlags,
  collect,
  confirm,
  listFromHub,
  openApi,
  toCount,
  writeDryRun,
} from '../command.ts'
import type { Io } from '../io.ts'
import { toFormat, toRow, writeRecord } from '../output.ts'

const SCOPES = ['connect', 'read', 'write', 'operator']

export function addKeys(program: Command, io: Io): void {
  const keys = program
    .command('keys')
    .description('API keys: shown once, scoped, ended at any time (operator key)')
  addList(keys, io)
  addCreate(keys, io)
  addRevoke(keys, io)
  addRotate(keys, io)
}

function addList(keys: Command, io: Io): void {
  const command = keys
    .command('list')
    .description('list the keys of an environment and of operators')
  addHubFlags(addPageFlags(command))
    .addHelpText('after', '\nExamples:\n  firma keys list')
    .action(async (flags: HubFlags & PageFlags) => {
      await listFromHub(io, flags, {
        path: '/admin/v1/keys',
        columns: [
          { key: 'id' },
          { key: 'name' },
          { key: 'hint', toText: (hint) => `…${String(hint)}` },
          { key: 'scopes', toText: (scopes) => (Array.isArray(scopes) ? scopes.join(' ') : '') },
          { key: 'last_used_at', title: 'last used' },
          { key: 'expires_at', title: 'ends' },
          { key: 'revoked_at', title: 'revoked' },
        ],
        empty: 'There are no keys.',
      })
    })
}

interface CreateFlags extends HubFlags, ChangeFlags {
  readonly name: string
  readonly scope?: readonly string[]
  readonly expiresInDays?: number
}

function addCreate(keys: Command, io: Io): void {
  const command = keys
    .command('create')
    .description('make a key; it is printed once and nowhere kept')
    .requiredOption('--name <name>', 'what it is for')
    .addOption(
      new Option(
        '--scope <scope>',
        `${SCOPES.join(', ')}; several times (default: all but operator)`,
      ).argParser((value: string, before: readonly string[] | undefined) => collect(value, before)),
    )
    .option('--expires-in-days <days>', 'it ends by itself after so many days', toCount)
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma keys create --name "back end"
  firma keys create --name dashboards --scope read --expires-in-days 90
  firma keys create --name ops --scope operator`,
    )
    .action(async (flags: CreateFlags) => {
      const { name, scope: scopes, expiresInDays } = flags
      const body = { name, scopes, expires_in_days: expiresInDays }
      if (flags.dryRun === true) {
        await openApi(io, flags).rehearse('POST', '/admin/v1/keys', body)
        return writeDryRun(io, flags, `make the key "${name}"`, { body })
      }
      writeNewKey(io, flags, await openApi(io, flags).send('POST', '/admin/v1/keys', body))
    })
}

/** The key itself comes last, where it is copied from. */
function writeNewKey(io: Io, flags: HubFlags, answer: unknown): void {
  const { key, api_key } = toRow(answer)
  if (toFormat(io, flags) !== 'table') return writeRecord(io, flags, { ...toRow(key), api_key })
  writeRecord(io, flags, { ...toRow(key), api_key })
  io.err('Copy the api_key now: it is shown this once.')
}

function addRevoke(keys: Command, io: Io): void {
  const command = keys
    .command('revoke')
    .description('end a key at once')
    .argument('<key-id>', 'id of the key, as firma keys list shows it')
  addConfirmation(addHubFlags(command))
    .addHelpText('after', '\nExamples:\n  firma keys revoke 0198f0c4-7a2e-7000-8000-000000000000')
    .action(async (id: string, flags: HubFlags & ChangeFlags) => {
      const path = `/admin/v1/keys/${encodeURIComponent(id)}`
      const api = openApi(io, flags)
      // Before anybody is asked about one that is not there.
      await api.rehearse('DELETE', path)
      if (flags.dryRun === true) return writeDryRun(io, flags, `end the key ${id}`, { key_id: id })
      await confirm(io, flags, `Whoever uses the key ${id} is refused from now on`)
      await api.send('DELETE', path)
      writeRecord(io, flags, { key_id: id, revoked: true })
    })
}

function addRotate(keys: Command, io: Io): void {
  const command = keys
    .command('rotate')
    .description('make a key like another one, which ends a while later')
    .argument('<key-id>', 'id of the old key')
    .option('--grace-hours <hours>', 'how long the old one still works (default 24)', toCount)
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      '\nExamples:\n  firma keys rotate 0198f0c4-7a2e-7000-8000-000000000000 --grace-hours 72',
    )
    .action(async (id: string, flags: HubFlags & ChangeFlags & { graceHours?: number }) => {
      const hours = flags.graceHours ?? 24
      const body = { grace_seconds: hours * 3_600 }
      const path = `/admin/v1/keys/${encodeURIComponent(id)}/rotate`
      if (flags.dryRun === true) {
        await openApi(io, flags).rehearse('POST', path, body)
        const what = `make a key like ${id}, and end that one in ${hours} hours`
        return writeDryRun(io, flags, what, { key_id: id })
      }
      writeNewKey(io, flags, await openApi(io, flags).send('POST', path, body))
    })
}
