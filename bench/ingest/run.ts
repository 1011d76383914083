/** Starts servers and load for the bench, and measures one against the other. */
import { fork } from 'node:child_process'
import { rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mix } from './events.ts'
import type { LoadResult, LoadTask } from './load.ts'
import { readPostgresUs } from './processor-time.ts'
import type { Kind, ServerFigures } from './server.ts'

const folder = path.dirname(fileURLToPath(import.meta.url))
const LOAD_WORKERS = 2

/** One measurement. */
export interface Measured {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failed: number
  readonly rssMb: number
  /** Microseconds of processor time per event, of the server's process and of the whole PostgreSQL server; NaN without one. */
  readonly cpuUs: number
  readonly postgresUs: number
}

/** What to measure. */
export interface Measurement {
  readonly kind: Kind
  /** File or connection string of its database. */
  readonly target: string
  readonly seconds: number
  readonly connections: number
  readonly mix: Mix
  /** Requests per second; 0 for as many as are answered. */
  readonly ratePerSecond: number
}

/** Starts a server of this kind on an empty database, loads it, checks that it has what it confirmed, and ends it. */
export async function measure(measurement: Measurement): Promise<Measured> {
  const { kind, target, mix } = measurement
  const child = fork(path.join(folder, 'server.ts'), [kind, target, String(mix.knownUsers)], {
    stdio: 'inherit',
  })
  const ask = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      child.once('message', resolve)
      child.once('exit', () => reject(new Error(`the server ${kind} ended`)))
    })
  try {
    const { port } = await ask<{ port: number }>()
    const isOnPostgres = target.startsWith('postgres')
    const startUs = isOnPostgres ? await readPostgresUs(target) : Number.NaN
    const results = await Promise.all(
      Array.from({ length: LOAD_WORKERS }, () => load(port, measurement)),
    )
    const endUs = isOnPostgres ? await readPostgresUs(target) : Number.NaN
    const answer = ask<ServerFigures>()
    child.send('figures')
    const { rows, rssMb, cpuUs } = await answer
    const accepted = sum(results.map((result) => result.accepted))
    if (kind !== 'none' && rows !== accepted) {
      throw new Error(`${kind} confirmed ${accepted} events and has ${rows}`)
    }
    const perEvent = { cpuUs: cpuUs / accepted, postgresUs: (endUs - startUs) / accepted }
    return { ...summarise(results, measurement.seconds), rssMb, ...perEvent }
  } finally {
    child.removeAllListeners()
    child.kill('SIGTERM')
    await new Promise((resolve) => child.once('close', resolve))
    if (kind === 'sqlite') {
      for (const suffix of ['', '-wal', '-shm']) rmSync(target + suffix, { force: true })
    }
  }
}

function load(port: number, measurement: Measurement): Promise<LoadResult> {
  const { connections, seconds, mix, ratePerSecond } = measurement
  const task: LoadTask = {
    port,
    connections: connections / LOAD_WORKERS,
    seconds,
    warmUpSeconds: 2,
    mix,
    ratePerSecond: ratePerSecond / LOAD_WORKERS,
  }
  return new Promise((resolve, reject) => {
    const child = fork(path.join(folder, 'load.ts'), { serialization: 'advanced' })
    child.once('message', (result: LoadResult) => resolve(result))
    child.once('exit', () => reject(new Error('the load ended without a result')))
    child.send(task)
  })
}

function summarise(
  results: LoadResult[],
  seconds: number,
): Omit<Measured, 'rssMb' | 'cpuUs' | 'postgresUs'> {
  const length = sum(results.map(({ measured }) => measured))
  const latenciesUs = new Uint32Array(length)
  let offset = 0
  for (const result of results) {
    latenciesUs.set(result.latenciesUs, offset)
    offset += result.measured
  }
  latenciesUs.sort()
  const quantileMs = (q: number): number => (latenciesUs[Math.floor(length * q)] ?? 0) / 1_000
  const failed = sum(results.map((result) => result.failed))
  return {
    perSecond: length / seconds,
    p50Ms: quantileMs(0.5),
    p99Ms: quantileMs(0.99),
    failed,
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
