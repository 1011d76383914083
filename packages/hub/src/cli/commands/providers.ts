/** `firma providers`. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import {
  type ChangeFlags,
  type HubFlags,
  type PageFlags,
  addConfirmation,
  addDryRun,
  addHubFlags,
  addPageFlags,
  collect,
  confirm,
  listFromHub,
  openApi,
  warnDeclared,
  writeDryRun,
} from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { toRow, writeRecord } from '../output.ts'

export function addProviders(program: Command, io: Io): void {
  const providers = program
    .command('providers')
    .description('providers: what the catalog has, and your credentials there')
  addList(providers, io)
  addShow(providers, io)
  addEnable(providers, io)
  addDisable(providers, io)
}

function addList(providers: Command, io: Io): void {
  addHubFlags(
    addPageFlags(providers.command('list').description('list every provider, enabled or not')),
  )
    .addHelpText('after', '\nExamples:\n  firma providers list --all')
    .action(async (flags: HubFlags & PageFlags) => {
      await listFromHub(io, flags, {
        path: '/admin/v1/providers',
        columns: [
          { key: 'provider' },
          { key: 'name' },
          { key: 'enabled' },
          { key: 'is_simulated', title: 'simulated' },
          { key: 'client_id', title: 'client id' },
        ],
        empty: 'The catalog is empty.',
      })
    })
}

function toPath(provider: string): string {
  return `/admin/v1/providers/${encodeURIComponent(provider.toUpperCase())}`
}

function addShow(providers: Command, io: Io): void {
  addHubFlags(
    providers
      .command('show')
      .description('show one provider, with the redirect URI to register there')
      .argument('<provider>', 'GARMIN, FITBIT, …'),
  )
    .addHelpText('after', '\nExamples:\n  firma providers show GARMIN')
    .action(async (provider: string, flags: HubFlags) => {
      writeRecord(io, flags, toRow(await openApi(io, flags).get(toPath(provider))))
    })
}

interface EnableFlags extends HubFlags, ChangeFlags {
  readonly clientId: string
  readonly clientSecretFile?: string
  readonly newNoticeUrl?: boolean
  readonly secretFile?: readonly string[]
  readonly overrides?: string
}

function addEnable(providers: Command, io: Io): void {
  const command = providers
    .command('enable')
    .description('enable a provider with your credentials, or replace them')
    .argument('<provider>', 'GARMIN, FITBIT, …')
    .requiredOption('--client-id <id>', 'client id that the provider gave you')
    .option(
      '--client-secret-file <path>',
      'file with the client secret; else it is asked for, or read from standard input',
    )
    .option(
      '--secret-file <name=path>',
      'a further secret that the provider issued; several times',
      collect,
    )
    .option('--overrides <file>', 'JSON file with what differs from the catalog')
    .option('--new-notice-url', 'make the address for its notices anew; the old one stops working')
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma providers enable GARMIN --client-id abc --client-secret-file garmin.secret
  firma providers enable FITBIT --client-id abc < fitbit.secret

The notice_url in the answer is secret and shown only when it is new: register it with the provider.`,
    )
    .action(async (provider: string, flags: EnableFlags) => {
      const name = provider.toUpperCase()
      const api = openApi(io, flags)
      const body = {
        client_id: flags.clientId,
        client_secret: await readSecret(io, flags.clientSecretFile),
        new_notice_url: flags.newNoticeUrl,
        secrets: await readSecrets(io, flags.secretFile),
        overrides: await readOverrides(io, flags.overrides),
      }
      if (flags.dryRun === true) {
        await api.rehearse('PUT', toPath(provider), body)
        const what = `enable ${name} with the client id ${flags.clientId}`
        return writeDryRun(io, flags, what, { provider: name })
      }
      const answer = toRow(await api.send('PUT', toPath(provider), body))
      writeRecord(io, flags, answer)
      if (answer['declared'] === true) warnDeclared(io, [name])
    })
}

async function readSecret(io: Io, file: string | undefined): Promise<string> {
  const text = (await readText(io, file)).trim()
  if (text !== '') return text
  throw new CliError('the client secret is empty; give --client-secret-file', EXIT.usage)
}

async function readText(io: Io, file: string | undefined): Promise<string> {
  if (file !== undefined) return await readOrExplain(io, '--client-secret-file', file)
  if (io.canAsk) return await io.askSecret('client secret: ')
  return Buffer.from(await io.readInput()).toString('utf8')
}

async function readSecrets(io: Io, pairs: readonly string[] | undefined) {
  if (pairs === undefined) return undefined
  const secrets: Record<string, string> = {}
  for (const pair of pairs) {
    const [, name, file] = /^([\w-]+)=(.+)$/.exec(pair) ?? []
    if (name === undefined || file === undefined) {
      throw new CliError(`--secret-file "${pair}" must be like name=path`, EXIT.usage)
    }
    secrets[name] = (await readOrExplain(io, '--secret-file', file)).trim()
  }
  return secrets
}

async function readOverrides(io: Io, file: string | undefined): Promise<unknown> {
  if (file === undefined) return undefined
  try {
    return JSON.parse(await readOrExplain(io, '--overrides', file))
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    throw new CliError(`--overrides ${file} is not JSON`, EXIT.usage)
  }
}

async function readOrExplain(io: Io, flag: string, file: string): Promise<string> {
  try {
    return await readFile(resolve(io.folder, file), 'utf8')
  } catch (cause) {
    throw new CliError(`${flag} ${file} cannot be read`, EXIT.usage, { cause })
  }
}

function addDisable(providers: Command, io: Io): void {
  const command = providers
    .command('disable')
    .description('disable a provider that nobody is connected to, and forget its credentials')
    .argument('<provider>', 'GARMIN, FITBIT, …')
  addConfirmation(addHubFlags(command))
    .addHelpText('after', '\nExamples:\n  firma providers disable OURA')
    .action(async (provider: string, flags: HubFlags & ChangeFlags) => {
      const name = provider.toUpperCase()
      const api = openApi(io, flags)
      // Before anybody is asked about what cannot be done.
      await api.rehearse('DELETE', toPath(provider))
      if (flags.dryRun === true)
        return writeDryRun(io, flags, `disable ${name}`, { provider: name })
      await confirm(io, flags, `This forgets the credentials at ${name}`)
      const { declared } = toRow(await api.get(toPath(provider)))
      await api.send('DELETE', toPath(provider))
      writeRecord(io, flags, { provider: name, disabled: true })
      if (declared === true) warnDeclared(io, [name])
    })
}
