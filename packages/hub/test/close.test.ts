/** A hub that is closed while somebody waits for its answer. */
import { expect, it } from 'vitest'
import { createPerson } from '../src/simulator/person.ts'
import { createTestHub } from './support/create-test-hub.ts'

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
