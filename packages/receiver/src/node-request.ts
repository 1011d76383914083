/** Requests of node:http, whatever framework they have passed through. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { concatBytes } from './core/bytes.ts'
import {
  bodyConsumed,
  checkLength,
  reply,
  tooLarge,
  type Reply,
  type Receiving,
} from './handler.ts'

/** A request as body parsers leave it. */
type ParsedRequest = IncomingMessage & {
  /** What a body parser made of the body. */
  body?: unknown
  /** The raw bytes, where a host keeps them beside the parsed body. */
  rawBody?: unknown
}

/** Serves a request. */
export function replyToNode(receiver: Receiving, request: IncomingMessage): Promise<Reply> {
  return reply(receiver, {
    method: request.method ?? '',
    headers: request.headers,
    readBody: (bytesMax) => readBody(request, bytesMax),
  })
}

/** Writes the answer. */
export function writeReply(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Reply,
): void {
  // What was not read would otherwise be taken for the next request on this connection.
  if (!request.complete) response.setHeader('connection', 'close')
  // With its length, head and body go out as one piece.
  const headers = { ...answer.headers, 'content-length': Buffer.byteLength(answer.body) }
  response.writeHead(answer.status, headers).end(answer.body)
}

function readBody(request: ParsedRequest, bytesMax: number): Promise<Uint8Array> {
  for (const raw of [request.rawBody, request.body]) {
    if (raw instanceof Uint8Array) {
      checkLength(String(raw.length), bytesMax)
      return Promise.resolve(raw)
    }
  }
  // Not "is there a body": parsers leave an empty object on requests that they passed over.
  if (request.readableDidRead || request.readableEnded) throw bodyConsumed()
  checkLength(request.headers['content-length'], bytesMax)
  return readStream(request, bytesMax)
}

/** By its events: an iterator costs more than to verify an event. */
function readStream(request: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = []
    let length = 0
    const onData = (chunk: Uint8Array): void => {
      parts.push(chunk)
      length += chunk.length
      if (length <= bytesMax) return
      // Not destroyed: the answer has to go through the connection.
      request.off('data', onData).pause()
      reject(tooLarge(bytesMax))
    }
    request.on('data', onData)
    request.once('end', () => {
      const [first] = parts
      resolve(parts.length === 1 && first !== undefined ? first : concatBytes(...parts))
    })
    request.once('error', reject)
    request.once('close', () => {
      if (!request.readableEnded) reject(new Error('the connection ended before the body did'))
    })
  })
}
