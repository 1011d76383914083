/**
 * Entry `firma-receiver/fastify`: serves events with Fastify 4 and 5. Node only.
 *
 * @packageDocumentation
 */
import { checkReceiver } from './check-options.ts'
import type { Receiving } from './handler.ts'
import type { IncomingMessage } from 'node:http'
import { replyToNode } from './node-request.ts'

/** What is needed of Fastify's instance. */
export interface FastifyLike {
  /** Removes all parsers, in this plugin only. */
  removeAllContentTypeParsers(): void
  /** Says what happens to bodies of a type. */
  addContentTypeParser(
    contentType: string,
    parser: (
      request: FastifyRequestLike,
      payload: IncomingMessage,
      done: (error: Error | null, body?: unknown) => void,
    ) => void,
  ): unknown
  /** Adds a route. */
  route(options: {
    method: FastifyMethod[]
    url: string
    handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>
  }): unknown
}

/** Methods that the route answers; all but POST with 405. */
export type FastifyMethod = 'POST' | 'GET' | 'PUT' | 'PATCH' | 'DELETE'

/** What is needed of Fastify's request. */
export interface FastifyRequestLike {
  /** The request of node:http. */
  raw: IncomingMessage
}

/** What is needed of Fastify's reply. */
export interface FastifyReplyLike {
  /** Sets the status. */
  code(status: number): unknown
  /** Sets headers. */
  headers(headers: Record<string, string>): unknown
  /** Sends the body. */
  send(body: string): unknown
}

/** Settings of {@link fastifyReceiver}. */
export interface FastifyReceiverOptions {
  /** Where events come in; `/` by default, which is the prefix that it is registered with. */
  path?: string
}

/**
 * Makes a plugin: `app.register(fastifyReceiver(receiver, { path: '/terra' }))`. Inside it no body is parsed, because the signature is over the raw
 * bytes; the rest of the app keeps its parsers. A parser that reads the stream before Fastify does (a `preParsing` hook) gives 401 `body_not_raw`.
 */
export function fastifyReceiver(
  receiver: Receiving,
  { path = '/' }: FastifyReceiverOptions = {},
): (app: FastifyLike) => Promise<void> {
  checkReceiver(receiver, 'fastifyReceiver')
  return async (app) => {
    app.removeAllContentTypeParsers()
    // Leaves the stream as it is, with the receiver's own limit for its length.
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.route({
      method: ['POST', 'GET', 'PUT', 'PATCH', 'DELETE'],
      url: path,
      async handler(request, reply) {
        const { status, headers, body } = await replyToNode(receiver, request.raw)
        reply.code(status)
        reply.headers(request.raw.complete ? headers : { ...headers, connection: 'close' })
        return reply.send(body)
      },
    })
  }
}
