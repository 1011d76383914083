/** A hub that is closed while somebody waits for its answer. */
import { openSqlite } from 'firma-receiver/sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { FirmaError } from '../src/errors.ts'
import { createPerson } from '../src/simulator/person.ts'
import { TEST_KEYS } from './faults/settings.ts'
import { createTestHub } from './support/create-test-hub.ts'
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
      return await fetch(input, init)
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
