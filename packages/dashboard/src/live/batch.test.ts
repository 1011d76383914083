import { describe, expect, it } from 'vitest'
import { BATCH_MAX, type LiveEvent, createBatch } from './batch.ts'

function event(id: string): LiveEvent {
  const nobody = { user_id: null, reference_id: null, provider: null, lineage_id: null }
  return { id, type: 'auth', ...nobody, destination_id: null, created_at: '2024-10-07T03:45:00Z' }
}

function delivery(id: number, attempts: number) {
  const data = { id, event_id: 'e', destination_id: 'd', status: 'pending' as const, attempts }
  return { kind: 'delivery' as const, data }
}

describe('a batch', () => {
  it('is nothing where nothing has come, and empty again once taken', () => {
    const batch = createBatch()
    expect(batch.take()).toBeUndefined()
    batch.add({ kind: 'event', data: event('one') })
    expect(batch.take()).toMatchObject({ events: [{ id: 'one' }], hasGap: false })
    expect(batch.take()).toBeUndefined()
  })

  it('keeps of each delivery what was said last', () => {
    const batch = createBatch()
    for (const attempts of [1, 2, 3]) batch.add(delivery(7, attempts))
    expect([...(batch.take()?.deliveries ?? [])]).toMatchObject([[7, { attempts: 3 }]])
  })

  it('stays small however much comes, and says that there was more', () => {
    const batch = createBatch()
    for (let i = 0; i < 10_000; i += 1) {
      batch.add({ kind: 'event', data: event(String(i)) })
      batch.add(delivery(i, 1))
    }
    const taken = batch.take()
    expect(taken).toMatchObject({ hasGap: true })
    expect([taken?.events.length, taken?.deliveries.size]).toEqual([BATCH_MAX, BATCH_MAX])
    batch.add({ kind: 'event', data: event('later') })
    expect(batch.take()).toMatchObject({ hasGap: false })
  })
})
