/** `firma revocations` and `firma notices`: what goes on between the hub and providers. */
import { type Command, Option } from 'commander'
import {
  type HubFlags,
  type PageFlags,
  addHubFlags,
  addPageFlags,
  listFromHub,
} from '../command.ts'
import type { Io } from '../io.ts'

const STATUSES = ['pending', 'revoked', 'unsupported', 'not_needed', 'failed']

export function addRevocations(program: Command, io: Io): void {
  const revocations = program
    .command('revocations')
    .description('revocations: grants that are given back to providers')
  const command = revocations
    .command('list')
    .description('list them, newest first')
    .addOption(new Option('--status <status>', 'that stand so').choices(STATUSES))
  addHubFlags(addPageFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma revocations list --status failed
  firma revocations list --status pending --all --format csv`,
    )
    .action(async (flags: HubFlags & PageFlags & { readonly status?: string }) => {
      await listFromHub(io, flags, {
        path: '/admin/v1/revocations',
        query: { status: flags.status },
        columns: [
          { key: 'created_at', title: 'when' },
          { key: 'provider' },
          { key: 'status' },
          { key: 'attempts', align: 'right' },
          { key: 'next_attempt_at', title: 'next attempt' },
          { key: 'detail' },
          { key: 'lineage_id' },
        ],
        empty: 'No grant was given back.',
      })
    })
}

export function addNotices(program: Command, io: Io): void {
  const notices = program
    .command('notices')
    .description('notices: what providers said by themselves, and what became of it')
  addHubFlags(addPageFlags(notices.command('list').description('list them, newest first, 14 days')))
    .addHelpText('after', '\nExamples:\n  firma notices list --limit 100')
    .action(async (flags: HubFlags & PageFlags) => {
      await listFromHub(io, flags, {
        path: '/admin/v1/notices',
        columns: [
          { key: 'received_at', title: 'when' },
          { key: 'provider' },
          { key: 'type' },
          { key: 'status' },
          { key: 'signed' },
          { key: 'detail' },
          { key: 'provider_account_id' },
        ],
        empty: 'No provider has said anything.',
      })
    })
}
