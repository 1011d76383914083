/** `firma encryption`: how far a change of the encryption key is. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import {
  type ChangeFlags,
  type HubFlags,
  addConfirmation,
  addHubFlags,
  confirm,
  createProgress,
  openApi,
  writeDryRun,
} from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { toFormat, toRow, writeRecord, writeRows } from '../output.ts'

const ENCRYPTION = z.looseObject({
  primary_key: z.string(),
  keys: z.array(z.object({ id: z.string(), values: z.number(), removable: z.boolean() })),
  unknown_values: z.number(),
  next_key: z.object({ id: z.string(), processes_without: z.number() }).nullable(),
})

const PATH = '/admin/v1/encryption'
/** How often it is asked how far it has come. */
const INTERVAL_MS = 300

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
      const answer = await openApi(io, flags).get(PATH)
      const state = ENCRYPTION.parse(answer)
      if (state.unknown_values > 0) io.exitCode = EXIT.failed
      if (toFormat(io, flags) !== 'table') return writeRecord(io, flags, toRow(answer))
      show(io, flags, state)
    })
  addRotate(encryption, io)
}

function addRotate(encryption: Command, io: Io): void {
  const command = encryption
    .command('rotate')
    .description('make a new key, and let everything be sealed anew with it while the hub works')
    .option('--no-wait', 'do not wait until it is done')
  addConfirmation(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma encryption rotate
  firma encryption rotate --yes --no-wait

The hub writes the new key into keys.json of its data folder: keep a new copy of that file. It needs an operator's key, and a hub whose
keys are in that file. Where they are in FIRMA_ENCRYPTION_KEYS, or on PostgreSQL, put the new key first there, and restart
one process after the other: it seals as soon as all of them have it.`,
    )
    .action(async (flags: HubFlags & ChangeFlags & { readonly wait: boolean }) => {
      const api = openApi(io, flags)
      const before = ENCRYPTION.parse(await api.get(PATH))
      if (flags.dryRun === true) {
        const what = 'make a new encryption key and seal everything anew with it'
        return writeDryRun(io, flags, what, { primary_key: before.primary_key })
      }
      await confirm(
        io,
        flags,
        'Everything is sealed anew, and a copy of the keys from before is not enough any more',
      )
      let state = ENCRYPTION.parse(await api.send('POST', `${PATH}/rotate`))
      const progress = createProgress(io)
      while (flags.wait && countOld(state) > 0) {
        progress.show(`${countOld(state)} values are left …`)
        await wait(INTERVAL_MS)
        state = ENCRYPTION.parse(await api.get(PATH))
      }
      progress.end()
      if (toFormat(io, flags) !== 'table') return writeRecord(io, flags, toRow(state))
      show(io, flags, state)
      io.err('\nKeep a new copy of keys.json apart from the database.')
    })
}

function countOld({ primary_key: primary, keys }: z.output<typeof ENCRYPTION>): number {
  return keys.reduce((sum, { id, values }) => sum + (id === primary ? 0 : values), 0)
}

function show(io: Io, flags: HubFlags, state: z.output<typeof ENCRYPTION>): void {
  const { primary_key: primary, keys, unknown_values: unknown, next_key: next } = state
  const rows = keys.map(({ id, values, removable }) => ({
    id,
    values,
    role: id === next?.id ? 'seals when all processes have it' : roleOf(id === primary, removable),
  }))
  const columns = [
    { key: 'id', title: 'key' },
    { key: 'values', align: 'right' as const },
    { key: 'role' },
  ]
  writeRows(io, flags, { rows, columns, empty: '' })
  if ((next?.processes_without ?? 0) > 0) {
    io.out(
      `\n${next?.processes_without} processes do not have ${next?.id} yet: restart them with it.\n`,
    )
  }
  if (unknown > 0) io.out(`\n${unknown} values need a key that is not configured: add it again.\n`)
}

function roleOf(isPrimary: boolean, isRemovable: boolean): string {
  if (isPrimary) return 'seals everything new'
  return isRemovable
    ? 'take it out of the configuration'
    : 'still needed; its values are sealed anew'
}
