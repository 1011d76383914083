/** `firma environments`. */
import type { Command } from 'commander'
import {
  type HubFlags,
  type PageFlags,
  addHubFlags,
  addPageFlags,
  listFromHub,
} from '../command.ts'
import type { Io } from '../io.ts'

export function addEnvironments(program: Command, io: Io): void {
  const environments = program
    .command('environments')
    .description('environments: one dev-id each, with its users, keys and destinations')
  addHubFlags(
    addPageFlags(environments.command('list').description('list all environments (operator key)')),
  )
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
          { key: 'dev_id' },
          { key: 'name' },
          { key: 'settings.match_policy', title: 'match policy' },
          { key: 'created_at', title: 'created' },
        ],
        empty: 'There are no environments.',
      })
    })
}
