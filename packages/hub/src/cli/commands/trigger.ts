/** `firma trigger`: sends events and whole stories to an app on this machine, signed as the hub signs. */
import type { Command } from 'commander'
import * as testing from 'firma-receiver/testing'
import { suggest } from '../../config/nearest.ts'
import { addFormatFlags } from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { describeTaken, openLocalApp, sendToApp } from '../local-app.ts'
import { type FormatFlags, toFormat, writeRows } from '../output.ts'

interface TriggerFlags extends FormatFlags {
  readonly to?: string
  readonly user?: string
  readonly newUser?: string
  readonly reference?: string
  readonly provider?: string
  readonly list?: boolean
  readonly dryRun?: boolean
}

const SECOND_USER_ID = '9c8b7a65-4321-4fed-a0b9-87c6d5e4f321'

/** Every single event, by the `type` that it has. */
const EVENTS: Readonly<
  Record<string, (user: testing.UserOptions, flags: TriggerFlags) => testing.WireEvent>
> = {
  auth: (user) => testing.auth(user),
  auth_cancelled: (user) => testing.authCancelled(user),
  auth_error: (user) => testing.authError(user),
  deauth: (user) => testing.deauth(user),
  user_reauth: ({ userId, ...user }, { newUser }) =>
    testing.userReauth({
      ...user,
      oldUserId: userId ?? testing.EXAMPLE_USER_ID,
      newUserId: newUser ?? SECOND_USER_ID,
    }),
  access_revoked: (user) => testing.accessRevoked(user),
  connection_error: (user) => testing.connectionError(user),
  connection_recovered: (user) => testing.connectionRecovered(user),
  permission_change: (user) => testing.permissionChange(user),
  google_no_datasource: (user) => testing.googleNoDatasource(user),
  activity: (user) => testing.data('activity', user),
  body: (user) => testing.data('body', user),
  daily: (user) => testing.data('daily', user),
  sleep: (user) => testing.data('sleep', user),
  nutrition: (user) => testing.data('nutrition', user),
  menstruation: (user) => testing.data('menstruation', user),
  athlete: (user) => testing.athlete(user),
  large_request_processing: (user) => testing.largeRequestProcessing(user),
  large_request_sending: (user) => testing.largeRequestSending(user),
  rate_limit_hit: (user) => testing.rateLimitHit(user),
  healthcheck: () => testing.healthcheck(),
  unknown_type: (user) => testing.unknownType('brand_new', user),
}

/** Stories are told with hyphens, as `reconnect-twice`. */
const STORIES = new Map(
  Object.entries(testing.stories).map(([name, story]) => [
    name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    story,
  ]),
)

export function addTrigger(program: Command, io: Io): void {
  const command = program
    .command('trigger')
    .description('send an event or a whole story to an app on this machine, signed')
    .argument('[name]', 'type of the event or name of the story; --list shows all')
    .option('--to <address>', 'the app (default: that of the last firma listen or trigger)')
    .option('--user <user-id>', 'user_id that it is about')
    .option('--new-user <user-id>', 'user_id after a reconnection')
    .option('--reference <reference-id>', 'reference_id of the person')
    .option('--provider <provider>', 'GARMIN, FITBIT, …')
    .option('--list', 'list all events and stories')
    .option('--dry-run', 'print what would be sent, and send nothing')
  addFormatFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  firma trigger --list
  firma trigger user_reauth --to http://localhost:3000/webhook
  firma trigger auth --user 4735eac4-31a2-47ef-8b11-51e98d84c680 --reference tony_stark
  firma trigger reconnect-twice

The hub is not involved. It is signed with the secret that firma listen prints, or FIRMA_SIGNING_SECRET. It ends with 1 when the app does
not accept everything with 2xx.`,
    )
    .action(async (name: string | undefined, flags: TriggerFlags) => {
      if (name === undefined || flags.list === true) return list(io, flags)
      await trigger(io, name, flags)
    })
}

function list(io: Io, flags: FormatFlags): void {
  const rows = [
    ...Object.keys(EVENTS).map((name) => ({ name, kind: 'event' })),
    ...[...STORIES.keys()].map((name) => ({ name, kind: 'story' })),
  ]
  writeRows(io, flags, { rows, columns: [{ key: 'name' }, { key: 'kind' }], empty: '' })
}

async function trigger(io: Io, name: string, flags: TriggerFlags): Promise<void> {
  const { url, secret } = openLocalApp(io.variables, flags.to)
  const requests = await prepare(name, flags, secret)
  const rows: Record<string, unknown>[] = []
  for (const { event, headers, body } of requests) {
    if (flags.dryRun === true) {
      rows.push({ type: event.type, to: url, headers, body: Buffer.from(body).toString('utf8') })
      continue
    }
    const taken = await sendToApp(url, { headers, body })
    const isAccepted = taken.status !== null && taken.status >= 200 && taken.status < 300
    if (!isAccepted) io.exitCode = EXIT.failed
    const { status, durationMs: duration_ms, answer } = taken
    rows.push({
      type: event.type,
      to: url,
      status,
      duration_ms,
      answer,
      outcome: describeTaken(taken),
    })
  }
  const isTable = toFormat(io, flags) === 'table'
  const columns =
    flags.dryRun === true
      ? [{ key: 'type' }, { key: 'to' }, { key: 'body' }]
      : [{ key: 'type' }, { key: 'to' }, { key: 'outcome' }]
  writeRows(io, flags, { rows, columns, empty: '' })
  if (io.exitCode === EXIT.failed && isTable && flags.dryRun !== true) io.err(hint(rows))
}

/** What most often is wrong. */
function hint(rows: readonly Record<string, unknown>[]): string {
  if (rows.some(({ status }) => status === 401 || status === 403)) {
    return 'The app refused the signature: start it with the secret that firma listen prints.'
  }
  return rows.some(({ status }) => status === null)
    ? 'Is the app running, and does it take POST at this address? Name another with --to.'
    : 'The app did not accept it.'
}

async function prepare(
  name: string,
  flags: TriggerFlags,
  secret: string,
): Promise<testing.SignedRequest[]> {
  const { user, newUser, reference, provider } = flags
  const options = {
    ...(user !== undefined && { userId: user }),
    ...(reference !== undefined && { referenceId: reference }),
    ...(provider !== undefined && { provider: provider.toUpperCase() }),
  }
  const event = EVENTS[name]
  if (event !== undefined) return [await testing.signedRequest(event(options, flags), { secret })]
  const story = STORIES.get(name)
  if (story !== undefined) {
    return await story({
      ...options,
      secret,
      ...(newUser !== undefined && { secondUserId: newUser }),
    })
  }
  const names = [...Object.keys(EVENTS), ...STORIES.keys()]
  throw new CliError(
    `there is no event or story "${name}"${suggest(name, names)}; firma trigger --list shows all`,
    EXIT.usage,
  )
}
