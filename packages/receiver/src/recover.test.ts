import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { providePostgresStores } from '../test/postgres.ts'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver } from './receiver-api.ts'
import type { RecoverOptions } from './recover.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'
import { sqliteStore } from './stores/sqlite.ts'

const openPostgres = providePostgresStores()
const openers: [string, () => ReceiverStore][] = [
  ['memory', memoryStore],
  ['sqlite', () => sqliteStore({ path: ':memory:' })],
  ['postgres', openPostgres],
]

describe.each(openers)('recover, store %s', (_, open) => {
  let store: ReceiverStore
  let receiver: Receiver
  /** What the hub has, by number from 1. */
  let events: { body: string; headers: Record<string, string> }[]
  let asked: string[]
  /** An answer instead of the truth. */
  let odd: unknown
  /** Cursors that the hub cannot go on from. */
  let refusals: Map<string, { status: number; code: string }>

  const answer = async (url: string | URL | Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(url instanceof Request ? url.url : url)
    asked.push(`${pathname}?${searchParams.toString()}`)
    if (odd !== undefined) return Response.json(odd)
    const refused = refusals.get(searchParams.get('after') ?? '')
    if (refused !== undefined)
      return Response.json({ ...refused, detail: 'gone' }, { status: refused.status })
    const after = Number(searchParams.get('after') ?? 0)
    const limit = Number(searchParams.get('limit'))
    const data = events.slice(after, after + limit)
    const next = after + data.length
    return Response.json({ data, next: String(next), has_more: next < events.length })
  }
  const options = (): RecoverOptions => ({
    baseUrl: 'https://hub.test/admin/v1/',
    devId: 'dev',
    apiKey: 'key',
    fetch: answer,
  })
  const create = (of: ReceiverStore): Receiver =>
    createReceiver({ secrets: [SECRET], store: of, clock: () => NOW_MS, onError: () => undefined })

  beforeEach(async () => {
    store = open()
    receiver = create(store)
    asked = []
    odd = undefined
    refusals = new Map()
    events = []
    for (let n = 1; n <= 5; n += 1) {
      const user = { user_id: `u${n}`, provider: 'GARMIN', reference_id: 'tony' }
      const { body, headers } = await sign({ type: 'auth', status: 'success', user })
      events.push({ body: new TextDecoder().decode(body), headers })
    }
  })
  afterEach(async () => {
    await store.close()
  })

  it('keeps its place for each destination, and says when there is more', async () => {
    const small = { ...options(), pageEvents: 2, pagesMax: 2 }
    expect(await receiver.recover(small)).toMatchObject({ status: 'partial', cursor: '4' })
    expect(await receiver.recover(small)).toMatchObject({ status: 'complete', accepted: 1 })
    expect(asked).toEqual([
      '/admin/v1/events/pull?limit=2',
      '/admin/v1/events/pull?limit=2&after=2',
      '/admin/v1/events/pull?limit=2&after=4',
    ])
    const other = await receiver.recover({ ...options(), destinationId: 'd2' })
    expect(other).toMatchObject({ accepted: 0, duplicates: 5 })
    expect(asked.at(-1)).toBe('/admin/v1/events/pull?limit=100&destination_id=d2')
  })

  it('fetches a page again when it ended before its place was kept', async () => {
    let saves = 0
    const failing: ReceiverStore = {
      ...store,
      transaction: (fn, transaction) =>
        store.transaction(async (tx) => {
          const result = await fn(tx)
          if (transaction?.kind === 'event' && (saves += 1) === 1) throw new TypeError('power cut')
          return result
        }, transaction),
    }
    await expect(create(failing).recover(options())).rejects.toThrow('power cut')
    expect(await receiver.recover(options())).toMatchObject({ accepted: 0, duplicates: 5 })
    expect(await receiver.findByReferenceId('tony')).toHaveLength(5)
  })

  it.each([
    [410, 'cursor_expired', 'removed'],
    [409, 'cursor_unknown', 'other_history'],
  ])('tells of what is gone (%s %s) and takes in what is left', async (status, code, reason) => {
    const small = { ...options(), pageEvents: 2, pagesMax: 1 }
    expect(await receiver.recover(small)).toMatchObject({ status: 'partial', cursor: '2' })
    refusals.set('2', { status, code })
    const gap = { reason, cursor: '2', detail: `HTTP ${status}: gone` }
    // Until it has been told, it stays to be told.
    refusals.set('3', { status: 500, code: 'internal' })
    const failed = await receiver.recover({ ...options(), pageEvents: 3 })
    expect(failed).toMatchObject({ status: 'failed', gap, duplicates: 2, accepted: 1 })
    const told = await receiver.recover(options())
    expect(told).toMatchObject({
      status: 'incomplete',
      gap,
      accepted: 2,
      duplicates: 3,
      cursor: '5',
    })
    expect(await receiver.recover(options())).toMatchObject({ status: 'complete', gap: undefined })
  })

  it('tells of a gap with the first part of what is left, too', async () => {
    refusals.set('9', { status: 410, code: 'cursor_expired' })
    const small = { ...options(), pageEvents: 2, pagesMax: 1 }
    const first = await receiver.recover({ ...small, from: '9' })
    expect(first).toMatchObject({ status: 'partial', gap: { cursor: '9' }, cursor: '2' })
    const second = await receiver.recover(small)
    expect(second).toMatchObject({ status: 'partial', gap: undefined, cursor: '4' })
  })

  it('makes a gap of no other refusal', async () => {
    refusals.set('3', { status: 410, code: 'something' })
    const report = await receiver.recover({ ...options(), from: '3' })
    expect(report).toMatchObject({
      status: 'failed',
      gap: undefined,
      failure: { code: 'something' },
    })
    refusals.set('', { status: 410, code: 'cursor_expired' })
    expect(await receiver.recover(options())).toMatchObject({ status: 'failed', gap: undefined })
  })

  it('ends where the hub cannot tell yet what comes next', async () => {
    odd = { data: [], next: '7', has_more: true }
    const report = await receiver.recover({ ...options(), from: '7' })
    expect(report).toMatchObject({ status: 'complete', cursor: '7' })
    expect(asked).toHaveLength(1)
  })

  it.each([
    [[]],
    [{}],
    [{ data: 1, next: '1', has_more: false }],
    [{ data: [], next: 1, has_more: false }],
    [{ data: [], next: 'x'.repeat(2_000), has_more: false }],
    [{ data: [{ body: 1, headers: {} }], next: '1', has_more: false }],
    [{ data: [{ body: '{}' }], next: '1', has_more: false }],
  ])('takes nothing from %j, and keeps its place', async (page) => {
    odd = page
    const report = await receiver.recover(options())
    expect(report).toMatchObject({ status: 'failed', failure: { reason: 'unrecognised' } })
    odd = undefined
    expect(await receiver.recover(options())).toMatchObject({ accepted: 5 })
  })

  it('refuses bounds that are none', async () => {
    for (const bad of [{ pageEvents: 0 }, { pageEvents: 101 }, { pagesMax: 0.5 }]) {
      await expect(receiver.recover({ ...options(), ...bad })).rejects.toBeInstanceOf(RangeError)
    }
  })
})
