/** `firma environments`. */
import { type Command, Option } from 'commander'
import { z } from 'zod'
import {
  type ChangeFlags,
  type HubFlags,
  type PageFlags,
  addConfirmation,
  addDryRun,
  addHubFlags,
  addPageFlags,
  confirm,
  listFromHub,
  openApi,
  warnDeclared,
  writeDryRun,
} from '../command.ts'
import type { Io } from '../io.ts'
import { type Row, toFormat, toRow, writeRecord } from '../output.ts'

export function addEnvironments(program: Command, io: Io): void {
  const environments = program
    .command('environments')
    .description(
      'environments: one dev-id each, with its users, keys and destinations (operator key)',
    )
  addList(environments, io)
  addGet(environments, io)
  addCreate(environments, io)
  addChange(environments, io)
  addSwitch(environments, io, 'archive')
  addSwitch(environments, io, 'restore')
}

function addList(environments: Command, io: Io): void {
  addHubFlags(addPageFlags(environments.command('list').description('list all environments')))
    .addHelpText(
      'after',
      `
Examples:
  firma environments list
  firma environments list --json | jq -r '.[].dev_id'`,
    )
    .action(async (flags: HubFlags & PageFlags) => {
      await listFromHub(io, flags, {
        path: '/admin/v1/environments',
        columns: [
          { key: 'dev_id', title: 'dev-id' },
          { key: 'name' },
          { key: 'settings.is_production', title: 'production' },
          { key: 'settings.match_policy', title: 'match policy' },
          { key: 'created_at', title: 'created' },
          { key: 'archived_at', title: 'archived' },
        ],
        empty: 'There are no environments.',
      })
    })
}

function addGet(environments: Command, io: Io): void {
  addHubFlags(
    environments
      .command('get')
      .description('show one environment with its settings')
      .argument('<dev-id>', 'its dev-id'),
  )
    .addHelpText('after', '\nExamples:\n  firma environments get acme-prod')
    .action(async (devId: string, flags: HubFlags) => {
      const path = `/admin/v1/environments/${encodeURIComponent(devId)}`
      writeRecord(io, flags, toRow(await openApi(io, flags).get(path)))
    })
}

interface SettingsFlags extends HubFlags, ChangeFlags {
  readonly name?: string
  readonly matchPolicy?: string
  readonly isProduction?: boolean
  readonly confirmation?: string
  readonly accountPolicy?: string
}

function addSettings(command: Command): Command {
  const choice = (flag: string, what: string, choices: readonly string[]): Option =>
    new Option(flag, what).choices(choices)
  return command
    .option('--name <name>', 'shown to people (default: the dev-id)')
    .option('--is-production', 'redirects need an allow-list')
    .option('--no-is-production', 'redirects may go anywhere')
    .addOption(
      choice('--match-policy <policy>', 'which earlier connection a new one continues', [
        'reference',
        'account_and_reference',
        'account',
      ]),
    )
    .addOption(
      choice('--confirmation <when>', 'whether the app confirms who came back', [
        'off',
        'required',
      ]),
    )
    .addOption(
      choice(
        '--account-policy <policy>',
        'what becomes of an account that is another person’s, or not the one that was connected',
        ['allow', 'reject', 'move'],
      ),
    )
}

/** Only what was said: the rest stays as it is. */
function toSettings(flags: SettingsFlags): Record<string, unknown> {
  const { matchPolicy, isProduction, confirmation, accountPolicy } = flags
  const hasConnect = confirmation !== undefined || accountPolicy !== undefined
  return {
    match_policy: matchPolicy,
    is_production: isProduction,
    ...(hasConnect && { connect: { confirmation, account_policy: accountPolicy } }),
  }
}

function addCreate(environments: Command, io: Io): void {
  const command = addSettings(
    environments
      .command('create')
      .description('make an environment; its first key is printed once')
      .argument('<dev-id>', '3 to 63 lower case letters, digits and hyphens'),
  )
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma environments create acme-staging --name "Acme (staging)"
  firma environments create acme-live --is-production --dry-run`,
    )
    .action(async (devId: string, flags: SettingsFlags) => {
      const body = { dev_id: devId, name: flags.name ?? devId, settings: toSettings(flags) }
      if (flags.dryRun === true) {
        await openApi(io, flags).rehearse('POST', '/admin/v1/environments', body)
        return writeDryRun(io, flags, `make the environment ${devId}`, { body })
      }
      const answer = toRow(await openApi(io, flags).send('POST', '/admin/v1/environments', body))
      const { environment, api_key, redirect_secret } = answer
      writeRecord(io, flags, { ...toRow(environment), api_key, redirect_secret })
      if (toFormat(io, flags) === 'table') {
        io.err('Copy api_key and redirect_secret now: they are shown this once.')
      }
    })
}

function addChange(environments: Command, io: Io): void {
  const command = addSettings(
    environments
      .command('change')
      .description('change what is named; everything else stays as it is')
      .argument('<dev-id>', 'its dev-id'),
  )
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma environments change acme-prod --confirmation required
  firma environments change acme-prod --account-policy reject --dry-run`,
    )
    .action(async (devId: string, flags: SettingsFlags) => {
      const body = { name: flags.name, settings: toSettings(flags) }
      const path = `/admin/v1/environments/${encodeURIComponent(devId)}`
      if (flags.dryRun === true) {
        await openApi(io, flags).rehearse('PATCH', path, body)
        return writeDryRun(io, flags, `change the environment ${devId}`, { body })
      }
      const answer = toRow(await openApi(io, flags).send('PATCH', path, body))
      writeRecord(io, flags, answer)
      warnDeclared(io, namesOf(body.settings).filter(isDeclaredIn(answer)))
    })
}

/** The settings in a request, with dots for settings of settings. */
function namesOf(settings: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    if (value === undefined) return []
    if (typeof value !== 'object' || value === null) return [name]
    return namesOf({ ...value }).map((inner) => `${name}.${inner}`)
  })
}

const DECLARED = z.object({ declared: z.array(z.string()) })

function isDeclaredIn(answer: Row): (name: string) => boolean {
  const { declared } = DECLARED.parse(answer)
  return (name) => declared.includes(name)
}

const SWITCHES = {
  archive: {
    says: 'take an environment out of use: no key works, what is owed is still delivered',
    warns: 'No key works any more in',
    isArchived: true,
  },
  restore: {
    says: 'take an archived environment into use again',
    warns: undefined,
    isArchived: false,
  },
} as const

function addSwitch(environments: Command, io: Io, verb: keyof typeof SWITCHES): void {
  const { says, warns, isArchived } = SWITCHES[verb]
  const command = environments.command(verb).description(says).argument('<dev-id>', 'its dev-id')
  const flagged = warns === undefined ? addDryRun(command) : addConfirmation(command)
  addHubFlags(flagged)
    .addHelpText('after', `\nExamples:\n  firma environments ${verb} acme-staging`)
    .action(async (devId: string, flags: HubFlags & ChangeFlags) => {
      const api = openApi(io, flags)
      const path = `/admin/v1/environments/${encodeURIComponent(devId)}`
      const body = { archived: isArchived }
      // Before anybody is asked about one that is not there.
      if (flags.dryRun === true || warns !== undefined) await api.rehearse('PATCH', path, body)
      if (flags.dryRun === true) return writeDryRun(io, flags, `${verb} ${devId}`, { body })
      if (warns !== undefined) await confirm(io, flags, `${warns} ${devId}`)
      writeRecord(io, flags, toRow(await api.send('PATCH', path, body)))
    })
}
