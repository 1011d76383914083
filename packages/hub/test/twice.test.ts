/** What people and networks do twice happens once. */
import { describe, expect, it } from 'vitest'
import { digest } from '../src/secret.ts'
import { createPerson } from '../src/simulator/person.ts'
import { type TestHub, createTestHub, types } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

const MINUTE_MS = 60_000

/** Where a callback leads in the end: past the page that waits for the other request. */
async function land(person: ReturnType<typeof createPerson>, callback: URL): Promise<URL> {
  let response = await person.request(callback)
  for (let page = 0; page < 5_000; page += 1) {
    const location = response.headers.get('location')
    if (location !== null && !location.includes('/flow/')) return new URL(location)
    response = await person.request(location ?? response.url)
  }
  throw new Error('the browser never got anywhere')
}

function withoutSignature(url: URL): string {
  const bare = new URL(url)
  bare.searchParams.delete('firma_sig')
  bare.searchParams.delete('firma_exp')
  return bare.href
}

describe('twice', () => {
  it('starts one attempt for a double click on a provider', async () => {
    const hub = await createTestHub()
    // Straight into the hub, so that nothing on the way puts the clicks one behind the other.
    const send = intercept((url, init) =>
      url.startsWith(hub.url) ? hub.hub.fetch(new Request(url, init)) : undefined,
    )
    const tony = createPerson({ login: 'tony', fetch: send })
    const link = await hub.createLink()
    await tony.request(link)
    const click = () => tony.request(`${link}/connect`, new URLSearchParams({ provider: 'GARMIN' }))
    const departures = await Promise.all([click(), click(), click()])
    expect(departures.map(({ status }) => status)).toEqual([303, 303, 303])
    expect(await hub.rows('SELECT id FROM flow')).toHaveLength(1)
    let landed = 0
    for (const departure of departures) {
      const callback = await tony.authorize(departure.headers.get('location') ?? '')
      const arrival = await tony.request(callback)
      if (arrival.headers.get('location')?.includes('user_id=')) landed += 1
    }
    expect(landed).toBe(1)
    await hub.advanceByMs(60 * MINUTE_MS)
    expect(types(hub)).toEqual(['auth'])
  })

  it.each([2, 50])('makes one connection of the same callback %i times at once', async (times) => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const callback = await tony.authorize(await hub.choose(tony, await hub.createLink(), 'GARMIN'))
    const landings = await Promise.all(
      Array.from({ length: times }, async () => withoutSignature(await land(tony, callback))),
    )
    await hub.hub.settle()
    expect(new Set(landings).size).toBe(1)
    expect(landings[0]).toContain('user_id=')
    expect(types(hub)).toEqual(['auth'])
    const exchanges = hub.simulator.requests.filter(({ path }) => path.endsWith('/oauth/token'))
    expect(exchanges).toHaveLength(1)
    expect(await hub.rows('SELECT lineage_id FROM connection')).toHaveLength(1)
  })

  it('leads to the same place when the callback is loaded again later', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    const callback = await tony.authorize(await hub.choose(tony, link, 'GARMIN'))
    const first = await land(tony, callback)
    await hub.advanceByMs(5 * MINUTE_MS)
    expect(withoutSignature(await land(tony, callback))).toBe(withoutSignature(first))
    expect(types(hub)).toEqual(['auth'])
  })

  it('says that the link has been used after the back button', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    await land(tony, await tony.authorize(await hub.choose(tony, link, 'GARMIN')))
    const back = await tony.request(link)
    expect(back.status).toBe(410)
    expect(await back.text()).toContain('This link has been used')
    for (const form of ['connect', 'cancel', 'disconnect']) {
      const again = await tony.request(
        `${link}/${form}`,
        new URLSearchParams({ provider: 'FITBIT', user_id: 'x' }),
      )
      expect(again.status).toBe(410)
    }
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth'])
  })

  it('connects one provider per link when a second one is chosen during the exchange', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    const garmin = await tony.authorize(await hub.choose(tony, link, 'GARMIN'))
    hub.simulator.fail('GARMIN', { tokenEndpoint: { hangMs: 60_000 } })
    const slow = tony.request(garmin)
    await expect.poll(async () => await statuses(hub)).toContain('exchanging')
    const fitbit = await tony.authorize(await hub.choose(tony, link, 'FITBIT'))
    hub.simulator.heal('GARMIN')
    expect((await slow).headers.get('location')).toContain('resource=GARMIN')
    const late = await tony.request(fitbit)
    expect(late.headers.get('location')).toContain('reason=auth_cancelled')
    await hub.advanceByMs(60 * MINUTE_MS)
    expect(types(hub)).toEqual(['auth', 'auth_cancelled'])
    expect(await hub.rows('SELECT provider FROM connection')).toEqual([{ provider: 'GARMIN' }])
  })

  it('lets two links in one browser go on side by side', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const garmin = await hub.choose(tony, await hub.createLink(), 'GARMIN')
    const fitbit = await hub.choose(tony, await hub.createLink(), 'FITBIT')
    for (const provider of [garmin, fitbit]) {
      const landing = await land(tony, await tony.authorize(provider))
      expect(landing.searchParams.has('user_id')).toBe(true)
    }
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'auth'])
  })
})

describe('a process that dies during the exchange', () => {
  it('leaves an attempt that the next one announces as interrupted', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const callback = await tony.authorize(await hub.choose(tony, await hub.createLink(), 'GARMIN'))
    const stateHash = digest(callback.searchParams.get('state') ?? '')
    const { flows } = hub.hub.deps.store
    const flow = await flows.findByState(stateHash)
    // What a process that is gone has left in the database.
    await flows.consumeState(flow?.id ?? '', stateHash, hub.clock.nowMs() + 2 * MINUTE_MS)
    const waiting = await tony.request(callback)
    const page = await tony.request(waiting.headers.get('location') ?? '')
    expect(await page.text()).toContain('Connecting…')
    await hub.advanceByMs(3 * MINUTE_MS)
    expect(hub.app.received.map(({ event }) => event)).toMatchObject([
      { type: 'auth_cancelled', reason: 'interrupted' },
    ])
    expect((await land(tony, callback)).searchParams.get('reason')).toBe('interrupted')
    await hub.advanceByMs(60 * MINUTE_MS)
    expect(types(hub)).toEqual(['auth_cancelled'])
    const again = await hub.connect('GARMIN', { person: tony })
    expect(again.searchParams.has('user_id')).toBe(true)
  })

  it('announces nothing twice when the exchange comes back from the dead, and keeps no grant', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const callback = await tony.authorize(await hub.choose(tony, await hub.createLink(), 'GARMIN'))
    hub.simulator.fail('GARMIN', { accountEndpoint: { hangMs: 60_000 } })
    const slow = tony.request(callback)
    await expect
      .poll(() => hub.simulator.requests.map(({ path }) => path))
      .toContainEqual(expect.stringMatching(/\/oauth\/token$/))
    await hub.advanceByMs(3 * MINUTE_MS)
    expect(types(hub)).toEqual(['auth_cancelled'])
    hub.simulator.heal('GARMIN')
    expect((await slow).headers.get('location')).toContain('reason=interrupted')
    await hub.hub.settle()
    await hub.simulator.settled()
    expect(types(hub)).toEqual(['auth_cancelled'])
    expect(hub.simulator.accounts('GARMIN')[0]?.appsConnected).toEqual([])
  })
})

async function statuses(hub: TestHub): Promise<unknown[]> {
  return (await hub.rows('SELECT status FROM flow')).map((row) => row['status'])
}
