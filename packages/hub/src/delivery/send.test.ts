import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import {
  type AddressInfo,
  type Server,
  type Socket,
  createServer as createTcpServer,
  isIP,
} from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RESPONSE_BYTES_MAX, type SendResult, type Sender, createSender } from './send.ts'
import { type ResolveHost, createUrlGuard } from './url-guard.ts'

/** Far longer than anything here takes; what is to time out says so itself. */
const TIMEOUT_MS = 20_000

function createTestSender(
  allowedRanges: readonly string[] = ['127.0.0.0/8'],
  resolveHost?: ResolveHost,
): Sender {
  const sender = createSender(createUrlGuard(allowedRanges, resolveHost))
  onTestFinished(async () => await sender.close())
  return sender
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

async function serve(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(handle))}/hook`
}

/** Speaks bytes instead of HTTP. */
async function serveBytes(handle: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => handle(socket))
  })
  return `http://127.0.0.1:${await listen(server)}/hook`
}

async function send(
  url: string,
  options: { sender?: Sender; timeoutMs?: number } = {},
): Promise<SendResult> {
  const { sender = createTestSender(), timeoutMs = TIMEOUT_MS } = options
  return await sender.send({
    url,
    headers: { 'x-test': 'yes' },
    body: '{"type":"auth"}',
    timeoutMs,
  })
}

describe('createSender', () => {
  it('posts the body as it is, with the given headers, to path and query', async () => {
    const seen: unknown[] = []
    const url = await serve((request, response) => {
      const { method, headers } = request
      request.setEncoding('utf8').on('data', (body: string) => {
        seen.push({ method, url: request.url, test: headers['x-test'], body })
        response.writeHead(204).end()
      })
    })
    expect(await send(`${url}?a=b%20c`)).toEqual({
      type: 'answered',
      httpStatus: 204,
      retryAfter: undefined,
      headers: expect.stringContaining('"date"'),
      body: '',
    })
    expect(seen).toEqual([
      { method: 'POST', url: '/hook?a=b%20c', test: 'yes', body: '{"type":"auth"}' },
    ])
  })

  it.each([200, 202, 400, 410, 429, 500, 503])('reports %d with the body', async (status) => {
    const url = await serve((_request, response) => response.writeHead(status).end('why'))
    expect(await send(url)).toMatchObject({ type: 'answered', httpStatus: status, body: 'why' })
  })

  it.each([301, 302, 303, 307, 308])('does not follow %d', async (status) => {
    let requests = 0
    const url = await serve((_request, response) => {
      requests += 1
      response.writeHead(status, { location: '/elsewhere' }).end()
    })
    expect(await send(url)).toMatchObject({ type: 'answered', httpStatus: status })
    expect(requests).toBe(1)
  })

  it('keeps headers as far as 4,096 characters reach', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`x-header-${i}`, 'v'.repeat(100)]),
    )
    const url = await serve((_request, response) => response.writeHead(200, many).end())
    const result = await send(url)
    const headers = result.type === 'answered' ? result.headers : ''
    expect(headers.length).toBeLessThanOrEqual(4_096)
    expect(JSON.parse(headers)).toMatchObject({ 'x-header-0': 'v'.repeat(100) })
  })

  it('passes Retry-After on as it was sent, the first where there are several', async () => {
    const one = await serve((_request, response) =>
      response.writeHead(503, { 'retry-after': '120' }).end(),
    )
    expect(await send(one)).toMatchObject({ retryAfter: '120' })
    const two = await serveBytes((socket) =>
      socket.end(
        'HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n',
      ),
    )
    expect(await send(two)).toMatchObject({ retryAfter: '1' })
  })

  it('keeps the beginning of a huge body and leaves the rest', async () => {
    let written = 0
    const url = await serve((_request, response) => {
      response.writeHead(500)
      const chunk = 'x'.repeat(65_536)
      const more = (): void => {
        while (!response.destroyed && written < 500_000_000) {
          written += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
      }
      more()
    })
    const sender = createTestSender()
    const result = await send(url, { sender })
    expect(result).toMatchObject({ httpStatus: 500, body: 'x'.repeat(RESPONSE_BYTES_MAX) })
    expect(written).toBeLessThan(100_000_000)
    // The connection was given up; the next delivery gets another one.
    expect(await send(url, { sender })).toMatchObject({ httpStatus: 500 })
  })

  it('reads a body that is not UTF-8 without failing', async () => {
    const url = await serve((_request, response) =>
      response.writeHead(500).end(Buffer.from([0xff, 0xfe, 0x41, 0x00])),
    )
    expect(await send(url)).toMatchObject({ httpStatus: 500, body: '\ufffd\ufffdA\ufffd' })
  })

  it('gives up on a destination that does not answer', async () => {
    const url = await serve(() => undefined)
    expect(await send(url, { timeoutMs: 50 })).toEqual({ type: 'unanswered', error: 'timeout' })
  })

  // The library gives up connecting after 10 s by itself: within less, only the attempt's own time can have ended.
  it(
    'sends nothing any more when its time has ended before it was connected',
    { timeout: 9_000 },
    async () => {
      const paths: (string | undefined)[] = []
      const url = await serve((request, response) => {
        paths.push(request.url)
        response.end()
      })
      let connect = (): void => undefined
      const sender = createSender({
        allows: () => true,
        lookup: (_hostname, _options, callback) => {
          connect = () => callback(null, [{ address: '127.0.0.1', family: 4 }])
        },
      })
      onTestFinished(async () => await sender.close())
      const named = url.replace('127.0.0.1', 'slow.test')
      expect(await send(`${named}/late`, { sender, timeoutMs: 50 })).toEqual({
        type: 'unanswered',
        error: 'timeout',
      })
      const next = send(`${named}/next`, { sender })
      connect()
      expect(await next).toMatchObject({ httpStatus: 200 })
      expect(paths).toEqual(['/hook/next'])
    },
  )

  it('takes the status for the answer when the body never ends', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200).write('accepted')
    })
    // The status has to come within it, on a busy machine too.
    expect(await send(url, { timeoutMs: 5_000 })).toEqual({
      type: 'answered',
      httpStatus: 200,
      retryAfter: undefined,
      headers: expect.any(String),
      body: 'accepted',
    })
  })

  it('takes the status for the answer when the connection breaks in the body', async () => {
    const url = await serveBytes((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\naccepted', () => socket.end())
    })
    expect(await send(url)).toMatchObject({ type: 'answered', httpStatus: 200, body: 'accepted' })
  })

  it('says that the connection was reset', async () => {
    const url = await serveBytes((socket) => socket.resetAndDestroy())
    expect(await send(url)).toEqual({ type: 'unanswered', error: 'reset' })
  })

  it('says that the connection was closed without an answer', async () => {
    const url = await serveBytes((socket) => socket.end())
    expect(await send(url)).toEqual({ type: 'unanswered', error: 'reset' })
  })

  it('says that nobody listens', async () => {
    const server = createTcpServer()
    const port = await listen(server)
    await new Promise((resolve) => server.close(resolve))
    expect(await send(`http://127.0.0.1:${port}/`)).toEqual({
      type: 'unanswered',
      error: 'refused',
    })
  })

  it('says that the host does not exist', async () => {
    // Longer than a label may be, so no name server is asked.
    expect(await send(`http://${'x'.repeat(64)}.invalid/`)).toEqual({
      type: 'unanswered',
      error: 'dns',
    })
  })

  it('says that TLS failed', async () => {
    const url = await serveBytes((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await send(url.replace('http:', 'https:'))).toEqual({ type: 'unanswered', error: 'tls' })
  })

  it('says that the answer was no HTTP', async () => {
    const url = await serveBytes((socket) => socket.end('220 smtp.example ESMTP\r\n'))
    expect(await send(url)).toEqual({ type: 'unanswered', error: 'network' })
  })

  it.each(['127.0.0.1', '[::1]', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost'])(
    'does not connect to %s unless the operator allows it',
    async (host) => {
      let connections = 0
      const server = createTcpServer(() => (connections += 1))
      const port = await listen(server)
      const sender = createTestSender([])
      expect(await send(`http://${host}:${port}/`, { sender })).toEqual({
        type: 'unanswered',
        error: 'address_refused',
      })
      expect(connections).toBe(0)
    },
  )

  describe('for a name', () => {
    const REFUSED = { type: 'unanswered', error: 'address_refused' }

    /** A name server that answers each question with the next list, and goes on with the last. */
    function answerWith(...lists: string[][]): { resolve: ResolveHost; asked: string[] } {
      const asked: string[] = []
      const resolve: ResolveHost = (hostname, _options, callback) => {
        asked.push(hostname)
        const list = lists.length > 1 ? lists.shift() : lists[0]
        const found = list?.map((address) => ({ address, family: isIP(address) }))
        queueMicrotask(() => callback(null, found ?? []))
      }
      return { resolve, asked }
    }

    async function serveCounted(): Promise<{ url: string; seen: string[] }> {
      const seen: string[] = []
      const url = await serve((request, response) => {
        seen.push(request.headers.host ?? '')
        // Each attempt has to ask for the name again.
        request.resume().on('end', () => response.setHeader('connection', 'close').end())
      })
      return { url: url.replace('127.0.0.1', 'hooks.example'), seen }
    }

    it.each(['10.0.0.5', '169.254.169.254', '127.0.0.1', 'fd00::1', '::ffff:10.0.0.5'])(
      'connects to nothing where it leads to %s',
      async (address) => {
        const { url, seen } = await serveCounted()
        const { resolve, asked } = answerWith([address])
        expect(await send(url, { sender: createTestSender([], resolve) })).toEqual(REFUSED)
        expect({ seen, asked }).toEqual({ seen: [], asked: ['hooks.example'] })
      },
    )

    it('connects to the address that was checked, by one lookup', async () => {
      const { url, seen } = await serveCounted()
      const { resolve, asked } = answerWith(['10.0.0.5', '127.0.0.1'], ['10.0.0.5'])
      const sender = createTestSender(undefined, resolve)
      expect(await send(url, { sender })).toMatchObject({ httpStatus: 200 })
      expect({ seen: seen.length, asked: asked.length }).toEqual({ seen: 1, asked: 1 })
    })

    it('refuses it once it is bound to another address, and takes it when it is back', async () => {
      const { url, seen } = await serveCounted()
      const { resolve } = answerWith(['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1'])
      const sender = createTestSender(undefined, resolve)
      expect(await send(url, { sender })).toMatchObject({ httpStatus: 200 })
      expect(await send(url, { sender })).toEqual(REFUSED)
      expect(await send(url, { sender })).toMatchObject({ httpStatus: 200 })
      expect(seen).toHaveLength(2)
    })
  })

  it('keeps connections for the next deliveries', async () => {
    const ports = new Set<number | undefined>()
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      request.resume().on('end', () => response.end())
    })
    const sender = createTestSender()
    for (let i = 0; i < 10; i += 1) await send(url, { sender })
    // The second may start before the first has given its connection back.
    expect(ports.size).toBeLessThanOrEqual(2)
  })
})
