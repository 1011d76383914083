// An app on Bun, Deno, and Hono on Node: the webhook, and a question that the app asks.
import { createReceiver, memoryStore } from 'firma-receiver'
import { postgresStore } from 'firma-receiver/postgres'
import { sqliteStore } from 'firma-receiver/sqlite'

const { STORE, DATABASE_URL, TABLE_PREFIX } = globalThis.process.env
const stores = {
  memory: () => memoryStore(),
  sqlite: () => sqliteStore({ path: 'data/connections.sqlite' }),
  postgres: () => postgresStore({ connectionString: DATABASE_URL, tablePrefix: TABLE_PREFIX }),
}
const receiver = createReceiver({ secrets: ['test-secret'], store: stores[STORE]() })

const answer = async (request) => {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname === '/terra') return receiver.fetch(request)
  return Response.json((await receiver.resolve(searchParams.get('user_id'))) ?? null)
}
const place = { hostname: '127.0.0.1', port: 0 }
const tell = ({ port }) => globalThis.process.stdout.write(`listening on port ${port}\n`)

if (globalThis.Bun !== undefined) {
  tell(globalThis.Bun.serve({ ...place, fetch: answer }))
} else if (globalThis.Deno === undefined) {
  const { serve } = await import('@hono/node-server')
  const { Hono } = await import('hono')
  const app = new Hono()
  app.post('/terra', (c) => receiver.fetch(c.req.raw))
  app.get('/whose', (c) => answer(c.req.raw))
  serve({ ...place, fetch: app.fetch }, tell)
} else {
  globalThis.Deno.serve({ ...place, onListen: tell }, answer)
}
