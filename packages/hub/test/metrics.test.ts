/** What a monitoring system sees. */
import { describe, expect, it } from 'vitest'
import { createApiKey } from '../src/operations/api-keys.ts'
import { createTestHub } from './support/create-test-hub.ts'
import { readExposition, readMetricTable } from './support/metric-table.ts'
import { expectProblem, sendRaw } from './support/problems.ts'

describe('/metrics', () => {
  it('shows attempts, and how far behind destinations are, held time included', async () => {
    const hub = await createTestHub()
    const { secret } = await createApiKey(hub.hub.deps, 'cli', { environmentId: null, name: 'ops' })
    await hub.connect('GARMIN')
    await hub.hub.settle()
    await hub.call('POST', `/admin/v1/destinations/${hub.destinationId}/disable`)
    await hub.connect('FITBIT')
    await hub.advanceByMs(600_000)
    const answer = await sendRaw(hub, { path: '/metrics', headers: { 'x-api-key': secret } })
    const text = await answer.text()
    expect(text).toContain('firma_delivery_attempts_total{outcome="2xx"} 1')
    expect(text).toContain(
      `firma_destination_oldest_owed_seconds{destination="${hub.destinationId}"} 600`,
    )
    expect(text).toContain('firma_delivery_lag_seconds_count 1')
    expect(text).toContain('firma_deliveries_in_flight 0')
    expect(text).toContain('firma_deliveries_owed{status="held"} 1')
    expect(text).toContain('firma_deliveries_owed{status="pending"} 0')
  })

  it('has what the documents list, with the same types, units and labels, and nothing else', async () => {
    const hub = await createTestHub({ metricsFor: 'loopback' })
    await hub.connect('GARMIN')
    await hub.hub.settle()
    // A notice about a destination, so that its counter has been used.
    hub.app.answer = () => ({ status: 410 })
    await hub.connect('FITBIT')
    await hub.hub.settle()
    const text = await (await fetch(`${hub.url}/metrics`)).text()
    expect(text).toContain('firma_destination_notices_total{notice="gone"} 1')
    expect(readExposition(text)).toEqual(await readMetricTable('docs/delivery.md'))
  })

  it('is for operators', async () => {
    const hub = await createTestHub()
    const refused = await sendRaw(hub, { path: '/metrics' })
    expect(await expectProblem(refused, 'forbidden')).toMatch(/operator/)
  })

  it('is for programs on the same machine too where that is set, and for no proxy', async () => {
    const hub = await createTestHub({ metricsFor: 'loopback' })
    const ask = async (headers: Record<string, string> = {}) =>
      (await fetch(`${hub.url}/metrics`, { headers })).status
    expect(await ask()).toBe(200)
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']) {
      expect([name, await ask({ [name]: '127.0.0.1' })]).toEqual([name, 401])
    }
    for (const [address, status] of [
      ['::1', 200],
      ['::ffff:127.0.0.1', 200],
      ['127.1.2.3', 200],
      ['10.0.0.1', 401],
      ['::ffff:10.0.0.1', 401],
      [undefined, 401],
    ] as const) {
      const answer = await hub.hub.fetch(new Request(`${hub.url}/metrics`), address)
      expect([address, answer.status]).toEqual([address, status])
    }
  })
})
