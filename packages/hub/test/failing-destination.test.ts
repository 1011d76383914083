/** A destination that fails for a day, as its operator sees it: by API, events, audit and metrics. */
import { expect, it } from 'vitest'
import { HOUR_MS } from '../src/core/time.ts'
import { createTestHub } from './support/create-test-hub.ts'

it('is told of at 8, 16 and 24 hours everywhere, and sent what was held in order afterwards', async () => {
  const hub = await createTestHub({ metricsFor: 'loopback' })
  const path = `/admin/v1/destinations/${hub.destinationId}`
  hub.app.answer = () => ({ status: 500 })
  for (let i = 0; i < 3; i += 1) await hub.connect('GARMIN')
  for (const hours of [9, 8, 8]) await hub.advanceByMs(hours * HOUR_MS)
  expect((await hub.call('GET', path)).json).toMatchObject({
    status: 'disabled',
    disabled_reason: 'nothing that was sent to it for 24 hours succeeded',
    health: { owed: 5 },
  })
  const told = async (type: string) =>
    (await hub.call('GET', `/admin/v1/events?type=${type}`)).json.data.length
  expect([await told('destination_failing'), await told('destination_disabled')]).toEqual([2, 1])
  const { json: audit } = await hub.call('GET', '/admin/v1/audit?actor=system')
  expect(audit.data.map(({ action }: { action: string }) => action)).toEqual([
    'destination.disable',
    'destination.failing',
    'destination.failing',
  ])
  const metrics = async () => await (await fetch(`${hub.url}/metrics`)).text()
  expect(await metrics()).toContain('firma_destination_notices_total{notice="failing"} 2')
  expect(await metrics()).toContain('firma_destination_notices_total{notice="disable"} 1')
  expect(await metrics()).toContain('firma_deliveries_owed{status="held"} 5')
  const { json: stats } = await hub.call('GET', '/admin/v1/stats')
  expect(stats.attention).toContainEqual(
    expect.objectContaining({ kind: 'destination_disabled', subject: hub.destinationId }),
  )

  hub.app.answer = () => ({ status: 200 })
  hub.app.received.length = 0
  await hub.call('POST', `${path}/enable`)
  await hub.hub.settle()
  expect(hub.app.received.map(({ event }) => event.type)).toEqual([
    'auth',
    'user_reauth',
    'auth',
    'user_reauth',
    'auth',
  ])
  expect((await hub.call('GET', '/admin/v1/ledger')).json).toMatchObject({ balanced: true })
})
