/** `firma events resend`: sends again what was sent before, or could not be. */
import { setTimeout as wait } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { z } from 'zod'
import {
  type ChangeFlags,
  type HubFlags,
  addConfirmation,
  addHubFlags,
  confirm,
  createProgress,
  openApi,
  toTime,
  writeDryRun,
} from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { HubApi } from '../hub-api.ts'
import type { Io } from '../io.ts'
import { writeRecord } from '../output.ts'

interface ResendFlags extends HubFlags, ChangeFlags {
  readonly destination?: string
  readonly type?: string
  readonly user?: string
  readonly reference?: string
  readonly lineage?: string
  readonly provider?: string
  readonly status?: string
  readonly since?: string
  readonly until?: string
  readonly wait: boolean
}

const RESEND = z.looseObject({
  id: z.string(),
  status: z.string(),
  deliveries: z.number(),
  progress: z.number(),
})

const PREVIEW = z.looseObject({
  events: z.number(),
  deliveries: z.number(),
  first_at: z.string().nullable(),
  last_at: z.string().nullable(),
  destinations: z.array(z.looseObject({ url: z.string(), deliveries: z.number() })),
  is_complete: z.boolean(),
})

/** What a resend would send, in words. */
export function describePreview(preview: z.output<typeof PREVIEW>): string {
  const { events, deliveries, first_at, last_at, destinations, is_complete } = preview
  const least = is_complete ? '' : 'at least '
  if (events === 0) {
    return is_complete
      ? 'no events: nothing that has ended is like that'
      : 'no events in what was looked through, which is not all: narrow it with --since and --until'
  }
  const parts = destinations.map((one) => `${one.deliveries} to ${one.url}`).join(', ')
  const event = events === 1 ? 'event' : 'events'
  const delivery = deliveries === 1 ? 'delivery' : 'deliveries'
  return `${least}${events} ${event} made from ${first_at} to ${last_at}, in ${deliveries} ${delivery} (${parts})`
}

/** How often it is asked how far a resend has come. */
const INTERVAL_MS = 300

export function addResend(events: Command, io: Io): void {
  const command = events
    .command('resend')
    .description('send an event again, or all that the options name')
    .argument('[event-id]', 'one event; without it, those that the options name')
    .option('--destination <id>', 'to this one only')
    .option('--type <type>', 'of this type')
    .option('--user <user-id>', 'about this user_id')
    .option('--reference <reference-id>', 'about this person')
    .option('--lineage <lineage-id>', 'about this connection')
    .option('--provider <provider>', 'of connections to this one: GARMIN, FITBIT, …')
    .addOption(
      new Option('--status <status>', 'what became of it').choices(['delivered', 'failed']),
    )
    .option('--since <time>', 'made at or after, for example 2026-11-01 or 24h', toTime)
    .option('--until <time>', 'made before', toTime)
    .option('--no-wait', 'do not wait until it is done')
  addConfirmation(addHubFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  firma events resend 0198f0c4-7a2e-7000-8000-000000000000
  firma events resend --status failed --since 24h --yes
  firma events resend --since 2026-11-01 --until 2026-11-02 --destination 0198f0c4-7a2e-7000-8000-000000000000

What is sent again says so (X-Firma-Replay-Of). It keeps its trace id, so a receiver that has it already takes it for a duplicate.`,
    )
    .action(async (id: string | undefined, flags: ResendFlags) => await resend(io, flags, id))
}

async function resend(io: Io, flags: ResendFlags, id: string | undefined): Promise<void> {
  const api = openApi(io, flags)
  const filter = {
    destination_id: flags.destination,
    event_id: id,
    type: flags.type,
    user_id: flags.user,
    reference_id: flags.reference,
    lineage_id: flags.lineage,
    provider: flags.provider,
    status: flags.status,
    since: flags.since,
    until: flags.until,
  }
  if (id === undefined && flags.since === undefined && flags.until === undefined) {
    const { type, user, reference, lineage, provider, status } = flags
    const others = [type, user, reference, lineage, provider, status]
    if (others.every((value) => value === undefined)) {
      throw new CliError('name an event, a filter such as --status failed, or --since', EXIT.usage)
    }
  }
  const what = id === undefined ? 'send the events of this filter again' : `send ${id} again`
  if (flags.dryRun === true) {
    await api.rehearse('POST', '/admin/v1/resends', filter)
    const preview = PREVIEW.parse(await api.send('POST', '/admin/v1/resends/preview', filter))
    return writeDryRun(io, flags, `${what}: ${describePreview(preview)}`, { filter, ...preview })
  }
  if (id === undefined) await confirm(io, flags, 'This sends every event of the filter again')
  const started = RESEND.parse(await api.send('POST', '/admin/v1/resends', filter))
  writeRecord(io, flags, flags.wait ? await finish(io, api, started) : started)
}

async function finish(
  io: Io,
  api: HubApi,
  started: z.output<typeof RESEND>,
): Promise<z.output<typeof RESEND>> {
  let job = started
  const progress = createProgress(io)
  while (job.status === 'running') {
    progress.show(
      `${Math.floor(job.progress * 100)} % looked through, ${job.deliveries} sent again …`,
    )
    await wait(INTERVAL_MS)
    job = RESEND.parse(await api.get(`/admin/v1/resends/${job.id}`))
  }
  progress.end()
  return job
}
