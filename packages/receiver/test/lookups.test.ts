// What an app wants to know about connections, over every store.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import type { ConnectionChange } from '../src/changes.ts'
import { toErasedId } from '../src/erasure.ts'
import { createReceiver } from '../src/receiver.ts'
import type { Receiver, ReceiverOptions } from '../src/receiver-api.ts'
import type { ReceiverStore } from '../src/store.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import * as kit from '../src/testing.ts'
import { arbitraryHistory } from './histories.ts'
import { providePostgresStores } from './postgres.ts'
import { sign } from './send.ts'

const secret = 'lookup-secret'
const RUNS = Number(process.env['RECEIVER_MAP_RUNS'] ?? 60)
const NOW_MS = 1_790_000_000_000
const stores: [string, () => ReceiverStore][] = [
  ['memory', memoryStore],
  ['sqlite', () => sqliteStore({ path: ':memory:' })],
  ['postgres', providePostgresStores()],
]

describe.each(stores)('over %s', (name, open) => {
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

  describe('explain', () => {
    it('says why, what happened and what to do, by any alias and by lineage', async () => {
      await tell(kit.stories.reconnect, { secondUserId: 'b' })
      await send(kit.connectionError({ userId: 'b' }))
      const explained = await receiver.explain('a')
      expect(explained).toMatchObject({
        code: 'reconnect_if_it_lasts',
        why: expect.stringContaining('GARMIN refused a request'),
        todo: expect.stringContaining('delete nothing'),
        connection: { userId: 'b', status: 'degraded' },
        hasMore: false,
      })
      expect(explained?.timeline.map(({ type, isDeciding }) => [type, isDeciding])).toEqual([
        ['auth', false],
        ['user_reauth', false],
        ['auth', false],
        ['connection_error', true],
      ])
      expect(await receiver.explain({ lineageId: 'lin_b' })).toEqual(explained)
      expect(await receiver.explain({ lineageId: 'b' })).toBeUndefined()
      expect(await receiver.explain('nobody')).toBeUndefined()
    })

    it.each([
      ['connect', 'nothing', 'connected'],
      ['recovered', 'nothing', 'answers again'],
      ['reconnect', 'nothing', 'connected'],
      ['revoked', 'connect_again', 'took access away'],
      ['disconnected', 'connect_again', 'disconnected'],
    ] as const)('has words for %s', async (name, code, words) => {
      await tell(kit.stories[name])
      const explained = await receiver.explain('a')
      expect(explained).toMatchObject({ code, why: expect.stringContaining(words) })
      expect(explained?.timeline.filter(({ isDeciding }) => isDeciding)).toHaveLength(1)
    })

    it('tells what the API said, what failed, and what nobody can decide', async () => {
      await send(kit.auth({ userId: 'a' }), NOW_MS - 9_000_000)
      await send(kit.authError({ userId: 'a' }))
      const answer = async (): Promise<Response> =>
        Response.json({ users: [kit.wireUser({ userId: 'a', isActive: false })] })
      await receiver.reconcile({
        baseUrl: 'http://api.test',
        devId: 'd',
        apiKey: 'k',
        fetch: answer,
      })
      const explained = await receiver.explain('a')
      expect(explained?.why).toContain('no longer active')
      expect(explained?.timeline.map(({ type, text }) => [type, text])).toEqual([
        ['auth', 'The person connected.'],
        ['seen_inactive', expect.stringContaining('no longer active')],
        ['auth', 'An attempt to connect failed.'],
      ])
      await send(kit.permissionChange({ userId: 'x', referenceId: null }))
      expect(await receiver.explain('x')).toMatchObject({ code: 'wait' })
      for (const userId of ['p', 'q']) await send(kit.auth({ userId, provider: 'OURA' }))
      await send(kit.userReauth({ oldUserId: null, newUserId: 'r', provider: 'OURA' }))
      expect(await receiver.explain('r')).toMatchObject({ code: 'decide_which' })
    })

    it('keeps to the latest 200 events', async () => {
      for (let i = 0; i < 201; i += 1) await send(kit.connectionError({ userId: 'a' }), i)
      const explained = await receiver.explain('a')
      expect(explained).toMatchObject({ hasMore: true })
      expect(explained?.timeline.map(({ atMs }) => atMs).slice(0, 2)).toEqual([1, 2])
    })

    it('asks for the environment when several have the user', async () => {
      const secrets = ['one', 'two'].map((name) => ({ secret: name, environment: name }))
      receiver = create({ secrets })
      for (const { secret } of secrets) {
        const sent = await kit.signedRequest(kit.auth({ userId: 'a' }), {
          secret,
          signedAtMs: nowMs,
        })
        await receiver.receive(sent)
      }
      await expect(receiver.explain('a')).rejects.toMatchObject({ reason: 'environment_required' })
      expect(await receiver.explain('a', { environment: 'two' })).toMatchObject({ code: 'nothing' })
      expect(await receiver.explain('b')).toBeUndefined()
      expect(await receiver.erase('tony_stark', { environment: 'one' })).toMatchObject({ users: 1 })
      expect(await receiver.explain('a')).toMatchObject({ connection: { environment: 'two' } })
    })
  })

  describe('subscribe', () => {
    let seen: ConnectionChange[]
    const summary = (): unknown[] =>
      seen.map(({ from, to, absorbed, cause }) => [
        from?.status,
        to?.status,
        to?.userId,
        absorbed.map(({ lineageId }) => lineageId),
        cause.kind === 'event' ? cause.type : cause.kind,
      ])

    beforeEach(() => {
      seen = []
      receiver.subscribe((change) => seen.push(change))
    })

    it('tells every change once, from what to what, and nothing of data and repetitions', async () => {
      const told = await kit.stories.reconnect({
        secret,
        signedAtMs: nowMs,
        userId: 'a',
        secondUserId: 'b',
      })
      for (const sent of [...told, ...told]) await receiver.receive(sent)
      await send(kit.deauth({ userId: 'b' }))
      expect(summary()).toEqual([
        [undefined, 'active', 'a', [], 'auth'],
        ['active', 'active', 'b', [], 'user_reauth'],
        ['active', 'active', 'b', [], 'auth'],
        ['active', 'disconnected', 'b', [], 'deauth'],
      ])
    })

    it('tells which connections turned out to be one', async () => {
      await send(kit.auth({ userId: 'a' }), 1)
      await send(kit.auth({ userId: 'b' }), 5)
      await send(kit.userReauth({ oldUserId: 'a', newUserId: 'b' }), 5)
      expect(summary().at(-1)).toEqual(['active', 'active', 'b', ['lin_b'], 'user_reauth'])
      expect(seen.at(-1)).toMatchObject({
        from: { lineageId: 'lin_a' },
        to: { lineageId: 'lin_a' },
      })
    })

    it('tells of connections that an event about another one settles or unsettles', async () => {
      await send(kit.userReauth({ oldUserId: null, newUserId: 'c' }), 9)
      await send(kit.auth({ userId: 'a' }), 1)
      expect(seen.at(-1)).toMatchObject({ to: { aliases: ['a', 'c'] }, from: { aliases: ['c'] } })
      seen = []
      await send(kit.auth({ userId: 'b' }), 2)
      expect(seen.map(({ from, to }) => [from?.aliases, to?.aliases, to?.ambiguousWith])).toEqual([
        [['a', 'c'], ['a'], undefined],
        [undefined, ['b'], undefined],
        [['a', 'c'], ['c'], ['lin_a', 'lin_b']],
      ])
    })

    it(
      'says of every answer that changed what it was and what it is, and nothing else',
      async () => {
        const ids = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']
        const askAll = async (): Promise<Map<string, ConnectionChange['to']>> => {
          const answers = new Map<string, ConnectionChange['to']>()
          for (const id of ids) answers.set(id, await receiver.resolve(id))
          return answers
        }
        await fc.assert(
          fc.asyncProperty(arbitraryHistory(), async (history) => {
            store = open()
            receiver = create({ secrets: ['test-signing-secret'] })
            receiver.subscribe((change) => seen.push(change))
            let before = await askAll()
            for (const { body, orderingMs } of history) {
              seen = []
              const time = { 'X-Terra-Ordering-Timestamp': String(orderingMs ?? '') }
              await receiver.receive(await sign(body, time))
              const after = await askAll()
              const told = new Set<string>()
              for (const { from, to, absorbed } of seen) {
                const former = (to?.aliases ?? []).map((alias) => before.get(alias))
                const known = former.filter((each) => each !== undefined)
                const said = [from, ...absorbed].filter((each) => each !== undefined)
                expect(said.map((each) => JSON.stringify(each))).toEqual([
                  ...new Set(known.map((each) => JSON.stringify(each))),
                ])
                for (const alias of to?.aliases ?? []) {
                  expect(to).toEqual(after.get(alias))
                  told.add(alias)
                }
              }
              const changed = ids.filter(
                (id) => JSON.stringify(after.get(id)) !== JSON.stringify(before.get(id)),
              )
              expect([...told].toSorted()).toEqual(changed)
              before = after
            }
            await store.close()
          }),
          { numRuns: name === 'postgres' ? Math.ceil(RUNS / 5) : RUNS },
        )
      },
      20_000 + RUNS * 200,
    )

    it('is not disturbed by a listener that throws, and stops when told to', async () => {
      receiver.subscribe(() => {
        throw new TypeError('broken')
      })
      const more: ConnectionChange[] = []
      const stop = receiver.subscribe((change) => more.push(change))
      await send(kit.auth({ userId: 'a' }))
      stop()
      await send(kit.deauth({ userId: 'a' }))
      expect(more).toHaveLength(1)
      expect(seen).toHaveLength(2)
    })
  })

  describe('changes', () => {
    it('can be read as they come, until the reader leaves', async () => {
      const changes = receiver.changes()
      const reading = (async () => {
        const statuses: unknown[] = []
        for await (const { to } of changes) {
          statuses.push(to?.status)
          if (statuses.length === 2) break
        }
        return statuses
      })()
      await send(kit.auth({ userId: 'a' }), 1)
      await send(kit.accessRevoked({ userId: 'a' }), 2)
      await send(kit.auth({ userId: 'a' }), 3)
      expect(await reading).toEqual(['active', 'revoked'])
      expect(await changes.next()).toEqual({ done: true, value: undefined })
    })

    it('end with an error when more of them wait than the buffer holds', async () => {
      const changes = receiver.changes({ bufferMax: 1 })
      for (const [i, userId] of ['a', 'b', 'c'].entries()) await send(kit.auth({ userId }), i)
      expect(await changes.next()).toMatchObject({ value: { to: { userId: 'a' } } })
      await expect(changes.next()).rejects.toMatchObject({ reason: 'changes_missed' })
      expect(await changes.next()).toEqual({ done: true, value: undefined })
      expect(() => receiver.changes({ bufferMax: 0 })).toThrow(RangeError)
    })

    it('end with a signal', async () => {
      const abort = new AbortController()
      const waiting = receiver.changes({ signal: abort.signal }).next()
      abort.abort()
      expect(await waiting).toEqual({ done: true, value: undefined })
      expect((await receiver.changes({ signal: abort.signal }).next()).done).toBe(true)
    })
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
