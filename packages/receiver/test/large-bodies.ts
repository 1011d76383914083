// Process of a test: takes nine events of nearly 10 MB over HTTP, all at once, and says how much memory that took.
import { createServer } from 'node:http'
import { nodeHandler } from '../src/node.ts'
import { createReceiver } from '../src/receiver.ts'
import { postgresStore } from '../src/stores/postgres.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { NOW_MS, SECRET, sign } from './send.ts'

const BODIES = 9
const SAMPLES = 215_000

const [kind, target = ''] = process.argv.slice(2)
const store =
  kind === 'sqlite' ? sqliteStore({ path: target }) : postgresStore({ connectionString: target })
const receiver = createReceiver({ secrets: [SECRET], store, clock: () => NOW_MS })
const server = createServer(nodeHandler(receiver))
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`

const samples = Array.from({ length: SAMPLES }, (_, i) => ({
  timestamp: i * 300,
  heart_rate_bpm: 60,
}))
const event = { type: 'daily', user: { user_id: 'a' }, data: samples }
const sent = await sign(event)
// Made once; the sender's memory is not what is measured.
const beforeMb = process.memoryUsage.rss() / 1e6
const answers = await Promise.all(
  Array.from({ length: BODIES }, async (_, n) => {
    const headers = { ...sent.headers, 'X-Terra-Trace-Id': `large-${n}` }
    const response = await fetch(url, { method: 'POST', headers, body: sent.body })
    return response.status
  }),
)
const { events } = await receiver.listEvents({ limit: 1 })
server.closeAllConnections()
server.close()
await store.close()
process.stdout.write(
  JSON.stringify({
    answers,
    bodyMb: sent.body.length / 1e6,
    storedMb: (events[0]?.body.length ?? 0) / 1e6,
    tookMb: process.resourceUsage().maxRSS / 1e3 - beforeMb,
  }),
)
