/** The only place that opens a port. */
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { FirmaError } from '../errors.ts'

export interface Listening {
  /** For example `http://127.0.0.1:4000`. */
  readonly url: string
  /** Stops taking requests and finishes those under way. */
  close(): Promise<void>
}

/** Seconds that a request may keep the server from closing. */
const CLOSE_SECONDS_MAX = 5

/**
 * Reserves a port before its application exists: addresses are part of what applications are built from.
 *
 * @param port 0 takes any free one.
 * @throws FirmaError `configuration_invalid` when the port is taken or not allowed.
 */
export async function listen(
  host: string,
  port: number,
): Promise<Listening & { serve(app: (request: Request) => Promise<Response>): void }> {
  let app: (request: Request) => Promise<Response> = async () =>
    new Response('starting', { status: 503, headers: { 'retry-after': '1' } })
  const server = createAdaptorServer({ fetch: async (request) => await app(request) })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? `port ${port} is taken; choose another one with --port, or end what uses it`
          : `cannot listen on ${host}:${port}: ${cause.message}`
      reject(new FirmaError('configuration_invalid', why, { cause }))
    })
    server.listen(port, host, resolve)
  })
  const address = server.address()
  const actual = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://${host}:${actual}`,
    serve: (next) => {
      app = next
    },
    close: async () => await closeServer(server as Server),
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_SECONDS_MAX * 1_000)
  await closed
  clearTimeout(timer)
}
