/** `firma deliveries`: what each destination was owed, and what became of it. */
import { type Command, Option } from 'commander'
import {
  type HubFlags,
  type PageFlags,
  addHubFlags,
  addPageFlags,
  listFromHub,
} from '../command.ts'
import type { Io } from '../io.ts'

interface ListFlags extends HubFlags, PageFlags {
  readonly destination?: string
  readonly event?: string
  readonly resend?: string
  readonly status?: string
}

const STATUSES = ['owed', 'pending', 'held', 'delivered', 'failed', 'suppressed']

export function addDeliveries(program: Command, io: Io): void {
  const deliveries = program
    .command('deliveries')
    .description('deliveries: what each destination was owed, and what became of it')
  const command = deliveries
    .command('list')
    .description('list deliveries, newest first')
    .option('--destination <id>', 'to this destination')
    .option('--event <event-id>', 'of this event')
    .option('--resend <resend-id>', 'that this resend has made')
    .addOption(
      new Option('--status <status>', 'that stand so; owed is pending or held').choices(STATUSES),
    )
  addHubFlags(addPageFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma deliveries list --status failed
  firma deliveries list --destination 0198f0c4-7a2e-7000-8000-000000000000 --status held --all
  firma deliveries list --event 0198f0c4-7a2e-7000-8000-000000000000 --json

firma events get shows every attempt at the deliveries of one event.`,
    )
    .action(async (flags: ListFlags) => {
      const { destination, event, resend, status } = flags
      await listFromHub(io, flags, {
        path: '/admin/v1/deliveries',
        query: { destination_id: destination, event_id: event, resend_id: resend, status },
        columns: [
          { key: 'created_at', title: 'when' },
          { key: 'type' },
          { key: 'reference_id', title: 'reference id' },
          { key: 'status' },
          { key: 'attempts', align: 'right' },
          { key: 'next_attempt_at', title: 'next attempt' },
          { key: 'destination_id' },
          { key: 'event_id' },
        ],
        empty: 'No delivery matches.',
      })
    })
}
