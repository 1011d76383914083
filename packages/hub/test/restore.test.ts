/** A backup that was taken under way is put in place of the database: what the operator, the ledger and the app see then. */
import { createReceiver, memoryStore } from 'firma-receiver'
import { expect, it, onTestFinished } from 'vitest'
import { HOUR_MS, MINUTE_MS } from '../src/core/time.ts'
import type { Hub } from '../src/hub.ts'
import { TEST_KEYS } from './faults/settings.ts'
import { copyDatabase } from './support/copy-database.ts'
import { DEV_ID, type TestHub, advanceByMs, createTestHub } from './support/create-test-hub.ts'
import { readLedgerBy } from './support/ledger.ts'
import { openTestDatabase } from './support/test-database.ts'
import { openWatchedHub } from './support/watched-hub.ts'

/** The next start, on another database. */
async function restart(hub: TestHub, database: TestHub['database']): Promise<Hub> {
  const silent = (): void => undefined
  const next = await openWatchedHub({
    ...database.options,
    baseUrl: hub.url,
    keys: TEST_KEYS,
    allowedRanges: ['127.0.0.0/8'],
    beatMs: HOUR_MS,
    clock: hub.clock,
    timer: hub.clock,
    log: { info: silent, warn: silent, error: silent },
  })
  onTestFinished(async () => await next.close())
  next.start()
  return next
}

async function ask(hub: TestHub, next: Hub, method: string, path: string) {
  const headers = { 'dev-id': DEV_ID, 'x-api-key': hub.apiKey }
  const answer = await next.fetch(new Request(hub.url + path, { method, headers }))
  return { status: answer.status, json: await answer.json() }
}

const userOf = (landed: URL): string => landed.searchParams.get('user_id') ?? ''

it('goes on from the moment of the backup, loses nothing of it, and says what it does not know', async () => {
  const database = await openTestDatabase()
  const hub = await createTestHub({ database })
  const ada = userOf(await hub.connect('GARMIN', { referenceId: 'ada' }))
  await hub.hub.settle()
  const { json: held } = await hub.call('POST', '/admin/v1/destinations', {
    url: `${hub.app.url}?held`,
  })
  await hub.call('POST', `/admin/v1/destinations/${held.id}/disable`)
  hub.app.answer = () => ({ status: 500 })
  const grace = userOf(await hub.connect('FITBIT', { referenceId: 'grace' }))
  await hub.hub.settle()
  // Under way when the copy is taken.
  hub.app.answer = () => 'hang'
  await hub.connect('OURA', { referenceId: 'alan' })
  await expect.poll(() => hub.app.received.length).toBe(3)
  const copy = await copyDatabase(database)
  onTestFinished(async () => await copy.close())
  onTestFinished(async () => await database.close())

  // What happens between the backup and the loss of the database.
  hub.app.answer = () => ({ status: 200 })
  await hub.advanceByMs(HOUR_MS)
  const later = userOf(await hub.connect('GARMIN', { referenceId: 'ada' }))
  await hub.hub.settle()
  const pull = '/admin/v1/events/pull'
  const { json: page } = await hub.call('GET', pull)
  await hub.hub.close()
  expect(await readLedgerBy(database.rows)).toMatchObject({ delivered: 5, held: 4, errors: [] })

  const next = await restart(hub, copy)
  await advanceByMs(next, hub.clock, HOUR_MS)
  const ledger = await ask(hub, next, 'GET', '/admin/v1/ledger')
  expect(ledger.json).toMatchObject({
    balanced: true,
    events: 3,
    totals: { delivered: 3, held: 2, pending: 0, failed: 0 },
    discrepancies: [],
  })
  // What was owed at the moment of the backup came a second time.
  const receiver = createReceiver({
    secrets: [hub.destinationSecret],
    store: memoryStore(),
    tolerance: 'off',
  })
  const receive = async () => {
    const statuses: string[] = []
    for (const { headers, body } of hub.app.received.splice(0)) {
      const { status } = await receiver.receive({ headers, body: new TextEncoder().encode(body) })
      statuses.push(status)
    }
    return statuses
  }
  const before = await receive()
  expect(before.filter((status) => status === 'accepted')).toHaveLength(5)
  // Refused and cut off before, and accepted twice.
  expect(before).toHaveLength(5 + 2 + 2)

  // It works: held deliveries drain in order, new events are announced behind what was owed.
  await ask(hub, next, 'DELETE', `/v2/auth/deauthenticateUser?user_id=${grace}`)
  await advanceByMs(next, hub.clock, MINUTE_MS)
  expect(hub.app.received.map(({ event }) => event.type)).toEqual(['deauth'])
  expect(await receive()).toEqual(['accepted'])
  await ask(hub, next, 'POST', `/admin/v1/destinations/${held.id}/enable`)
  await advanceByMs(next, hub.clock, MINUTE_MS)
  expect(hub.app.received).toHaveLength(3)
  expect((await ask(hub, next, 'GET', '/admin/v1/ledger')).json).toMatchObject({
    balanced: true,
    totals: { held: 0, pending: 0 },
    discrepancies: [],
  })
  expect(await readLedgerBy(copy.rows)).toMatchObject({ errors: [] })

  // Who connected since is unknown to the hub and known to the app, which is told when it asks.
  expect((await ask(hub, next, 'GET', `/v2/userInfo?user_id=${ada}`)).status).toBe(200)
  expect((await ask(hub, next, 'GET', `/v2/userInfo?user_id=${later}`)).status).toBe(404)
  expect(await receiver.resolve(later)).toMatchObject({ userId: later })
  const unknown = await ask(hub, next, 'GET', `${pull}?after=${page.next}`)
  expect(unknown).toMatchObject({ status: 409, json: { code: 'cursor_unknown' } })
})
