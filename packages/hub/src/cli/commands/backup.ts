/** `firma backup`: a copy of the SQLite database, taken while the hub runs. */
import { existsSync, rmSync } from 'node:fs'
import { chmod, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { SqliteHandle } from 'firma-receiver/sqlite'
import { type Flags, readConfig } from '../../config/config.ts'
import { addDryRun, addFormatFlags, writeDryRun } from '../command.ts'
import { withSqlite } from '../databases.ts'
import { DATABASE, KEYS } from '../demo-files.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type FormatFlags, writeRecord } from '../output.ts'
import { addConfigFlags } from './serve.ts'

export function addBackup(program: Command, io: Io): void {
  const command = program
    .command('backup')
    .description('copy the SQLite database into a file, while the hub runs, and check the copy')
    .argument('<file>', 'where to; it must not exist yet')
  addDryRun(addFormatFlags(addConfigFlags(command)))
    .addHelpText(
      'after',
      `
Examples:
  firma backup /backups/firma-$(date +%F).sqlite
  firma backup copy.sqlite --data /var/lib/firma

The copy is of one moment and whole. Without the encryption keys (keys.json of the data folder, or FIRMA_ENCRYPTION_KEYS)
nobody can use it, you included: keep them too, and in another place. On PostgreSQL use pg_dump.`,
    )
    .action(async (file: string, flags: Flags & FormatFlags & { readonly dryRun?: boolean }) => {
      const config = await readConfig(flags, { variables: io.variables, folder: io.folder })
      if (config.databaseUrl !== undefined) {
        throw new CliError(
          'the database is PostgreSQL: use pg_dump (docs/operations.md)',
          EXIT.usage,
        )
      }
      const data = resolve(io.folder, config.dataFolder)
      const from = join(data, DATABASE)
      const to = resolve(io.folder, file)
      checkPlaces(from, to)
      if (flags.dryRun === true)
        return writeDryRun(io, flags, `copy ${from} to ${to}`, { from, to })
      const result = await backUp(from, to)
      writeRecord(io, flags, { ...result, keys: `not copied: keep ${join(data, KEYS)} as well` })
    })
}

function checkPlaces(from: string, to: string): void {
  if (!existsSync(from)) {
    throw new CliError(`there is no database at ${from}; name its folder with --data`, EXIT.usage)
  }
  if (existsSync(to)) throw new CliError(`${to} exists; name another file`, EXIT.usage)
}

/** Copies a database and reads the whole copy. */
async function backUp(from: string, to: string) {
  const startedAt = performance.now()
  try {
    await withSqlite(from, async (source) => {
      await source.exclusive((database) => database.prepare('VACUUM INTO ?').run(to))
    })
    await chmod(to, 0o600)
    const tables = await withSqlite(to, check)
    // Opening the copy has left these, and they hold nothing any more.
    for (const suffix of ['-wal', '-shm']) rmSync(to + suffix, { force: true })
    const { size } = await stat(to)
    const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(2))
    return { file: to, bytes: size, tables, checked: 'ok', seconds }
  } catch (cause) {
    rmSync(to, { force: true })
    throw new CliError(`the backup to ${to} failed, and nothing was left there`, EXIT.failed, {
      cause,
    })
  }
}

/** @returns How many tables there are. */
async function check(handle: SqliteHandle): Promise<number> {
  return await handle.exclusive((database) => {
    const [first] = database.prepare('PRAGMA integrity_check').all()
    const answer = String(first?.['integrity_check'])
    if (answer !== 'ok') throw new CliError(`the copy is damaged: ${answer}`, EXIT.failed)
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
    return tables.length
  })
}
