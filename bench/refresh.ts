import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as passMs } from 'node:timers/promises'
import { openSqlite } from 'firma-receiver/sqlite'
import { type Hub, openHub } from '../packages/hub/src/hub.ts'
import { createEnvironment, enableProvider } from '../packages/hub/src/operations/set-up.ts'
import { Redacted } from '../packages/hub/src/secret.ts'
import { readCount, readFlags } from './flags.ts'

const HELP = `node --expose-gc --conditions=source --import tsx bench/refresh.ts [options]

A refresh sweep: every token is due at once, at a provider that takes 50 ms and rotates refresh tokens. Each refresh is claimed, marked
as sent, sent, and stored in a transaction, durably (synchronous=FULL, fsync). Memory is that of the hub's process; the provider is another one.

  --connections <n>   tokens (10000)
  --postgres <url>    a database of yours instead of a SQLite file
  --help`

const flags = readFlags(HELP, {
  connections: { type: 'string', default: '10000' },
  postgres: { type: 'string' },
})

const CONNECTIONS = readCount('connections', flags.connections)
const POSTGRES_URL = flags.postgres
const PROVIDER_MS = 50
const DEV_ID = `bench-${process.pid}`
const DAY_MS = 86_400_000
/** Between two looks at memory and progress. */
const LOOK_MS = 250

const provider = fork(new URL('./refresh/provider.ts', import.meta.url), [String(PROVIDER_MS)])
const [port] = (await once(provider, 'message')) as [number]
const folder = await mkdtemp(path.join(tmpdir(), 'firma-bench-'))
const sqlite = await openSqlite(path.join(folder, 'hub.db'))
const hub = await openHub({
  baseUrl: 'http://127.0.0.1:1',
  ...(POSTGRES_URL === undefined ? { sqlite } : { postgresUrl: POSTGRES_URL }),
  allowedRanges: ['127.0.0.0/8'],
  keys: { primaryId: 'bench', keys: new Map([['bench', new Uint8Array(32).fill(7)]]) },
  log: { info: () => undefined, warn: console.warn, error: console.error },
})
try {
  await setUp(hub)
  const loadBefore = loadavg()[0] ?? 0
  globalThis.gc?.()
  const heapMb = [heap()]
  const samples: { readonly done: number; readonly rssMb: number }[] = [{ done: 0, rssMb: rss() }]
  const startMs = performance.now()
  const startCpu = process.cpuUsage()
  hub.start()
  for (let done = 0; done < CONNECTIONS;) {
    await passMs(LOOK_MS)
    done = await countRefreshed(hub)
    samples.push({ done, rssMb: rss() })
  }
  const seconds = (performance.now() - startMs) / 1_000
  const { user, system } = process.cpuUsage(startCpu)
  await hub.settle()
  globalThis.gc?.()
  heapMb.push(heap())
  console.log(
    JSON.stringify({
      engine: POSTGRES_URL === undefined ? 'sqlite' : 'postgres',
      connections: CONNECTIONS,
      provider_ms: PROVIDER_MS,
      seconds: Number(seconds.toFixed(1)),
      per_second: Math.round(CONNECTIONS / seconds),
      cpu_us_each: Math.round((user + system) / CONNECTIONS),
      rss_mb: [0, 0.1, 0.25, 0.5, 0.75, 1].map((share) => rssAt(samples, share * CONNECTIONS)),
      heap_mb_after_gc: heapMb,
      load: [loadBefore, loadavg()[0]],
    }),
  )
} finally {
  await hub.close()
  await sqlite.close()
  provider.disconnect()
  await rm(folder, { recursive: true })
}

async function countRefreshed({ deps }: Hub): Promise<number> {
  // What is still due, by the index that the worker uses.
  const due = await deps.store.tokenSets.countDue(Date.now() + DAY_MS / 2)
  return CONNECTIONS - due
}

function rssAt(samples: readonly { done: number; rssMb: number }[], done: number): number {
  return samples.find((sample) => sample.done >= done)?.rssMb ?? 0
}

function rss(): number {
  return Math.round(process.memoryUsage().rss / 1_048_576)
}

function heap(): number {
  return Math.round(process.memoryUsage().heapUsed / 1_048_576)
}

async function setUp({ deps }: Hub): Promise<void> {
  await createEnvironment(deps, { id: DEV_ID, name: 'Bench' })
  await enableProvider(deps, {
    environmentId: DEV_ID,
    provider: 'OURA',
    clientId: 'client',
    clientSecret: 'secret',
    noticeKey: 'unused',
    originOverrides: { 'https://api.ouraring.com': `http://127.0.0.1:${port}` },
  })
  const nowMs = Date.now()
  await deps.store.transaction(async (tx) => {
    for (let i = 0; i < CONNECTIONS; i += 1) await addConnection(tx, i, nowMs)
  })
}

async function addConnection(
  tx: Pick<Hub['deps']['store'], 'connections' | 'tokenSets'>,
  i: number,
  nowMs: number,
): Promise<void> {
  const lineageId = `${DEV_ID}-lineage-${i}`
  const user = {
    userId: `${DEV_ID}-user-${i}`,
    referenceId: `person-${i}`,
    provider: 'OURA',
    scopes: ['personal'],
    createdAtMs: nowMs,
    lastWebhookUpdateMs: null,
  }
  const state = {
    status: 'active' as const,
    user,
    providerAccountId: `account-${i}`,
    tokenVersion: 1,
    degradedAtMs: null,
    degradedBy: null,
    errorAnnouncedAtMs: null,
  }
  const known = { lineageId, environmentId: DEV_ID, matchKey: lineageId }
  const connection = { ...known, lastOrderingMs: 0, accountLabel: null }
  await tx.connections.save({ ...connection, state }, nowMs)
  const tokenSet = {
    accessToken: `old-access-${i}`,
    refreshToken: `old-refresh-${i}`,
    tokenType: 'bearer',
    obtainedAtMs: nowMs - DAY_MS,
    expiresAtMs: nowMs + 60_000,
  }
  const { obtainedAtMs, expiresAtMs } = tokenSet
  const times = { obtainedAtMs, expiresAtMs, refreshExpiresAtMs: null }
  const of = { environmentId: DEV_ID, lineageId, provider: 'OURA', version: 1 }
  const json = new Redacted(JSON.stringify(tokenSet))
  await tx.tokenSets.save(of, { json, times, refreshAtMs: nowMs }, nowMs)
}
