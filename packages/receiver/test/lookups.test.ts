// What an app wants to know about connections, over every store.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import type { ConnectionChange } from '../src/changes.ts'
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
  beforeEach(() => {
    store = open()
    nowMs = NOW_MS
    handled = []
    receiver = create()
  })
  afterEach(async () => {
    await store.close()
  })

  describe('resolve', () => {
    it('finds a user in any of more environments than it looks through unasked', async () => {
      const labels = Array.from({ length: 18 }, (_, i) => `e${String(i).padStart(2, '0')}`)
      const secrets = labels.map((environment) => ({
        environment,
        secret: `secret-${environment}`,
      }))
      receiver = create({ secrets })
      for (const { environment, secret: of } of secrets) {
        const event = kit.auth({ userId: 'a', referenceId: environment })
        await receiver.receive(await kit.signedRequest(event, { secret: of, signedAtMs: nowMs }))
      }
      for (const environment of labels) {
        const found = await receiver.resolve('a', { environment })
        expect(found).toMatchObject({ environment, referenceId: environment, status: 'active' })
      }
      expect(await receiver.resolve('a', { environment: 'none' })).toBeUndefined()
      await expect(receiver.resolve('a')).rejects.toMatchObject({ reason: 'environment_required' })
    })
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
      300_000 + RUNS * 200,
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
})
