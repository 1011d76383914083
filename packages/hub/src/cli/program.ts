/** Every command of `firma`, for the process, for tests and for docs/cli.md. */
import { Command } from 'commander'
import { addNotices, addRevocations } from './commands/at-providers.ts'
import { addAudit } from './commands/audit.ts'
import { addBackup } from './commands/backup.ts'
import { addCompletion } from './commands/completion.ts'
import { addDashboard } from './commands/dashboard.ts'
import { addDeliveries } from './commands/deliveries.ts'
import { addDestinations } from './commands/destinations.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEncryption } from './commands/encryption.ts'
import { addEnvironments } from './commands/environments.ts'
import { addEvents } from './commands/events.ts'
import { addInit } from './commands/init.ts'
import { addKeys } from './commands/keys.ts'
import { addLedger } from './commands/ledger.ts'
import { addListen } from './commands/listen.ts'
import { addLogin } from './commands/login.ts'
import { addMigrate } from './commands/migrate.ts'
import { addMoves } from './commands/moves.ts'
import { addProviders } from './commands/providers.ts'
import { addRedirects } from './commands/redirects.ts'
import { addResends } from './commands/resends.ts'
import { addReceive, addStart } from './commands/serve.ts'
import { addTrigger } from './commands/trigger.ts'
import { addUsers } from './commands/users.ts'
import { addVerify } from './commands/verify.ts'
import type { Io } from './io.ts'
import { report } from './report.ts'
import { VERSION } from './version.ts'

/** Runs one command. @returns What the process ends with. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync(args, { from: 'user' })
    return io.exitCode
  } catch (error) {
    return report(io, error)
  }
}

/** @returns The command with all its subcommands. */
export function createProgram(io: Io): Command {
  const program = new Command('firma')
    .description('Connects people to their wearables and tells your app about it.')
    .version(VERSION)
  add(program, io)
  configure(program, io)
  return program
}

function add(program: Command, io: Io): void {
  addStart(program, io)
  addReceive(program, io)
  addInit(program, io)
  addLogin(program, io)
  addListen(program, io)
  addTrigger(program, io)
  addUsers(program, io)
  addEvents(program, io)
  addDeliveries(program, io)
  addResends(program, io)
  addDestinations(program, io)
  addProviders(program, io)
  addRedirects(program, io)
  addRevocations(program, io)
  addNotices(program, io)
  addMoves(program, io)
  addEnvironments(program, io)
  addKeys(program, io)
  addLedger(program, io)
  addEncryption(program, io)
  addAudit(program, io)
  addVerify(program, io)
  addDoctor(program, io)
  addDashboard(program, io)
  addMigrate(program, io)
  addBackup(program, io)
  addCompletion(program, io)
}

/** Commander would end the process itself; its answers go the same way as ours. */
function configure(command: Command, io: Io): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => io.out(text),
    writeErr: (text) => io.err(text.trimEnd()),
    getOutHelpWidth: () => io.width,
    getErrHelpWidth: () => io.width,
    // Every complaint is one line and begins alike.
    outputError: (text) => {
      const line = text
        .trim()
        .replace(/^error: /, '')
        .replaceAll('\n', ' ')
      const hint = line.includes('(Did you mean ') ? '' : `; see ${pathOf(command)} --help`
      io.err(`firma: ${line.replace(/\.$/, '')}${hint}`)
    },
  })
  for (const each of command.commands) configure(each, io)
}

/** For example `firma users list`. */
function pathOf(command: Command): string {
  const above = command.parent === null ? '' : `${pathOf(command.parent)} `
  return above + command.name()
}
