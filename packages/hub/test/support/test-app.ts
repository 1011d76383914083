/** The app at the other end: a real HTTP server that records every request and answers as it is told. */
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  createServer,
} from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly headers: IncomingHttpHeaders
  /** The exact bytes. */
  readonly body: string
  /** The body, parsed. */
  readonly event: { readonly type: string } & Record<string, unknown>
}

/** How to answer a request: `hang` keeps the connection open, `reset` cuts it. */
export type Answer =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | 'hang'
  | 'reset'

export interface TestApp {
  readonly url: string
  /** In the order of arrival, also those that were answered with an error. */
  readonly received: Received[]
  /** Types of the events that were accepted, in order. */
  readonly accepted: string[]
  /** Decides the answer, now or later; 200 by default. */
  answer: (received: Received) => Answer | Promise<Answer>
  close(): Promise<void>
}

export async function startTestApp(): Promise<TestApp> {
  const received: Received[] = []
  const accepted: string[] = []
  const reply = async (
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
  ): Promise<void> => {
    const one: Received = { headers: request.headers, body, event: JSON.parse(body) }
    received.push(one)
    const answer = await app.answer(one)
    if (answer === 'hang') return
    if (answer === 'reset') {
      request.socket.destroy()
      return
    }
    if (answer.status < 300) accepted.push(one.event.type)
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      void reply(request, response, Buffer.concat(chunks).toString('utf8'))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const app: TestApp = {
    url: `http://127.0.0.1:${port}/webhook`,
    received,
    accepted,
    answer: () => ({ status: 200 }),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return app
}
