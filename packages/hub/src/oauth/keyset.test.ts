import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { DAY_MS, MINUTE_MS } from '../core/time.ts'
import { SimulatedKeyset } from '../simulator/keyset.ts'
import { createKeysets, isSignedBy, parseKeyset, parseSignature } from './keyset.ts'

const URL = 'https://keys.example/keyset.json'
const random = { bytes: randomBytes, fraction: Math.random }

/** As Google publishes its keys; this one was in its keyset in 2026. */
const PUBLISHED =
  'EgYIAxACGAIaIQBDWg3kaiabjtrVXbSSbcn6e3QqiCLD+B4GuhC/Z1C6miIhACarm0VQv9WjNZG/AB0itXCIGFW5ddInmBFUjK/8w0v3'

function entry(changes: object = {}, value = PUBLISHED) {
  return {
    keyData: { typeUrl: 'type.googleapis.com/google.crypto.tink.EcdsaPublicKey', value },
    status: 'ENABLED',
    keyId: 4_242_424_242,
    outputPrefixType: 'TINK',
    ...changes,
  }
}

function flip(base64: string, at: number): string {
  const bytes = Buffer.from(base64, 'base64')
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return bytes.toString('base64')
}

describe('parseKeyset', () => {
  it('reads a key as it is published', () => {
    const key = parseKeyset({ primaryKeyId: 4_242_424_242, key: [entry()] })?.get(4_242_424_242)
    expect(key?.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
  })

  it.each([
    ['is disabled', entry({ status: 'DISABLED' })],
    ['has no id in its signatures', entry({ outputPrefixType: 'RAW' })],
    ['is of another kind', entry({ keyData: { typeUrl: 'x/Ed25519PublicKey', value: PUBLISHED } })],
    ['has other parameters', entry({}, flip(PUBLISHED, 3))],
    ['is no point of the curve', entry({}, flip(PUBLISHED, 40))],
    ['is cut off', entry({}, Buffer.from(PUBLISHED, 'base64').subarray(0, 50).toString('base64'))],
    ['is empty', entry({}, '')],
  ])('leaves out a key that %s, and keeps the others', (_what, broken) => {
    const keys = parseKeyset({ key: [{ ...broken, keyId: 1 }, entry({ keyId: 2 })] })
    expect([...(keys ?? [])].map(([id]) => id)).toEqual([2])
  })

  it.each([null, {}, { key: [{}] }, { key: 'x' }, { key: [entry({ keyId: -1 })] }])(
    'takes %j for no keyset',
    (json) => {
      expect(parseKeyset(json)).toBeUndefined()
    },
  )
})

describe('a signature', () => {
  it('holds for its key and its body, and for nothing else', () => {
    const keyset = new SimulatedKeyset({ random })
    const text = keyset.sign('{"a":1}')
    const signature = parseSignature(text)!
    const key = parseKeyset(keyset.toJson())?.get(signature.keyId)
    expect(isSignedBy(key!, signature, Buffer.from('{"a":1}'))).toBe(true)
    expect(isSignedBy(key!, signature, Buffer.from('{"a":2}'))).toBe(false)
    for (const at of [6, 20, -1]) {
      const bytes = Buffer.from(text, 'base64')
      const changed = parseSignature(flip(text, at < 0 ? bytes.length + at : at))!
      expect(isSignedBy(key!, changed, Buffer.from('{"a":1}'))).toBe(false)
    }
    keyset.rotate()
    const next = parseSignature(keyset.sign('{"a":1}'))!
    expect(next.keyId).not.toBe(signature.keyId)
    expect(isSignedBy(key!, next, Buffer.from('{"a":1}'))).toBe(false)
  })

  it.each(['', 'AQAAAAE=', 'AgAAAAEwRQ==', 'no base64 !'])('%j is none', (text) => {
    expect(parseSignature(text)).toBeUndefined()
  })
})

describe('createKeysets', () => {
  function open() {
    const state = { nowMs: 0, asked: 0, answer: (): Response => Response.json({ key: [entry()] }) }
    const keysets = createKeysets({
      clock: { nowMs: () => state.nowMs },
      fetch: async () => {
        state.asked += 1
        return state.answer()
      },
    })
    return { state, find: async (keyId = 4_242_424_242) => await keysets.find(URL, keyId) }
  }

  it('asks once for all who come at the same time, and once a day', async () => {
    const { state, find } = open()
    const found = await Promise.all([find(), find(), find()])
    expect(found.map(({ type }) => type)).toEqual(['found', 'found', 'found'])
    state.nowMs = DAY_MS - 1
    await find()
    expect(state.asked).toBe(1)
    state.nowMs = DAY_MS
    await find()
    expect(state.asked).toBe(2)
  })

  it('asks again for a key that it does not know, once a minute, and says when', async () => {
    const { state, find } = open()
    expect(await find(1)).toEqual({ type: 'unknown' })
    state.nowMs = 1_000
    for (let keyId = 1; keyId < 20; keyId += 1) {
      const reason = `the keyset ${URL} may have this key by now`
      expect(await find(keyId)).toEqual({ type: 'later', reason, afterMs: MINUTE_MS - 1_000 })
    }
    expect(state.asked).toBe(1)
    state.nowMs = MINUTE_MS
    state.answer = () => Response.json({ key: [entry(), entry({ keyId: 7 })] })
    expect(await find(7)).toMatchObject({ type: 'found' })
    expect(await find(8)).toMatchObject({ type: 'later' })
    expect(state.asked).toBe(2)
  })

  it('does not take a key for unknown that was asked for while the keyset was being read', async () => {
    const { state, find } = open()
    const [first, second] = await Promise.all([find(1), find(2)])
    expect([first?.type, second?.type]).toEqual(['unknown', 'later'])
    expect(state.asked).toBe(1)
  })

  it.each([
    ['fails', () => new Response('', { status: 503 })],
    ['is an error page', () => new Response('<html>')],
    ['leads elsewhere', () => new Response('', { status: 302, headers: { location: '/' } })],
  ])('does with the keys it has for a week when the answer %s', async (_what, answer) => {
    const { state, find } = open()
    await find()
    state.answer = answer
    state.nowMs = DAY_MS
    expect(await find()).toMatchObject({ type: 'found' })
    const later = { type: 'later', reason: `the keyset ${URL} cannot be read` }
    expect(await find(1)).toMatchObject(later)
    state.nowMs = 7 * DAY_MS
    expect(await find()).toMatchObject(later)
  })

  it('says that nobody can tell while there never was an answer, and asks again a minute later', async () => {
    const { state, find } = open()
    state.answer = () => {
      throw new TypeError('fetch failed')
    }
    expect(await find()).toMatchObject({ type: 'later', afterMs: MINUTE_MS })
    state.answer = () => Response.json({ key: [entry()] })
    expect(await find()).toMatchObject({ type: 'later' })
    state.nowMs = MINUTE_MS
    expect(await find()).toMatchObject({ type: 'found' })
  })

  it('forgets a key that was withdrawn', async () => {
    const { state, find } = open()
    await find()
    state.answer = () => Response.json({ key: [entry({ keyId: 7 })] })
    state.nowMs = DAY_MS
    expect(await find()).toEqual({ type: 'unknown' })
  })
})
