/**
 * Refreshes 10,000 tokens that are due, at a provider that takes 50 ms, and watches memory.
 *
 *   node --conditions=source --import tsx bench/refresh.ts [connections]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as passMs } from 'node:timers/promises'
import { openSqlite } from 'firma-receiver/sqlite'
import { openHub } from '../packages/hub/src/hub.ts'
import { createEnvironment, enableProvider } from '../packages/hub/src/operations/set-up.ts'
import { Redacted } from '../packages/hub/src/secret.ts'

const CONNECTIONS = Number(process.argv[2] ?? 10_000)
const PROVIDER_MS = 50
const DEV_ID = 'bench'

const server = createServer((request, response) => {
  request.resume()
  setTimeout(() => {
    answered += 1
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        access_token: `access-${answered}`,
        refresh_token: `refresh-${answered}`,
        token_type: 'bearer',
        expires_in: 86_400,
      }),
    )
  }, PROVIDER_MS)
})
let answered = 0
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo

const folder = await mkdtemp(path.join(tmpdir(), 'firma-bench-'))
const sqlite = await openSqlite(path.join(folder, 'hub.db'))
const hub = await openHub({
  baseUrl: 'http://127.0.0.1:1',
  sqlite,
  keys: { primaryId: 'bench', keys: new Map([['bench', new Uint8Array(32).fill(7)]]) },
  log: { info: () => undefined, warn: console.warn, error: console.error },
})
await createEnvironment(hub.deps, { id: DEV_ID, name: 'Bench' })
await enableProvider(hub.deps, {
  environmentId: DEV_ID,
  provider: 'OURA',
  clientId: 'client',
  clientSecret: 'secret',
  noticeKey: 'unused',
  originOverrides: { 'https://api.ouraring.com': `http://127.0.0.1:${port}` },
})
await addConnections()

const startMb = rssMb()
const startMs = performance.now()
const peaks = [startMb]
hub.start()
while (answered < CONNECTIONS) {
  await passMs(100)
  peaks.push(rssMb())
}
await hub.settle()
const seconds = (performance.now() - startMs) / 1_000
console.log(
  JSON.stringify({
    connections: CONNECTIONS,
    provider_ms: PROVIDER_MS,
    seconds: Number(seconds.toFixed(1)),
    per_second: Math.round(CONNECTIONS / seconds),
    rss_mb: { start: startMb, peak: Math.max(...peaks), end: rssMb() },
  }),
)
await hub.close()
await sqlite.close()
server.close()
server.closeAllConnections()
await rm(folder, { recursive: true })

async function addConnections(): Promise<void> {
  const nowMs = Date.now()
  await hub.deps.store.transaction(async (tx) => {
    for (let i = 0; i < CONNECTIONS; i += 1) {
      const lineageId = `lineage-${i}`
      await tx.connections.save(
        {
          lineageId,
          environmentId: DEV_ID,
          matchKey: lineageId,
          lastOrderingMs: 0,
          state: {
            status: 'active',
            user: {
              userId: `user-${i}`,
              referenceId: `person-${i}`,
              provider: 'OURA',
              scopes: ['personal'],
              createdAtMs: nowMs,
              lastWebhookUpdateMs: null,
            },
            providerAccountId: `account-${i}`,
            tokenVersion: 1,
            degradedAtMs: null,
            degradedBy: null,
            errorAnnouncedAtMs: null,
          },
        },
        nowMs,
      )
      const tokenSet = {
        accessToken: `old-access-${i}`,
        refreshToken: `old-refresh-${i}`,
        tokenType: 'bearer',
        obtainedAtMs: nowMs - 86_400_000,
        expiresAtMs: nowMs + 60_000,
      }
      const times = {
        obtainedAtMs: tokenSet.obtainedAtMs,
        expiresAtMs: tokenSet.expiresAtMs,
        refreshExpiresAtMs: null,
      }
      const of = { environmentId: DEV_ID, lineageId, provider: 'OURA', version: 1 }
      const json = new Redacted(JSON.stringify(tokenSet))
      await tx.tokenSets.save(of, { json, times, refreshAtMs: nowMs }, nowMs)
    }
  })
}

function rssMb(): number {
  return Math.round(process.memoryUsage().rss / 1_048_576)
}
