// Erasing an end user, over every store.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ConnectionChange } from '../src/changes.ts'
import { toErasedId } from '../src/erasure.ts'
import { createReceiver } from '../src/receiver.ts'
import type { Receiver, ReceiverOptions } from '../src/receiver-api.ts'
import type { ReceiverStore } from '../src/store.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import * as kit from '../src/testing.ts'
import { providePostgresStores } from './postgres.ts'

const secret = 'lookup-secret'
const NOW_MS = 1_790_000_000_000
const stores: [string, () => ReceiverStore][] = [
  ['memory', memoryStore],
  ['sqlite', () => sqliteStore({ path: ':memory:' })],
  ['postgres', providePostgresStores()],
]

describe.each(stores)('over %s', (_, open) => {
  let store: ReceiverStore
  let receiver: Receiver
  let nowMs: number
  let handled: string[]

  const create = (change: Partial<ReceiverOptions> = {}): Receiver =>
    createReceiver({
      secrets: [secret],
      store,
      clock: () => nowMs,
      onEvent: ({ type }) => void handled.push(type),
      ...change,
    })
  const send = async (event: kit.WireEvent, orderingMs: number | null = nowMs): Promise<void> => {
    await receiver.receive(
      await kit.signedRequest(event, { secret, orderingMs, signedAtMs: nowMs }),
    )
  }
  const tell = async (story: kit.Story, change: Partial<kit.StoryOptions> = {}): Promise<void> => {
    for (const sent of await story({ secret, signedAtMs: nowMs, userId: 'a', ...change })) {
      await receiver.receive(sent)
    }
  }
  const bodies = async (): Promise<string> => {
    const { events } = await receiver.listEvents({ limit: 1_000 })
    return events.map(({ body }) => new TextDecoder().decode(body)).join('\n')
  }

  beforeEach(() => {
    store = open()
    nowMs = NOW_MS
    handled = []
    receiver = create()
  })
  afterEach(async () => {
    await store.close()
  })

  describe('erase', () => {
    beforeEach(async () => {
      await tell(kit.stories.reconnect, { secondUserId: 'b', referenceId: 'pepper' })
      await tell(kit.stories.connect, { userId: 'other', referenceId: 'rhodey' })
      await send(kit.authCancelled({ referenceId: 'pepper' }))
      await send(kit.data('sleep', { userId: 'ahead', referenceId: 'pepper' }))
      nowMs += 1_000
    })

    it('takes names, scopes and bodies, and keeps that something happened', async () => {
      const before = await receiver.listEvents({ limit: 1_000 })
      expect(await receiver.erase('pepper')).toEqual({ connections: 1, users: 2, events: 6 })
      expect(await receiver.findByReferenceId('pepper')).toEqual([])
      for (const alias of ['a', 'b']) {
        expect(await receiver.resolve(alias)).toBeUndefined()
        expect(await receiver.explain(alias)).toBeUndefined()
        expect((await receiver.listEvents({ userId: alias })).events).toEqual([])
      }
      const after = await receiver.listEvents({ limit: 1_000 })
      const skeleton = ({ events }: typeof after): unknown[] =>
        events.map(({ seq, type, orderingMs, receivedAtMs }) => [
          seq,
          type,
          orderingMs,
          receivedAtMs,
        ])
      expect(skeleton(after)).toEqual(skeleton(before))
      expect(await bodies()).not.toMatch(/pepper|"a"|"b"/)
      expect(await bodies()).toContain('rhodey')
      const digest = await toErasedId('', 'a')
      expect(await receiver.resolve(digest)).toMatchObject({
        aliases: [digest, await toErasedId('', 'b')],
        status: 'active',
        referenceId: undefined,
        scopes: undefined,
      })
      expect(await receiver.resolve('other')).toMatchObject({ referenceId: 'rhodey' })
    })

    it('is not undone by what comes later about the same connection', async () => {
      await receiver.erase('pepper')
      handled = []
      await send(kit.data('daily', { userId: 'b', referenceId: 'pepper' }))
      await send(kit.auth({ userId: 'a', referenceId: 'pepper' }))
      await send(kit.deauth({ userId: 'b', referenceId: 'pepper' }))
      await send(kit.authError({ userId: 'a', referenceId: 'pepper' }))
      const answer = async (): Promise<Response> =>
        Response.json({ users: [kit.wireUser({ userId: 'b', referenceId: 'pepper' })] })
      await receiver.reconcile({
        baseUrl: 'http://api.test',
        devId: 'd',
        apiKey: 'k',
        fetch: answer,
      })
      expect(handled).toEqual([])
      expect(await receiver.findByReferenceId('pepper')).toEqual([])
      expect(await bodies()).not.toMatch(/pepper|"a"|"b"/)
      expect(await receiver.resolve(await toErasedId('', 'b'))).toMatchObject({
        status: 'disconnected',
      })
    })

    it('accepts a repetition of an erased event as one', async () => {
      const event = kit.auth({ userId: 'n', referenceId: 'nat' })
      const how = { secret, signedAtMs: nowMs, traceId: 't-9', orderingMs: 5 }
      await receiver.receive(await kit.signedRequest(event, how))
      await receiver.erase('nat')
      const again = await receiver.receive(await kit.signedRequest(event, how))
      expect(again.status).toBe('duplicate')
      expect(await bodies()).not.toContain('nat')
    })

    it.each([
      ['under a trace id', true],
      ['without one', false],
    ])('knows a repetition while it goes on, and after: %s', async (_how, hasTraceId) => {
      const events = [
        kit.auth({ userId: 'n', referenceId: 'nat' }),
        kit.data('daily', { userId: 'n', referenceId: 'nat' }),
      ]
      const repeat = async (): Promise<string[]> => {
        const outcomes = []
        for (const event of events) {
          const traceId = `t-${event['type']}`
          const how = { secret, signedAtMs: nowMs, traceId, orderingMs: 5 }
          const { body, headers } = await kit.signedRequest(event, how)
          if (!hasTraceId) delete headers['x-terra-trace-id']
          outcomes.push((await receiver.receive({ body, headers })).status)
        }
        return outcomes
      }
      expect(await repeat()).toEqual(['accepted', 'accepted'])
      const count = (await receiver.listEvents({ limit: 1_000 })).events.length
      let isDown = true
      const transaction: ReceiverStore['transaction'] = async (fn, options) => {
        if (isDown && options?.kind === 'event') throw new Error('power cut')
        return store.transaction(fn, options)
      }
      const eraser = create({ store: { ...store, transaction } })
      await expect(eraser.erase('nat')).rejects.toThrow('power cut')
      expect(await repeat()).toEqual(['duplicate', 'duplicate'])
      isDown = false
      expect(await eraser.erase('nat')).toMatchObject({ events: 2 })
      expect(await repeat()).toEqual(['duplicate', 'duplicate'])
      expect((await receiver.listEvents({ limit: 1_000 })).events).toHaveLength(count)
      expect(await bodies()).not.toContain('nat')
    })

    it('takes along aliases that late events name, in both directions', async () => {
      await send(kit.auth({ userId: 'c', referenceId: 'pepper2' }), NOW_MS - 5)
      await send(kit.data('daily', { userId: 'c', referenceId: 'pepper2' }), NOW_MS - 4)
      await receiver.erase('pepper')
      await send(
        kit.userReauth({ oldUserId: 'b', newUserId: 'c', referenceId: 'pepper2' }),
        NOW_MS - 3,
      )
      await send(
        kit.userReauth({ oldUserId: 'z', newUserId: 'a', referenceId: 'pepper' }),
        NOW_MS - 90_000,
      )
      for (const alias of ['c', 'z']) expect(await receiver.resolve(alias)).toBeUndefined()
      expect(await bodies()).not.toMatch(/pepper|"[abcz]"/)
      expect((await receiver.resolve(await toErasedId('', 'a')))?.aliases).toHaveLength(4)
    })

    it('leaves alone a person who came back', async () => {
      await receiver.erase('pepper')
      const later = nowMs + 60_000
      await send(kit.userReauth({ oldUserId: 'b', newUserId: 'c', referenceId: 'pepper' }), later)
      await send(kit.auth({ userId: 'c', referenceId: 'pepper' }), later)
      expect(await receiver.resolve('c')).toMatchObject({
        referenceId: 'pepper',
        status: 'active',
        aliases: ['c'],
      })
      expect(await receiver.resolve('b')).toBeUndefined()
      expect(await bodies()).not.toMatch(/"a"|"b"/)
    })

    it('lets go of a name that a connection had before', async () => {
      await send(kit.auth({ userId: 'r', referenceId: 'old-name' }), NOW_MS)
      const renamed = kit.userReauth({ oldUserId: 'r', newUserId: 's', referenceId: 'new-name' })
      renamed['old_user'] = kit.wireUser({ userId: 'r', referenceId: 'old-name' })
      await send(renamed, NOW_MS + 1)
      expect(await receiver.erase('old-name')).toMatchObject({ connections: 0, events: 2 })
      expect(await receiver.resolve('r')).toMatchObject({ referenceId: 'new-name', userId: 's' })
      expect(await bodies()).not.toContain('old-name')
    })

    it('leaves alone who comes back while it goes on', async () => {
      let isBack = false
      const transaction: ReceiverStore['transaction'] = async (fn, options) => {
        const result = await store.transaction(fn, options)
        const isErased = !isBack && (await receiver.resolve('b')) === undefined
        if (!isErased) return result
        isBack = true
        await send(kit.auth({ userId: 'c', referenceId: 'pepper' }))
        return result
      }
      const eraser = create({ store: { ...store, transaction } })
      await eraser.erase('pepper')
      const { events } = await receiver.listEvents({ userId: 'c' })
      expect(events.map(({ body }) => new TextDecoder().decode(body))).toEqual([
        expect.stringContaining('"reference_id":"pepper"'),
      ])
    })

    it('goes on where it was cut off, when it is called again', async () => {
      await send(kit.data('daily', { userId: 'b' }))
      let isDown = true
      const transaction: ReceiverStore['transaction'] = async (fn, options) => {
        if (isDown && options?.kind === 'event') throw new Error('power cut')
        return store.transaction(fn, options)
      }
      const eraser = create({ store: { ...store, transaction } })
      await expect(eraser.erase('pepper')).rejects.toThrow('power cut')
      expect(await receiver.findByReferenceId('pepper')).toEqual([])
      expect(await bodies()).toMatch(/"b"/)
      isDown = false
      expect(await eraser.erase('pepper')).toEqual({ connections: 0, users: 0, events: 7 })
      expect(await bodies()).not.toMatch(/pepper|"a"|"b"/)
      expect(await eraser.erase('pepper')).toEqual({ connections: 0, users: 0, events: 0 })
    })

    it('leaves nothing that its name could be found by', async () => {
      const notes = new Set<string>()
      let isDown = true
      const transaction: ReceiverStore['transaction'] = async (fn, options) => {
        if (isDown && options?.kind === 'event') throw new Error('power cut')
        return store.transaction(async (tx) => {
          const save = tx.saveCursor.bind(tx)
          tx.saveCursor = async (cursor) => {
            notes.add(cursor.name)
            await save(cursor)
          }
          return fn(tx)
        }, options)
      }
      const findNotes = async (): Promise<string[]> =>
        store.transaction(async (tx) => {
          const found = []
          for (const name of notes) if ((await tx.findCursor(name)) !== undefined) found.push(name)
          return found
        })
      const eraser = create({ store: { ...store, transaction } })
      await expect(eraser.erase('pepper')).rejects.toThrow('power cut')
      expect(await findNotes()).toHaveLength(1)
      isDown = false
      await eraser.erase('pepper')
      expect(await findNotes()).toEqual([])
      const listed = await receiver.listEvents({ limit: 1_000 })
      const users = await store.transaction((tx) => tx.listUsers({ environment: '', limit: 99 }))
      expect(JSON.stringify([listed.events, users])).not.toContain('pepper')
    })

    it('goes on where a version before has left an empty note', async () => {
      const transaction: ReceiverStore['transaction'] = async (fn, options) =>
        store.transaction(async (tx) => {
          tx.deleteCursor = async (name) => await tx.saveCursor({ name, value: '', atMs: nowMs })
          return fn(tx)
        }, options)
      await create({ store: { ...store, transaction } }).erase('pepper')
      expect(await receiver.erase('pepper')).toEqual({ connections: 0, users: 0, events: 0 })
      nowMs += 1
      await send(kit.auth({ userId: 'again', referenceId: 'pepper' }))
      expect(await receiver.erase('pepper')).toMatchObject({ connections: 1, users: 1 })
    })

    it('tells subscribers, and finds nothing to erase twice', async () => {
      const seen: ConnectionChange[] = []
      receiver.subscribe((change) => seen.push(change))
      await receiver.erase('pepper')
      expect(seen).toMatchObject([
        { from: { userId: 'b' }, to: undefined, cause: { kind: 'erase' } },
      ])
      expect(await receiver.erase('pepper')).toEqual({ connections: 0, users: 0, events: 0 })
      expect(await receiver.erase('nobody')).toEqual({ connections: 0, users: 0, events: 0 })
    })
  })
})
