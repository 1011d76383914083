/**
 * Entry `firma-receiver/node`: serves events with node:http. Node only.
 *
 * @packageDocumentation
 */
import { checkReceiver } from './check-options.ts'
import type { Receiving } from './handler.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { replyToNode, writeReply } from './node-request.ts'

/**
 * Makes a listener for `http.createServer`, or a handler for any framework on top of it.
 *
 * The raw bytes are needed: from the stream, from bytes in `req.body`, or from a host that keeps them as `req.rawBody`.
 */
export function nodeHandler(
  receiver: Receiving,
): (request: IncomingMessage, response: ServerResponse) => void {
  checkReceiver(receiver, 'nodeHandler')
  return (request, response) => {
    void replyToNode(receiver, request).then((answer) => writeReply(request, response, answer))
  }
}
