/** Fetch for calls to providers, which operators may have pointed elsewhere: only to addresses that the guard allows. */
import { isIP } from 'node:net'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { Agent, type Dispatcher, fetch } from 'undici'
import { type FetchDep, WHOLE_BODY, type WholeBodyInit, type WholeBodyResponse } from '../deps.ts'
import { ADDRESS_REFUSED, type UrlGuard } from './url-guard.ts'

export interface GuardedFetch extends FetchDep {
  /** Cuts off what is still under way. */
  close(): Promise<void>
}

/** The address that was checked is the one that is connected to, as for events. */
export function createGuardedFetch(guard: UrlGuard): GuardedFetch {
  const agent = new Agent({ connect: { lookup: guard.lookup } })
  return {
    fetch: async (input, init: WholeBodyInit = {}) => {
      const url = new URL(input instanceof Request ? input.url : input)
      // No name to look up means no lookup to guard.
      const literal = url.hostname.replace(/^\[|\]$/g, '')
      if (isIP(literal) !== 0 && !guard.allows(literal)) {
        const code = { code: ADDRESS_REFUSED }
        const cause = Object.assign(new Error(`${literal} may not be connected to`), code)
        throw new TypeError('fetch failed', { cause })
      }
      const body = toText(init.body)
      if (init[WHOLE_BODY] !== undefined && body !== undefined) {
        const type = typeOf(init.body)
        return await fetchWhole(agent, url, { ...init, body, type, bytesMax: init[WHOLE_BODY] })
      }
      // Undici's own types of Fetch and Node's name the same things.
      const options = { ...init, dispatcher: agent } as Parameters<typeof fetch>[1]
      return await fetch(url, options)
    },
    close: async () => await agent.destroy(),
  }
}

/** @returns Undefined for a body that is more than text. */
function toText(body: RequestInit['body']): string | null | undefined {
  if (body === undefined || body === null || typeof body === 'string') return body ?? null
  return body instanceof URLSearchParams ? body.toString() : undefined
}

/** What Fetch says of a body whose headers do not. */
function typeOf(body: RequestInit['body']): string | null {
  if (body === undefined || body === null) return null
  return body instanceof URLSearchParams
    ? 'application/x-www-form-urlencoded;charset=UTF-8'
    : 'text/plain;charset=UTF-8'
}

/** An answer that has been read, as text or JSON: a stream of it would cost more than the call. */
class ReadResponse extends Response implements WholeBodyResponse {
  readonly [WHOLE_BODY]: Uint8Array<ArrayBuffer>
  override bodyUsed = false

  constructor(bytes: Uint8Array<ArrayBuffer>, init: ResponseInit) {
    super(null, init)
    this[WHOLE_BODY] = bytes
  }

  override text = async (): Promise<string> => {
    if (this.bodyUsed) throw new TypeError('Body is unusable: Body has already been read')
    this.bodyUsed = true
    return new TextDecoder().decode(this[WHOLE_BODY])
  }

  override json = async (): Promise<unknown> => JSON.parse(await this.text())

  override clone = (): Response => {
    const { status, headers } = this
    return new ReadResponse(this[WHOLE_BODY], { status, headers })
  }
}

async function fetchWhole(
  agent: Agent,
  url: URL,
  init: RequestInit & {
    readonly body: string | null
    readonly type: string | null
    readonly bytesMax: number
  },
): Promise<Response> {
  const { method = 'GET', body, bytesMax, signal } = init
  const headers = new Headers(init.headers)
  if (!headers.has('user-agent')) headers.set('user-agent', 'firma')
  if (!headers.has('content-type') && init.type !== null) headers.set('content-type', init.type)
  headers.set('accept-encoding', 'identity')
  try {
    const answer = await agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: Object.fromEntries(headers),
      body,
      signal: signal ?? null,
    })
    const bytes = await readWhole(answer, bytesMax)
    const told = new Headers()
    for (const name of ['content-type', 'retry-after']) {
      const value = answer.headers[name]
      if (typeof value === 'string') told.set(name, value)
    }
    const { statusCode: status } = answer
    return new ReadResponse(bytes, { status, headers: told })
  } catch (cause) {
    throw new TypeError('fetch failed', { cause })
  }
}

async function readWhole(
  { headers, body }: Dispatcher.ResponseData,
  bytesMax: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Leaving the loop early ends the call.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes > bytesMax) break
  }
  const whole = Buffer.concat(chunks)
  // Asked not to compress, some do.
  const decode = DECODERS[String(headers['content-encoding'] ?? '').toLowerCase()]
  if (decode === undefined || bytes > bytesMax) return whole
  return Buffer.from(decode(whole, { maxOutputLength: bytesMax + 1 }))
}

const DECODERS: Readonly<Record<string, typeof gunzipSync | undefined>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}
