/** One HTTP request to a destination. */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { clearTimeout, setTimeout } from 'node:timers'
import { Agent, type Dispatcher } from 'undici'
import type { AttemptError } from '../core/delivery.ts'
import { MINUTE_MS } from '../core/time.ts'
import { ADDRESS_REFUSED, type UrlGuard } from './url-guard.ts'

export interface Outgoing {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Sent as it is. */
  readonly body: string
  /** For the whole attempt: connecting, sending, the answer; its body is read for as long as is left. */
  readonly timeoutMs: number
}

export type SendResult =
  | {
      readonly type: 'answered'
      readonly httpStatus: number
      /** The Retry-After header. */
      readonly retryAfter: string | undefined
      /** JSON object of the answer's headers, as many as fit into {@link HEADER_CHARACTERS_MAX}. */
      readonly headers: string
      /** The first {@link RESPONSE_BYTES_MAX} bytes of the body, as text. */
      readonly body: string
    }
  | { readonly type: 'unanswered'; readonly error: AttemptError }

export interface Sender {
  send(outgoing: Outgoing): Promise<SendResult>
  /** Cuts off what is still under way. */
  close(): Promise<void>
}

/** Of a destination's answer, this much is kept; the rest is not read. */
export const RESPONSE_BYTES_MAX = 16_384
/** Of its headers, this much is kept, in characters of JSON. */
export const HEADER_CHARACTERS_MAX = 4_096
/** Opening a TLS connection costs far more than a delivery, so idle ones are kept. */
const KEEP_ALIVE_MS = 2 * MINUTE_MS

/** Addresses that stay read; beyond, all of them are read anew. */
const TARGETS_KEPT_MAX = 1_000

/** Redirects are not followed: an answer of 3xx is an answer. */
export function createSender(guard: UrlGuard): Sender {
  const agent = new Agent({
    connect: { lookup: guard.lookup },
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    pipelining: 1,
    // Our own limit bounds the whole attempt; undici's clocks would only blur which one was hit.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const targets = new Map<string, Target>()
  const find = (url: string): Target => {
    const known = targets.get(url)
    if (known !== undefined) return known
    if (targets.size >= TARGETS_KEPT_MAX) targets.clear()
    const target = toTarget(url, guard)
    targets.set(url, target)
    return target
  }
  return {
    send: async ({ url, headers, body, timeoutMs }) => {
      const { origin, path, isRefused } = find(url)
      if (isRefused) return { type: 'unanswered', error: 'address_refused' }
      return await new Promise((resolve) => {
        const answer = new Answer(timeoutMs, resolve)
        try {
          agent.dispatch({ origin, path, method: 'POST', headers, body }, answer)
        } catch (error) {
          answer.fail(error)
        }
      })
    },
    close: async () => await agent.destroy(),
  }
}

/** What an address says, and the guard of it. */
interface Target {
  readonly origin: string
  readonly path: string
  readonly isRefused: boolean
}

function toTarget(url: string, guard: UrlGuard): Target {
  const { origin, hostname, pathname, search } = new URL(url)
  // No name to look up means no lookup to guard.
  const literal = hostname.replace(/^\[|\]$/g, '')
  const isRefused = isIP(literal) !== 0 && !guard.allows(literal)
  return { origin, path: `${pathname}${search}`, isRefused }
}

/**
 * Takes one request's answer from undici's dispatcher itself: its stream of the body and its signal cost more than
 * the answer.
 */
class Answer implements Dispatcher.DispatchHandler {
  readonly #resolve: (result: SendResult) => void
  readonly #timer: NodeJS.Timeout
  #controller: Dispatcher.DispatchController | undefined
  #head: { httpStatus: number; headers: IncomingHttpHeaders } | undefined
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #isOver = false

  constructor(timeoutMs: number, resolve: (result: SendResult) => void) {
    this.#resolve = resolve
    // Not AbortSignal.timeout, whose timer stays for the whole time of each attempt that has long ended.
    this.#timer = setTimeout(() => {
      this.#end('timeout')
      this.#cutOff()
    }, timeoutMs)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // The time ended while the connection was being opened: nothing may be sent any more.
    if (this.#isOver) this.#cutOff()
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    httpStatus: number,
    headers: IncomingHttpHeaders,
  ): void {
    // 1xx announces the answer.
    if (httpStatus >= 200) this.#head = { httpStatus, headers }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < RESPONSE_BYTES_MAX) return
    // The rest is not read, which costs the connection: that is the destination's choice.
    this.#end('network')
    this.#cutOff()
  }

  onResponseEnd(): void {
    this.#end('network')
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: unknown): void {
    this.fail(error)
  }

  fail(error: unknown): void {
    this.#end(classify(error))
  }

  #cutOff(): void {
    this.#controller?.abort(new Error('the attempt is over'))
  }

  /** @param error Why, where no answer has come. */
  #end(error: AttemptError): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    if (this.#head === undefined) return this.#resolve({ type: 'unanswered', error })
    // The status has come, and it is the answer: sending again what was accepted with 200, because the
    // rest of the page hung or broke off, would repeat it for three days.
    const { httpStatus, headers } = this.#head
    const retryAfter = headers['retry-after']
    this.#resolve({
      type: 'answered',
      httpStatus,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      headers: keepHeaders(headers),
      body: readStart(this.#chunks),
    })
  }
}

function keepHeaders(headers: IncomingHttpHeaders): string {
  const all = JSON.stringify(headers)
  if (all.length < HEADER_CHARACTERS_MAX) return all
  const kept: IncomingHttpHeaders = {}
  let characters = 2
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue
    characters += JSON.stringify({ [name]: value }).length - 1
    if (characters > HEADER_CHARACTERS_MAX) break
    kept[name] = value
  }
  return JSON.stringify(kept)
}

function readStart(chunks: readonly Uint8Array[]): string {
  if (chunks.length === 0) return ''
  const text = Buffer.concat(chunks).subarray(0, RESPONSE_BYTES_MAX).toString('utf8')
  // PostgreSQL stores no NUL, and with it no attempt that was to be written down together with this one.
  return text.replaceAll('\0', '\ufffd')
}

/** Node's and undici's error codes, as far as they tell an operator something different. */
function classify(error: unknown): AttemptError {
  const code = codeOf(error) ?? (error instanceof Error ? codeOf(error.cause) : undefined) ?? ''
  if (code === ADDRESS_REFUSED) return 'address_refused'
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET') return 'reset'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns'
  if (code.includes('TIMEOUT') || code === 'ETIMEDOUT') return 'timeout'
  // UNABLE_TO_VERIFY_LEAF_SIGNATURE: a certificate without its intermediate ones.
  if (/^(ERR_TLS|ERR_SSL|EPROTO|UNABLE_TO)|CERT/.test(code)) return 'tls'
  return 'network'
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
