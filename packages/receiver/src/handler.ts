/** Answers for HTTP, the same for the Fetch standard and for Node. */
import { concatBytes } from './core/bytes.ts'
import { EventError } from './core/event-error.ts'
import { VerificationError } from './core/verification-error.ts'
import { ReceiverError } from './receiver-error.ts'
import type { Receiver } from './receiver-api.ts'

/** An answer, for any server. */
export interface Reply {
  /** HTTP status. */
  status: number
  /** Headers by lower-case name. */
  headers: Record<string, string>
  /** JSON text. */
  body: string
}

/** A request of any server. */
export interface ReplyInput {
  /** HTTP method, in upper case. */
  method: string
  /** The request's headers. */
  headers: Parameters<Receiver['receive']>[0]['headers']
  /** Reads the raw body; throws ReceiverError `body_too_large` above the limit, VerificationError `body_not_raw` when it is gone. */
  readBody: (bytesMax: number) => Promise<Uint8Array>
}

/** What answers need of a receiver. */
export type Receiving = Pick<Receiver, 'receive' | 'bodyBytesMax'> &
  Partial<Pick<Receiver, 'noteRefused'>>

/**
 * Serves one request. Always answers: 2xx only when the event is committed, 5xx only when it could not be, so that the sender
 * repeats exactly what has to be repeated.
 */
export async function reply(receiver: Receiving, input: ReplyInput): Promise<Reply> {
  if (input.method !== 'POST') {
    const detail = `events are sent with POST, found ${input.method}`
    const refused = { status: 405, title: 'Method not allowed', reason: 'method_not_allowed' }
    return problem({ ...refused, detail }, { allow: 'POST' })
  }
  try {
    const body = await input.readBody(receiver.bodyBytesMax)
    const { status } = await receiver.receive({ body, headers: input.headers })
    return {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ status }),
    }
  } catch (error) {
    receiver.noteRefused?.(error)
    return toProblem(error)
  }
}

/** A handler for servers of the Fetch standard: Next.js, Hono, Bun, Deno, workers. */
export function createFetchHandler(receiver: Receiving): (request: Request) => Promise<Response> {
  return async (request) => {
    const { status, headers, body } = await reply(receiver, {
      method: request.method,
      headers: request.headers,
      readBody: (bytesMax) => readRequest(request, bytesMax),
    })
    return new Response(body, { status, headers })
  }
}

async function readRequest(request: Request, bytesMax: number): Promise<Uint8Array> {
  if (request.bodyUsed) throw bodyConsumed()
  checkLength(request.headers.get('content-length'), bytesMax)
  if (request.body === null) return new Uint8Array()
  return collect(request.body, bytesMax)
}

/**
 * Joins a stream's chunks, and stops reading above the limit.
 *
 * @throws ReceiverError `body_too_large`.
 */
export async function collect(
  chunks: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    length += chunk.length
    if (length > bytesMax) throw tooLarge(bytesMax)
    parts.push(chunk)
  }
  return concatBytes(...parts)
}

/**
 * Refuses a body whose announced length is above the limit, before a byte of it is read.
 *
 * @throws ReceiverError `body_too_large`.
 */
export function checkLength(contentLength: string | null | undefined, bytesMax: number): void {
  if (Number(contentLength ?? 0) > bytesMax) throw tooLarge(bytesMax)
}

/** For a body that somebody has read already. */
export function bodyConsumed(): VerificationError {
  return new VerificationError(
    'body_not_raw',
    'the body was read before it came here, so the bytes that were signed are gone; ' +
      'take body parsers (express.json, bodyParser) off this route, or mount it before them',
  )
}

/** For a body above the limit. */
export function tooLarge(bytesMax: number): ReceiverError {
  return new ReceiverError(
    'body_too_large',
    `the body has more than ${bytesMax} bytes; see bodyBytesMax`,
  )
}

function toProblem(error: unknown): Reply {
  if (error instanceof VerificationError) {
    const challenge = { 'www-authenticate': 'Terra-Signature' }
    return problem({ status: 401, title: 'Not verified', ...parts(error) }, challenge)
  }
  if (error instanceof EventError) {
    return problem({ status: 400, title: 'Not an event', ...parts(error) })
  }
  if (error instanceof ReceiverError && error.reason === 'body_too_large') {
    return problem({ status: 413, title: 'Body too large', ...parts(error) })
  }
  // Says nothing about the store to whoever is outside.
  const detail = 'the event could not be stored; send it again'
  const notStored = { status: 503, title: 'Not stored', reason: 'store_failed', detail }
  return problem(notStored, { 'retry-after': '30' })
}

function parts(error: { message: string; reason: string }): { detail: string; reason: string } {
  return { detail: error.message, reason: error.reason }
}

interface Problem {
  status: number
  title: string
  detail: string
  reason: string
}

/** Problem details (RFC 9457) with our `reason` beside them. */
function problem(
  { status, title, detail, reason }: Problem,
  headers: Record<string, string> = {},
): Reply {
  const type = `urn:firma:problem:${reason}`
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: JSON.stringify({ type, title, status, detail, reason }),
  }
}
