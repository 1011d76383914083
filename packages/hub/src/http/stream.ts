/** `GET /admin/v1/stream`: what changes in an environment, as server-sent events. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { destinationOfLane } from '../core/operator-event.ts'
import { MINUTE_MS, SECOND_MS, toTimestamp } from '../core/time.ts'
import type { Timer } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { type Changes, type Watch, watchChanges } from '../operations/watch-changes.ts'
import { parseTopics } from '../operations/watch-topics.ts'
import type { AppDeps } from './app-deps.ts'
import { enter } from './mount.ts'
import { toAdminUser } from './routes/admin-users/schemas.ts'
import { toWireMove } from './routes/moves/schemas.ts'
import { toWireResend } from './routes/resends/schemas.ts'
import { toWireRevocation } from './routes/revocations/list-revocations.ts'

/** Streams open at once, per process. */
const STREAMS_MAX = 100
/** Proxies close what is silent for long. */
const SILENCE_MS_MAX = 15 * SECOND_MS
/** Then the reader comes again by itself, and its credentials are looked at anew. */
const LIFETIME_MS = 15 * MINUTE_MS

/** Between two looks where there is always more: a reader of pages needs no more than 1,000 events a second. */
const PACE_MS = 100

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // Proxies like nginx would keep it back until there is a page full.
  'x-accel-buffering': 'no',
}

export function mountStream(app: OpenAPIHono, deps: AppDeps): void {
  let open = 0
  app.get('/admin/v1/stream', async (c) => {
    // A browser's EventSource cannot send headers; a login's cookie comes by itself.
    const devId = c.req.header('dev-id') ?? c.req.query('dev_id')
    const { environment } = await enter(deps, c, { scope: 'read', devId })
    if (open >= STREAMS_MAX) {
      throw new FirmaError(
        'too_many_requests',
        `${STREAMS_MAX} streams are open here; close one, or ask again later`,
        { headers: { 'retry-after': '60' } },
      )
    }
    const last = c.req.header('last-event-id') ?? c.req.query('last_event_id')
    const topics = parseTopics(c.req.query('topics'))
    // Counted before anything is waited for: many that come at once must not all find room.
    open += 1
    const close = () => {
      open -= 1
    }
    try {
      const watch = await watchChanges(deps, environment.id, { after: readCursor(last), topics })
      return new Response(toStream(deps, watch, close), { headers: HEADERS })
    } catch (error) {
      close()
      throw error
    }
  })
}

function readCursor(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  const cursor = /^\d{1,15}$/.test(text) ? Number(text) : undefined
  if (cursor !== undefined) return cursor
  throw new FirmaError('bad_request', 'Last-Event-ID is not one of this stream')
}

/** Reads the database only as fast as the reader takes what was found. */
function toStream(
  deps: AppDeps,
  { look, from }: Watch,
  close: () => void,
): ReadableStream<Uint8Array> {
  const { clock, bell, timer } = deps
  const encoder = new TextEncoder()
  const endsAtMs = clock.nowMs() + LIFETIME_MS
  let spokenAtMs = clock.nowMs()
  const stream = { isOpen: true, hasMore: false }
  const end = () => {
    if (stream.isOpen) close()
    stream.isOpen = false
  }
  return new ReadableStream({
    start(controller) {
      // At once, so that the reader knows that it is connected, and from where on.
      controller.enqueue(encoder.encode(`retry: 1000\nid: ${from}\n\n`))
    },
    async pull(controller) {
      while (stream.isOpen) {
        if (stream.hasMore && !bell.isClosed) await sleep(timer, PACE_MS)
        const changes = bell.isClosed ? undefined : await look()
        stream.hasMore = changes?.hasMore ?? false
        const text = changes === undefined ? '' : toText(changes)
        const isSilent = clock.nowMs() - spokenAtMs >= SILENCE_MS_MAX
        if (text !== '' || isSilent) {
          spokenAtMs = clock.nowMs()
          controller.enqueue(encoder.encode(text || ': still here\n\n'))
          return
        }
        if (bell.isClosed || clock.nowMs() >= endsAtMs) {
          end()
          controller.close()
          return
        }
        await bell.wait(changes?.againMs)
      }
    },
    cancel: end,
  })
}

function toText(changes: Changes): string {
  const { events, connections, deliveries, moves, resends, revocations, hasGap, cursor } = changes
  const lines = [
    ...(hasGap ? [toMessage('gap', {})] : []),
    ...events.map((event) =>
      toMessage('event', {
        id: event.id,
        type: event.type,
        user_id: event.userId,
        reference_id: event.referenceId,
        provider: event.provider,
        lineage_id: event.lineageId,
        destination_id: destinationOfLane(event.orderKey),
        created_at: toTimestamp(event.createdAtMs),
        ordering_timestamp: event.orderingMs,
      }),
    ),
    ...connections.map((connection) => toMessage('connection', toAdminUser(connection))),
    ...deliveries.map((delivery) =>
      toMessage('delivery', {
        id: delivery.id,
        event_id: delivery.eventId,
        destination_id: delivery.destinationId,
        status: delivery.status,
        attempts: delivery.attempts,
      }),
    ),
    ...moves.map((move) => toMessage('move', toWireMove(move))),
    ...resends.map((resend) => toMessage('resend', toWireResend(resend))),
    ...revocations.map((revocation) => toMessage('revocation', toWireRevocation(revocation))),
  ]
  // The id belongs to all of them: whoever comes again gets nothing of it twice, and misses nothing.
  return lines.length === 0 ? '' : `${lines.join('')}id: ${cursor}\nevent: cursor\ndata: {}\n\n`
}

async function sleep(timer: Timer, delayMs: number): Promise<void> {
  await new Promise<void>((resolve) => void timer.after(delayMs, resolve))
}

function toMessage(kind: string, data: unknown): string {
  return `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`
}
