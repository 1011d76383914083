/** What commands have in common: flags, confirmation, progress. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { CliError, EXIT } from './exit-codes.ts'
import { type AccessFlags, findAccess } from './hub-access.ts'
import { type HubApi, type Query, createHubApi, listAll } from './hub-api.ts'
import type { Io } from './io.ts'
import {
  FORMATS,
  type Column,
  type FormatFlags,
  toFormat,
  writeRecord,
  writeRows,
} from './output.ts'

/** Flags of a command that asks a hub. */
export type HubFlags = AccessFlags & FormatFlags

/** Flags of a command that lists. */
export interface PageFlags {
  readonly limit?: number
  readonly all?: boolean
}

/** Flags of a command that changes something. */
export interface ChangeFlags {
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** Entries that a list has without `--limit`. */
const LIMIT = 25

export function addFormatFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--format <format>',
        'how to write the answer (default: table on a terminal, json otherwise)',
      ).choices(FORMATS),
    )
    .option('--json', 'the same as --format json')
}

export function addHubFlags(command: Command): Command {
  return addFormatFlags(command)
    .option('--url <address>', 'address of the hub (FIRMA_URL)')
    .option('--dev-id <id>', 'environment (FIRMA_DEV_ID)')
    .option('--profile <name>', 'credentials of firma login (FIRMA_PROFILE)')
}

export function addPageFlags(command: Command): Command {
  return command
    .option('--limit <count>', `entries at most (default ${LIMIT})`, toCount)
    .option('--all', 'every entry')
}

export function addDryRun(command: Command): Command {
  return command.option('--dry-run', 'say what would be done, and do nothing')
}

/** For what cannot be undone. */
export function addConfirmation(command: Command): Command {
  return addDryRun(command).option('--yes', 'do not ask')
}

/** Reads a whole number from 1. */
export function toCount(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number from 1.')
}

/** Reads a time: RFC 3339, a date, or how long ago (`15m`, `24h`, `7d`). @returns RFC 3339 in UTC. */
export function toTime(text: string): string {
  const ago = /^(\d{1,5})([smhd])$/.exec(text)
  if (ago !== null) {
    const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[ago[2] as 's']
    return new Date(Date.now() - Number(ago[1]) * unitMs).toISOString()
  }
  const isDated = /^\d{4}-\d{2}-\d{2}(?:T|$)/.test(text)
  const time = isDated ? new Date(text) : new Date(Number.NaN)
  if (!Number.isNaN(time.getTime())) return time.toISOString()
  throw new InvalidArgumentError(
    'It must be like 2026-11-23, 2026-11-23T09:00:00Z, 15m, 24h or 7d.',
  )
}

/** Collects the values of a flag that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** The hub's API with the credentials that the flags and the surroundings give. */
export function openApi(io: Io, flags: AccessFlags): HubApi {
  return createHubApi(findAccess(io, flags))
}

/** Reads a list from the hub and writes it. */
export async function listFromHub(
  io: Io,
  flags: HubFlags & PageFlags,
  list: { path: string; query?: Query; columns: readonly Column[]; empty: string },
): Promise<void> {
  const limit = flags.all === true ? undefined : (flags.limit ?? LIMIT)
  const { path, query = {}, columns, empty } = list
  const progress = createProgress(io, flags.all === true)
  const { rows, hasMore } = await listAll(openApi(io, flags), {
    path,
    query,
    limit,
    onProgress: (count) => progress.show(`${count} read …`),
  })
  progress.end()
  const more = `There are more: --limit ${rows.length * 4}, or --all.`
  writeRows(io, flags, { rows, columns, empty, ...(hasMore && { more }) })
}

/**
 * Asks before something that cannot be undone.
 *
 * @throws CliError when the answer is no, or when nobody can be asked.
 */
export async function confirm(io: Io, flags: ChangeFlags, what: string): Promise<void> {
  if (flags.yes === true) return
  if (!io.canAsk) {
    throw new CliError(
      `${what} needs a yes: run it again with --yes, or with --dry-run to see what it would do`,
      EXIT.usage,
    )
  }
  const answer = await io.ask(`${what}. Go on? [y/N] `)
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('nothing was changed', EXIT.failed)
}

/** Says what a dry run would do. */
export function writeDryRun(io: Io, flags: FormatFlags, what: string, details: object): void {
  if (toFormat(io, flags) === 'table') io.out(`Would ${what}; nothing was changed (--dry-run).\n`)
  else writeRecord(io, flags, { dry_run: true, would: what, ...details })
}

/** Says that a change lasts only until the file is read again. @param names What the file gives; nothing is said for none. */
export function warnDeclared(io: Io, names: readonly string[]): void {
  if (names.length === 0) return
  io.err(
    `The hub's configuration file declares ${names.join(', ')}, and its next start does so again: change the file, too.`,
  )
}

export interface Progress {
  show(text: string): void
  end(): void
}

/** One line that changes, for people who wait. */
export function createProgress(io: Io, isWanted = true): Progress {
  if (!isWanted || !io.canAsk || !io.isTerminal)
    return { show: () => undefined, end: () => undefined }
  return {
    show: (text) => io.progress(text),
    end: () => io.progress(''),
  }
}
