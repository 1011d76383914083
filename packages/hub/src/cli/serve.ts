/** The only place that opens a port. */
import type { Server, ServerResponse } from 'node:http'
import { type AddressInfo, type Socket, isIPv6 } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { FirmaError, assert } from '../errors.ts'
import { problemResponse } from '../http/on-error.ts'

export interface Listening {
  /** For example `http://127.0.0.1:4000`: where a browser on this machine finds it. */
  readonly url: string
  /** The IP address that it listens at, or that it is reached at when it listens at all of them. */
  readonly address: string
  /** Stops taking requests and finishes those under way. */
  close(): Promise<void>
}

/** A port that answers with whatever application it is given. */
export interface ServingPort extends Listening {
  serve(app: App): void
}

/** Answers one request, which came from this address. */
type App = (request: Request, socketAddress: string | undefined) => Promise<Response>

/** Seconds that a request may keep the server from closing. */
const CLOSE_SECONDS_MAX = 5
/**
 * Idle connections are kept for so long: longer than load balancers keep theirs (60 s with most). Whoever closes first
 * must not be the server, which would do it just when the next request is on its way.
 */
const IDLE_SECONDS_MAX = 75

/** How the operator names what a server listens on, for complaints. */
export interface ListenNames {
  readonly port: string
  readonly host: string
  /** What else to know about the port, in brackets. */
  readonly portNote: string
}

const FLAGS: ListenNames = {
  port: '--port',
  host: '--host',
  portNote: ' (the two after it are needed too)',
}

/**
 * Reserves a port before its application exists: addresses are part of what applications are built from.
 *
 * @param port 0 takes any free one.
 * @throws FirmaError `configuration_invalid` when the port is taken or not allowed.
 */
export async function listen(host: string, port: number): Promise<ServingPort> {
  let app: App = async ({ url }) => {
    const detail = 'the hub is starting and not ready yet; try again'
    return problemResponse('hub_starting', detail, new URL(url).pathname, { 'retry-after': '1' })
  }
  const server = createAdaptorServer({
    fetch: async (request, { incoming }) => await app(request, incoming.socket.remoteAddress),
  })
  const listening = await open(server as Server, { host, port })
  return {
    ...listening,
    serve: (next) => {
      app = next
    },
  }
}

/**
 * Opens the port of a server.
 *
 * @throws FirmaError `configuration_invalid` when the port is taken or not allowed.
 */
export async function open(
  server: Server,
  { host, port, names = FLAGS }: { host: string; port: number; names?: ListenNames },
): Promise<Listening> {
  server.keepAliveTimeout = IDLE_SECONDS_MAX * 1_000
  const silent = trackSilent(server)
  const answering = trackAnswers(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(toListenError(cause, host, port, names)))
    server.listen(port, host, resolve)
  })
  const bound = server.address() as AddressInfo
  const address = LOOPBACK_OF[bound.address] ?? bound.address
  return {
    url: `http://${toUrlHost(isWildcard(host) ? address : host)}:${bound.port}`,
    address,
    close: async () => await closeServer(server, silent, answering),
  }
}

/** Who listens at all addresses is reached at this one from the same machine. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Whether a host means all addresses of the machine. */
function isWildcard(host: string): boolean {
  return Object.hasOwn(LOOPBACK_OF, host)
}

function toUrlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}

/** @returns What stops a server from listening, with what to do about it. */
export function toListenError(
  cause: unknown,
  host: string,
  port: number,
  names: ListenNames = FLAGS,
): FirmaError {
  assert(cause instanceof Error, 'servers fail with errors')
  const code = 'code' in cause ? cause.code : undefined
  return new FirmaError('configuration_invalid', explainListenError(code, host, port, names), {
    cause,
  })
}

function explainListenError(code: unknown, host: string, port: number, names: ListenNames): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is taken; choose another ${names.port}${names.portNote}, or end what uses it`
    case 'EACCES':
      return `port ${port} is not open to this account; choose a ${names.port} from 1024 on`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `no address is known for ${names.host} ${host}; write an address of this machine, for example 127.0.0.1`
    case 'EADDRNOTAVAIL':
      return `${names.host} ${host} is no address of this machine; write one that is, for example 127.0.0.1`
    default:
      return `cannot listen on port ${port} of ${host}`
  }
}

/**
 * Some ports are barred in every browser, and in `fetch`, because other protocols live there.
 *
 * @throws FirmaError `configuration_invalid` for an address that no browser opens.
 */
export async function checkBrowsable(url: string): Promise<void> {
  try {
    await (await fetch(url)).body?.cancel()
  } catch (cause) {
    throw new FirmaError(
      'configuration_invalid',
      `no browser could open ${url}; choose another --port or --host`,
      { cause },
    )
  }
}

/** Connections that have not asked for anything yet: browsers open some in advance. */
function trackSilent(server: Server): ReadonlySet<Socket> {
  const silent = new Set<Socket>()
  server.on('connection', (socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.on('request', ({ socket }) => silent.delete(socket))
  return silent
}

/** Answers under way. Once the server listens no more, their connections are of no use after them. */
function trackAnswers(server: Server): ReadonlySet<ServerResponse> {
  const answering = new Set<ServerResponse>()
  server.on('request', (_request, response) => {
    answering.add(response)
    response.once('close', () => {
      answering.delete(response)
      if (!server.listening) server.closeIdleConnections()
    })
  })
  return answering
}

async function closeServer(
  server: Server,
  silent: ReadonlySet<Socket>,
  answering: ReadonlySet<ServerResponse>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  // Else they are kept in case that more is asked.
  for (const response of answering) {
    if (!response.headersSent) response.setHeader('connection', 'close')
  }
  // Node counts these as busy.
  for (const socket of silent) socket.destroy()
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_SECONDS_MAX * 1_000)
  await closed
  clearTimeout(timer)
}
