/** Reads server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import type { HubApi } from './hub-api.ts'

/** The hub speaks every 15 s; whoever hears nothing for so long has lost the connection. */
const SILENCE_MS_MAX = 60_000
/** Longest that one message may be, so that something else than a hub does not fill the memory. */
const MESSAGE_LENGTH_MAX = 10_000_000

/** One message. */
export interface StreamMessage {
  /** What it is about; `message` where nothing is said. */
  readonly kind: string
  readonly data: string
  /** Where a later stream goes on; undefined where it says none. */
  readonly id: string | undefined
  /** How long to wait before coming again, in milliseconds; undefined where it says nothing. */
  readonly retryMs: number | undefined
}

/**
 * The messages of a stream until it ends, its connection is lost, or `signal` says so.
 *
 * @param after Id of the last message that was taken; undefined begins now.
 */
export async function* readStream(
  api: HubApi,
  after: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<StreamMessage> {
  const silence = new AbortController()
  const hear = (): NodeJS.Timeout => setTimeout(() => silence.abort(), SILENCE_MS_MAX)
  let timer = hear()
  try {
    const either = AbortSignal.any([signal, silence.signal])
    const response = await api.open('/admin/v1/stream', { last_event_id: after }, either)
    const chunks = response.body?.pipeThrough(new TextDecoderStream()) ?? []
    let text = ''
    for await (const chunk of chunks as AsyncIterable<string>) {
      clearTimeout(timer)
      timer = hear()
      text = (text + chunk).slice(-MESSAGE_LENGTH_MAX)
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) yield toMessage(block)
    }
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

function toMessage(block: string): StreamMessage {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? []
    fields.set(name, value)
  }
  return {
    kind: fields.get('event') ?? 'message',
    data: fields.get('data') ?? '',
    id: fields.get('id'),
    retryMs: fields.has('retry') ? Number(fields.get('retry')) : undefined,
  }
}
