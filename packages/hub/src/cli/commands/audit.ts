/** `firma audit`: who changed what. */
import type { Command } from 'commander'
import {
  type HubFlags,
  type PageFlags,
  addHubFlags,
  addPageFlags,
  listFromHub,
} from '../command.ts'
import type { Io } from '../io.ts'

type AuditFlags = HubFlags &
  PageFlags & { readonly actor?: string; readonly action?: string; readonly subject?: string }

export function addAudit(program: Command, io: Io): void {
  const command = program
    .command('audit')
    .description('list who changed what in an environment, newest first')
    .option('--actor <who>', 'changes by this one')
    .option('--action <action>', 'this kind of change, for example key.create')
    .option('--subject <id>', 'changes of this key, destination, …')
  addHubFlags(addPageFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma audit
  firma audit --action key.create --all --format csv`,
    )
    .action(async (flags: AuditFlags) => {
      const { actor, action, subject } = flags
      await listFromHub(io, flags, {
        path: '/admin/v1/audit',
        query: { actor, action, subject },
        columns: [
          { key: 'created_at', title: 'when' },
          { key: 'actor' },
          { key: 'action' },
          { key: 'subject' },
          { key: 'detail' },
        ],
        empty: 'Nothing was changed.',
      })
    })
}
