/** `firma environments`. */
import { type Command, Option } from 'commander'
import {
  type ChangeFlags,
  type HubFlags,
  type PageFlags,
  addDryRun,
  addHubFlags,
  addPageFlags,
  listFromHub,
  openApi,
  writeDryRun,
} from '../command.ts'
import type { Io } from '../io.ts'
import { toFormat, toRow, writeRecord } from '../output.ts'

export function addEnvironments(program: Command, io: Io): void {
  const environments = program
    .command('environments')
    .description(
      'environments: one dev-id each, with its users, keys and destinations (operator key)',
    )
  addList(environments, io)
  addGet(environments, io)
  addCreate(environments, io)
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

interface CreateFlags extends HubFlags, ChangeFlags {
  readonly name?: string
  readonly matchPolicy?: string
  readonly isProduction?: boolean
}

function addCreate(environments: Command, io: Io): void {
  const command = environments
    .command('create')
    .description('make an environment; its first key is printed once')
    .argument('<dev-id>', '3 to 63 lower case letters, digits and hyphens')
    .option('--name <name>', 'shown to people (default: the dev-id)')
    .option('--is-production', 'redirects need an allow-list')
    .addOption(
      new Option('--match-policy <policy>', 'which earlier connection a new one continues').choices(
        ['reference', 'account_and_reference', 'account'],
      ),
    )
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma environments create acme-staging --name "Acme (staging)"
  firma environments create acme-prod --is-production --dry-run`,
    )
    .action(async (devId: string, flags: CreateFlags) => {
      const { name = devId, matchPolicy, isProduction } = flags
      const settings = { match_policy: matchPolicy, is_production: isProduction }
      const body = { dev_id: devId, name, settings }
      if (flags.dryRun === true) {
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
