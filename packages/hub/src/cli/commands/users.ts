/** `firma users`. */
import { setTimeout as wait } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import {
  type ChangeFlags,
  type HubFlags,
  type PageFlags,
  addConfirmation,
  addHubFlags,
  addPageFlags,
  confirm,
  createProgress,
  listFromHub,
  openApi,
  toTime,
  writeDryRun,
} from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { HubApi } from '../hub-api.ts'
import type { Io } from '../io.ts'
import { toFormat, toRow, writeRecord, writeRows } from '../output.ts'

const USER = z.looseObject({
  user_id: z.string(),
  lineage_id: z.string().nullable(),
  provider: z.string(),
  reference_id: z.string().nullable(),
  state: z.string(),
})
type User = z.output<typeof USER>

/** Which users. */
interface FilterFlags {
  readonly user?: string
  readonly reference?: string
  readonly provider?: string
  readonly state?: string
  readonly createdSince?: string
  readonly createdUntil?: string
}

export function addUsers(program: Command, io: Io): void {
  const users = program
    .command('users')
    .description('users: one connection of a person to a provider each')
  addList(users, io)
  addGet(users, io)
  addExplain(users, io)
  addDisconnect(users, io)
  addErase(users, io)
}

const STATES = ['active', 'degraded', 'inactive', 'deleted']

function addFilter(command: Command, states: readonly string[] = STATES): Command {
  return command
    .option('--user <user-id>', 'any user_id that it has or had')
    .option('--reference <reference-id>', 'the person')
    .option('--provider <provider>', 'GARMIN, FITBIT, …')
    .addOption(new Option('--state <state>', 'how the connection is').choices(states))
    .option('--created-since <time>', 'connected at or after, for example 2026-11-01 or 7d', toTime)
    .option('--created-until <time>', 'connected before', toTime)
}

function toFilter(flags: FilterFlags) {
  return {
    user_id: flags.user,
    reference_id: flags.reference,
    provider: flags.provider,
    state: flags.state,
    created_since: flags.createdSince,
    created_until: flags.createdUntil,
  }
}

const COLUMNS = [
  { key: 'user_id', title: 'user id' },
  { key: 'reference_id', title: 'reference id' },
  { key: 'provider' },
  { key: 'state' },
  { key: 'created_at', title: 'connected' },
]

function addList(users: Command, io: Io): void {
  addHubFlags(
    addPageFlags(
      addFilter(users.command('list').description('list users, newest first'), [
        'unconfirmed',
        ...STATES,
      ]),
    ),
  )
    .option('--include-deleted', 'those that are disconnected, too')
    .addHelpText(
      'after',
      `
Examples:
  firma users list --provider GARMIN --state degraded
  firma users list --reference tony_stark --include-deleted
  firma users list --all --format csv > users.csv`,
    )
    .action(async (flags: HubFlags & PageFlags & FilterFlags & { includeDeleted?: boolean }) => {
      await listFromHub(io, flags, {
        path: '/admin/v1/users',
        query: { ...toFilter(flags), include_deleted: flags.includeDeleted },
        columns: COLUMNS,
        empty: 'No user matches.',
      })
    })
}

const FOUND = z.object({
  user: USER,
  aliases: z.array(
    z.object({ user_id: z.string(), created_at: z.string(), is_current: z.boolean() }),
  ),
})

async function findUser(api: HubApi, userId: string): Promise<z.output<typeof FOUND>> {
  return FOUND.parse(await api.get(`/admin/v1/users/${encodeURIComponent(userId)}`))
}

function addGet(users: Command, io: Io): void {
  addHubFlags(
    users
      .command('get')
      .description('show one user')
      .argument('<user-id>', 'any user_id that it has or had'),
  )
    .addHelpText(
      'after',
      `
Examples:
  firma users get 4735eac4-31a2-47ef-8b11-51e98d84c680`,
    )
    .action(async (userId: string, flags: HubFlags) => {
      writeRecord(io, flags, (await findUser(openApi(io, flags), userId)).user)
    })
}

function addExplain(users: Command, io: Io): void {
  addHubFlags(
    users
      .command('explain')
      .description('say why a connection is as it is, what to do, and what happened')
      .argument('<user-id>', 'any user_id that it has or had'),
  )
    .addHelpText(
      'after',
      `
Examples:
  firma users explain 4735eac4-31a2-47ef-8b11-51e98d84c680`,
    )
    .action(async (userId: string, flags: HubFlags) => {
      const api = openApi(io, flags)
      const path = `/admin/v1/users/${encodeURIComponent(userId)}/explain`
      const explanation = EXPLANATION.parse(await api.get(path))
      // A user_id that was only reserved has no connection yet, and so no other names.
      const { aliases } = explanation.lineage_id === null ? NO_ALIASES : await findUser(api, userId)
      const all = { ...explanation, aliases }
      if (toFormat(io, flags) !== 'table') return writeRecord(io, flags, all)
      explain(io, flags, all)
    })
}

const NO_ALIASES: Pick<z.output<typeof FOUND>, 'aliases'> = { aliases: [] }

const EXPLANATION = z.looseObject({
  user_id: z.string(),
  present_user_id: z.string(),
  lineage_id: z.string().nullable(),
  provider: z.string(),
  reference_id: z.string().nullable(),
  status: z.string(),
  since: z.string(),
  why: z.string(),
  todo: z.string(),
  tokens: z.record(z.string(), z.unknown()).nullable(),
  events: z.array(z.record(z.string(), z.unknown())),
  revocations: z.array(z.record(z.string(), z.unknown())),
})

type Explained = z.output<typeof EXPLANATION> & Pick<z.output<typeof FOUND>, 'aliases'>

function explain(io: Io, flags: HubFlags, all: Explained): void {
  const { aliases, events, tokens, revocations } = all
  io.out(`${describe(all)} is ${all.status} since ${all.since.slice(0, 19).replace('T', ' ')}.\n`)
  io.out(`${all.why}\nWhat to do: ${all.todo}\n`)
  if (all.present_user_id !== all.user_id) {
    io.out(`${all.user_id} is a former user_id; the present one is ${all.present_user_id}.\n`)
  }
  const names = [
    { key: 'user_id', title: 'user id' },
    { key: 'created_at', title: 'since' },
    { key: 'is_current', title: 'current' },
  ]
  const happened = [{ key: 'created_at', title: 'when' }, { key: 'type' }, { key: 'id' }]
  if (aliases.length > 0) {
    io.out('\nIts user_ids, a new one at each reconnection:\n\n')
    writeRows(io, flags, { rows: aliases, columns: names, empty: '' })
  }
  io.out('\nWhat happened, newest first:\n\n')
  writeRows(io, flags, { rows: events, columns: happened, empty: 'The history has ended.' })
  if (tokens !== null) {
    io.out('\nIts tokens:\n\n')
    const known = Object.entries(tokens).filter(([, value]) => value !== null)
    writeRecord(io, flags, Object.fromEntries(known))
  }
  for (const revocation of revocations) {
    io.out('\nGiven back at the provider:\n\n')
    writeRecord(io, flags, revocation)
  }
}

function describe(user: Pick<User, 'reference_id' | 'provider'>): string {
  const { reference_id: referenceId, provider } = user
  return `${referenceId ?? 'A person without reference_id'} at ${provider}`
}

function addDisconnect(users: Command, io: Io): void {
  const command = users
    .command('disconnect')
    .description('disconnect a user, or all that a filter finds, and take the access back')
    .argument('[user-id]', 'one user; without it, those that the options name')
  addConfirmation(addHubFlags(addFilter(command)))
    .option('--all', 'everybody, where no option names anybody')
    .option('--no-wait', 'do not wait until it is done')
    .addHelpText(
      'after',
      `
Examples:
  firma users disconnect 4735eac4-31a2-47ef-8b11-51e98d84c680
  firma users disconnect --provider FITBIT --dry-run
  firma users disconnect --reference tony_stark --yes

The people have to connect again afterwards. Your app gets a deauth event for each.`,
    )
    .action(async (userId: string | undefined, flags: DisconnectFlags) => {
      if (userId === undefined) await disconnectMany(io, flags)
      else await disconnectOne(io, flags, userId)
    })
}

type DisconnectFlags = HubFlags &
  ChangeFlags &
  FilterFlags & { readonly all?: boolean; readonly wait: boolean }

async function disconnectOne(io: Io, flags: DisconnectFlags, userId: string): Promise<void> {
  const api = openApi(io, flags)
  const { user } = await findUser(api, userId)
  if (flags.dryRun === true) {
    return writeDryRun(io, flags, `disconnect ${describe(user)}`, { user })
  }
  await confirm(io, flags, `This disconnects ${describe(user)}`)
  await api.send('DELETE', `/admin/v1/users/${encodeURIComponent(user.user_id)}`)
  writeRecord(io, flags, { user_id: user.user_id, disconnected: true })
}

const JOB = z.object({
  id: z.string(),
  status: z.string(),
  total: z.number(),
  done: z.number(),
  failed: z.number(),
})
const DISCONNECTED = z.object({ total: z.number(), sample: z.array(USER), job: JOB.nullable() })

async function disconnectMany(io: Io, flags: DisconnectFlags): Promise<void> {
  const filter = toFilter(flags)
  const isEverybody = Object.values(filter).every((value) => value === undefined)
  if (isEverybody && flags.all !== true) {
    throw new CliError(
      'name a user, a filter such as --provider, or everybody with --all',
      EXIT.usage,
    )
  }
  const api = openApi(io, flags)
  const path = '/admin/v1/users/disconnect'
  const all = isEverybody ? { all: true } : {}
  const dry = DISCONNECTED.parse(await api.send('POST', path, { filter, ...all, dry_run: true }))
  const what = `${dry.total} ${dry.total === 1 ? 'user' : 'users'}`
  if (flags.dryRun === true) {
    writeDryRun(io, flags, `disconnect ${what}`, { total: dry.total, sample: dry.sample })
    if (toFormat(io, flags) === 'table') {
      writeRows(io, flags, { rows: dry.sample, columns: COLUMNS, empty: '' })
    }
    return
  }
  if (dry.total === 0) throw new CliError('no user matches; nothing was changed', EXIT.absent)
  await confirm(io, flags, `This disconnects ${what}`)
  const { job } = DISCONNECTED.parse(await api.send('POST', path, { filter, ...all }))
  if (job === null) throw new CliError('the hub started no job', EXIT.failed)
  await finish(io, flags, api, job)
}

/** How often it is asked how far the job has come. */
const JOB_INTERVAL_MS = 300

async function finish(
  io: Io,
  flags: DisconnectFlags,
  api: HubApi,
  started: z.output<typeof JOB>,
): Promise<void> {
  let job = started
  const progress = createProgress(io)
  while (flags.wait && job.status === 'running') {
    progress.show(`${job.done} of ${job.total} disconnected …`)
    await wait(JOB_INTERVAL_MS)
    job = JOB.parse(await api.get(`/admin/v1/jobs/${job.id}`))
  }
  progress.end()
  writeRecord(io, flags, job)
  if (job.failed > 0) io.exitCode = EXIT.failed
}

function addErase(users: Command, io: Io): void {
  const command = users
    .command('erase')
    .description('forget a person: end every connection, and remove events, links and attempts')
    .argument('<reference-id>', 'the person')
    .option('--remove-owed', 'also what has not been delivered yet, the last deauth included')
  addConfirmation(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma users erase tony_stark --dry-run
  firma users erase tony_stark --remove-owed --yes

Tell the receiver in your app, too. Nothing brings the data back.`,
    )
    .action(
      async (referenceId: string, flags: HubFlags & ChangeFlags & { removeOwed?: boolean }) => {
        const api = openApi(io, flags)
        const query = flags.removeOwed === true ? '?owed_events=remove' : ''
        const path = `/admin/v1/people/${encodeURIComponent(referenceId)}${query}`
        const dry = toRow(await api.rehearse('DELETE', path))
        if (flags.dryRun === true) return writeDryRun(io, flags, `forget ${referenceId}`, dry)
        const { connections, events, has_more: hasMore } = dry
        const atLeast = hasMore === true ? 'at least ' : ''
        const what = `${String(connections)} connections and ${atLeast}${String(events)} events`
        await confirm(io, flags, `This removes ${what} of ${referenceId} for ever`)
        writeRecord(io, flags, toRow(await api.send('DELETE', path)))
      },
    )
}
