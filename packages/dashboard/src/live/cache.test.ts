import { type InfiniteData, QueryClient } from '@tanstack/react-query'
import { describe, expect, it } from 'vitest'
import type { PageOf } from '../hooks/use-paged.ts'
import { createBatch } from './batch.ts'
import { createCacheUpdate } from './cache.ts'

function keyOf(name: string) {
  return ['environment', 'acme', name]
}

function resend(id: string, deliveries: number) {
  const ended = { created_at: '2024-10-07T03:45:00Z', ended_at: null, actor: 'cli' }
  return { id, status: 'running' as const, filter: {}, deliveries, progress: 0.5, ...ended }
}

const REVOCATION = {
  id: 'r-1',
  provider: 'GARMIN',
  provider_account_id: 'a-1',
  lineage_id: 'l-1',
  flow_id: null,
  status: 'revoked' as const,
  attempts: 2,
  next_attempt_at: null,
  detail: null,
  created_at: '2024-10-07T03:45:00Z',
  ended_at: '2024-10-07T03:46:00Z',
}

function take(...resends: ReturnType<typeof resend>[]) {
  const batch = createBatch()
  for (const data of resends) batch.add({ kind: 'resend', data })
  return batch.take()
}

describe('what was read of the hub', () => {
  it('has its figures added up anew after the last change, however soon that came', () => {
    const client = new QueryClient()
    client.setQueryData(keyOf('stats'), 0)
    const isOld = (): boolean => client.getQueryState(keyOf('stats'))?.isInvalidated === true
    let nowMs = 10_000
    const update = createCacheUpdate(client, 'acme', () => nowMs)
    update(take(resend('one', 1)))
    expect(isOld()).toBe(true)
    client.setQueryData(keyOf('stats'), 1)
    nowMs += 1_000
    update(take(resend('one', 2)))
    expect(isOld()).toBe(false)
    nowMs += 4_000
    update(undefined)
    expect(isOld()).toBe(true)
    client.setQueryData(keyOf('stats'), 2)
    nowMs += 60_000
    update(undefined)
    expect(isOld()).toBe(false)
  })

  it('has a job as it stands now, and is read anew where the list lacks one', () => {
    const client = new QueryClient()
    const page = { data: [resend('one', 1)], next: null }
    const list: InfiniteData<PageOf<ReturnType<typeof resend>>> = {
      pages: [page],
      pageParams: [undefined],
    }
    client.setQueryData(keyOf('resends'), list)
    const state = () => client.getQueryState<typeof list>(keyOf('resends'))
    const update = createCacheUpdate(client, 'acme')
    update(take(resend('one', 7)))
    expect(state()?.data?.pages[0]?.data[0]?.deliveries).toBe(7)
    expect(state()?.isInvalidated).toBe(false)
    update(take(resend('two', 1)))
    expect(state()?.isInvalidated).toBe(true)
  })

  it('is not taken back by what was said before a button was pressed', () => {
    const client = new QueryClient()
    const paused = { ...resend('one', 1), status: 'paused' as const }
    const list: InfiniteData<PageOf<typeof paused>> = {
      pages: [{ data: [paused], next: null }],
      pageParams: [undefined],
    }
    client.setQueryData(keyOf('resends'), list)
    createCacheUpdate(client, 'acme')(take(resend('one', 7)))
    const state = client.getQueryState<typeof list>(keyOf('resends'))
    expect(state?.data?.pages[0]?.data[0]).toBe(paused)
    expect(state?.isInvalidated).toBe(true)
  })

  it('explains a user anew when the access stands otherwise, and not when that was known', () => {
    const client = new QueryClient()
    const known = { ...REVOCATION, status: 'pending' as const, attempts: 1 }
    client.setQueryData(keyOf('explain'), { revocations: [known] })
    const update = createCacheUpdate(client, 'acme')
    const tell = (data: typeof known | typeof REVOCATION): boolean => {
      const batch = createBatch()
      batch.add({ kind: 'revocation', data })
      update(batch.take())
      return client.getQueryState(keyOf('explain'))?.isInvalidated === true
    }
    expect(tell(known)).toBe(false)
    expect(tell(REVOCATION)).toBe(true)
  })
})
