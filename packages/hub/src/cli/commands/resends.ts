/** `firma resends`: jobs that send events again. */
import type { Command } from 'commander'
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
import { toRow, writeRecord } from '../output.ts'

const PATH = '/admin/v1/resends'
const EXAMPLE_ID = '0198f0c4-7a2e-7000-8000-000000000000'

export function addResends(program: Command, io: Io): void {
  const resends = program
    .command('resends')
    .description('resends: jobs that send events again, as firma events resend starts them')
  addHubFlags(addPageFlags(resends.command('list').description('list them, newest first')))
    .addHelpText('after', '\nExamples:\n  firma resends list')
    .action(async (flags: HubFlags & PageFlags) => {
      await listFromHub(io, flags, {
        path: PATH,
        columns: [
          { key: 'created_at', title: 'when' },
          { key: 'status' },
          { key: 'progress', align: 'right', toText: toPercent },
          { key: 'deliveries', align: 'right' },
          { key: 'actor' },
          { key: 'filter' },
          { key: 'id' },
        ],
        empty: 'Nothing was sent again.',
      })
    })
  addHubFlags(resends.command('get').description('show one').argument('<resend-id>', 'its id'))
    .addHelpText('after', `\nExamples:\n  firma resends get ${EXAMPLE_ID}`)
    .action(async (id: string, flags: HubFlags) => {
      writeRecord(io, flags, toRow(await openApi(io, flags).get(pathOf(id))))
    })
  addAction(resends, io, 'pause', 'make no more deliveries until it is resumed')
  addAction(resends, io, 'resume', 'go on where it was paused')
  addAction(resends, io, 'cancel', 'end it; what it has made already is sent')
}

function addAction(
  resends: Command,
  io: Io,
  action: 'pause' | 'resume' | 'cancel',
  says: string,
): void {
  addDryRun(
    addHubFlags(resends.command(action).description(says).argument('<resend-id>', 'its id')),
  )
    .addHelpText('after', `\nExamples:\n  firma resends ${action} ${EXAMPLE_ID}`)
    .action(async (id: string, flags: HubFlags & ChangeFlags) => {
      const api = openApi(io, flags)
      if (flags.dryRun === true) {
        const { status } = toRow(await api.get(pathOf(id)))
        await api.rehearse('POST', `${pathOf(id)}/${action}`)
        return writeDryRun(io, flags, `${action} the resend ${id}`, { resend_id: id, status })
      }
      writeRecord(io, flags, toRow(await api.send('POST', `${pathOf(id)}/${action}`)))
    })
}

function pathOf(id: string): string {
  return `${PATH}/${encodeURIComponent(id)}`
}

function toPercent(value: unknown): string {
  return typeof value === 'number' ? `${Math.floor(value * 100)} %` : ''
}
