/** One suite for every store: what the receiver promises must hold over all of them. */
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseEvent } from '../src/core/event.ts'
import { toFacts, type AliasEdge } from '../src/core/facts.ts'
import { deriveConnections, GROUP_USERS_MAX, type Connection } from '../src/core/fold.ts'
import { joinRecords, type UserRecord } from '../src/core/user-record.ts'
import { findConnection, listConnections } from '../src/connections.ts'
import { acceptEvent } from '../src/inbox.ts'
import type { EnvironmentConnection } from '../src/connections.ts'
import type { Acceptance, IncomingEvent } from '../src/inbox.ts'
import type { EventFilter, HandlerState, ReceiverStore } from '../src/store.ts'
import { arbitraryHistory, digestOf, user, type TestEvent } from './histories.ts'

const NOW_MS = 1_790_000_000_000
const encoder = new TextEncoder()

/** An event as it comes in; its key is its content, unless one is given. */
export function toIncoming(sent: TestEvent, change: Partial<IncomingEvent> = {}): IncomingEvent {
  const text = JSON.stringify(sent.body)
  return {
    event: parseEvent(text),
    environment: '',
    eventKey: `${digestOf(text)}:${sent.orderingMs}`,
    traceId: undefined,
    orderingMs: sent.orderingMs,
    digest: digestOf(text),
    receivedAtMs: NOW_MS,
    body: encoder.encode(text),
    headers: {},
    hasHandler: true,
    ...change,
  }
}

const auth = (userId: string, orderingMs = 1): TestEvent => ({
  body: { type: 'auth', status: 'success', user: user(userId) },
  orderingMs,
})
const data = (userId: string, orderingMs = 1): TestEvent => ({
  body: { type: 'daily', user: user(userId), data: [orderingMs] },
  orderingMs,
})
const reauth = (oldUserId: string | null, newUserId: string, orderingMs = 5): TestEvent => ({
  body: {
    type: 'user_reauth',
    status: 'warning',
    old_user: oldUserId === null ? null : user(oldUserId),
    new_user: user(newUserId),
  },
  orderingMs,
})

/** What one look at the whole set of events says. */
export function deriveAll(history: readonly TestEvent[]): Connection[] {
  const records = new Map<string, UserRecord>()
  const edges: AliasEdge[] = []
  for (const sent of history) {
    const { event, digest } = toIncoming(sent)
    const facts = toFacts(event, { orderingMs: sent.orderingMs, digest })
    for (const record of facts.records) {
      const known = records.get(record.userId)
      records.set(record.userId, known === undefined ? record : joinRecords(known, record))
    }
    edges.push(...facts.edges)
  }
  return deriveConnections(records.values(), edges)
}

/** Runs the suite. @param open Opens a fresh, empty store. */
export function describeStore(name: string, open: () => ReceiverStore, numRuns: number): void {
  describe(`store ${name}`, () => {
    let store: ReceiverStore
    const accept = (sent: TestEvent, change?: Partial<IncomingEvent>): Promise<Acceptance> =>
      store.transaction((tx) => acceptEvent(tx, toIncoming(sent, change)))
    const find = (userId: string, environment = ''): Promise<EnvironmentConnection | undefined> =>
      store.transaction((tx) => findConnection(tx, environment, userId))
    const states = async (): Promise<HandlerState[]> => {
      const rows = await store.transaction((tx) => tx.listEvents({ limit: 1_000 }))
      return rows.map(({ handlerState }) => handlerState)
    }

    beforeEach(() => {
      store = open()
    })
    afterEach(async () => {
      await store.close()
    })

    it('keeps the raw bytes and everything about an event exactly', async () => {
      const bytes = encoder.encode(
        '{ "type" : "auth",\r\n"status":"success" , "x": 1.0, "ü":"\\u00fc" }',
      )
      const sent = { body: { type: 'auth' }, orderingMs: 1_790_000_000_123 }
      const headers = { 'x-terra-trace-id': 't-1', 'terra-reference': 'r' }
      const change = { body: bytes, eventKey: 'trace:t-1', traceId: 't-1', headers }
      const { row } = await accept(sent, { ...change, environment: 'live' })
      const [listed] = await store.transaction((tx) => tx.listEvents({ limit: 10 }))
      expect(listed).toEqual(row)
      expect([...(listed?.body ?? [])]).toEqual([...bytes])
      expect(listed).toMatchObject({
        seq: 1,
        environment: 'live',
        traceId: 't-1',
        type: 'auth',
        userId: undefined,
        orderingMs: 1_790_000_000_123,
        receivedAtMs: NOW_MS,
        headers,
        handlerState: 'pending',
        attempts: 0,
        handlerError: undefined,
      })
    })

    it('accepts an event once per environment, and a duplicate changes nothing', async () => {
      const first = await accept(auth('a'), { eventKey: 'k' })
      const again = await accept(auth('a'), { eventKey: 'k' })
      expect(again).toMatchObject({ isDuplicate: true, row: { seq: first.row.seq, userId: 'a' } })
      expect(await states()).toHaveLength(1)
      const elsewhere = await accept(auth('a'), { eventKey: 'k', environment: 'staging' })
      expect(elsewhere.isDuplicate).toBe(false)
    })

    it('loses no event whose sender gave it the trace id of another one', async () => {
      await accept(auth('a'), { eventKey: 'k' })
      for (const isDuplicate of [false, true]) {
        expect((await accept(auth('b'), { eventKey: 'k' })).isDuplicate).toBe(isDuplicate)
      }
      expect(await find('b')).toMatchObject({ status: 'active' })
      expect((await accept(auth('a'), { eventKey: 'k' })).isDuplicate).toBe(true)
      expect(await states()).toHaveLength(2)
    })

    it('takes back everything when the transaction fails', async () => {
      const failing = store.transaction(async (tx) => {
        await acceptEvent(tx, toIncoming(reauth('a', 'b')))
        throw new TypeError('power cut')
      })
      await expect(failing).rejects.toThrow('power cut')
      expect(await states()).toEqual([])
      expect(await find('b')).toBeUndefined()
      expect((await accept(reauth('a', 'b'))).isDuplicate).toBe(false)
    })

    it('gives every user_id the connection that the whole set of events gives it', async () => {
      const arbitrary = arbitraryHistory().chain((history) =>
        fc.record({
          history: fc.constant(history),
          order: fc.shuffledSubarray([...history, ...history], { minLength: history.length * 2 }),
        }),
      )
      await fc.assert(
        fc.asyncProperty(arbitrary, async ({ history, order }) => {
          const fresh = open()
          for (const sent of order) {
            await fresh.transaction((tx) => acceptEvent(tx, toIncoming(sent)))
          }
          for (const connection of deriveAll(history)) {
            const expected = { ...connection, environment: '' }
            for (const alias of connection.aliases) {
              const found = await fresh.transaction((tx) => findConnection(tx, '', alias))
              expect(found).toEqual(expected)
            }
            const { referenceId } = connection
            if (referenceId === undefined) continue
            const filter = { referenceId, environment: '', limit: 100 }
            expect(await fresh.transaction((tx) => listConnections(tx, filter))).toContainEqual(
              expected,
            )
          }
          await fresh.close()
        }),
        { numRuns },
      )
    })

    it('parks data until its user is known, by any event that names it', async () => {
      await accept(data('a', 1))
      await accept(data('a', 2))
      await accept(data('b', 3))
      expect(await states()).toEqual(['parked', 'parked', 'parked'])
      const { knownUserIds } = await accept(auth('a'))
      expect(knownUserIds).toEqual(['a'])
      expect(await states()).toEqual(['pending', 'pending', 'parked', 'pending'])
      expect((await accept(reauth('a', 'b'))).knownUserIds).toEqual(['b'])
      expect(await states()).toEqual(['pending', 'pending', 'pending', 'pending', 'pending'])
      expect((await accept(data('b', 9))).row.handlerState).toBe('pending')
    })

    it('parks data of an environment apart, and releases it to nobody without a handler', async () => {
      await accept(data('a'), { environment: 'staging' })
      await accept(auth('a'), { environment: 'live' })
      expect(await states()).toEqual(['parked', 'pending'])
      await accept(auth('a'), { environment: 'staging', hasHandler: false })
      expect(await states()).toEqual(['none', 'pending', 'none'])
    })

    it('does not wait for users of failed flows', async () => {
      const failed = { type: 'auth', status: 'error', user: user('ghost') }
      expect((await accept({ body: failed, orderingMs: 1 })).row.handlerState).toBe('pending')
      expect(await find('ghost')).toBeUndefined()
    })

    it('keeps connections of different environments apart', async () => {
      await accept(auth('a'), { environment: 'live' })
      await accept(
        { body: { type: 'deauth', user: user('a') }, orderingMs: 9 },
        { environment: 'staging' },
      )
      expect(await find('a', 'live')).toMatchObject({ status: 'active', environment: 'live' })
      expect(await find('a', 'staging')).toMatchObject({ status: 'disconnected' })
      expect(await find('a')).toBeUndefined()
      expect(await store.transaction((tx) => tx.listEnvironments('a'))).toEqual(['live', 'staging'])
    })

    it('searches no predecessor in a crowd that shares one reference_id', async () => {
      for (let i = 0; i < GROUP_USERS_MAX; i += 1) await accept(auth(`u${i}`))
      await accept(reauth(null, 'z'))
      expect(await find('z')).toMatchObject({ lineageId: 'lin_z', ambiguousWith: [] })
      expect(await find('u7')).toMatchObject({ aliases: ['u7'], ambiguousWith: undefined })
    })

    it('finds connections by reference_id and provider, but not by a name they no longer have', async () => {
      await accept(auth('a'))
      await accept({
        body: { type: 'auth', user: { ...user('b'), provider: 'FITBIT' } },
        orderingMs: 2,
      })
      const list = async (referenceId: string, provider?: string): Promise<string[]> => {
        const filter = { referenceId, limit: 10, ...(provider === undefined ? {} : { provider }) }
        const found = await store.transaction((tx) => listConnections(tx, filter))
        return found.map(({ userId }) => userId)
      }
      expect(await list('tony_stark')).toEqual(['a', 'b'])
      expect(await list('tony_stark', 'FITBIT')).toEqual(['b'])
      const renamed = {
        type: 'user_reauth',
        old_user: user('a'),
        new_user: { ...user('c'), reference_id: 'x' },
      }
      await accept({ body: renamed, orderingMs: 9 })
      expect(await list('tony_stark')).toEqual(['b'])
      expect(await list('x')).toEqual(['c'])
    })

    it('finds connections by reference_id however many user_ids one of them has had', async () => {
      for (let n = 1; n < 60; n += 1) {
        if (n % 10 !== 0) await accept(reauth(`g${n}`, `g${n + 1}`, n))
      }
      const fitbit = { ...user('z'), provider: 'FITBIT' }
      await accept({ body: { type: 'auth', user: fitbit }, orderingMs: 1 })
      const filter = { referenceId: 'tony_stark', limit: 10 }
      const members = await store.transaction((tx) =>
        tx.listGroup({ ...filter, isPerComponent: true }),
      )
      expect(members.map(({ record }) => record.userId)).toEqual([
        'g1',
        'g11',
        'g21',
        'g31',
        'g41',
        'g51',
        'z',
      ])
      const found = await store.transaction((tx) => listConnections(tx, { ...filter, limit: 7 }))
      expect(found.map(({ provider, aliases }) => [provider, aliases.length])).toEqual([
        ...Array.from({ length: 6 }, () => ['GARMIN', 10]),
        ['FITBIT', 1],
      ])
    })

    it('lists events by user, state, time and page', async () => {
      let n = 0
      for (const id of ['a', 'b', 'a', 'c']) await accept(data(id, (n += 1)))
      await accept(auth('a'))
      const update = {
        seq: 1,
        state: 'failed',
        atMs: NOW_MS + 5,
        attemptsAdded: 1,
        error: 'no',
        dueAtMs: NOW_MS + 9,
      } as const
      await store.transaction((tx) => tx.setHandlerState(update))
      const list = async (filter: Partial<EventFilter>): Promise<number[]> => {
        const rows = await store.transaction((tx) => tx.listEvents({ limit: 10, ...filter }))
        return rows.map(({ seq }) => seq)
      }
      expect(await list({})).toEqual([1, 2, 3, 4, 5])
      expect(await list({ limit: 2, afterSeq: 1 })).toEqual([2, 3])
      expect(await list({ environment: '', userIds: ['a', 'c'] })).toEqual([1, 3, 4, 5])
      expect(await list({ environment: 'other' })).toEqual([])
      expect(await list({ userIds: [] })).toEqual([])
      expect(await list({ handlerStates: ['failed', 'parked'] })).toEqual([1, 2, 4])
      expect(await list({ handlerStates: ['done', 'failed'] })).toEqual([1])
      expect(await list({ handlerStates: ['failed'], handlerStateBeforeMs: NOW_MS + 5 })).toEqual(
        [],
      )
      const [failed] = await store.transaction((tx) => tx.listEvents({ limit: 1 }))
      expect(failed).toMatchObject({ handlerState: 'failed', attempts: 1, handlerError: 'no' })
    })

    it('lists events by type, and from the newest down', async () => {
      for (const sent of [auth('a'), data('a'), reauth('a', 'b'), data('b')]) await accept(sent)
      const list = async (filter: Partial<EventFilter>): Promise<number[]> => {
        const rows = await store.transaction((tx) => tx.listEvents({ limit: 10, ...filter }))
        return rows.map(({ seq }) => seq)
      }
      expect(await list({ types: ['daily'] })).toEqual([2, 4])
      expect(await list({ types: [] })).toEqual([])
      expect(await list({ isNewestFirst: true, limit: 3 })).toEqual([4, 3, 2])
      const narrow = { environment: '', userIds: ['b'], types: ['user_reauth', 'daily'] }
      expect(await list({ ...narrow, isNewestFirst: true, afterSeq: 3 })).toEqual([4])
    })

    it('lists users page by page, by environment', async () => {
      for (const id of ['b', 'a', 'C', 'ä']) await accept(auth(id))
      await accept(auth('x'), { environment: 'other' })
      const list = async (afterUserId?: string, limit = 2): Promise<string[]> => {
        const after = afterUserId === undefined ? {} : { afterUserId }
        const filter = { environment: '', ...after, limit }
        const users = await store.transaction((tx) => tx.listUsers(filter))
        return users.map(({ record }) => record.userId)
      }
      // By code unit, like everything else that decides.
      expect(await list()).toEqual(['C', 'a'])
      expect(await list('a')).toEqual(['b', 'ä'])
      expect(await list('ä')).toEqual([])
    })

    it('deletes users and edges, and redacts events', async () => {
      await accept(reauth('a', 'b'), { traceId: 't', headers: { 'user-agent': 'x' } })
      const edge = { oldUserId: 'a', newUserId: 'b' }
      await store.transaction(async (tx) => {
        await tx.deleteEdge('other', edge)
        await tx.deleteUser('other', 'a')
        expect(await tx.listEdges('', 'a')).toEqual([edge])
        await tx.deleteEdge('', edge)
        expect(await tx.listEdges('', 'a')).toEqual([])
        await tx.deleteUser('', 'a')
        expect(await tx.findUser('', 'a')).toBeUndefined()
        expect(await tx.findUser('', 'b')).toBeDefined()
        const body = encoder.encode('{"type":"user_reauth","erased":true}')
        await tx.redactEvent({ seq: 1, userId: 'gone', body, atMs: NOW_MS + 7 })
        await tx.redactEvent({ seq: 99, userId: undefined, body, atMs: NOW_MS })
      })
      const [row] = await store.transaction((tx) => tx.listEvents({ limit: 2 }))
      expect(row).toMatchObject({ seq: 1, userId: 'gone', traceId: undefined, headers: {} })
      expect(row).toMatchObject({ handlerState: 'done', handlerStateAtMs: NOW_MS + 7 })
      const gone = { environment: '', userIds: ['gone'], limit: 2 }
      expect(await store.transaction((tx) => tx.listEvents(gone))).toEqual([row])
      const claim = { nowMs: NOW_MS * 2, untilMs: NOW_MS * 3, limit: 9 }
      expect(await store.transaction((tx) => tx.claimDue(claim))).toEqual([])
      expect(new TextDecoder().decode(row?.body)).toBe('{"type":"user_reauth","erased":true}')
      expect((await accept(reauth('a', 'b'))).isDuplicate).toBe(true)
    })

    it('runs transactions one after the other', async () => {
      const seen: number[] = []
      await Promise.all(
        [1, 2, 3].map((n) =>
          store.transaction(async (tx) => {
            seen.push(n)
            await tx.findUser('', 'a')
            seen.push(n)
          }),
        ),
      )
      // In any order, but never one inside another.
      expect(new Set(seen)).toEqual(new Set([1, 2, 3]))
      expect([seen[1], seen[3], seen[5]]).toEqual([seen[0], seen[2], seen[4]])
    })
  })
}
