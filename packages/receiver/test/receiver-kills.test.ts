// The promise of the map over PostgreSQL, with what really happens to processes and connections: they are killed, at any moment, and the sender
// repeats what was not answered. RECEIVER_KILL_RUNS raises the number of histories.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as fc from 'fast-check'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgresStore } from '../src/stores/postgres.ts'
import { arbitraryArrival, ask, expected, signDelivery } from './arrivals.ts'
import type { TestDelivery } from './histories.ts'
import { open } from './open-receiver.ts'
import { openTestDatabase, type TestDatabase } from './postgres.ts'
import type { Sent } from './send.ts'

const RUNS = Number(process.env['RECEIVER_KILL_RUNS'] ?? 8)
const TIMEOUT_MS = 600_000 + RUNS * 10_000
/** Deliveries of one event, until somebody answers 200. */
const SENDS_MAX = 50
const PROGRAM = fileURLToPath(new URL('./receiver-process.ts', import.meta.url))

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(async () => {
  await database.close()
})

const arbitraryKills = fc.record({
  arrival: arbitraryArrival,
  /** How many answers of each batch come before the kill. */
  answers: fc.array(fc.nat(4), { minLength: 7, maxLength: 7 }),
})

interface Victim {
  child: ChildProcess
  url: string
}

async function startVictim(): Promise<Victim> {
  const args = ['--conditions=source', '--import', 'tsx', PROGRAM, database.url]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  if (child.stdout === null) throw new TypeError('the process has an output')
  const hasEnded = once(child, 'exit').then(([code]) => {
    throw new Error(`a receiver ended with ${String(code)} before it listened`)
  })
  // It is killed later on.
  hasEnded.catch(() => undefined)
  const [said]: unknown[] = await Promise.race([once(child.stdout, 'data'), hasEnded])
  return { child, url: `http://127.0.0.1:${String(said).trim()}` }
}

/** Started ahead; whoever asks for it is told when it could not be. */
function prepareVictim(): Promise<Victim> {
  const victim = startVictim()
  victim.catch(() => undefined)
  return victim
}

describe('a receiver over PostgreSQL', () => {
  it(
    'answers the same although its processes are killed in the middle of batches',
    async () => {
      let victim = await startVictim()
      let next = prepareVictim()
      let kills = 0
      let histories = 0
      const kill = async (): Promise<void> => {
        kills += 1
        victim.child.kill('SIGKILL')
        victim = await next
        next = prepareVictim()
      }
      const run = async ({ arrival, answers }: Kills): Promise<void> => {
        histories += 1
        const tablePrefix = `kill${histories}_`
        for (const [i, { deliveries, accident }] of arrival.batches.entries()) {
          const isKilled = accident !== 'none'
          let left = isKilled ? (answers[i] ?? 0) : Infinity
          let killed: Promise<void> | undefined
          const answered = (): void => {
            left -= 1
            if (left <= 0) killed ??= kill()
          }
          if (left === 0) answered()
          const post = async ({ body, headers }: Sent): Promise<boolean> => {
            try {
              const options = { method: 'POST', body: body.slice(), headers }
              const { status } = await fetch(`${victim.url}/${tablePrefix}`, options)
              return status === 200
            } catch {
              // Killed. The next one is asked when it is there.
              await killed
              return false
            }
          }
          await Promise.all(deliveries.map((each) => deliverUntilTaken(each, post, answered)))
          await killed
        }
        const receiver = open(postgresStore({ pool: database.pool, tablePrefix }))
        expect(await ask(receiver)).toEqual(await expected(arrival.history))
      }
      try {
        await fc.assert(fc.asyncProperty(arbitraryKills, run), {
          numRuns: RUNS,
          endOnFailure: true,
        })
        expect(kills).toBeGreaterThan(0)
      } finally {
        victim.child.kill('SIGKILL')
        ;(await next).child.kill('SIGKILL')
      }
    },
    TIMEOUT_MS,
  )

  it(
    'answers the same although its connections are cut, and loses no event that it has answered',
    async () => {
      let histories = 0
      let cuts = 0
      const run = async ({ arrival }: Kills): Promise<void> => {
        histories += 1
        const name = `cut${histories}`
        const url = new URL(database.url)
        url.searchParams.set('application_name', name)
        const pool = new Pool({ connectionString: url.href, max: 4, pipeline: histories % 2 === 0 })
        pool.on('error', () => undefined)
        const receiver = open(postgresStore({ pool, tablePrefix: `${name}_` }))
        const cut = async (): Promise<void> => {
          const { rows } = await database.pool.query(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
            [name],
          )
          cuts += rows.length
        }
        const post = async (sent: Sent): Promise<boolean> => {
          try {
            await receiver.receive(sent)
            return true
          } catch {
            // The connection was cut under it. The sender is answered 503, and repeats.
            return false
          }
        }
        for (const { deliveries, accident } of arrival.batches) {
          const taken = deliveries.map((each) => deliverUntilTaken(each, post))
          await Promise.all([...taken, ...(accident === 'none' ? [] : [cut()])])
        }
        await pool.end()
        const other = open(postgresStore({ pool: database.pool, tablePrefix: `${name}_` }))
        expect(await ask(other)).toEqual(await expected(arrival.history))
      }
      await fc.assert(fc.asyncProperty(arbitraryKills, run), {
        numRuns: RUNS * 2,
        endOnFailure: true,
      })
      expect(cuts).toBeGreaterThan(0)
    },
    TIMEOUT_MS,
  )
})

type Kills = typeof arbitraryKills extends fc.Arbitrary<infer T> ? T : never

/** What a sender does: repeats until it is answered 200. */
async function deliverUntilTaken(
  delivery: TestDelivery,
  post: (sent: Sent) => Promise<boolean>,
  onAnswer: () => void = () => undefined,
): Promise<void> {
  const sent = await signDelivery(delivery)
  for (let sends = 1; sends <= SENDS_MAX; sends += 1) {
    if (await post(sent)) return onAnswer()
  }
  throw new Error(`no answer to ${SENDS_MAX} deliveries`)
}
