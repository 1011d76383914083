/** Requests of node:http, whatever framework they have passed through. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyConsumed, checkLength, collect, reply, type Reply } from './handler.ts'
import type { Receiver } from './receiver-api.ts'

/** A request as body parsers leave it. */
type ParsedRequest = IncomingMessage & {
  /** What a body parser made of the body. */
  body?: unknown
  /** The raw bytes, where a host keeps them beside the parsed body. */
  rawBody?: unknown
}

/** Serves a request. */
export function replyToNode(
  receiver: Pick<Receiver, 'receive' | 'bodyBytesMax'>,
  request: IncomingMessage,
): Promise<Reply> {
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
  response.writeHead(answer.status, answer.headers).end(answer.body)
}

async function readBody(request: ParsedRequest, bytesMax: number): Promise<Uint8Array> {
  for (const raw of [request.rawBody, request.body]) {
    if (raw instanceof Uint8Array) {
      checkLength(String(raw.length), bytesMax)
      return raw
    }
  }
  // Not "is there a body": parsers leave an empty object on requests that they passed over.
  if (request.readableDidRead || request.readableEnded) throw bodyConsumed()
  checkLength(request.headers['content-length'], bytesMax)
  // Without the option, to stop reading destroys the connection that the answer has to go through.
  return collect(request.iterator({ destroyOnReturn: false }), bytesMax)
}
