/** Process of the bench: one of the servers that are compared. Told what to be by its arguments; says its port, and its figures when asked. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import express from 'express'
import { Pool } from 'pg'
import { createReceiver, type ReceiverStore, type StoreTransaction } from 'firma-receiver'
import { nodeHandler } from 'firma-receiver/node'
import { postgresStore } from 'firma-receiver/postgres'
import { sqliteStore } from 'firma-receiver/sqlite'
import { SECRET, signBody, toAuthEvent, toUserId } from './events.ts'

/** What is compared: ours without storage, on SQLite, on PostgreSQL; and what people write by hand. */
export const KINDS = ['none', 'sqlite', 'postgres', 'express-pg'] as const
export type Kind = (typeof KINDS)[number]

/** Figures of a server process. */
export interface ServerFigures {
  readonly rows: number
  readonly rssMb: number
  /** Microseconds of processor time since it began to listen. */
  readonly cpuUs: number
}

interface Served {
  readonly listener: RequestListener
  countRows(): Promise<number>
}

const POOL_MAX = 20

/** Decides all that the others decide and stores nothing: of every user it knows what the first event says. */
function nullStore(knownUsers: number): ReceiverStore {
  let seq = 0
  const said = { atMs: 1, digest: '' }
  const record = {
    userId: toUserId(0),
    marks: { auth: { earliestMs: 1, latestMs: 1, isSeenUndated: false } },
    scopeChanges: [],
    provider: { value: 'GARMIN', ...said },
    referenceId: { value: 'person-0', ...said },
  }
  const known = knownUsers === 0 ? undefined : { record, componentId: record.userId }
  const tx: StoreTransaction = {
    insertEvent: async () => (seq += 1),
    findEvent: async () => undefined,
    listEvents: async () => [],
    setHandlerState: async () => undefined,
    claimDue: async () => [],
    countEvents: async () => 0,
    findLastBefore: async () => undefined,
    prune: async () => 0,
    unpark: async () => undefined,
    findUser: async () => known,
    hasUser: async () => known !== undefined,
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
    findCursor: async () => undefined,
    saveCursor: async () => undefined,
    deleteCursor: async () => undefined,
    redactEvent: async () => undefined,
  }
  return { transaction: (fn) => fn(tx), close: async () => undefined }
}

async function serveReceiver(store: ReceiverStore, knownUsers: number): Promise<Served> {
  const receiver = createReceiver({ secrets: [SECRET], store, tolerance: 'off' })
  let next = 0
  const connect = async (): Promise<void> => {
    while (next < knownUsers) {
      next += 1
      const { body, signature } = signBody(toAuthEvent(next - 1))
      await receiver.receive({ body, headers: { 'x-terra-signature': signature } })
    }
  }
  await Promise.all(Array.from({ length: 256 }, connect))
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
      return last - knownUsers
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

async function serve(kind: Kind, target: string, knownUsers: number): Promise<Served> {
  switch (kind) {
    case 'none':
      return serveReceiver(nullStore(knownUsers), 0)
    case 'sqlite':
      return serveReceiver(sqliteStore({ path: target }), knownUsers)
    case 'postgres':
      return serveReceiver(postgresStore({ connectionString: target }), knownUsers)
    case 'express-pg':
      return serveExpress(target)
  }
}

async function main([kind, target, knownUsers]: string[]): Promise<void> {
  const found = KINDS.find((each) => each === kind)
  if (found === undefined) throw new TypeError(`expected one of ${KINDS.join(', ')}, found ${kind}`)
  const served = await serve(found, target ?? '', Number(knownUsers ?? 0))
  // Makes the tables, so that the first measured request does not.
  await served.countRows()
  const server = createServer({ keepAliveTimeout: 60_000 }, served.listener)
  let startCpu = process.cpuUsage()
  server.listen(0, '127.0.0.1', () => {
    startCpu = process.cpuUsage()
    const address = server.address()
    process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
  })
  process.on('message', () => {
    const { user, system } = process.cpuUsage(startCpu)
    void served.countRows().then((rows) => {
      const rssMb = Math.round(process.memoryUsage.rss() / 1e6)
      process.send?.({ rows, rssMb, cpuUs: user + system } satisfies ServerFigures)
    })
  })
}

if (process.send !== undefined) await main(process.argv.slice(2))
