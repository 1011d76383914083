/** One connection to `/admin/v1/stream`, for as long as somebody looks: it comes again by itself. */
import type { LiveMessage } from './batch.ts'

export type StreamState = 'connecting' | 'live' | 'reconnecting'

/** What is used of a browser's EventSource. */
export type Source = Pick<EventSource, 'addEventListener' | 'close' | 'readyState'>

const KINDS = ['event', 'delivery', 'connection', 'move', 'resend', 'revocation', 'gap'] as const
/** EventSource.CLOSED: the hub has refused, and the browser does not try again by itself. */
const CLOSED = 2
const PAUSE_MS = 1_000
const PAUSE_MS_MAX = 30_000

export interface StreamOptions {
  readonly devId: string
  /** Where an earlier stream has ended; undefined begins now. */
  readonly after: string | undefined
  /** What to be told of beside events, as the hub names it. */
  readonly topics: readonly string[]
  readonly createSource: (url: string) => Source
  readonly onState: (state: StreamState) => void
  readonly onMessage: (message: LiveMessage) => void
  /** Everything up to here has been told. */
  readonly onCursor: (cursor: string) => void
  /** The hub does not give a stream now: perhaps nobody is logged in any more. */
  readonly onRefused: () => void
}

/** @returns Ends the stream. */
export function openStream(options: StreamOptions): () => void {
  const { devId, topics, createSource, onState, onMessage } = options
  let cursor = options.after
  let refusals = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let source: Source | undefined
  const open = (): void => {
    const query = new URLSearchParams({
      dev_id: devId,
      ...(cursor !== undefined && { last_event_id: cursor }),
      ...(topics.length > 0 && { topics: topics.join(',') }),
    })
    // Whoever begins without a cursor does not know what was before.
    const isFresh = cursor === undefined
    const opened = createSource(`/admin/v1/stream?${query.toString()}`)
    source = opened
    opened.addEventListener('open', () => {
      refusals = 0
      onState('live')
      if (isFresh && cursor === undefined) onMessage({ kind: 'gap' })
    })
    opened.addEventListener('error', () => {
      onState('reconnecting')
      if (opened.readyState !== CLOSED) return
      // It may have been the cursor that was refused.
      cursor = undefined
      options.onRefused()
      timer = setTimeout(open, Math.min(PAUSE_MS * 2 ** refusals, PAUSE_MS_MAX))
      refusals += 1
    })
    for (const kind of KINDS) {
      opened.addEventListener(kind, ({ data }: MessageEvent<string>) =>
        onMessage({ kind, data: JSON.parse(data) as never }),
      )
    }
    opened.addEventListener('cursor', ({ lastEventId }) => {
      cursor = lastEventId
      options.onCursor(lastEventId)
    })
  }
  onState('connecting')
  open()
  return () => {
    clearTimeout(timer)
    source?.close()
  }
}
