import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import { ENVIRONMENT_ID, addEnvironments, connectionRow } from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { HOUR_MS } from '../core/time.ts'
import type { Store } from './open.ts'

const HOUR = Math.floor(EPOCH_MS / HOUR_MS) * HOUR_MS
const HOURLY = { sinceMs: HOUR, bucketMs: HOUR_MS }

describeStore('StatsTable', (open) => {
  async function openWith(...connections: readonly Parameters<typeof connectionRow>[0][]) {
    const store = await open()
    await addEnvironments(store)
    for (const change of connections) await store.connections.save(connectionRow(change), EPOCH_MS)
    return store
  }

  async function record(store: Store, hourMs: number, beforeMs = 0): Promise<void> {
    await store.transaction(async (tx) => await tx.stats.recordConnections({ hourMs, beforeMs }))
  }

  it('keeps of each hour what was written down last', async () => {
    const store = await openWith({})
    await record(store, HOUR)
    await record(store, HOUR)
    await record(store, HOUR + HOUR_MS)
    const count = { provider: 'GARMIN', state: 'active', count: 1 }
    expect(await store.stats.listConnections(ENVIRONMENT_ID, HOURLY)).toEqual([
      { startMs: HOUR, ...count },
      { startMs: HOUR + HOUR_MS, ...count },
    ])
    expect(await store.stats.listConnections('another', HOURLY)).toEqual([])
  })

  it('takes the last hour of a longer span, and forgets what is too old', async () => {
    const store = await openWith({})
    for (let hour = 0; hour < 4; hour += 1) await record(store, HOUR + hour * HOUR_MS)
    const bucketMs = 6 * HOUR_MS
    const spans = { sinceMs: HOUR, bucketMs }
    const counts = await store.stats.listConnections(ENVIRONMENT_ID, spans)
    expect(counts.map(({ startMs }) => startMs % bucketMs)).toEqual(counts.map(() => 0))
    expect(new Set(counts.map(({ startMs }) => startMs)).size).toBe(counts.length)
    await record(store, HOUR + 4 * HOUR_MS, HOUR + 3 * HOUR_MS)
    const kept = await store.stats.listConnections(ENVIRONMENT_ID, HOURLY)
    expect(kept.map(({ startMs }) => startMs)).toEqual([HOUR + 3 * HOUR_MS, HOUR + 4 * HOUR_MS])
  })

  it('is written by many processes at once without a trace', async () => {
    const store = await openWith({})
    await Promise.all(Array.from({ length: 5 }, async () => await record(store, HOUR)))
    expect(await store.stats.listConnections(ENVIRONMENT_ID, HOURLY)).toHaveLength(1)
  })
})
