// The two ends together: a receiver that was never reached, and fetches everything by itself.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createReceiver, type ReceiverOptions, type RecoverOptions } from 'firma-receiver'
import { sqliteStore } from 'firma-receiver/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestHub, type TestHub } from './support/create-test-hub.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firma-recover-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const createApp = (hub: TestHub, name: string, change: Partial<ReceiverOptions> = {}) => {
  const store = sqliteStore({ path: join(folder, name) })
  const clock = (): number => hub.clock.nowMs()
  const receiver = createReceiver({ secrets: [hub.destinationSecret], store, clock, ...change })
  return { receiver, close: () => store.close() }
}
const from = (hub: TestHub): RecoverOptions => ({
  baseUrl: `${hub.url}/admin/v1`,
  devId: 'acme-testing',
  apiKey: hub.apiKey,
})

describe('a receiver that fetches from the hub', () => {
  it('ends in the map of deliveries, in their order, and goes on where it was after a restart', async () => {
    const hub = await createTestHub()
    for (const provider of ['GARMIN', 'FITBIT', 'GARMIN'] as const) {
      await hub.connect(provider)
      await hub.advanceByMs(3_600_000)
    }
    const handled: string[] = []
    const first = createApp(hub, 'pulled.db', { onEvent: ({ type }) => void handled.push(type) })
    const report = await first.receiver.recover({ ...from(hub), pageEvents: 1 })
    expect(report).toMatchObject({ status: 'complete', accepted: 4, duplicates: 0 })
    expect(handled).toEqual(['auth', 'auth', 'user_reauth', 'auth'])
    await first.close()

    await hub.connect('FITBIT')
    const second = createApp(hub, 'pulled.db')
    expect(await second.receiver.recover(from(hub))).toMatchObject({ accepted: 2, duplicates: 0 })
    expect(await second.receiver.recover(from(hub))).toMatchObject({ accepted: 0, duplicates: 0 })
    const all = await second.receiver.recover({ ...from(hub), from: '' })
    expect(all).toMatchObject({ status: 'complete', accepted: 0, duplicates: 6 })

    const told = createApp(hub, 'told.db', { tolerance: 'off' })
    for (const { body, headers } of hub.app.received) {
      await told.receiver.receive({ body: new TextEncoder().encode(body), headers })
    }
    expect(await second.receiver.findByReferenceId('tony_stark')).toEqual(
      await told.receiver.findByReferenceId('tony_stark'),
    )
    await second.close()
    await told.close()
  })

  it('takes what has come both ways once', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const { receiver, close } = createApp(hub, 'both.db', { tolerance: 'off' })
    const [delivered] = hub.app.received
    await receiver.receive({
      body: new TextEncoder().encode(delivered?.body),
      headers: delivered?.headers ?? {},
    })
    await hub.connect('FITBIT')
    expect(await receiver.recover(from(hub))).toMatchObject({ accepted: 1, duplicates: 1 })
    await close()
  })

  it('passes over nothing that it cannot prove, and takes it once it can', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const wrong = createApp(hub, 'late.db', { secrets: ['of another destination'] })
    expect(await wrong.receiver.recover(from(hub))).toMatchObject({
      status: 'failed',
      failure: { reason: 'refused', detail: expect.stringContaining('matches none') },
      accepted: 0,
    })
    const refused = await wrong.receiver.recover({ ...from(hub), apiKey: 'wrong' })
    expect(refused).toMatchObject({ status: 'failed', failure: { httpStatus: 401 } })
    await wrong.close()
    const right = createApp(hub, 'late.db')
    expect(await right.receiver.recover(from(hub))).toMatchObject({ accepted: 1 })
    await right.close()
  })

  it('says what the hub has removed or lost, once, and takes in the rest', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN', { referenceId: 'tony' })
    const { receiver, close } = createApp(hub, 'gap.db')
    const { cursor } = await receiver.recover(from(hub))
    await hub.connect('GARMIN', { referenceId: 'pepper' })
    await hub.hub.settle()
    await hub.rows('UPDATE event SET created_at_ms = ?', 0)
    await hub.advanceByMs(3_600_000)
    await hub.connect('GARMIN', { referenceId: 'happy' })
    const removed = { reason: 'removed', cursor, detail: expect.stringContaining('retention') }
    const told = await receiver.recover(from(hub))
    expect(told).toMatchObject({ status: 'incomplete', gap: removed, accepted: 1 })
    expect(await receiver.recover(from(hub))).toMatchObject({ status: 'complete', duplicates: 0 })

    // A new database, which has given out the same numbers.
    await hub.rows("UPDATE event SET id = '01900000-0000-7000-8000-000000000000'")
    const lost = await receiver.recover(from(hub))
    expect(lost).toMatchObject({ status: 'incomplete', gap: { reason: 'other_history' } })
    await close()
  })
})
