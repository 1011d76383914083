import { once } from 'node:events'
import { type AddressInfo, type Socket, connect, createServer } from 'node:net'
import type { Pool } from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { openTestSchema } from '../../test/support/postgres.ts'
import { openPostgresPool, toKyselyPool } from './postgres-pool.ts'

/** Calls sessions by names of its own, as poolers do; and keeps how each connection began. */
async function startPooler(url: string): Promise<{ url: string; beginnings: string[] }> {
  const { hostname, port } = new URL(url)
  const beginnings: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    client.once('data', (bytes) => void beginnings.push(bytes.toString('latin1')))
    for (const socket of [client, upstream]) {
      sockets.add(socket.on('error', () => undefined))
    }
    client.pipe(upstream)
    upstream.on('data', (bytes) => {
      // BackendKeyData: its length, and the process, which is no larger than 22 bits.
      const at = bytes.indexOf(Buffer.from([0x4b, 0, 0, 0, 12, 0]))
      if (at >= 0) bytes.writeUInt8(0x7f, at + 5)
      client.write(bytes)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const through = new URL(url)
  through.port = String((server.address() as AddressInfo).port)
  return { url: through.href, beginnings }
}

async function countPrepared(pool: Pool): Promise<number> {
  const client = await toKyselyPool(pool).connect()
  for (let i = 0; i < 20; i += 1) await client.query('SELECT $1::int AS x', [i])
  const { rows } = await client.query<{ n: number }>(
    'SELECT count(*) AS n FROM pg_prepared_statements',
    [],
  )
  client.release()
  return Number(rows[0]?.n)
}

async function readLimits(pool: Pool): Promise<unknown> {
  const { rows } = await pool.query(
    `SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) AS set FROM pg_settings
     WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'enable_seqscan')`,
  )
  return rows[0]?.set
}

it('prepares statements at the server, and nothing where a pooler stands in between', async () => {
  const schema = await openTestSchema()
  const pooler = await startPooler(schema.url)
  const direct = openPostgresPool(schema.url)
  const pooled = openPostgresPool(pooler.url)
  expect(await countPrepared(direct)).toBe(1)
  expect(await countPrepared(pooled)).toBe(0)
  // Poolers refuse settings that they do not know, so what is set is set when the connection is there.
  expect(pooler.beginnings.join()).not.toContain('timeout')
  const limits =
    'enable_seqscan=off idle_in_transaction_session_timeout=10000 lock_timeout=10000 statement_timeout=20000'
  expect([await readLimits(direct), await readLimits(pooled)]).toEqual([limits, limits])
  await direct.end()
  await pooled.end()
  await schema.drop()
})
