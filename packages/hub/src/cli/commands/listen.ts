/** `firma listen`: every event of an environment to an app on this machine, as it happens. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import { toEventHeaders } from '../../event-headers.ts'
import { type AccessFlags, findAccess } from '../hub-access.ts'
import { type HubApi, createHubApi, listAll } from '../hub-api.ts'
import { addHubFlags, toCount } from '../command.ts'
import { readStream } from '../event-stream.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type LocalApp, describeTaken, openLocalApp, sendToApp } from '../local-app.ts'
import { type FormatFlags, toFormat } from '../output.ts'
import { toVisible } from '../text-width.ts'

interface ListenFlags extends AccessFlags, FormatFlags {
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

const EVENTS = '/admin/v1/events'
/** Before coming again to a stream that has ended, unless it says otherwise. */
const PAUSE_MS = 1_000
/** So many times longer when the hub did not answer. */
const FAILURE_FACTOR = 3
const PAGE_MAX = 100
/** Ids that are remembered, so that nothing is forwarded twice. */
const SEEN_MAX = 10_000

export function addListen(program: Command, io: Io): void {
  const command = program
    .command('listen')
    .description('forward every event of an environment to an app on this machine, as it happens')
    .option(
      '--forward-to <address>',
      'the app (default http://localhost:3000/webhook, or as the last time)',
    )
    .option('--replay <count>', 'begin with so many events that have been', toCount)
    .option('--types <types>', 'only these, by commas')
    .option('--once', 'end when what is there has been forwarded')
  addHubFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  firma listen --forward-to http://localhost:3000/webhook
  firma listen --replay 20 --types auth,user_reauth
  firma listen --once --replay 5

It signs with a secret of its own, which it prints and which stays the same: set it in your app. FIRMA_SIGNING_SECRET takes another one.
Where no terminal reads, each event is a line of JSON.
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
  io.err(
    `Forwarding ${api.access.devId ?? ''} of ${api.access.url} to ${app.url}\nSigning secret: ${app.secret}\n`,
  )
  const run = new Run(io, listening)
  if (flags.once === true) return await run.replay()
  const hub: { state: 'new' | 'open' | 'away' } = { state: 'new' }
  const onOpen = async (): Promise<void> => {
    if (hub.state === 'new') await run.replay()
    if (hub.state !== 'open') {
      io.err(hub.state === 'new' ? 'Listening. Stop with Ctrl+C.' : 'The hub answers again.')
    }
    hub.state = 'open'
  }
  while (!signal.aborted) {
    let factor = 1
    try {
      await run.follow(signal, onOpen)
    } catch (error) {
      if (hub.state === 'new' || !isPassing(error)) throw error
      if (hub.state === 'open') io.err(`${error.message} Trying again …`)
      hub.state = 'away'
      factor = FAILURE_FACTOR
    }
    await wait(run.pauseMs * factor, undefined, { signal }).catch(() => undefined)
  }
}

/** Whether the hub may answer the next time: it is away, starts again, or has too much to do. */
function isPassing(error: unknown): error is CliError {
  const codes: readonly number[] = [EXIT.unreachable, EXIT.failed]
  return error instanceof CliError && codes.includes(error.exitCode)
}

/** What has been forwarded, and where the stream goes on. */
class Run {
  readonly #io: Io
  readonly #listening: Listening
  readonly #types: readonly string[] | undefined
  /** Ids of what need not be forwarded any more. */
  readonly #seen = new Set<string>()
  #after: string | undefined
  /** Before coming again to the stream. */
  pauseMs = PAUSE_MS

  constructor(io: Io, listening: Listening) {
    this.#io = io
    this.#listening = listening
    this.#types = listening.flags.types?.split(',').map((type) => type.trim())
  }

  /** Forwards what has been, as far as it was asked for. */
  async replay(): Promise<void> {
    const { api, flags } = this.#listening
    if (flags.replay === undefined) return
    const { rows } = await listAll(api, {
      path: EVENTS,
      query: {},
      limit: flags.replay,
      onProgress: () => undefined,
    })
    await this.#forward(z.array(EVENT).parse(rows).toReversed())
  }

  /**
   * Forwards what happens until the stream ends.
   *
   * @param onOpen Called when it has begun.
   */
  async follow(signal: AbortSignal, onOpen: () => Promise<void>): Promise<void> {
    let isOpen = false
    try {
      for await (const message of readStream(this.#listening.api, this.#after, signal)) {
        if (!isOpen) await onOpen()
        isOpen = true
        if (message.kind === 'event') await this.#forward([EVENT.parse(JSON.parse(message.data))])
        if (message.kind === 'gap') await this.#forward(await this.#readMissed())
        this.#after = message.id ?? this.#after
        this.pauseMs = message.retryMs ?? this.pauseMs
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof CliError || error instanceof z.ZodError) throw error
      const text = `the stream of ${this.#listening.api.access.url} was cut off;`
      throw new CliError(text, EXIT.unreachable, { cause: error })
    }
  }

  /** What came faster than the stream could tell, oldest first: everything behind the last that is known. */
  async #readMissed(): Promise<ListedEvent[]> {
    const missed: ListedEvent[] = []
    let after: string | undefined
    for (;;) {
      const page = PAGE.parse(await this.#listening.api.get(EVENTS, { limit: PAGE_MAX, after }))
      const known = page.data.findIndex(({ id }) => this.#seen.has(id))
      missed.push(...(known === -1 ? page.data : page.data.slice(0, known)))
      if (known !== -1 || page.next === null || this.#seen.size === 0) return missed.toReversed()
      after = page.next
    }
  }

  async #forward(events: readonly ListedEvent[]): Promise<void> {
    for (const event of events) {
      if (this.#seen.has(event.id)) continue
      if (this.#types?.includes(event.type) !== false) {
        await forward(this.#io, this.#listening, event)
      }
      // Not before: what could not be forwarded comes again with the next stream.
      this.#seen.add(event.id)
      const [oldest] = this.#seen
      if (this.#seen.size > SEEN_MAX && oldest !== undefined) this.#seen.delete(oldest)
    }
  }
}

async function forward(io: Io, { api, app, flags }: Listening, event: ListedEvent): Promise<void> {
  const response = await api.open(`${EVENTS}/${event.id}/body`)
  const body = await response.text()
  const signed = { id: event.id, orderingMs: event.ordering_timestamp, body }
  const headers = await toEventHeaders(signed, [app.secret], Date.now())
  const taken = await sendToApp(app.url, { headers, body })
  const whose = [event.provider, event.reference_id, event.user_id].filter((each) => each !== null)
  const now = new Date().toISOString()
  if (toFormat(io, flags) !== 'table') {
    const { id, type } = event
    const { status, answer, durationMs: duration_ms } = taken
    const line = { at: now, id, type, to: app.url, status, duration_ms, answer }
    // A line each, whatever the format: it never ends.
    return io.out(`${JSON.stringify(line)}\n`)
  }
  const time = now.slice(11, 19)
  const text = `${time}  ${event.type}  ${whose.join(' ')}  → ${describeTaken(taken)}`
  io.out(`${toVisible(text)}\n`)
}
