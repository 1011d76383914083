// Whatever bytes and headers come: 4xx, or accepted and kept as they are. Never a crash, never a 5xx, and nothing unverified is parsed.
import * as fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { reply } from '../src/handler.ts'
import { createReceiver } from '../src/receiver.ts'
import type { Receiver } from '../src/receiver-api.ts'
import { signTerra } from '../src/sign.ts'
import type { ReceiverStore } from '../src/store.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { sqliteStore } from '../src/stores/sqlite.ts'
import { user } from './histories.ts'
import { providePostgresStores } from './postgres.ts'
import { NOW_MS, SECRET } from './send.ts'

const encoder = new TextEncoder()
const BRACKETS = 100_000
/** What no column of PostgreSQL, no JSON of it and no text in UTF-8 can hold, and numbers beyond numbers. */
const UNSTORABLE = ['\\u0000', '\\ud800', '\\udfff\\ud800', 'a\\u0000b', '\\uffff', '\\\\u0000']
const openers: [string, () => ReceiverStore, number][] = [
  ['sqlite', () => sqliteStore({ path: ':memory:' }), 300],
  ['postgres', providePostgresStores(), 100],
]
let openStore: () => ReceiverStore
let store: ReceiverStore
let receiver: Receiver
let handed: number

/** What a host can hand over, types aside. */
type AnyHeaders = Record<string, unknown>

async function send(body: Uint8Array | string, headers: AnyHeaders = {}, secret = SECRET) {
  const bytes = typeof body === 'string' ? encoder.encode(body) : body
  const signature = await signTerra({ secret, timestampSeconds: NOW_MS / 1_000, body: bytes })
  const all: AnyHeaders = { 'x-terra-signature': signature, ...headers }
  const answer = await reply(receiver, {
    method: 'POST',
    headers: all as Record<string, string>,
    readBody: async () => bytes,
  })
  const { reason = '' }: { reason?: string } = JSON.parse(answer.body)
  return { status: answer.status, reason }
}

/** Everything that is stored, to the byte. */
async function bodies(): Promise<string[]> {
  const { events } = await receiver.listEvents({ limit: 1_000 })
  return events.map(({ body }) => new TextDecoder().decode(body))
}

beforeEach(() => {
  handed = 0
  store = openStore()
  receiver = createReceiver({
    secrets: [SECRET],
    store,
    clock: () => NOW_MS,
    onEvent: () => void (handed += 1),
  })
})
afterEach(async () => {
  await store.close()
})

describe.each(openers)('genuine bodies, store %s', (_name, open, runs) => {
  beforeAll(() => {
    openStore = open
  })

  it('are accepted and kept to the byte, or answered 400, whatever bytes they are', async () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => encoder.encode(text)),
      fc.string({ unit: 'binary', maxLength: 100 }).map((text) => encoder.encode(text)),
    )
    await fc.assert(
      fc.asyncProperty(anything, async (bytes) => {
        const before = (await bodies()).length
        const { status, reason } = await send(bytes)
        const outcomes = ['200', '400 not_json', '400 not_an_object', '400 type_missing']
        expect(outcomes).toContain(`${status} ${reason}`.trim())
        const isKept = (await bodies()).length > before
        expect(status === 400 && isKept).toBe(false)
      }),
      { numRuns: runs },
    )
  })

  it('may have any value in any field of any type', async () => {
    const types = [
      'auth',
      'auth_cancelled',
      'deauth',
      'user_reauth',
      'access_revoked',
      'connection_error',
      'permission_change',
      'google_no_datasource',
      'daily',
      'athlete',
      's3_payload',
      'brand_new',
    ]
    const key = fc.constantFrom(
      'user',
      'old_user',
      'new_user',
      'reference_id',
      'status',
      'scopes_added',
      'data',
      'user_id',
      'provider',
      'scopes',
      'active',
      '__proto__',
      'constructor',
      'toString',
    )
    const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<unknown>(
          null,
          true,
          0,
          -0,
          1e308,
          -1.5,
          2 ** 53,
          '',
          ' ',
          'a',
          '\0',
          '\uD800',
        ),
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 5 }),
      ),
    })).value
    const body = fc.tuple(fc.constantFrom(...types), fc.dictionary(key, value, { maxKeys: 7 }))
    await fc.assert(
      fc.asyncProperty(body, async ([type, fields]) => {
        // Not an object literal: it would take "__proto__" for something else than a name.
        const parts = Object.entries({ ...fields }).map(
          ([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`,
        )
        const text = `{${[`"type":"${type}"`, ...parts].join(',')}}`
        expect(await send(text)).toEqual({ status: 200, reason: '' })
        const { events } = await receiver.listEvents({ limit: 1_000 })
        const userId = events.at(-1)?.userId
        if (userId !== undefined) await receiver.explain(userId)
      }),
      { numRuns: runs },
    )
    expect(handed).toBeGreaterThan(0)
  })

  it.each<[string, string, number]>([
    ['deep arrays', `{"type":"auth","x":${'['.repeat(BRACKETS)}${']'.repeat(BRACKETS)}}`, 200],
    ['deep objects', `{"type":"auth","user":${'{"user":'.repeat(9_000)}1${'}'.repeat(9_001)}`, 200],
    ['brackets that never close', '['.repeat(BRACKETS), 400],
    ['a type twice: the last one counts', '{"type":"auth","type":"deauth"}', 200],
    ['a polluting name', '{"type":"auth","__proto__":{"polluted":1,"type":"x"}}', 200],
    ['no type but an inherited one', '{"__proto__":{"type":"auth"}}', 400],
    ['a constructor', '{"type":"auth","constructor":{"prototype":{"polluted":1}}}', 200],
    ['a user that is only inherited', '{"type":"auth","user":{"__proto__":{"user_id":"a"}}}', 200],
    ['numbers beyond numbers', '{"type":"auth","user":{"user_id":1e999,"provider":9e99}}', 200],
    ['a user that is a list', '{"type":"auth","user":[{"user_id":"a"}]}', 200],
    ['no user', '{"type":"deauth"}', 200],
    ['a type that is no text', '{"type":["auth"]}', 400],
    ['an empty type', '{"type":""}', 400],
    ['a type that no column can hold', '{"type":"\\u0000\\ud800"}', 200],
    ['a very long type', JSON.stringify({ type: 'x'.repeat(100_000) }), 200],
    ['a byte order mark', '\uFEFF{"type":"auth"}', 200],
    ['NaN', '{"type":"auth","x":NaN}', 400],
    ['a comment', '{"type":"auth"} // hi', 400],
    ['null', 'null', 400],
    ['nothing', '', 400],
  ])('%s', async (_, text, expected) => {
    expect((await send(text)).status).toBe(expected)
    expect(await bodies()).toHaveLength(expected === 200 ? 1 : 0)
    expect(await receiver.resolve('a')).toBeUndefined()
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  it.each(UNSTORABLE)(
    'keep %s, wherever it stands, and cost no other event its acceptance',
    async (odd) => {
      const fields = ['user_id', 'provider', 'reference_id', 'scopes', 'created_at', 'status']
      const user = `{${fields.map((name) => `"${name}":"x${odd}y"`).join(',')}}`
      const parts = `"user":${user},"old_user":{"user_id":"${odd}"},"new_user":${user},"reference_id":"${odd}","${odd}":["${odd}",1e400]`
      const types = ['auth', 'user_reauth', 'deauth', 'permission_change', 'daily', `new${odd}`]
      const texts = [
        ...types.map((type) => `{"type":"${type}",${parts}}`),
        '{"type":"auth","user":{"user_id":"fine"}}',
      ]
      // At once, so that they share a transaction.
      const answers = await Promise.all(texts.map(async (text) => send(text)))
      expect(answers.map(({ status }) => status)).toEqual(texts.map(() => 200))
      expect((await bodies()).toSorted()).toEqual(texts.toSorted())
      expect(await receiver.resolve('fine')).toMatchObject({ aliases: ['fine'] })
      const { events } = await receiver.listEvents({ types: ['auth', 'deauth'] })
      for (const { userId } of events) expect(await receiver.resolve(userId ?? '')).toBeDefined()
    },
  )

  it('in another encoding than UTF-8 are no events', async () => {
    const text = '{"type":"auth","x":"ü"}'
    const latin1 = Uint8Array.from(text, (character) => character.charCodeAt(0))
    const utf16 = new Uint8Array(Buffer.from(text, 'utf16le'))
    for (const bytes of [latin1, utf16, Uint8Array.of(0xc0, 0x80), Uint8Array.of(0xff)]) {
      expect(await send(bytes)).toEqual({ status: 400, reason: 'not_json' })
    }
  })

  it('cannot make a record grow without bounds', async () => {
    const scopes = Array.from({ length: 50_000 }, (_, i) => `scope-${i}`).join(',')
    const long = 'x'.repeat(600)
    await send(
      JSON.stringify({ type: 'auth', user: { ...user('a'), scopes: `${long},${scopes}` } }),
    )
    expect((await receiver.resolve('a'))?.scopes).toHaveLength(1_000)
    const ids = { user_id: 'y'.repeat(1_025), provider: 'z'.repeat(5_000) }
    expect((await send(JSON.stringify({ type: 'auth', user: ids }))).status).toBe(200)
    expect((await receiver.listEvents({ limit: 10 })).events[1]?.userId).toBeUndefined()
  })

  it('keep what a reader of JSON loses', async () => {
    const text = ' {"type":"daily","data":[1.0,1e2,12345678901234567890],"a":1,"a":2} \n'
    await send(text)
    expect(await bodies()).toEqual([text])
  })
})

describe('bodies that are not genuine', () => {
  beforeAll(() => {
    openStore = memoryStore
  })

  it('are answered 401 whatever they are, because nobody looks at them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        expect(await send(bytes, {}, 'other')).toEqual({
          status: 401,
          reason: 'signature_mismatch',
        })
      }),
      { numRuns: 200 },
    )
    for (const text of ['{', '['.repeat(BRACKETS), '{"__proto__":1}', '']) {
      expect((await send(text, {}, 'other')).status).toBe(401)
    }
    expect(await bodies()).toEqual([])
  })
})

describe.each(openers)('headers, store %s', (_name, open, runs) => {
  beforeAll(() => {
    openStore = open
  })

  const body = JSON.stringify({ type: 'auth', user: user('a') })
  const names = [
    'x-terra-signature',
    'terra-signature',
    'webhook-id',
    'webhook-timestamp',
    'webhook-signature',
  ]

  it('that prove something badly are answered 401', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom('t=1', 'v1=00', 't=,v1=', `t=1,v1=${'0'.repeat(64)}`, 't=1,t=2', ',', '='),
      fc.constantFrom('t=99999999999999999999,v1=0', 't=-1,v1=', 't=1e3,v1=', 'v1,', 'v1,AAAA'),
      fc.constant('x'.repeat(10_000)),
      fc.constant(`t=1,${'v1=00,'.repeat(5_000)}`),
    )
    const any = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 5 })
    await fc.assert(
      fc.asyncProperty(any, async (headers) => {
        const { status } = await send(body, { 'x-terra-signature': undefined, ...headers })
        expect(status).toBe(401)
      }),
      { numRuns: runs },
    )
    expect(await bodies()).toEqual([])
  })

  it('that only describe are kept or passed over, however absurd', async () => {
    const value: fc.Arbitrary<unknown> = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom<unknown>('', '-1', '1e9', '9'.repeat(15), '9'.repeat(400), '0x10', ' 5 '),
      fc.constantFrom<unknown>(null, 5, true, [], ['a', 'b'], {}, 'x'.repeat(100_000)),
    )
    const describing = fc.constantFrom(
      'x-terra-trace-id',
      'x-terra-ordering-timestamp',
      'terra-reference',
      'user-agent',
      'content-type',
      'x-firma-replay-of',
      'X-TERRA-TRACE-ID',
      '__proto__',
      'constructor',
    )
    await fc.assert(
      fc.asyncProperty(fc.dictionary(describing, value, { maxKeys: 6 }), async (headers) => {
        expect((await send(body, { ...headers })).status).toBe(200)
      }),
      { numRuns: runs },
    )
    for (const { headers, traceId } of (await receiver.listEvents({ limit: 1_000 })).events) {
      for (const kept of Object.values(headers)) expect(kept.length).toBeLessThanOrEqual(4_096)
      expect((traceId ?? '').length).toBeLessThanOrEqual(512)
    }
  })

  it('of any kind do not bring a server of the Fetch standard down', async () => {
    receiver = createReceiver({ secrets: [SECRET], store: memoryStore(), clock: () => NOW_MS })
    for (const length of ['abc', '-5', '1e99', '99999999999999999999']) {
      const headers = { 'content-length': length, 'x-terra-signature': 'ü' }
      const request = new Request('http://app.test/', { method: 'POST', body, headers })
      expect([401, 413]).toContain((await receiver.fetch(request)).status)
    }
  })
})
