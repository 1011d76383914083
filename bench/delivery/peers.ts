/** Job queues that do the hub's work: what each needs to make an event durable and to post it. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ATTEMPT_TIMEOUT_MS } from '../../packages/hub/src/core/delivery.ts'
import { createSender } from '../../packages/hub/src/delivery/send.ts'
import { createUrlGuard } from '../../packages/hub/src/delivery/url-guard.ts'
import { toEventHeaders } from '../../packages/hub/src/event-headers.ts'
import { installPeer } from '../peer-packages.ts'
import { type Emit, startServer } from './world.ts'

/** What is installed for each: the package first, then what it wants beside it. */
const PACKAGES = {
  'pg-boss': ['pg-boss@10.4.2'],
  'graphile-worker': ['graphile-worker@0.17.3'],
  bullmq: ['bullmq@6.7.0', 'ioredis@5.9.2'],
} as const
/** Connections to PostgreSQL; Firma has as many. */
const CONNECTIONS_MAX = 10
/** Posts that each side has under way at once. */
export const CONCURRENCY = 100
/** pg-boss takes jobs in batches: so many loops with so many jobs each are {@link CONCURRENCY}. */
const LOOPS = 4
/** How long a loop of pg-boss waits when there was nothing; its own worker waits for half a second at least. */
const EMPTY_PAUSE_MS = 2
/**
 * What graphile-worker's documentation recommends for many jobs (worker.graphile.org/docs/performance, "Batching"): it
 * sends more, and later.
 */
const GRAPHILE_BATCHING = {
  localQueue: { size: CONCURRENCY + 1 },
  completeJobBatchDelay: 25,
  failJobBatchDelay: 25,
}
const QUEUE = 'deliver'

/** A queue. */
export interface Peer {
  readonly emitOne: Emit
  /** Begins to send. */
  start(): Promise<void> | void
  /** Finishes what is under way, and sends nothing more. */
  stop(): Promise<void>
  close(): Promise<void>
}

interface Job {
  readonly id: string
  readonly body: string
}

type Post = (job: Job) => Promise<void>

/** What is owed: about 1 KB, as Firma's events. */
function toJob(i: number): Job {
  const body = JSON.stringify({
    type: 'daily',
    user: { user_id: `user-${i}` },
    note: 'x'.repeat(950),
  })
  return { id: randomUUID(), body }
}

/** Signs and posts as the hub does. */
function createPost(url: string): { post: Post; close(): Promise<void> } {
  const sender = createSender(createUrlGuard(['127.0.0.0/8']))
  return {
    async post({ id, body }) {
      const nowMs = Date.now()
      const event = { id, body, orderingMs: nowMs }
      const headers = await toEventHeaders(event, ['whsec_c2VjcmV0IG9mIHRoZSBiZW5jaA=='], nowMs)
      const result = await sender.send({ url, headers, body, timeoutMs: ATTEMPT_TIMEOUT_MS })
      if (result.type === 'unanswered') throw new Error(`the sink was not reached: ${result.error}`)
    },
    close: async () => await sender.close(),
  }
}

/** Loads one, which is installed at its first use. */
function load(name: keyof typeof PACKAGES): unknown {
  return installPeer(PACKAGES[name])(name)
}

interface PgBoss {
  start(): Promise<unknown>
  createQueue(name: string): Promise<void>
  send(name: string, data: Job): Promise<string | null>
  fetch(name: string, options: { batchSize: number }): Promise<{ id: string; data: Job }[]>
  complete(name: string, ids: string[]): Promise<unknown>
  on(event: 'error', listener: (error: unknown) => void): void
  stop(options: { graceful: boolean; wait: boolean }): Promise<void>
}

async function openPgBoss(url: string): Promise<Peer> {
  const Boss = load('pg-boss') as new (options: object) => PgBoss
  const postgres = await startServer()
  const { post, close } = createPost(url)
  const boss = new Boss({ connectionString: postgres.url, max: CONNECTIONS_MAX })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  await boss.createQueue(QUEUE)
  let over = new AbortController()
  let loops: Promise<void>[] = []
  const work = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const jobs = await boss.fetch(QUEUE, { batchSize: CONCURRENCY / LOOPS })
      await Promise.all(jobs.map(async ({ data }) => await post(data)))
      const ids = jobs.map(({ id }) => id)
      if (ids.length > 0) await boss.complete(QUEUE, ids)
      else await new Promise((resolve) => setTimeout(resolve, EMPTY_PAUSE_MS))
    }
  }
  return {
    async emitOne(i) {
      const job = toJob(i)
      await boss.send(QUEUE, job)
      return job.id
    },
    start: () => {
      over = new AbortController()
      loops = Array.from({ length: LOOPS }, async () => await work(over.signal))
    },
    stop: async () => {
      over.abort()
      await Promise.all(loops)
    },
    close: async () => {
      over.abort()
      await Promise.all(loops)
      await boss.stop({ graceful: false, wait: true })
      await close()
      postgres.stop()
    },
  }
}

interface Graphile {
  Logger: new (factory: () => () => void) => unknown
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>
    addJob(name: string, payload: Job): Promise<unknown>
    release(): Promise<void>
  }>
  run(options: object): Promise<{ stop(): Promise<void> }>
}

async function openGraphile(url: string, worker: object = {}): Promise<Peer> {
  const { Logger, makeWorkerUtils, run } = load('graphile-worker') as Graphile
  const postgres = await startServer()
  const { post, close } = createPost(url)
  const logger = new Logger(() => () => undefined)
  const shared = { connectionString: postgres.url, maxPoolSize: CONNECTIONS_MAX, logger }
  const utils = await makeWorkerUtils(shared)
  await utils.migrate()
  let runner: { stop(): Promise<void> } | undefined
  return {
    async emitOne(i) {
      const job = toJob(i)
      await utils.addJob(QUEUE, job)
      return job.id
    },
    start: async () => {
      const concurrency = CONCURRENCY
      const taskList = { [QUEUE]: post }
      const preset = { worker }
      runner = await run({ ...shared, preset, concurrency, noHandleSignals: true, taskList })
    },
    stop: async () => {
      await runner?.stop()
      runner = undefined
    },
    close: async () => {
      await runner?.stop()
      await utils.release()
      await close()
      postgres.stop()
    },
  }
}

interface Bull {
  Queue: new (
    name: string,
    options: object,
  ) => {
    add(name: string, data: Job, options: object): Promise<unknown>
    on(event: 'error', listener: (error: unknown) => void): void
    waitUntilReady(): Promise<unknown>
    close(): Promise<void>
  }
  Worker: new (
    name: string,
    run: (job: { data: Job }) => Promise<void>,
    options: object,
  ) => { close(): Promise<void> }
}

/** A Redis whose every write is on the disk before it is confirmed. */
async function startRedis(): Promise<{ port: number; stop(): void }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'firma-bench-redis-'))
  const port = await findFreePort()
  const where = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
  const how = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']
  const server = spawn('redis-server', [...where, ...how], { stdio: 'ignore' })
  // Also when something else ends this process.
  process.once('exit', () => server.kill())
  await new Promise<void>((resolve, reject) => {
    server.once('spawn', resolve)
    server.once('error', (cause) =>
      reject(new Error('no redis-server found; install it, or leave out bullmq', { cause })),
    )
  })
  return {
    port,
    stop: () => {
      server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function openBull(url: string): Promise<Peer> {
  const { Queue, Worker } = load('bullmq') as Bull
  const redis = await startRedis()
  const { post, close } = createPost(url)
  const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null }
  const queue = new Queue(QUEUE, { connection })
  await queue.waitUntilReady()
  let worker: { close(): Promise<void> } | undefined
  return {
    async emitOne(i) {
      const job = toJob(i)
      await queue.add(QUEUE, job, { removeOnComplete: true, attempts: 10 })
      return job.id
    },
    start: () => {
      const run = async ({ data }: { data: Job }): Promise<void> => await post(data)
      worker = new Worker(QUEUE, run, { connection, concurrency: CONCURRENCY })
    },
    stop: async () => {
      await worker?.close()
      worker = undefined
    },
    close: async () => {
      // Its server is about to end, and some connection may notice.
      queue.on('error', () => undefined)
      await worker?.close()
      await queue.close()
      await close()
      redis.stop()
    },
  }
}

/** How each is opened, given the sink's URL. */
export const PEERS: Readonly<Record<string, (url: string) => Promise<Peer>>> = {
  'pg-boss': openPgBoss,
  'graphile-worker': async (url) => await openGraphile(url),
  'graphile-batching': async (url) => await openGraphile(url, GRAPHILE_BATCHING),
  bullmq: openBull,
}
