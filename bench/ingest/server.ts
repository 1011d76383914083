/** Process of the bench: one of the servers that are compared. Told what to be by its arguments; says its port, and its figures when asked. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import express from 'express'
import { Pool } from 'pg'
import { createReceiver, type ReceiverStore, type StoreTransaction } from 'firma-receiver'
import { nodeHandler } from 'firma-receiver/node'
import { postgresStore } from 'firma-receiver/postgres'
import { sqliteStore } from 'firma-receiver/sqlite'
import { SECRET } from './events.ts'

/** What is compared: ours without storage, on SQLite, on PostgreSQL; and what people write by hand. */
export const KINDS = ['none', 'sqlite', 'postgres', 'express-pg'] as const
export type Kind = (typeof KINDS)[number]

/** Figures of a server process. */
export interface ServerFigures {
  readonly rows: number
  readonly rssMb: number
}

interface Served {
  readonly listener: RequestListener
  countRows(): Promise<number>
}

const POOL_MAX = 20

/** Decides all that the others decide and stores nothing. */
function nullStore(): ReceiverStore {
  let seq = 0
  const tx: StoreTransaction = {
    insertEvent: async () => (seq += 1),
    findEvent: async () => undefined,
    listEvents: async () => [],
    setHandlerState: async () => undefined,
    claimDue: async () => [],
    countEvents: async () => 0,
    prune: async () => 0,
    unpark: async () => undefined,
    findUser: async () => undefined,
    hasUser: async () => true,
    saveUser: async () => undefined,
    saveEdge: async () => undefined,
    mergeComponents: async () => undefined,
    listComponent: async () => [],
    listEdges: async () => [],
    listGroup: async () => [],
    listEnvironments: async () => [],
    listUsers: async () => [],
    deleteUser: async () => undefined,
    deleteEdge: async () => undefined,
    redactEvent: async () => undefined,
  }
  return { transaction: (fn) => fn(tx), close: async () => undefined }
}

function serveReceiver(store: ReceiverStore): Served {
  const receiver = createReceiver({ secrets: [SECRET], store, tolerance: 'off' })
  return {
    listener: nodeHandler(receiver),
    async countRows() {
      const { events } = await receiver.listEvents({ limit: 1 })
      let last = events.at(-1)?.seq ?? 0
      // Numbers have no gaps here: nothing is rolled back. The last one is found by halving.
      for (let step = 2 ** 30; step >= 1; step /= 2) {
        const page = await receiver.listEvents({ after: last + step - 1, limit: 1 })
        if (page.events.length > 0) last += step
      }
      return last
    },
  }
}

/** The usual handler: raw body, signature, one row per event. */
async function serveExpress(connectionString: string): Promise<Served> {
  const pool = new Pool({ connectionString, max: POOL_MAX })
  await pool.query(
    `CREATE TABLE webhook_events (id bigserial PRIMARY KEY, trace_id text UNIQUE NOT NULL, type text NOT NULL,
       user_id text, body text NOT NULL, received_at timestamptz NOT NULL DEFAULT now())`,
  )
  const app = express()
  app.post('/terra', express.raw({ type: '*/*', limit: '10mb' }), (request, response, next) => {
    const bytes: unknown = request.body
    if (!Buffer.isBuffer(bytes)) return void response.sendStatus(400)
    const [, time, hash = ''] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(request.get('x-terra-signature') ?? '') ?? []
    const expected = createHmac('sha256', SECRET).update(`${time}.`).update(bytes).digest()
    if (!timingSafeEqual(expected, Buffer.from(hash.padEnd(64, '0'), 'hex'))) {
      return void response.sendStatus(401)
    }
    const text = bytes.toString('utf8')
    const { type, user } = JSON.parse(text)
    const values = [request.get('x-terra-trace-id'), type, user?.user_id, text]
    pool
      .query(
        'INSERT INTO webhook_events (trace_id, type, user_id, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
        values,
      )
      .then(() => response.sendStatus(200), next)
  })
  return {
    listener: app,
    async countRows() {
      const { rows } = await pool.query<{ n: string }>('SELECT count(*) AS n FROM webhook_events')
      return Number(rows[0]?.n)
    },
  }
}

async function serve(kind: Kind, target: string): Promise<Served> {
  switch (kind) {
    case 'none':
      return serveReceiver(nullStore())
    case 'sqlite':
      return serveReceiver(sqliteStore({ path: target }))
    case 'postgres':
      return serveReceiver(postgresStore({ connectionString: target }))
    case 'express-pg':
      return serveExpress(target)
  }
}

async function main([kind, target]: string[]): Promise<void> {
  const found = KINDS.find((each) => each === kind)
  if (found === undefined) throw new TypeError(`expected one of ${KINDS.join(', ')}, found ${kind}`)
  const served = await serve(found, target ?? '')
  // Makes the tables, so that the first measured request does not.
  await served.countRows()
  const server = createServer({ keepAliveTimeout: 60_000 }, served.listener)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
  })
  process.on('message', () => {
    void served.countRows().then((rows) => {
      const rssMb = Math.round(process.memoryUsage.rss() / 1e6)
      process.send?.({ rows, rssMb } satisfies ServerFigures)
    })
  })
}

if (process.send !== undefined) await main(process.argv.slice(2))
