// The two ends together: a receiver that missed what the hub said, and asks.
import { createReceiver, memoryStore, type Receiver, type ReconcileOptions } from 'firma-receiver'
import { describe, expect, it } from 'vitest'
import { createTestHub, type TestHub } from './support/create-test-hub.ts'

const createApp = (hub: TestHub): Receiver =>
  createReceiver({
    secrets: [hub.destinationSecret],
    store: memoryStore(),
    clock: () => hub.clock.nowMs(),
    tolerance: 'off',
  })
const api = (hub: TestHub): ReconcileOptions => ({
  baseUrl: `${hub.url}/v2`,
  devId: 'acme-testing',
  apiKey: hub.apiKey,
})

/** Everything that the hub sent, from the latest to the first. */
async function deliverBackwards(hub: TestHub, receiver: Receiver): Promise<void> {
  for (const { body, headers } of hub.app.received.toReversed()) {
    await receiver.receive({ body: new TextEncoder().encode(body), headers })
  }
}

describe('a receiver and the API of the hub', () => {
  it('end in one map, whether events come before the question, after it, or both', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    await hub.connect('FITBIT')
    await hub.advanceByMs(3_600_000)
    await hub.connect('GARMIN')
    await hub.advanceByMs(3_600_000)
    const [asked, told] = [createApp(hub), createApp(hub)]
    expect(await asked.reconcile(api(hub))).toMatchObject({ status: 'complete', users: 2 })
    expect(await asked.findByReferenceId('tony_stark')).toHaveLength(2)
    await deliverBackwards(hub, asked)
    await deliverBackwards(hub, told)
    expect(await told.reconcile({ ...api(hub), pageUsers: 1 })).toMatchObject({ missing: [] })
    const map = await told.findByReferenceId('tony_stark')
    const sizes = map.map(({ provider, aliases }) => `${provider} ${aliases.length}`)
    expect(sizes.toSorted()).toEqual(['FITBIT 1', 'GARMIN 2'])
    expect(await asked.findByReferenceId('tony_stark')).toEqual(map)
    expect((await told.reconcile({ ...api(hub), referenceId: 'tony_stark' })).users).toBe(2)
  })

  it('report what ended unseen, and change nothing for wrong credentials', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    await hub.connect('FITBIT')
    const receiver = createApp(hub)
    await deliverBackwards(hub, receiver)
    await hub.advanceByMs(3_600_000)
    const [garmin] = await receiver.findByReferenceId('tony_stark', { provider: 'GARMIN' })
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${garmin?.userId}`)
    await hub.advanceByMs(3_600_000)
    const refused = await receiver.reconcile({ ...api(hub), apiKey: 'wrong' })
    expect(refused).toMatchObject({ status: 'failed', failure: { httpStatus: 401 } })
    const { missing } = await receiver.reconcile(api(hub))
    expect(missing).toMatchObject([{ connection: { userId: garmin?.userId }, isConfirmed: true }])
    expect(await receiver.resolve(garmin?.userId ?? '')).toMatchObject({ status: 'active' })
    await deliverBackwards(hub, receiver)
    expect(await receiver.resolve(garmin?.userId ?? '')).toMatchObject({ status: 'disconnected' })
  })

  it('confirm the address that a person comes back with, each in its way', async () => {
    const hub = await createTestHub()
    const landing = await hub.connect('GARMIN')
    const receiver = createApp(hub)
    const person = { referenceId: 'tony_stark' }
    const confirm = async (options: Parameters<Receiver['confirmRedirect']>[1]): Promise<unknown> =>
      receiver.confirmRedirect(landing, { ...person, ...options })
    expect(await confirm({})).toMatchObject({ status: 'pending' })
    expect(await confirm({ secret: hub.redirectSecret })).toMatchObject({ by: 'signature' })
    expect(await confirm({ secret: 'wrong' })).toMatchObject({ status: 'refused' })
    expect(await confirm({ referenceId: 'pepper' })).toMatchObject({ status: 'refused' })
    expect(await confirm({ api: api(hub) })).toMatchObject({ status: 'confirmed', by: 'api' })
    await deliverBackwards(hub, receiver)
    expect(await confirm({})).toMatchObject({ status: 'confirmed', by: 'event' })
  })
})
