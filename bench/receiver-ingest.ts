// How many events the receiver takes in, against the same server without storage and against a handler as people write it.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import { postgresStore } from 'firma-receiver/postgres'
import { sqliteStore } from 'firma-receiver/sqlite'
import { startPostgres, type TestPostgres } from '../scripts/postgres.ts'
import { measure, type Measured } from './ingest/run.ts'
import { grow, timeLookups } from './ingest/size.ts'
import { KINDS, type Kind } from './ingest/server.ts'
import { readFlags } from './flags.ts'
import { warmLog } from './warm-log.ts'

const HELP = `node --conditions=source --import tsx bench/receiver-ingest.ts [options]

Signed events of 1 KB under random trace ids, over loopback HTTP, durable before the answer. Servers take turns in rounds;
ratios are made within a round. Then latencies at half the load that a store took. PostgreSQL is a throwaway server with fsync on, whose
write-ahead log has its files ahead of time.

  --rounds <n>       rounds (3)
  --seconds <n>      measured seconds of each turn, after 2 s of warming up (5)
  --connections <n>  keep-alive connections (64)
  --users <n>        connections that events are about (20000)
  --unknown          nobody has heard of them, so data of most is parked; otherwise they are known
  --state <share>    part of state events, the others are data (0.2)
  --rows <n>         instead: grow the inbox to so many rows without HTTP, and time lookups among --users connections
  --segment <n>      rows of each part of that (500000)
  --stores <list>    which stores to grow (sqlite,postgres)
  --servers <list>   which servers to compare (none,sqlite,postgres,express-pg)
  --help`

const values = readFlags(HELP, {
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '5' },
  connections: { type: 'string', default: '64' },
  users: { type: 'string', default: '20000' },
  unknown: { type: 'boolean', default: false },
  state: { type: 'string', default: '0.2' },
  rows: { type: 'string' },
  segment: { type: 'string', default: '500000' },
  stores: { type: 'string', default: 'sqlite,postgres' },
  servers: { type: 'string', default: KINDS.join(',') },
})

const folder = mkdtempSync(path.join(tmpdir(), 'firma-bench-'))
const users = Number(values.users)
const mix = {
  users,
  knownUsers: values.unknown ? 0 : users,
  stateShare: Number(values.state),
}
let databases = 0

/** A database that nothing has been written to. */
async function freshTarget(kind: Kind, server: TestPostgres): Promise<string> {
  databases += 1
  if (kind === 'none' || kind === 'sqlite') return path.join(folder, `${databases}.db`)
  const admin = new Client({ connectionString: server.url })
  await admin.connect()
  await admin.query(`CREATE DATABASE bench_${databases}`)
  await admin.end()
  const url = new URL(server.url)
  url.pathname = `/bench_${databases}`
  return url.href
}

function middle(numbers: number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

const whole = (n: number): string => Math.round(n).toLocaleString('en-GB')

function printRow(cells: readonly string[]): void {
  console.log(`| ${cells.join(' | ')} |`)
}

function printHead(cells: readonly string[]): void {
  printRow(cells)
  printRow(cells.map(() => '---'))
}

const RATIOS = [
  ['sqlite', 'none'],
  ['postgres', 'none'],
  ['postgres', 'express-pg'],
] as const

/** Whose half load is put on whom: each store, and what it is compared with. */
const HALF_LOADS = [
  { of: 'sqlite', beside: 'none' },
  { of: 'postgres', beside: 'express-pg' },
] as const

async function compare(server: TestPostgres): Promise<void> {
  const turn = async (kind: Kind, ratePerSecond: number): Promise<Measured> =>
    measure({
      kind,
      target: await freshTarget(kind, server),
      seconds: Number(values.seconds),
      connections: Number(values.connections),
      mix,
      ratePerSecond,
    })
  const servers = values.servers.split(',')
  const kinds = KINDS.filter((kind) => servers.includes(kind))
  const rounds: Partial<Record<Kind, Measured>>[] = []
  const cpu = ['CPU µs/event', 'of PostgreSQL']
  printHead(['round', 'server', 'events/s', 'p50 ms', 'p99 ms', ...cpu, 'RSS MB', 'failed'])
  const print = (name: string, kind: Kind, m: Measured): void =>
    printRow([
      name,
      kind,
      whole(m.perSecond),
      m.p50Ms.toFixed(1),
      m.p99Ms.toFixed(1),
      whole(m.cpuUs),
      Number.isNaN(m.postgresUs) ? '' : whole(m.postgresUs),
      whole(m.rssMb),
      whole(m.failed),
    ])
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const of: Partial<Record<Kind, Measured>> = {}
    for (const kind of kinds) {
      const measured = await turn(kind, 0)
      of[kind] = measured
      print(String(round), kind, measured)
    }
    rounds.push(of)
  }
  const paces = (kind: Kind): number[] => rounds.map((of) => of[kind]?.perSecond ?? Number.NaN)
  await warmLog(server.url)
  for (const { of, beside } of HALF_LOADS) {
    if (!kinds.includes(of)) continue
    for (const kind of [of, beside]) {
      if (!kinds.includes(kind)) continue
      print(`half load of ${of}`, kind, await turn(kind, middle(paces(of)) / 2))
    }
  }
  console.log('')
  for (const [a, b] of RATIOS) {
    if (!kinds.includes(a) || !kinds.includes(b)) continue
    const [over, under] = [paces(a), paces(b)]
    const ratios = over.map((pace, i) => (pace / (under[i] ?? Number.NaN)).toFixed(2))
    console.log(`${a} / ${b}: ${ratios.join(', ')}`)
  }
}

async function growAll(server: TestPostgres, rows: number): Promise<void> {
  const segment = Number(values.segment)
  for (const kind of ['sqlite', 'postgres'] as const) {
    if (!values.stores.split(',').includes(kind)) continue
    const target = await freshTarget(kind, server)
    const store =
      kind === 'sqlite'
        ? sqliteStore({ path: target })
        : postgresStore({ connectionString: target })
    printHead([`${kind}: rows`, 'events/s', 'CPU µs/event', 'KiB written/event'])
    for await (const each of grow(store, { users: mix.users, rows, segment })) {
      printRow([
        whole(each.rows),
        whole(each.perSecond),
        whole(each.cpuUs),
        each.writtenKib.toFixed(1),
      ])
    }
    const { p50Us, p99Us } = await timeLookups(store, mix.users)
    const rss = whole(process.memoryUsage.rss() / 1e6)
    console.log(
      `\nresolve() among ${whole(mix.users)} connections: p50 ${whole(p50Us)} µs, p99 ${whole(p99Us)} µs; RSS ${rss} MB\n`,
    )
    await store.close()
  }
}

async function main(): Promise<void> {
  const server = await startPostgres({ isDurable: true })
  process.once('exit', () => server.stop())
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`
  console.log(`Node ${process.versions.node}, ${server.version}`)
  console.log(
    `${availableParallelism()} × ${cpu?.model.trim()}, ${memory}, ${new Date().toISOString().slice(0, 10)}`,
  )
  console.log(
    `${whole(mix.users)} ${values.unknown ? 'unknown' : 'known'} connections, ${mix.stateShare * 100} % state events\n`,
  )
  await warmLog(server.url)
  if (values.rows === undefined) await compare(server)
  else await growAll(server, Number(values.rows))
}

process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
await main()
