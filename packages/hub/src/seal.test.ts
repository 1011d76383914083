import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FirmaError } from './errors.ts'
import { KEY_BYTES, type KeyRing, type Place, type Sealer, createSealer } from './seal.ts'
import { systemRandom } from './system.ts'

const PLACE: Place = {
  table: 'token_set',
  column: 'sealed',
  rowId: 'row-1',
  environmentId: 'acme-testing',
}
const OLD = new Uint8Array(KEY_BYTES).fill(1)
const NEW = new Uint8Array(KEY_BYTES).fill(2)

function sealerWith(keys: Record<string, Uint8Array>, primaryId: string): Sealer {
  return createSealer({ random: systemRandom }, { primaryId, keys: new Map(Object.entries(keys)) })
}

const sealer = sealerWith({ k1: OLD }, 'k1')

/** Changes the bytes behind the text form. */
function rewrite(sealed: string, change: (bytes: Buffer) => Uint8Array): string {
  const [version, keyId, payload = ''] = sealed.split('.')
  const changed = Buffer.from(change(Buffer.from(payload, 'base64url')))
  return `${version}.${keyId}.${changed.toString('base64url')}`
}

describe('createSealer', () => {
  it('gives back what it sealed, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 2_000 }), (plain) => {
        expect(sealer.open(sealer.seal(plain, PLACE), PLACE)).toBe(plain)
      }),
    )
  })

  it('names the key, shows nothing of the text, and never seals twice the same way', () => {
    const [a, b] = [sealer.seal('canary-secret', PLACE), sealer.seal('canary-secret', PLACE)]
    expect(a).toMatch(/^v1\.k1\.[\w-]+$/)
    expect(a).not.toBe(b)
    expect(Buffer.from(a.split('.')[2] ?? '', 'base64url').toString('latin1')).not.toContain(
      'canary',
    )
  })

  it.each([
    ['another row', { rowId: 'row-2' }],
    ['another column', { column: 'other' }],
    ['another table', { table: 'flow' }],
    ['another environment', { environmentId: 'acme-production' }],
  ])('does not open in %s', (_where, change) => {
    const sealed = sealer.seal('secret', PLACE)
    expect(() => sealer.open(sealed, { ...PLACE, ...change })).toThrow(FirmaError)
  })

  it('tells places apart whose names run into each other', () => {
    const sealed = sealer.seal('secret', { ...PLACE, table: 'a', column: 'b","c' })
    expect(() => sealer.open(sealed, { ...PLACE, table: 'a","b', column: 'c' })).toThrow(FirmaError)
  })

  it('does not open when any one bit has changed', () => {
    const sealed = sealer.seal('{"access":"x"}', PLACE)
    fc.assert(
      fc.property(fc.nat({ max: 12 + 14 + 16 - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const changed = rewrite(sealed, (bytes) => {
          bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at)
          return bytes
        })
        expect(() => sealer.open(changed, PLACE)).toThrow(/^a value of token_set\.sealed does not/)
      }),
    )
  })

  it('does not open when it was cut, however short it is now', () => {
    const sealed = sealer.seal('secret', PLACE)
    for (let length = 0; length < 12 + 6 + 16; length += 1) {
      const cut = rewrite(sealed, (bytes) => bytes.subarray(0, length))
      expect(() => sealer.open(cut, PLACE)).toThrow(FirmaError)
      const tail = rewrite(sealed, (bytes) => bytes.subarray(-length - 1, -1))
      expect(() => sealer.open(tail, PLACE)).toThrow(FirmaError)
    }
  })

  it.each(['', 'v1', 'v1.k1', 'v1.k1.', 'v2.k1.AAAA', 'v1.unknown.AAAA', 'secret', 'v1..AAAA'])(
    'refuses %j with a configuration error',
    (text) => {
      expect(() => sealer.open(text, PLACE)).toThrow(FirmaError)
    },
  )

  it('says which key is missing, and nothing of the value', () => {
    const sealed = sealer.seal('secret', PLACE)
    expect(() => sealerWith({ k2: NEW }, 'k2').open(sealed, PLACE)).toThrow(
      'token_set.sealed is sealed with key "k1", which is not configured; add that key again',
    )
  })

  it('does not open with another key of the same name', () => {
    expect(() => sealerWith({ k1: NEW }, 'k1').open(sealer.seal('secret', PLACE), PLACE)).toThrow(
      FirmaError,
    )
  })

  it('seals with the primary key and opens with every key of the ring', () => {
    const both = sealerWith({ k1: OLD, k2: NEW }, 'k2')
    expect(both.open(sealer.seal('secret', PLACE), PLACE)).toBe('secret')
    expect(both.seal('secret', PLACE)).toMatch(/^v1\.k2\./)
  })

  it.each([0, 16, 31, 33])('refuses a key of %d bytes', (bytes) => {
    expect(() => sealerWith({ k1: new Uint8Array(bytes) }, 'k1')).toThrow(/32 bytes/)
  })

  it('refuses a ring without its primary key before anything is sealed', () => {
    expect(() => sealerWith({ k1: OLD }, 'k2')).toThrow(/primary key/)
  })

  it.each(['', 'a.b', 'a b', '2024-10.1'])(
    'refuses the key id %j, which could not be read back',
    (id) => {
      expect(() => sealerWith({ [id]: OLD }, id)).toThrow(/key id/)
    },
  )

  it('takes any id of letters, digits, hyphens and underscores', () => {
    const ring: KeyRing = { primaryId: 'Key_2024-10', keys: new Map([['Key_2024-10', OLD]]) }
    const named = createSealer({ random: systemRandom }, ring)
    expect(named.open(named.seal('secret', PLACE), PLACE)).toBe('secret')
  })
})
