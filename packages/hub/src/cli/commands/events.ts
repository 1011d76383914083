/** `firma events`: the payload history. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Argument, type Command, Option } from 'commander'
import { z } from 'zod'
import { DATA_EVENT_TYPES } from '../../core/event-body.ts'
import {
  type ChangeFlags,
  type HubFlags,
  type PageFlags,
  addDryRun,
  addHubFlags,
  addPageFlags,
  listFromHub,
  openApi,
  toTime,
  writeDryRun,
} from '../command.ts'
import { EXAMPLES } from '../../operations/examples.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { toFormat, toRow, writeRecord, writeRows } from '../output.ts'
import { addResend } from './resend.ts'

export function addEvents(program: Command, io: Io): void {
  const events = program
    .command('events')
    .description('events: what happened, what was sent, and how it was answered')
  addList(events, io)
  addGet(events, io)
  addResend(events, io)
  addGenerate(events, io)
}

interface ListFlags extends HubFlags, PageFlags {
  readonly user?: string
  readonly reference?: string
  readonly lineage?: string
  readonly provider?: string
  readonly type?: string
  readonly destination?: string
  readonly outcome?: string
  readonly since?: string
  readonly until?: string
}

const DELIVERIES = z.array(z.object({ status: z.string() }))

function addList(events: Command, io: Io): void {
  const command = events
    .command('list')
    .description('list events, newest first')
    .option('--user <user-id>', 'about this user_id')
    .option('--reference <reference-id>', 'about this person')
    .option('--lineage <lineage-id>', 'about this connection, whatever its user_ids')
    .option('--provider <provider>', 'of connections to this one: GARMIN, FITBIT, …')
    .option('--type <type>', 'of this type, for example auth')
    .option('--destination <id>', 'what became of them at this destination')
    .addOption(
      new Option('--outcome <outcome>', 'with this outcome somewhere').choices([
        'owed',
        'delivered',
        'failed',
        'suppressed',
      ]),
    )
    .option('--since <time>', 'made at or after, for example 2026-11-01 or 24h', toTime)
    .option('--until <time>', 'made before', toTime)
  addHubFlags(addPageFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma events list
  firma events list --type user_reauth --reference tony_stark
  firma events list --outcome failed --since 24h
  firma events list --all --format ndjson | jq -r .id`,
    )
    .action(async (flags: ListFlags) => {
      const { user, reference, lineage, provider } = flags
      const { type, destination, outcome, since, until } = flags
      await listFromHub(io, flags, {
        path: '/admin/v1/events',
        query: {
          user_id: user,
          reference_id: reference,
          lineage_id: lineage,
          provider,
          type,
          destination_id: destination,
          outcome,
          since,
          until,
        },
        columns: [
          { key: 'created_at', title: 'when' },
          { key: 'type' },
          { key: 'provider' },
          { key: 'reference_id', title: 'reference id' },
          { key: 'deliveries', title: 'deliveries', toText: summarise },
          { key: 'id' },
        ],
        empty: 'No event matches.',
      })
    })
}

/** `2 delivered, 1 held`. */
function summarise(value: unknown): string {
  const deliveries = DELIVERIES.safeParse(value).data ?? []
  const counts = new Map<string, number>()
  for (const { status } of deliveries) counts.set(status, (counts.get(status) ?? 0) + 1)
  const parts = [...counts].map(([status, count]) => `${count} ${status}`)
  return parts.length === 0 ? 'no destination' : parts.join(', ')
}

const STORED = z.looseObject({
  id: z.string(),
  type: z.string(),
  created_at: z.string(),
  payload: z.unknown(),
  deliveries: z.array(
    z.looseObject({ id: z.number(), destination_id: z.string(), status: z.string() }),
  ),
  attempts: z.record(z.string(), z.array(z.looseObject({ number: z.number() }))),
})

function addGet(events: Command, io: Io): void {
  addHubFlags(
    events
      .command('get')
      .description('show one event with every attempt at delivering it')
      .argument('<event-id>', 'its id, which is also its trace id')
      .option('--body', 'print the body alone, byte for byte as it was signed and sent'),
  )
    .addHelpText(
      'after',
      `
Examples:
  firma events get 0198f0c4-7a2e-7000-8000-000000000000
  firma events get 0198f0c4-7a2e-7000-8000-000000000000 --body > body.json`,
    )
    .action(async (id: string, flags: HubFlags & { readonly body?: boolean }) => {
      const api = openApi(io, flags)
      const path = `/admin/v1/events/${encodeURIComponent(id)}`
      if (flags.body === true) return io.out(await (await api.open(`${path}/body`)).text())
      const answer = await api.get(path)
      if (toFormat(io, flags) !== 'table') return writeRecord(io, flags, toRow(answer))
      showEvent(io, flags, STORED.parse(answer))
    })
}

function showEvent(io: Io, flags: HubFlags, event: z.output<typeof STORED>): void {
  const { payload, deliveries, attempts, ...facts } = event
  writeRecord(io, flags, facts)
  io.out(`\n${JSON.stringify(payload, null, 2)}\n\n`)
  const rows = deliveries.flatMap(({ id, destination_id, status }) => {
    const tries = attempts[String(id)] ?? []
    const delivery = { destination_id, delivery: status }
    return tries.length === 0 ? [delivery] : tries.map((attempt) => ({ ...delivery, ...attempt }))
  })
  const columns = [
    { key: 'destination_id', title: 'destination' },
    { key: 'delivery' },
    { key: 'number', title: 'attempt', align: 'right' },
    { key: 'started_at', title: 'when' },
    { key: 'http_status', title: 'status', align: 'right' },
    { key: 'duration_ms', title: 'ms', align: 'right' },
    { key: 'error' },
    { key: 'response_body', title: 'answer' },
  ] as const
  writeRows(io, flags, { rows, columns, empty: 'It was owed to no destination.' })
}

interface GenerateFlags extends HubFlags, ChangeFlags {
  readonly user?: string
  readonly newUser?: string
  readonly reference?: string
  readonly provider?: string
  readonly data?: string
  readonly destination?: string
  readonly preview?: boolean
}

const GENERATED = z.looseObject({
  events: z.array(z.looseObject({ id: z.string().nullable(), type: z.string(), body: z.string() })),
})

function addGenerate(events: Command, io: Io): void {
  const command = events
    .command('generate')
    .description(
      'announce data of a user as if its provider had sent it, or an example of any event or story',
    )
    .addArgument(
      new Argument('<name>', 'kind of data, event or story').choices(
        EXAMPLES.map(({ name }) => name),
      ),
    )
    .option('--user <user-id>', 'whose data it is; in an example, the user_id that it names')
    .option('--new-user <user-id>', 'in an example: the user_id after a reconnection')
    .option('--reference <reference-id>', 'in an example: the person')
    .option('--provider <provider>', 'in an example: the provider')
    .option('--data <file>', 'JSON file with the data list; - for standard input')
    .option('--destination <id>', 'to this one only, as an example')
    .option('--preview', 'show the bodies of an example, and announce nothing')
  addDryRun(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma events generate activity --user 4735eac4-31a2-47ef-8b11-51e98d84c680
  firma events generate sleep --user 4735eac4-31a2-47ef-8b11-51e98d84c680 --data night.json
  firma events generate user_reauth --preview
  firma events generate reconnect-twice --destination 0198f0c4-7a2e-7000-8000-000000000000

Data with a --user goes to every destination, behind what came before. Everything else is an example: it is marked as generated, and
changes no connection. firma trigger sends examples to an app on this machine without a hub.`,
    )
    .action(async (name: string, flags: GenerateFlags) => {
      const body = { ...toRequest(name, flags), ...(await readData(io, flags.data)) }
      const path = '/admin/v1/events/generate'
      if (flags.dryRun === true) {
        await openApi(io, flags).rehearse('POST', path, body)
        return writeDryRun(io, flags, `announce ${name}`, { body })
      }
      const answer = await openApi(io, flags).send('POST', path, body)
      const generated = GENERATED.safeParse(answer).data
      if (generated === undefined || toFormat(io, flags) !== 'table') {
        return writeRecord(io, flags, toRow(answer))
      }
      const columns = [{ key: 'type' }, { key: 'id' }, { key: 'body' }]
      writeRows(io, flags, { rows: generated.events, columns, empty: '' })
    })
}

function toRequest(name: string, flags: GenerateFlags): Record<string, unknown> {
  const { user, newUser, reference, provider, destination, preview } = flags
  const isData = DATA_EVENT_TYPES.some((type) => type === name)
  const isOwn = user !== undefined && destination === undefined && preview !== true
  return {
    ...(isData && isOwn ? { type: name } : { example: name }),
    ...(user !== undefined && { user_id: user }),
    ...(newUser !== undefined && { new_user_id: newUser }),
    ...(reference !== undefined && { reference_id: reference }),
    ...(provider !== undefined && { provider }),
    ...(destination !== undefined && { destination_id: destination }),
    ...(preview === true && { preview }),
  }
}

async function readData(io: Io, file: string | undefined): Promise<{ data?: unknown }> {
  if (file === undefined) return {}
  let text: string
  try {
    text = Buffer.from(
      file === '-' ? await io.readInput() : await readFile(resolve(io.folder, file)),
    ).toString('utf8')
  } catch (cause) {
    throw new CliError(`--data ${file} cannot be read`, EXIT.usage, { cause })
  }
  try {
    return { data: JSON.parse(text) }
  } catch {
    throw new CliError(`--data ${file} is not JSON`, EXIT.usage)
  }
}
