/** `firma migrate`: brings the database to the newest schema, which every start does too. */
import type { Command } from 'commander'
import { type Flags, readConfig } from '../../config/config.ts'
import { addDryRun, addFormatFlags } from '../command.ts'
import { migrateDatabase, readDatabaseState } from '../databases.ts'
import type { Io } from '../io.ts'
import { type FormatFlags, toFormat, writeRecord } from '../output.ts'
import { addConfigFlags } from './serve.ts'

type MigrateFlags = Flags & FormatFlags & { readonly dryRun?: boolean }

export function addMigrate(program: Command, io: Io): void {
  const command = program
    .command('migrate')
    .description('bring the database to the newest schema; every start does so too')
  addDryRun(addFormatFlags(addConfigFlags(command)))
    .addHelpText(
      'after',
      `
Examples:
  firma migrate --dry-run
  firma migrate --data /var/lib/firma

An SQLite database belongs to one process: stop the hub first. Take a backup before (firma backup, pg_dump).`,
    )
    .action(async (flags: MigrateFlags) => await migrate(io, flags))
}

async function migrate(io: Io, flags: MigrateFlags): Promise<void> {
  const config = await readConfig(flags, { variables: io.variables, folder: io.folder })
  const isDryRun = flags.dryRun === true
  const names = isDryRun ? (await readDatabaseState(config)).pending : await migrateDatabase(config)
  if (toFormat(io, flags) !== 'table') {
    return writeRecord(io, flags, { dry_run: isDryRun, migrations: names })
  }
  const did = isDryRun ? 'Would run' : 'Ran'
  io.out(
    names.length === 0
      ? 'The database has the newest schema; there is nothing to do.\n'
      : `${did} ${names.length}:\n${names.map((name) => `  ${name}\n`).join('')}`,
  )
}
