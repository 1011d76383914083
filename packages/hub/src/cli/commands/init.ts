/** `firma init`: a configuration file, encryption keys, and an environment's first secrets. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { Option, type Command } from 'commander'
import { FILE_NAMES } from '../../config/file.ts'
import { createSecret, createSigningSecret } from '../../secret.ts'
import { systemRandom } from '../../system.ts'
import { addDryRun, addFormatFlags } from '../command.ts'
import { openFolder, openKeyFile } from '../demo-files.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type FormatFlags, toFormat, writeRecord } from '../output.ts'

interface InitFlags extends FormatFlags {
  readonly environment: string
  readonly baseUrl: string
  readonly destination?: string
  readonly as: 'ts' | 'json'
  readonly data: string
  readonly dryRun?: boolean
}

export function addInit(program: Command, io: Io): void {
  const command = program
    .command('init')
    .description('write a configuration file with one environment, its secrets and the keys')
    .option('--environment <dev-id>', 'dev-id of the first environment', 'my-app-prod')
    .option(
      '--base-url <address>',
      'where everybody reaches the hub',
      'https://connect.example.com',
    )
    .option(
      '--destination <address>',
      'where its events go, for example https://app.example/webhook',
    )
    .addOption(new Option('--as <kind>', 'kind of the file').choices(['ts', 'json']).default('ts'))
    .option('--data <folder>', 'where the database and the keys are kept', 'data')
  addDryRun(addFormatFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma init --base-url https://connect.example.com --destination https://app.example.com/webhook
  firma init --environment acme-staging --as json --dry-run

Secrets are written into files of their own, in secrets/, which only you can read: keep them out of your repository. Nothing that
exists is overwritten.`,
    )
    .action(async (flags: InitFlags) => await init(io, flags))
}

interface NewFile {
  readonly path: string
  readonly text: string
  readonly isSecret: boolean
}

async function init(io: Io, flags: InitFlags): Promise<void> {
  const present = FILE_NAMES.find((name) => existsSync(join(io.folder, name)))
  if (present !== undefined) {
    throw new CliError(
      `${join(io.folder, present)} exists already; change it, or remove it first`,
      EXIT.usage,
    )
  }
  const files = toFiles(flags)
  const data = resolve(io.folder, flags.data)
  const lines = files.map(({ path, isSecret }) => `  ${path}${isSecret ? '  (secret)' : ''}`)
  lines.push(`  ${join(flags.data, 'keys.json')}  (secret; without it the database cannot be read)`)
  const isTable = toFormat(io, flags) === 'table'
  const answer = {
    dry_run: flags.dryRun === true,
    files: [...files.map(({ path }) => path), join(flags.data, 'keys.json')],
  }
  if (flags.dryRun === true) {
    if (!isTable) return writeRecord(io, flags, answer)
    io.out(`Would write these files; nothing was written (--dry-run):\n\n${lines.join('\n')}\n`)
    return
  }
  for (const { path, text, isSecret } of files) {
    const target = resolve(io.folder, path)
    await mkdir(resolve(target, '..'), { recursive: true, mode: isSecret ? 0o700 : 0o777 })
    await writeNew(target, text, isSecret)
  }
  await openFolder(data)
  await openKeyFile(data)
  if (!isTable) return writeRecord(io, flags, answer)
  io.out(`Written:

${lines.join('\n')}

Next: check ${relative(io.folder, resolve(io.folder, files[0]?.path ?? ''))}, add your providers' client ids, then

  firma doctor --production
  firma start --production
`)
}

async function writeNew(path: string, text: string, isSecret: boolean): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: isSecret ? 0o600 : 0o644 })
  } catch (cause) {
    throw new CliError(
      `cannot write ${path}; remove what is there, or correct the folder's rights`,
      EXIT.usage,
      { cause },
    )
  }
}

function toFiles({ environment, baseUrl, destination, as, data }: InitFlags): NewFile[] {
  const apiKeyFile = `secrets/${environment}.api-key`
  const signingFile = `secrets/${environment}.signing-secret`
  const config = {
    mode: 'production',
    baseUrl,
    data,
    environments: [
      {
        id: environment,
        apiKey: { file: apiKeyFile },
        redirects: { allowList: null },
        providers: {},
        destinations:
          destination === undefined ? [] : [{ url: destination, secret: { file: signingFile } }],
      },
    ],
  }
  const json = JSON.stringify(config, null, 2)
  return [
    {
      path: `firma.config.${as}`,
      text: as === 'json' ? `${json}\n` : toTypeScript(json),
      isSecret: false,
    },
    { path: apiKeyFile, text: `${createSecret(systemRandom)}\n`, isSecret: true },
    ...(destination === undefined
      ? []
      : [{ path: signingFile, text: `${createSigningSecret(systemRandom)}\n`, isSecret: true }]),
  ]
}

function toTypeScript(json: string): string {
  const code = json
    .replaceAll(/"(\w+)":/g, '$1:')
    .replaceAll('"', "'")
    .replace(
      'providers: {}',
      `// The redirect URI to register at each provider: {baseUrl}/callback/{id}/{PROVIDER}
      // GARMIN: { clientId: '…', clientSecret: { env: 'GARMIN_CLIENT_SECRET' } },
      providers: {}`,
    )
  return `import type { FirmaConfig } from 'firma'

// docs/configuration.md has every setting.
export default ${code} satisfies FirmaConfig
`
}
