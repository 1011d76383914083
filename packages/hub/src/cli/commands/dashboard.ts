/** `firma dashboard`: back into the dashboard, for whoever has forgotten its password. */
import type { Command } from 'commander'
import { type Config, type Flags, readConfig } from '../../config/config.ts'
import { toTimestamp } from '../../core/time.ts'
import { resetOperator } from '../../operations/operator-login.ts'
import {
  type ChangeFlags,
  addConfirmation,
  addFormatFlags,
  confirm,
  writeDryRun,
} from '../command.ts'
import type { Io } from '../io.ts'
import { type FormatFlags, toFormat, writeRecord } from '../output.ts'
import { checkOwnStore, withOwnStore } from '../own-store.ts'
import { addConfigFlags } from './serve.ts'

type ResetFlags = Flags & FormatFlags & ChangeFlags

export function addDashboard(program: Command, io: Io): void {
  const dashboard = program
    .command('dashboard')
    .description('dashboard: the password that it asks for')
  const command = dashboard
    .command('reset-password')
    .description('take the password away, end every login, and print a link that chooses a new one')
  addConfirmation(addFormatFlags(addConfigFlags(command)))
    .option('--base-url <address>', 'where everybody reaches the hub')
    .addHelpText(
      'after',
      `
Examples:
  firma dashboard reset-password
  firma dashboard reset-password --data /var/lib/firma --yes

It works on the database itself, with the hub's configuration and encryption keys, and writes a line into the audit log.
On PostgreSQL the hub may run meanwhile; an SQLite database belongs to one process: stop the hub first.
A page of the dashboard that is open meanwhile may see what changes for up to 15 minutes more, and can do nothing.`,
    )
    .action(async (flags: ResetFlags) => await resetPassword(io, flags))
}

async function resetPassword(io: Io, flags: ResetFlags): Promise<void> {
  const config = await readConfig(flags, { variables: io.variables, folder: io.folder })
  const database = await checkOwnStore(config)
  if (flags.dryRun === true) {
    const what = `take the dashboard's password and every login out of ${database}`
    return writeDryRun(io, flags, what, { database })
  }
  await confirm(
    io,
    flags,
    `The dashboard's password goes, and every login to it ends (${database})`,
  )
  const reset = await withOwnStore(config, resetOperator)
  // Behind the #, where no server and no log gets to see it.
  const setupUrl = `${addressOf(config)}/dashboard/#${reset.setupToken}`
  if (toFormat(io, flags) !== 'table') {
    return writeRecord(io, flags, {
      had_password: reset.hadPassword,
      sessions_ended: reset.sessionsEnded,
      setup_url: setupUrl,
      expires_at: toTimestamp(reset.expiresAtMs),
    })
  }
  const did = reset.hadPassword ? 'The password is gone' : 'There was no password'
  io.out(`${did}, and every login has ended (${reset.sessionsEnded}). Choose a new one here, with the hub running, within a day:

  ${setupUrl}
`)
}

function addressOf({ baseUrl, host, port }: Config): string {
  return baseUrl ?? `http://${host}:${port}`
}
