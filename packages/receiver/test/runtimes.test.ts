// Wherever the Fetch standard is spoken, with real servers: events that come twice and in any order end in the same map, a forgery does not
// get in, and what was answered with 200 is there after the process was killed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createReceiver } from '../src/receiver.ts'
import { memoryStore } from '../src/stores/memory.ts'
import {
  auth,
  duplicate,
  shuffle,
  signedRequest,
  stories,
  type SignedRequest,
} from '../src/testing.ts'
import { openTestDatabase, type TestDatabase } from './postgres.ts'
import { RuntimeApp, type AppEnvironment, type RunningServer } from './runtime-servers.ts'

const SECRET = 'test-secret'
const INSTALL_TIMEOUT_MS = 20 * 60_000
const TIMEOUT_MS = 15 * 60_000
const CASES = [
  ['hono', 'memory'],
  ['hono', 'sqlite'],
  ['bun', 'memory'],
  ['bun', 'sqlite'],
  ['bun', 'postgres'],
  ['deno', 'memory'],
  ['deno', 'sqlite'],
  ['deno', 'postgres'],
  ['workerd', 'memory'],
  ['workerd', 'postgres'],
  ['next', 'sqlite'],
  ['next', 'postgres'],
] as const

let app: RuntimeApp
let database: TestDatabase
beforeAll(async () => {
  app = new RuntimeApp()
  database = await openTestDatabase()
}, INSTALL_TIMEOUT_MS)
afterAll(async () => {
  app?.close()
  await database?.close()
})

async function send(url: string, { body, headers }: SignedRequest): Promise<string> {
  const response = await fetch(url, { method: 'POST', body: body.slice(), headers })
  return `${response.status} ${await response.text()}`
}

/** What a receiver in this process says after the same events. */
async function expected(story: readonly SignedRequest[], userIds: string[]): Promise<unknown[]> {
  const receiver = createReceiver({ secrets: [SECRET], store: memoryStore() })
  for (const { body, headers } of story) await receiver.receive({ body, headers })
  return Promise.all(
    userIds.map(async (userId) => JSON.parse(JSON.stringify(await receiver.resolve(userId)))),
  )
}

async function ask(url: string, userIds: string[]): Promise<unknown[]> {
  return Promise.all(
    userIds.map(async (userId) => (await fetch(`${url}?user_id=${userId}`)).json()),
  )
}

function toEnvironment(runtime: string, store: AppEnvironment['STORE']): AppEnvironment {
  return { STORE: store, DATABASE_URL: database.url, TABLE_PREFIX: `${runtime}_` }
}

function toPaths(runtime: string): { webhook: string; whose: string } {
  if (runtime === 'next') return { webhook: '/api/terra', whose: '/api/whose' }
  return { webhook: '/terra', whose: '/whose' }
}

/** Two reconnections, twice and in any order, and a request that somebody changed. */
async function checkMap(
  { url }: RunningServer,
  { webhook, whose }: { webhook: string; whose: string },
  referenceId: string,
): Promise<void> {
  const userIds = ['a', 'b', 'c'].map((name) => `${referenceId}-${name}`)
  const [userId = '', secondUserId = '', thirdUserId = ''] = userIds
  const people = { userId, secondUserId, thirdUserId, referenceId, provider: 'GARMIN' }
  const story = await stories.reconnectTwice({ ...people, secret: SECRET })
  for (const each of shuffle(duplicate(story, 7), 7)) {
    expect(await send(url + webhook, each)).toMatch(/^200 \{"status":"(?:accepted|duplicate)"\}$/)
  }
  const forged = await signedRequest(auth({ userId: 'mallory' }), { secret: 'another' })
  expect(await send(url + webhook, forged)).toMatch(/^401 .*signature_mismatch/)
  const answers = await ask(url + whose, [...userIds, 'mallory'])
  expect(answers).toEqual([...(await expected(story, userIds)), null])
}

describe('the packed receiver', () => {
  let isBuilt = false

  it.each(CASES)(
    'is right on %s with %s',
    async (runtime, store) => {
      const environment = toEnvironment(runtime, store)
      if (runtime === 'next' && !isBuilt) app.buildNext(environment)
      isBuilt ||= runtime === 'next'
      const paths = toPaths(runtime)
      const person = `${runtime}-${store}`
      const first = await app.start(runtime, environment)
      try {
        await checkMap(first, paths, person)
        // Nothing is shared with the other route, which runs on the edge.
        if (runtime === 'next') {
          await checkMap(first, { webhook: '/api/edge', whose: '/api/edge' }, person)
        }
      } finally {
        await first.kill()
      }
      if (store === 'memory') return
      const second = await app.start(runtime, environment)
      try {
        const [connection] = await ask(second.url + paths.whose, [`${person}-a`])
        expect(connection).toMatchObject({ userId: `${person}-c`, referenceId: person })
      } finally {
        await second.kill()
      }
    },
    TIMEOUT_MS,
  )
})
