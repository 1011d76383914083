/** A process that receives over PostgreSQL, to be killed: the path of a request is the prefix of its tables. Says its port, and ends with whoever started it. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'pg'
import { nodeHandler } from '../src/node.ts'
import { postgresStore } from '../src/stores/postgres.ts'
import { open } from './open-receiver.ts'

const pool = new Pool({ connectionString: process.argv[2], pipeline: true })
// The server closes what the test tells it to close.
pool.on('error', () => undefined)
const handlers = new Map<string, RequestListener>()

const server = createServer((request, response) => {
  const tablePrefix = (request.url ?? '').slice(1)
  const handle =
    handlers.get(tablePrefix) ?? nodeHandler(open(postgresStore({ pool, tablePrefix })))
  handlers.set(tablePrefix, handle)
  handle(request, response)
})
// Closing an idle one may meet the next request, which then fails.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`${port}\n`)
})
process.stdin.resume().once('end', () => process.exit())
