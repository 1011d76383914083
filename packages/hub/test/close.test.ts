/** A hub that is closed while somebody waits for its answer. */
import { openSqlite } from 'firma-receiver/sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { FirmaError } from '../src/errors.ts'
import { createPerson } from '../src/simulator/person.ts'
import { CLOSE_MS_MAX, SENT_MS_MAX } from '../src/shutdown.ts'
import { TEST_KEYS } from './faults/settings.ts'
import { type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept, isRefresh, patiently } from './support/intercept.ts'
import { openWatchedHub } from './support/watched-hub.ts'

function signal(): [Promise<void>, () => void] {
  let give = (): void => {}
  const given = new Promise<void>((resolve) => {
    give = resolve
  })
  return [given, () => give()]
}

it('answers and stores what is under way, and takes nothing new', async () => {
  const [asked, isAsked] = signal()
  const [released, release] = signal()
  const hub = await createTestHub({
    fetch: async (input, init) => {
      isAsked()
      await released
      return await patiently(input, init)
    },
  })
  const person = createPerson({ login: 'tony' })
  const link = await hub.createLink()
  const callback = await person.authorize(await hub.choose(person, link, 'FITBIT'))
  const arriving = person.request(callback)
  await asked
  // The code is spent from here on: what it gives must not be lost.
  const closing = hub.hub.close()
  const late = await fetch(`${hub.url}/readyz`)
  expect(late.status).toBe(503)
  expect(late.headers.get('retry-after')).toBe('1')
  release()
  const arrival = await arriving
  expect(arrival.headers.get('location')).toMatch(/^https:\/\/app\.example\/connected/)
  await closing
  expect(await hub.rows('SELECT lineage_id FROM token_set')).toHaveLength(1)
})

/** A hub that has sent a refresh, whose answer is kept back until it is released. */
async function refreshAndClose(): Promise<{
  hub: TestHub
  release(): void
  closing: Promise<void>
}> {
  const [sent, isSent] = signal()
  const [released, release] = signal()
  const hub = await createTestHub({
    fetch: async (input, init) => {
      const response = await patiently(input, init)
      if (isRefresh(init)) {
        isSent()
        await released
      }
      return response
    },
  })
  await hub.connect('FITBIT')
  hub.clock.moveTo(hub.clock.nowMs() + 8 * 3_600_000)
  await sent
  const closing = hub.hub.close()
  hub.clock.moveTo(hub.clock.nowMs() + CLOSE_MS_MAX)
  const message = 'the hub ends when providers have answered the refreshes that were sent'
  const isWaiting = (): boolean => {
    // What was cut off has a moment of its own to end.
    hub.clock.moveTo(hub.clock.nowMs() + 100)
    return hub.logLines.some((line) => line.includes(message))
  }
  await expect.poll(isWaiting, { interval: 1 }).toBe(true)
  return { hub, release, closing }
}

it('waits for the answer to a refresh that was sent, when everything else has been cut off', async () => {
  const { hub, release, closing } = await refreshAndClose()
  release()
  await closing
  const rows = await hub.rows('SELECT version, unanswered_since_ms AS unanswered FROM token_set')
  expect(rows).toEqual([{ version: 2, unanswered: null }])
  expect(hub.logged).toEqual([])
})

it('waits for it no longer than five minutes', async () => {
  const { hub, closing } = await refreshAndClose()
  hub.clock.moveTo(hub.clock.nowMs() + SENT_MS_MAX)
  await closing
  expect(await hub.rows('SELECT version FROM token_set')).toEqual([{ version: 1 }])
  expect(hub.logged).toEqual([
    'refreshes were cut off; where tokens are single use, people may have to connect again',
  ])
})

it('begins no other revocation once it closes', async () => {
  const [asked, isAsked] = signal()
  const [released, release] = signal()
  let revocations = 0
  const hub = await createTestHub({
    fetch: intercept((url) => {
      if (!url.endsWith('/revoke')) return undefined
      revocations += 1
      isAsked()
      return released.then(() => new Response(null, { status: 503 }))
    }),
  })
  const landings = [
    await hub.connect('FITBIT', { referenceId: 'a', person: createPerson({ login: 'a' }) }),
    await hub.connect('FITBIT', { referenceId: 'b', person: createPerson({ login: 'b' }) }),
  ]
  for (const { searchParams } of landings) {
    const query = `user_id=${searchParams.get('user_id')}`
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?${query}`)
  }
  await asked
  const closing = hub.hub.close()
  release()
  await closing
  expect(revocations).toBe(1)
  expect(await hub.rows('SELECT attempts, claim_id FROM revocation ORDER BY attempts')).toEqual([
    { attempts: 0, claim_id: null },
    { attempts: 1, claim_id: null },
  ])
})

it('closes everything although the database is down', async () => {
  const sqlite = await openSqlite(':memory:')
  onTestFinished(async () => await sqlite.close())
  const warnings: string[] = []
  const silent = (): void => undefined
  let isSenderClosed = false
  const hub = await openWatchedHub({
    sqlite,
    baseUrl: 'http://127.0.0.1:1',
    keys: TEST_KEYS,
    log: { info: silent, warn: (_fields, message) => void warnings.push(message), error: silent },
    sender: {
      send: async () => ({ type: 'unanswered', error: 'network' }),
      close: async () => {
        isSenderClosed = true
      },
    },
  })
  hub.start()
  await hub.settle()
  hub.deps.store.transaction = async () =>
    await Promise.reject(new FirmaError('database_unavailable', 'the database does not answer'))
  await hub.close()
  expect(isSenderClosed).toBe(true)
  await expect(hub.deps.store.ping()).rejects.toThrow('driver has already been destroyed')
  expect(warnings).toEqual(['something could not be ended in order; it ends with its lease'])
})
