/** `firma encryption`: how far a change of the encryption key is. */
import type { Command } from 'commander'
import { z } from 'zod'
import { type HubFlags, addHubFlags, openApi } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { toFormat, toRow, writeRecord, writeRows } from '../output.ts'

const ENCRYPTION = z.looseObject({
  primary_key: z.string(),
  keys: z.array(z.object({ id: z.string(), values: z.number(), removable: z.boolean() })),
  unknown_values: z.number(),
})

export function addEncryption(program: Command, io: Io): void {
  const encryption = program
    .command('encryption')
    .description('encryption: the keys that tokens and secrets are sealed with')
  addHubFlags(
    encryption
      .command('status')
      .description('show how many values each key has sealed, and which key can be taken out'),
  )
    .addHelpText(
      'after',
      `
Examples:
  firma encryption status
  firma encryption status --json | jq '.keys[] | select(.removable) | .id'

It needs an operator's key, and ends with 1 when values were sealed with a key that the hub does not have.`,
    )
    .action(async (flags: HubFlags) => {
      const answer = await openApi(io, flags).get('/admin/v1/encryption')
      const state = ENCRYPTION.parse(answer)
      if (state.unknown_values > 0) io.exitCode = EXIT.failed
      if (toFormat(io, flags) !== 'table') return writeRecord(io, flags, toRow(answer))
      show(io, flags, state)
    })
}

function show(io: Io, flags: HubFlags, state: z.output<typeof ENCRYPTION>): void {
  const { primary_key: primary, keys, unknown_values: unknown } = state
  const rows = keys.map(({ id, values, removable }) => ({
    id,
    values,
    role: roleOf(id === primary, removable),
  }))
  const columns = [
    { key: 'id', title: 'key' },
    { key: 'values', align: 'right' as const },
    { key: 'role' },
  ]
  writeRows(io, flags, { rows, columns, empty: '' })
  if (unknown > 0) io.out(`\n${unknown} values need a key that is not configured: add it again.\n`)
}

function roleOf(isPrimary: boolean, isRemovable: boolean): string {
  if (isPrimary) return 'seals everything new'
  return isRemovable
    ? 'take it out of the configuration'
    : 'still needed; its values are sealed anew'
}
