/** `firma login` and `firma logout`: hubs to talk to without variables. */
import type { Command } from 'commander'
import { z } from 'zod'
import { CliError, EXIT } from '../exit-codes.ts'
import { checkUrl } from '../hub-access.ts'
import { createHubApi } from '../hub-api.ts'
import type { Io } from '../io.ts'
import { ProfileFile } from '../profiles.ts'

interface LoginFlags {
  readonly url: string
  readonly devId?: string
  readonly profile: string
}

export function addLogin(program: Command, io: Io): void {
  program
    .command('login')
    .description('remember a hub and a key to it, after trying it')
    .requiredOption('--url <address>', 'address of the hub')
    .option('--dev-id <id>', 'environment; an operator key may leave it out')
    .option('--profile <name>', 'under which name', 'default')
    .addHelpText(
      'after',
      `
Examples:
  firma login --url https://connect.example.com --dev-id acme-prod
  firma login --url https://connect.example.com --profile prod < operator.key

The key is asked for, or read from standard input. It is kept in ~/.config/firma/profiles.json, which only you can read.`,
    )
    .action(async (flags: LoginFlags) => await login(io, flags))
  program
    .command('logout')
    .description('forget a hub that firma login remembers')
    .option('--profile <name>', 'which one (default: the last one)')
    .action(({ profile }: { profile?: string }) => {
      const file = new ProfileFile(io.variables)
      if (file.remove(profile)) return io.out('Forgotten.\n')
      throw new CliError(`${file.path} has no such profile`, EXIT.usage)
    })
}

async function login(io: Io, { url: given, devId, profile }: LoginFlags): Promise<void> {
  const url = checkUrl(given)
  const apiKey = await readKey(io)
  const origin = 'what was entered'
  const api = createHubApi({ url, devId, apiKey, origin })
  // The first works with every key of an environment, the second with an operator's alone.
  if (devId !== undefined) await api.get('/v2/subscriptions', { page: 0, per_page: 1 })
  else await checkOperator(api)
  const file = new ProfileFile(io.variables)
  file.save(profile, { url, api_key: apiKey, ...(devId !== undefined && { dev_id: devId }) })
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
