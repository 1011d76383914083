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
  /** Also those that were answered with an error; for their order see {@link AppOptions}. */
  readonly received: Received[]
  /** Types of the events that were accepted, in the same order. */
  readonly accepted: string[]
  /** Decides the answer, now or later; 200 by default. */
  answer: (received: Received) => Answer | Promise<Answer>
  close(): Promise<void>
}

export interface AppOptions {
  /**
   * `arrival`: as they come. `made` (of a whole hub): as the hub made them, but never against their arrival within one
   * connection. Between connections no order is promised, and which comes first is up to the machine.
   */
  readonly order?: 'arrival' | 'made'
}

export async function startTestApp({ order = 'arrival' }: AppOptions = {}): Promise<TestApp> {
  const received: Received[] = []
  const accepted = new Set<Received>()
  const aliases = new Aliases()
  const reply = async (
    request: IncomingMessage,
    response: ServerResponse,
    body: string,
  ): Promise<void> => {
    const one: Received = { headers: request.headers, body, event: JSON.parse(body) }
    received.splice(order === 'made' ? placeOf(one, received, aliases) : received.length, 0, one)
    const answer = await app.answer(one)
    if (answer === 'hang') return
    if (answer === 'reset') {
      request.socket.destroy()
      return
    }
    if (answer.status < 300) accepted.add(one)
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      void reply(request, response, Buffer.concat(chunks).toString('utf8'))
    })
  })
  // Closing an idle one may meet the next request, which then fails.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const app: TestApp = {
    url: `http://127.0.0.1:${port}/webhook`,
    received,
    get accepted() {
      return received.filter((one) => accepted.has(one)).map(({ event }) => event.type)
    },
    answer: () => ({ status: 200 }),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return app
}

/** Before what was made later for others. What comes once more stays where it came. */
function placeOf(one: Received, received: readonly Received[], aliases: Aliases): number {
  const connection = aliases.connectionOf(one)
  let place = received.length
  if (received.some((other) => idOf(other) === idOf(one))) return place
  while (place > 0) {
    const before = received[place - 1]
    if (before === undefined || idOf(before) < idOf(one)) break
    if (connection !== undefined && aliases.connectionOf(before) === connection) break
    place -= 1
  }
  return place
}

/** Ids of one process ascend. */
function idOf({ headers }: Received): string {
  return String(headers['webhook-id'])
}

/** Which `user_id`s are one connection, by what `user_reauth` says. */
class Aliases {
  readonly #first = new Map<string, string>()

  /** Some `user_id` that is always the same for it; undefined for what belongs to nobody. */
  connectionOf({ event }: Received): string | undefined {
    const [user, ...others] = ['old_user', 'new_user', 'user'].flatMap(
      (name) => (event[name] as { readonly user_id?: string } | undefined)?.user_id ?? [],
    )
    if (user === undefined) return undefined
    const first = this.#firstOf(user)
    for (const other of others) {
      if (this.#firstOf(other) !== first) this.#first.set(this.#firstOf(other), first)
    }
    return first
  }

  #firstOf(user: string): string {
    const before = this.#first.get(user)
    return before === undefined ? user : this.#firstOf(before)
  }
}
