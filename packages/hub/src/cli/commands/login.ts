/** `firma login` and `firma logout`: hubs to talk to without variables. */
import type { Command } from 'commander'
import { z } from 'zod'
import { addDryRun, addFormatFlags, writeDryRun } from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { checkUrl } from '../hub-access.ts'
import { createHubApi } from '../hub-api.ts'
import type { Io } from '../io.ts'
import { type FormatFlags, toFormat, writeRecord } from '../output.ts'
import { ProfileFile } from '../profiles.ts'

interface LoginFlags extends FormatFlags {
  readonly url: string
  readonly devId?: string
  readonly profile: string
  readonly dryRun?: boolean
}

interface LogoutFlags extends FormatFlags {
  readonly profile?: string
  readonly dryRun?: boolean
}

export function addLogin(program: Command, io: Io): void {
  const command = program
    .command('login')
    .description('remember a hub and a key to it, after trying it')
    .requiredOption('--url <address>', 'address of the hub')
    .option('--dev-id <id>', 'environment; an operator key may leave it out')
    .option('--profile <name>', 'under which name', 'default')
  addDryRun(addFormatFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma login --url https://connect.example.com --dev-id acme-prod
  firma login --url https://connect.example.com --profile prod < operator.key

The key is asked for, or read from standard input. It is kept in ~/.config/firma/profiles.json, which only you can read.`,
    )
    .action(async (flags: LoginFlags) => await login(io, flags))
  const logout = program
    .command('logout')
    .description('forget a hub that firma login remembers')
    .option('--profile <name>', 'which one (default: the last one)')
  addDryRun(addFormatFlags(logout))
    .addHelpText('after', '\nExamples:\n  firma logout\n  firma logout --profile prod --dry-run')
    .action((flags: LogoutFlags) => {
      const file = new ProfileFile(io.variables)
      const { profile, url } = file.get(flags.profile)
      if (flags.dryRun === true) return writeDryRun(io, flags, `forget ${url}`, { profile })
      file.remove(profile)
      writeRecord(io, flags, { profile, url, forgotten: true })
    })
}

async function login(io: Io, flags: LoginFlags): Promise<void> {
  const { devId, profile } = flags
  const url = checkUrl(flags.url)
  const apiKey = await readKey(io)
  const origin = 'what was entered'
  const api = createHubApi({ url, devId, apiKey, origin })
  // The first works with every key of an environment, the second with an operator's alone.
  if (devId !== undefined) await api.get('/v2/subscriptions', { page: 0, per_page: 1 })
  else await checkOperator(api)
  const file = new ProfileFile(io.variables)
  const kept = { url, dev_id: devId ?? null, profile, file: file.path }
  if (flags.dryRun === true) return writeDryRun(io, flags, `keep ${url} as "${profile}"`, kept)
  file.save(profile, { url, api_key: apiKey, ...(devId !== undefined && { dev_id: devId }) })
  if (toFormat(io, flags) !== 'table') return writeRecord(io, flags, kept)
  const as = devId === undefined ? 'as an operator' : `for ${devId}`
  io.out(`Logged in to ${url} ${as}; kept as "${profile}" in ${file.path}.\n`)
}

const PAGE = z.object({ data: z.array(z.unknown()) })

async function checkOperator(api: ReturnType<typeof createHubApi>): Promise<void> {
  try {
    PAGE.parse(await api.get('/admin/v1/environments', { limit: 1 }))
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== EXIT.refused) throw error
    const text = `this is no operator key (${error.message}); name its environment with --dev-id`
    throw new CliError(text, EXIT.refused)
  }
}

async function readKey(io: Io): Promise<string> {
  const text = io.canAsk
    ? await io.askSecret('x-api-key: ')
    : Buffer.from(await io.readInput()).toString('utf8')
  const key = text.trim()
  if (/^[\x21-\x7E]+$/.test(key)) return key
  const found = key === '' ? 'there is no key on standard input' : 'a key has no spaces'
  throw new CliError(`${found}; enter it, or firma login … < file`, EXIT.usage)
}
