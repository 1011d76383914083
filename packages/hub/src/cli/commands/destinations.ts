/** `firma destinations`: where events go. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import {
  type ChangeFlags,
  type HubFlags,
  type PageFlags,
  addConfirmation,
  addDryRun,
  addHubFlags,
  addPageFlags,
  confirm,
  listFromHub,
  openApi,
  toCount,
  warnDeclared,
  writeDryRun,
} from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { toFormat, toRow, writeRecord } from '../output.ts'

const PATH = '/admin/v1/destinations'

export function addDestinations(program: Command, io: Io): void {
  const destinations = program
    .command('destinations')
    .description('destinations: where events go, with secret, filter and health')
  addList(destinations, io)
  addGet(destinations, io)
  addCreate(destinations, io)
  addUpdate(destinations, io)
  addTest(destinations, io)
  addSwitch(destinations, io, 'enable')
  addSwitch(destinations, io, 'disable')
  addRotateSecret(destinations, io)
  addDelete(destinations, io)
}

function toPath(id: string, verb = ''): string {
  return `${PATH}/${encodeURIComponent(id)}${verb === '' ? '' : `/${verb}`}`
}

function addList(destinations: Command, io: Io): void {
  addHubFlags(
    addPageFlags(destinations.command('list').description('list destinations, oldest first')),
  )
    .addHelpText('after', '\nExamples:\n  firma destinations list')
    .action(async (flags: HubFlags & PageFlags) => {
      await listFromHub(io, flags, {
        path: PATH,
        columns: [
          { key: 'id' },
          { key: 'url' },
          { key: 'status' },
          { key: 'disabled_reason', title: 'why' },
          {
            key: 'event_types',
            title: 'types',
            toText: (types) => (Array.isArray(types) ? types.join(' ') : 'all'),
          },
        ],
        empty: 'There are no destinations; firma destinations create makes one.',
      })
    })
}

function addGet(destinations: Command, io: Io): void {
  addHubFlags(
    destinations
      .command('get')
      .description('show a destination, how it is doing, and what it is owed')
      .argument('<id>', 'its id'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  firma destinations get 0198f0c4-7a2e-7000-8000-000000000000',
    )
    .action(async (id: string, flags: HubFlags) => {
      writeRecord(io, flags, toRow(await openApi(io, flags).get(toPath(id))))
    })
}

interface SettingFlags {
  readonly types?: string
  readonly extensions?: boolean
  readonly timeoutMs?: number
  readonly concurrency?: number
  readonly retries?: Retries | 'default'
  readonly header?: Readonly<Record<string, string>>
}

interface Retries {
  readonly base_seconds: number
  readonly cap_seconds: number
  readonly window_hours: number
}

function addSettings(command: Command): Command {
  return command
    .option(
      '--types <types>',
      'only these types, by commas; "all" for all; unknown:name for one that this version does not know',
    )
    .option('--extensions', 'also the types that Terra does not have')
    .addOption(new Option('--no-extensions', 'none of those').default(undefined))
    .option('--timeout-ms <ms>', 'longest time for one attempt', toCount)
    .option(
      '--concurrency <count>',
      'events of data at once, and as many of connections, per process',
      toCount,
    )
    .option(
      '--retries <schedule>',
      'first delay, longest delay and time in all, as 30s,8h,72h; or default',
      toRetries,
    )
    .option('--header <header>', 'a header of yours on each delivery, "name: value"', toHeaders)
}

function toHeaders(line: string, before: Readonly<Record<string, string>> = {}) {
  const at = line.indexOf(':')
  if (at < 1) throw new InvalidArgumentError('It must be like "name: value".')
  return { ...before, [line.slice(0, at).trim()]: line.slice(at + 1).trim() }
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

function toRetries(text: string): Retries | 'default' {
  if (text === 'default') return text
  const seconds = text.split(',').map((part) => {
    const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(part.trim()) ?? []
    return Number(count) * (UNIT_SECONDS[unit] ?? Number.NaN)
  })
  const [base = Number.NaN, cap = Number.NaN, all = Number.NaN] = seconds
  const hours = all / 3_600
  if (seconds.length === 3 && !Number.isNaN(base + cap) && Number.isInteger(hours)) {
    return { base_seconds: base, cap_seconds: cap, window_hours: hours }
  }
  throw new InvalidArgumentError(
    'It must be three times like 30s,8h,72h, the last of whole hours, or "default".',
  )
}

function toSettings(flags: SettingFlags) {
  const { types, extensions, timeoutMs, concurrency, retries, header } = flags
  const list = types?.split(',').map((type) => type.trim())
  return {
    event_types: types === 'all' ? null : list,
    wants_extensions: extensions,
    timeout_ms: timeoutMs,
    concurrency,
    retries: retries === 'default' ? null : retries,
    headers: header,
  }
}

function addCreate(destinations: Command, io: Io): void {
  const command = destinations
    .command('create')
    .description('add a destination; its signing secret is printed once')
    .argument('<url>', 'address that takes the events')
  addDryRun(addHubFlags(addSettings(command)))
    .addHelpText(
      'after',
      `
Examples:
  firma destinations create https://app.example.com/webhook
  firma destinations create https://app.example.com/auth --types auth,user_reauth,deauth
  firma destinations create https://app.example.com/webhook --retries 10s,1h,72h
  firma destinations create https://app.example.com/webhook --header "x-tenant: 7" --dry-run`,
    )
    .action(async (url: string, flags: HubFlags & ChangeFlags & SettingFlags) => {
      const body = { url, ...toSettings(flags) }
      if (flags.dryRun === true) {
        await openApi(io, flags).rehearse('POST', PATH, body)
        return writeDryRun(io, flags, `add the destination ${url}`, { body })
      }
      const answer = toRow(await openApi(io, flags).send('POST', PATH, body))
      writeRecord(io, flags, answer)
      if (toFormat(io, flags) === 'table') io.err('Copy the secret now: it is shown this once.')
    })
}

function addUpdate(destinations: Command, io: Io): void {
  const command = destinations
    .command('update')
    .description('change a destination; what is left out stays as it is')
    .argument('<id>', 'its id')
    .option('--to <url>', 'another address')
  addDryRun(addHubFlags(addSettings(command)))
    .addHelpText(
      'after',
      '\nExamples:\n  firma destinations update 0198f0c4-7a2e-7000-8000-000000000000 --types all --timeout-ms 5000',
    )
    .action(
      async (
        id: string,
        flags: HubFlags & ChangeFlags & SettingFlags & { readonly to?: string },
      ) => {
        const body = { url: flags.to, ...toSettings(flags) }
        if (Object.values(body).every((value) => value === undefined)) {
          throw new CliError('say what to change, for example --types or --to', EXIT.usage)
        }
        const api = openApi(io, flags)
        if (flags.dryRun === true) {
          const before = toRow(await api.get(toPath(id)))
          await api.rehearse('PATCH', toPath(id), body)
          return writeDryRun(io, flags, `change the destination ${id}`, { before, body })
        }
        const {
          declared,
          declared_settings: settings,
          url,
        } = BEFORE.parse(await api.get(toPath(id)))
        writeRecord(io, flags, toRow(await api.send('PATCH', toPath(id), body)))
        const changed = Object.entries(body).flatMap(([name, to]) =>
          to === undefined ? [] : [name],
        )
        const moved = declared && body.url !== undefined ? [url] : []
        warnDeclared(io, [...moved, ...settings.filter((name) => changed.includes(name))])
      },
    )
}

const BEFORE = z.looseObject({
  url: z.string(),
  declared: z.boolean(),
  /** A hub of an earlier version does not say it. */
  declared_settings: z.array(z.string()).default([]),
})

const ATTEMPT = z.looseObject({
  http_status: z.number().nullable(),
  error: z.string().nullable(),
})

function addTest(destinations: Command, io: Io): void {
  addHubFlags(
    destinations
      .command('test')
      .description('send a signed healthcheck to a destination, and say what it answered')
      .argument('<id>', 'its id'),
  )
    .addHelpText(
      'after',
      `
Examples:
  firma destinations test 0198f0c4-7a2e-7000-8000-000000000000

It works on a disabled destination too, and ends with 1 unless the answer is a 2xx.`,
    )
    .action(async (id: string, flags: HubFlags) => {
      const attempt = ATTEMPT.parse(await openApi(io, flags).send('POST', toPath(id, 'test')))
      writeRecord(io, flags, attempt)
      const status = attempt.http_status ?? 0
      if (status < 200 || status > 299) io.exitCode = EXIT.failed
    })
}

function addSwitch(destinations: Command, io: Io, verb: 'enable' | 'disable'): void {
  const says = {
    enable: 'enable a destination; what was held is sent in order',
    disable: 'disable a destination; what it is owed is held, not lost',
  }
  const command = destinations.command(verb).description(says[verb]).argument('<id>', 'its id')
  if (verb === 'disable') command.option('--reason <text>', 'kept, and shown with it')
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `\nExamples:\n  firma destinations ${verb} 0198f0c4-7a2e-7000-8000-000000000000`,
    )
    .action(async (id: string, flags: HubFlags & ChangeFlags & { readonly reason?: string }) => {
      const api = openApi(io, flags)
      if (flags.dryRun === true) {
        const { url, status } = toRow(await api.get(toPath(id)))
        if (verb === 'disable') await api.rehearse('POST', toPath(id, verb), {})
        return writeDryRun(io, flags, `${verb} the destination ${String(url)}`, { status })
      }
      const body = { reason: flags.reason }
      writeRecord(io, flags, toRow(await api.send('POST', toPath(id, verb), body)))
    })
}

interface RotateFlags extends HubFlags, ChangeFlags {
  readonly graceHours?: number
  readonly kind?: string
}

function addRotateSecret(destinations: Command, io: Io): void {
  const command = destinations
    .command('rotate-secret')
    .description('make a new signing secret; the old one signs beside it for a while')
    .argument('<id>', 'its id')
    .option('--grace-hours <hours>', 'how long the old one still signs (default 24)', toGrace)
    .addOption(
      new Option('--kind <kind>', 'hmac replaces the secret, ed25519 adds a key pair').choices([
        'hmac',
        'ed25519',
      ]),
    )
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma destinations rotate-secret 0198f0c4-7a2e-7000-8000-000000000000
  firma destinations rotate-secret 0198f0c4-7a2e-7000-8000-000000000000 --grace-hours 0

Give the app both secrets before the old one ends. --grace-hours 0 is for a secret that got out.`,
    )
    .action(async (id: string, flags: RotateFlags) => {
      const { graceHours, kind } = flags
      const body = { grace_hours: graceHours, kind }
      if (flags.dryRun === true) {
        await openApi(io, flags).rehearse('POST', toPath(id, 'secrets'), body)
        const what = `make a new signing secret for ${id}`
        return writeDryRun(io, flags, what, { grace_hours: graceHours ?? 24 })
      }
      writeRecord(
        io,
        flags,
        toRow(await openApi(io, flags).send('POST', toPath(id, 'secrets'), body)),
      )
      if (toFormat(io, flags) === 'table') io.err('Copy it now: it is shown this once.')
    })
}

function toGrace(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number of hours from 0.')
}

function addDelete(destinations: Command, io: Io): void {
  const command = destinations
    .command('delete')
    .description('delete a destination; what it is owed is not sent any more')
    .argument('<id>', 'its id')
  addConfirmation(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma destinations delete 0198f0c4-7a2e-7000-8000-000000000000 --dry-run

To keep what it is owed, disable it instead.`,
    )
    .action(async (id: string, flags: HubFlags & ChangeFlags) => {
      const api = openApi(io, flags)
      const { url, health, declared } = toRow(await api.get(toPath(id)))
      if (flags.dryRun === true) {
        await api.rehearse('DELETE', toPath(id))
        return writeDryRun(io, flags, `delete the destination ${String(url)}`, { health })
      }
      await confirm(io, flags, `This deletes the destination ${String(url)}`)
      await api.send('DELETE', toPath(id))
      writeRecord(io, flags, { id, deleted: true })
      if (declared === true) warnDeclared(io, [String(url)])
    })
}
