/**
 * Entry `firma-receiver/express`: serves events with Express 4 and 5. Node only.
 *
 * @packageDocumentation
 */
import { checkReceiver } from './check-options.ts'
import type { Receiving } from './handler.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { replyToNode, writeReply } from './node-request.ts'

/**
 * Makes a handler for `app.post(path, …)`, or for `app.all(path, …)`, which answers 405 to other methods.
 *
 * Mount it before `express.json()`: the signature is over the raw bytes, and a parser throws them away. Where that cannot be,
 * `express.raw({ type: '*\/*' })` on the route is fine, and so is `express.json({ verify: (req, res, bytes) => { req.rawBody = bytes } })`.
 * Otherwise the answer is 401 `body_not_raw`, which says so. Nothing is passed to `next`.
 */
export function expressHandler(
  receiver: Receiving,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  checkReceiver(receiver, 'expressHandler')
  return async (request, response) => {
    const answer = await replyToNode(receiver, request)
    writeReply(request, response, answer)
  }
}
