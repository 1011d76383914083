/** One HTTP request to a destination. */
import { isIP } from 'node:net'
import { clearTimeout, setTimeout } from 'node:timers'
import { Agent } from 'undici'
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

/** Redirects are not followed: an answer of 3xx is an answer. */
export function createSender(guard: UrlGuard): Sender {
  const agent = new Agent({
    connect: { lookup: guard.lookup },
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    pipelining: 1,
    // The signal bounds the whole attempt; undici's own clocks would only blur which limit was hit.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  return {
    async send({ url, headers, body, timeoutMs }) {
      const target = new URL(url)
      // No name to look up means no lookup to guard.
      const literal = target.hostname.replace(/^\[|\]$/g, '')
      if (isIP(literal) !== 0 && !guard.allows(literal)) {
        return { type: 'unanswered', error: 'address_refused' }
      }
      // Not AbortSignal.timeout, whose timer stays for the whole time of each attempt that has long ended.
      const limit = new AbortController()
      const { signal } = limit
      const timer = setTimeout(() => limit.abort(), timeoutMs)
      try {
        const response = await agent.request({
          origin: target.origin,
          path: `${target.pathname}${target.search}`,
          method: 'POST',
          headers,
          body,
          signal,
        })
        const retryAfter = response.headers['retry-after']
        return {
          type: 'answered',
          httpStatus: response.statusCode,
          retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
          headers: keepHeaders(response.headers),
          body: await readStart(response.body),
        }
      } catch (error) {
        return { type: 'unanswered', error: signal.aborted ? 'timeout' : classify(error) }
      } finally {
        clearTimeout(timer)
      }
    },
    close: async () => await agent.destroy(),
  }
}

function keepHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): string {
  const kept: Record<string, string | string[]> = {}
  let characters = 2
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue
    characters += JSON.stringify({ [name]: value }).length - 1
    if (characters > HEADER_CHARACTERS_MAX) break
    kept[name] = value
  }
  return JSON.stringify(kept)
}

async function readStart(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    // Leaving the loop early destroys the stream, and with it the connection: that is the destination's choice.
    for await (const chunk of body) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= RESPONSE_BYTES_MAX) break
    }
  } catch {
    // The status has come, and it is the answer: sending again what was accepted with 200, because the
    // rest of the page hung or broke off, would repeat it for three days.
  }
  return Buffer.concat(chunks).subarray(0, RESPONSE_BYTES_MAX).toString('utf8')
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
