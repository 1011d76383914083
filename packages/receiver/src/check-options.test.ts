// What a JavaScript app gets wrong, which TypeScript would have told it.
import { describe, expect, it } from 'vitest'
import { expressHandler } from './express.ts'
import { fastifyReceiver } from './fastify.ts'
import { lambdaHandler } from './lambda.ts'
import { nodeHandler } from './node.ts'
import { createReceiver } from './receiver.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'
import { postgresStore } from './stores/postgres.ts'
import { sqliteStore } from './stores/sqlite.ts'
import * as kit from './testing.ts'

const wrong = (value: unknown): never => value as never
const API = { baseUrl: 'http://localhost', devId: 'd', apiKey: 'k' }
const create = (change: object): unknown =>
  createReceiver(wrong({ secrets: ['s'], store: memoryStore(), ...change }))

describe('options of the wrong kind', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['nothing', () => createReceiver(wrong(undefined)), /needs \{ secrets, store \}, found undef/],
    ['secret', () => create({ secrets: undefined, secret: 's' }), /must be a list .*undefined/],
    ['one secret', () => create({ secrets: 's' }), /must be a list .*found a string/],
    ['a variable that is not set', () => create({ secrets: [undefined] }), /number 1 is empty; is/],
    ['no store', () => create({ store: undefined }), /memoryStore\(\), .*found undefined/],
    ['a store that was not made', () => create({ store: memoryStore }), /a function; call it/],
    ['a store that is on its way', () => create({ store: Promise.resolve() }), /await it/],
    ['a pool', () => create({ store: { query: () => 1 } }), /postgresStore\(\{ pool \}\)/],
    ['a handler that is none', () => create({ onEvent: 'x' }), /onEvent must be a function/],
    ['an order', () => create({ order: 'lineages' }), /order must be 'user' or 'lineage'/],
    [
      'a path',
      () => sqliteStore(wrong('data.db')),
      /needs \{ path \} or \{ handle \}; found a str/,
    ],
    ['a url', () => postgresStore(wrong('postgres://')), /\{ connectionString \}; found a string/],
    ['express', () => expressHandler(wrong(undefined)), /expressHandler needs a receiver/],
    ['fastify', () => fastifyReceiver(wrong({})), /fastifyReceiver needs .*createReceiver/],
    ['lambda', () => lambdaHandler(wrong(null)), /lambdaHandler needs a receiver, found null/],
    ['node', () => nodeHandler(wrong(createReceiver)), /nodeHandler needs .*found a function/],
  ])('says what was expected and found: %s', (_, make, message) => {
    expect(make).toThrow(message)
  })

  it.each<[string, (receiver: ReturnType<typeof createReceiver>) => unknown, RegExp]>([
    ['receive', (r) => r.receive(wrong(undefined)), /needs \{ body, headers \}/],
    ['headers', (r) => r.receive(wrong({ body: new Uint8Array() })), /needs .*found undefined/],
    ['resolve', (r) => r.resolve(wrong(['a'])), /userId must be a text, found a list/],
    ['findByReferenceId', (r) => r.findByReferenceId(wrong({})), /referenceId must be a text/],
    ['findLineage', (r) => r.findLineage(wrong({})), /lineageId must be a text, found an object/],
    ['explain', (r) => r.explain(wrong(undefined)), /a user_id or \{ lineageId \}/],
    ['explain nothing in it', (r) => r.explain(wrong({})), /found an object without lineageId/],
    ['explain a list', (r) => r.explain(wrong({ lineageId: [] })), /lineageId must be .* a list/],
    ['listEvents', (r) => r.listEvents(wrong('a')), /such as \{ userId \}; found a string/],
    ['listEvents null', (r) => r.listEvents(wrong(null)), /such as \{ userId \}; found null/],
    ['prune', (r) => r.prune(wrong(undefined)), /prune needs \{ olderThanMs \}; found undefined/],
    ['replay', (r) => r.replay(wrong(Symbol('a'))), /seq must be .* found Symbol\(a\)/],
    ['changes', async (r) => r.changes(wrong(null)), /changes takes an object; found null/],
    [
      'redirect',
      (r) => r.confirmRedirect(wrong({ user_id: 'a' })),
      /a text or a URL, found an obj/,
    ],
    ['redirect options', (r) => r.confirmRedirect('/', wrong(null)), /an object; found null/],
    ['redirect api', (r) => r.confirmRedirect('/', { api: wrong({}) }), /with api needs .*baseUrl/],
    ['reconcile', (r) => r.reconcile(wrong(undefined)), /\{ baseUrl, devId, apiKey \}/],
    ['no key', (r) => r.reconcile(wrong({ ...API, apiKey: undefined })), /apiKey must .*undefined/],
    ['recover', (r) => r.recover(wrong({ ...API, devId: '' })), /devId must .*an empty text/],
    ['schedule', async (r) => r.startReconciling(wrong(null)), /startReconciling needs .*null/],
    ['pulling', async (r) => r.startRecovering(wrong({})), /startRecovering needs .*undefined/],
    ['erase', (r) => r.erase(wrong(undefined)), /referenceId must be a text/],
    ['erase a number', (r) => r.erase(wrong(7)), /referenceId must be a text, found a number/],
    ['erase nobody', (r) => r.erase(''), /must not be empty/],
    ['subscribe', async (r) => r.subscribe(wrong('x')), /listener must be a function/],
  ])('refuses at once what would find nobody: %s', async (_, call, message) => {
    const receiver = createReceiver({ secrets: ['s'], store: memoryStore() })
    await expect(call(receiver)).rejects.toThrow(message)
  })
})

describe('what an app without a compiler hands over', () => {
  it.each<[string, () => ReceiverStore]>([
    ['memory', memoryStore],
    ['sqlite', () => sqliteStore({ path: ':memory:' })],
  ])('finds nobody by nothing, and takes a number as its text: %s', async (_, open) => {
    const store = open()
    const receiver = createReceiver({ secrets: ['s'], store })
    const event = kit.auth({ userId: '7', referenceId: '42' })
    await receiver.receive(await kit.signedRequest(event, { secret: 's' }))
    for (const nothing of [undefined, null]) {
      expect(await receiver.resolve(wrong(nothing))).toBeUndefined()
      expect(await receiver.findLineage(wrong(nothing))).toBeUndefined()
      expect(await receiver.explain({ lineageId: wrong(nothing) })).toBeUndefined()
      expect(await receiver.findByReferenceId(wrong(nothing))).toEqual([])
    }
    expect(await receiver.resolve(wrong(7))).toMatchObject({ userId: '7' })
    expect(await receiver.explain(wrong(7))).toMatchObject({ connection: { userId: '7' } })
    expect(await receiver.findByReferenceId(wrong(42))).toMatchObject([{ userId: '7' }])
    await store.close()
  })

  it('is taken: an order of null, and a store that can be called', async () => {
    const inner = memoryStore()
    const store = Object.assign(() => inner, {
      transaction: inner.transaction,
      close: inner.close,
    })
    const onEvent = (): void => {}
    const receiver = createReceiver(wrong({ secrets: ['s'], store, onEvent, order: null }))
    const sent = await kit.signedRequest(kit.auth(), { secret: 's' })
    expect(await receiver.receive(sent)).toMatchObject({ status: 'accepted', handler: 'done' })
  })
})
