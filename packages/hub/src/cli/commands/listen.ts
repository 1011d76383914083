/** `firma listen`: every event of an environment to an app on this machine, as it happens. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { toEventHeaders } from '../../event-headers.ts'
import { type AccessFlags, findAccess } from '../hub-access.ts'
import { type HubApi, createHubApi } from '../hub-api.ts'
import { toCount } from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type LocalApp, describeTaken, openLocalApp, sendToApp } from '../local-app.ts'
import { toVisible } from '../text-width.ts'

interface ListenFlags extends AccessFlags {
  readonly forwardTo?: string
  readonly replay?: number
  readonly types?: string
  readonly once?: boolean
}

const EVENT = z.object({
  id: z.string(),
  type: z.string(),
  user_id: z.string().nullable(),
  reference_id: z.string().nullable(),
  provider: z.string().nullable(),
  ordering_timestamp: z.number(),
})
type ListedEvent = z.output<typeof EVENT>

const PAGE = z.object({ data: z.array(EVENT), next: z.string().nullable() })

/** How often it is asked for news, and after how long again when the hub did not answer. */
const INTERVAL_MS = 500
const INTERVAL_AFTER_FAILURE_MS = 3_000
const PAGE_MAX = 100
/** Ids that are remembered, so that nothing is forwarded twice. */
const SEEN_MAX = 10_000

export function addListen(program: Command, io: Io): void {
  program
    .command('listen')
    .description('forward every event of an environment to an app on this machine, as it happens')
    .option(
      '--forward-to <address>',
      'the app (default http://localhost:3000/webhook, or as the last time)',
    )
    .option('--replay <count>', 'begin with so many events that have been', toCount)
    .option('--types <types>', 'only these, by commas')
    .option('--once', 'end when what is there has been forwarded')
    .option('--url <address>', 'address of the hub (FIRMA_URL)')
    .option('--dev-id <id>', 'environment (FIRMA_DEV_ID)')
    .option('--profile <name>', 'credentials of firma login (FIRMA_PROFILE)')
    .addHelpText(
      'after',
      `
Examples:
  firma listen --forward-to http://localhost:3000/webhook
  firma listen --replay 20 --types auth,user_reauth
  firma listen --once --replay 5

It signs with a secret of its own, which it prints and which stays the same: set it in your app. FIRMA_SIGNING_SECRET takes another one.
Destinations get their events beside it, as always. An event that your app refuses is not sent again: --replay does that.`,
    )
    .action(async (flags: ListenFlags) => {
      const api = createHubApi(findAccess(io, flags))
      const app = openLocalApp(io.variables, flags.forwardTo)
      await listen(io, { api, app, flags })
    })
}

interface Listening {
  readonly api: HubApi
  readonly app: LocalApp
  readonly flags: ListenFlags
}

async function listen(io: Io, listening: Listening): Promise<void> {
  const { api, app, flags } = listening
  const signal = io.untilInterrupted()
  const types = flags.types?.split(',').map((type) => type.trim())
  // Before the greeting: what happens after it is forwarded.
  const { data } = await readPage(api, Math.max(flags.replay ?? 0, 1))
  const seen = new Set(data.map(({ id }) => id))
  io.err(
    `Forwarding ${api.access.devId ?? ''} of ${api.access.url} to ${app.url}\nSigning secret: ${app.secret}\n`,
  )
  const past = flags.replay === undefined ? [] : data.slice(0, flags.replay).toReversed()
  await forward(io, listening, past, types)
  if (flags.once === true) return
  io.err('Listening. Stop with Ctrl+C.')
  let isConnected = true
  while (!signal.aborted) {
    try {
      const news = await readNews(api, seen)
      if (!isConnected) io.err('The hub answers again.')
      isConnected = true
      await forward(io, listening, news, types)
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.unreachable) throw error
      if (isConnected) io.err(`${error.message} Trying again …`)
      isConnected = false
    }
    const pauseMs = isConnected ? INTERVAL_MS : INTERVAL_AFTER_FAILURE_MS
    await wait(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

async function readPage(api: HubApi, limit: number, after?: string) {
  const answer = await api.get('/admin/v1/events', { limit: Math.min(limit, PAGE_MAX), after })
  return PAGE.parse(answer)
}

/** Events that were not there before, oldest first. */
async function readNews(api: HubApi, seen: Set<string>): Promise<ListedEvent[]> {
  const news: ListedEvent[] = []
  let after: string | undefined
  for (;;) {
    const { data, next } = await readPage(api, PAGE_MAX, after)
    const unseen = data.filter(({ id }) => !seen.has(id))
    news.push(...unseen)
    // A page without one that is known: more may have happened than a page holds.
    if (unseen.length < data.length || next === null || seen.size === 0) break
    after = next
  }
  for (const { id } of news.toReversed()) seen.add(id)
  for (const id of seen) {
    if (seen.size <= SEEN_MAX) break
    seen.delete(id)
  }
  return news.toReversed()
}

async function forward(
  io: Io,
  { api, app }: Listening,
  events: readonly ListedEvent[],
  types: readonly string[] | undefined,
): Promise<void> {
  for (const event of events) {
    if (types !== undefined && !types.includes(event.type)) continue
    const response = await api.open(`/admin/v1/events/${event.id}/body`)
    const body = await response.text()
    const signed = { id: event.id, orderingMs: event.ordering_timestamp, body }
    const headers = await toEventHeaders(signed, [app.secret], Date.now())
    const taken = await sendToApp(app.url, { headers, body })
    const whose = [event.provider, event.reference_id, event.user_id].filter(
      (each) => each !== null,
    )
    const time = new Date().toISOString().slice(11, 19)
    const text = `${time}  ${event.type}  ${whose.join(' ')}  → ${describeTaken(taken)}`
    io.out(`${toVisible(text)}\n`)
  }
}
