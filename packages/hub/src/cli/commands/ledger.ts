/** `firma ledger`: whether every event has an outcome at every destination. */
import type { Command } from 'commander'
import { z } from 'zod'
import { type HubFlags, addHubFlags, openApi } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { toFormat, toRow, writeRecord, writeRows } from '../output.ts'

const TOTALS = z.record(z.string(), z.number())
const LEDGER = z.looseObject({
  balanced: z.boolean(),
  events: z.number(),
  deliveries: z.number(),
  rows: z.array(z.object({ destination_id: z.string(), type: z.string(), totals: TOTALS })),
  discrepancies: z.array(
    z.object({
      kind: z.string(),
      event_id: z.string().nullable(),
      delivery_id: z.number().nullable(),
    }),
  ),
})

export function addLedger(program: Command, io: Io): void {
  const ledger = program
    .command('ledger')
    .description('ledger: what became of every event at every destination')
  addHubFlags(
    ledger
      .command('check')
      .description(
        'check that every event has one outcome at every destination that was to get it',
      ),
  )
    .addHelpText(
      'after',
      `
Examples:
  firma ledger check
  firma ledger check --json | jq .discrepancies

It ends with 0 when the ledger balances, and with 1 otherwise.`,
    )
    .action(async (flags: HubFlags) => {
      const answer = await openApi(io, flags).get('/admin/v1/ledger')
      const checked = LEDGER.parse(answer)
      if (!checked.balanced) io.exitCode = EXIT.failed
      if (toFormat(io, flags) !== 'table') return writeRecord(io, flags, toRow(answer))
      show(io, flags, checked)
    })
}

const OUTCOMES = ['delivered', 'pending', 'held', 'failed', 'suppressed']

function show(io: Io, flags: HubFlags, ledger: z.output<typeof LEDGER>): void {
  const { balanced, events, deliveries, rows, discrepancies } = ledger
  writeRows(io, flags, {
    rows: rows.map(({ destination_id, type, totals }) => ({ destination_id, type, ...totals })),
    columns: [
      { key: 'destination_id', title: 'destination' },
      { key: 'type' },
      ...OUTCOMES.map((key) => ({ key, align: 'right' as const })),
    ],
    empty: 'Nothing was owed to any destination yet.',
  })
  const count = `${events} events, ${deliveries} deliveries`
  if (balanced) return io.out(`\n${count}: it balances.\n`)
  io.out(`\n${count}: ${discrepancies.length} do not balance:\n\n`)
  const columns = [
    { key: 'event_id', title: 'event' },
    { key: 'delivery_id', title: 'delivery' },
    { key: 'kind' },
  ]
  writeRows(io, flags, { rows: discrepancies, columns, empty: '' })
}
