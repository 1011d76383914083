// What the receiver costs beside little and beside much, in turns: events taken in, and lookups.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Client, Pool } from 'pg'
import type { ReceiverStore } from 'firma-receiver'
import { postgresStore } from 'firma-receiver/postgres'
import { openSqlite, sqliteStore } from 'firma-receiver/sqlite'
import { startPostgres } from '../scripts/postgres.ts'
import { checkpoint, readCounts } from './ingest/counts.ts'
import { fillPostgres, fillSqlite } from './ingest/fill.ts'
import { readPostgresUs } from './ingest/processor-time.ts'
import { receiveMixed, timeLookups } from './ingest/size.ts'
import { readFlags } from './flags.ts'
import { warmLog } from './warm-log.ts'

const HELP = `node --conditions=source --import tsx bench/receiver-filled.ts [options]

Tables are filled by SQL. In each round, events and lookups about a few connections in new tables, then about many in full ones. On PostgreSQL each turn
begins behind a checkpoint, and what the server did is counted: bytes of its log, pages copied into that whole, pages read from the system.

  --stores <list>  which (sqlite,postgres)
  --users <n>      connections of the full ones (1000000); of the others 20000
  --rows <n>       events in the full inbox, PostgreSQL only (5000000)
  --events <n>     events of each turn (15000)
  --rounds <n>     rounds (4)
  --help`

const values = readFlags(HELP, {
  stores: { type: 'string', default: 'sqlite,postgres' },
  users: { type: 'string', default: '1000000' },
  rows: { type: 'string', default: '5000000' },
  events: { type: 'string', default: '15000' },
  rounds: { type: 'string', default: '4' },
})
const FEW_USERS = 20_000
const ROUND_TRIPS = 5_000

interface Side {
  readonly name: string
  readonly users: number
  readonly store: ReceiverStore
  /** Of its database, on PostgreSQL. */
  readonly url?: string
}

interface Turn {
  /** Per event; empty on SQLite. */
  readonly ofServer: readonly string[]
  readonly perSecond: number
  readonly cpuUs: number
}

async function takeTurn({ users, store: kept, url }: Side): Promise<Turn> {
  const count = Number(values.events)
  if (url === undefined) {
    const taken = await receiveMixed(kept, { users, count })
    return { ...taken, ofServer: ['', '', '', ''] }
  }
  await checkpoint(url)
  const before = await readCounts(url)
  const startUs = await readPostgresUs(url)
  // Connections of its own: the server counts what one did when it ends.
  const store = postgresStore({ connectionString: url })
  const taken = await receiveMixed(store, { users, count })
  const us = (await readPostgresUs(url)) - startUs
  await store.close()
  const after = await readCounts(url)
  const perEvent = (name: keyof typeof after): string =>
    ((after[name] - before[name]) / count).toFixed(2)
  const logBytes = String(Math.round(Number(perEvent('logBytes'))))
  const counts = [logBytes, perEvent('wholePages'), perEvent('pagesRead')]
  return { ...taken, ofServer: [String(Math.round(us / count)), ...counts] }
}

async function compare(sides: readonly Side[]): Promise<void> {
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const side of sides) {
      const { perSecond, cpuUs, ofServer } = await takeTurn(side)
      const { p50Us, p99Us } = await timeLookups(side.store, side.users)
      const [pace, cpu, p50, p99] = [perSecond, cpuUs, p50Us, p99Us].map((n) =>
        String(Math.round(n)),
      )
      console.log(`| ${[round, side.name, pace, cpu, ...ofServer, p50, p99].join(' | ')} |`)
    }
  }
}

async function onSqlite(folder: string): Promise<void> {
  const open = async (name: string, users: number): Promise<Side> => {
    const handle = await openSqlite(path.join(folder, `${name}.db`))
    const store = sqliteStore({ handle })
    await fillSqlite(store, handle, users)
    return { name: `sqlite, ${name}`, users, store }
  }
  await compare([await open('little', FEW_USERS), await open('much', Number(values.users))])
}

/** Milliseconds that nothing but the way takes. */
async function timeRoundTrip(connectionString: string): Promise<number> {
  const pool = new Pool({ connectionString, pipeline: true })
  const times: number[] = []
  for (let i = 0; i < ROUND_TRIPS; i += 1) {
    const startMs = performance.now()
    const client = await pool.connect()
    await client.query({ name: 'one', text: 'SELECT 1' })
    client.release()
    times.push((performance.now() - startMs) * 1_000)
  }
  await pool.end()
  return times.sort((a, b) => a - b)[ROUND_TRIPS / 2] ?? Number.NaN
}

async function onPostgres(): Promise<void> {
  const server = await startPostgres({ isDurable: true })
  process.once('exit', () => server.stop())
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const open = async (name: string, size: { users: number; rows: number }): Promise<Side> => {
    const admin = new Client({ connectionString: server.url })
    await admin.connect()
    await admin.query(`CREATE DATABASE ${name}`)
    await admin.end()
    const url = new URL(server.url)
    url.pathname = `/${name}`
    const store = postgresStore({ connectionString: url.href })
    await fillPostgres(store, url.href, size)
    return { name: `postgres, ${name}`, users: size.users, store, url: url.href }
  }
  const sides = [
    await open('little', { users: FEW_USERS, rows: 0 }),
    await open('much', { users: Number(values.users), rows: Number(values.rows) }),
  ]
  await warmLog(server.url)
  await compare(sides)
  console.log(`SELECT 1 takes ${Math.round(await timeRoundTrip(server.url))} µs`)
  for (const { store } of sides) await store.close()
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'firma-bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const counted = ['of PostgreSQL', 'log bytes', 'whole pages', 'pages read']
  const head = ['round', 'tables', 'events/s', 'CPU µs/event', ...counted]
  console.log(`| ${[...head, 'resolve() p50 µs', 'p99 µs'].join(' | ')} |`)
  if (values.stores.includes('sqlite')) await onSqlite(folder)
  if (values.stores.includes('postgres')) await onPostgres()
}

await main()
