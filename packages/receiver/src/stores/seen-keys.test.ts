import { randomUUID } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BUCKET_BITS, hashKey, SeenKeys } from './seen-keys.ts'

describe('hashKey', () => {
  it('is what it was when it was stored', () => {
    expect([hashKey('', ''), hashKey('live', 'trace:1'), hashKey('', 'trace:ü')]).toEqual([
      7_070_432_603_723_787, 3_539_175_351_531_721, 2_500_894_700_944_407,
    ])
  })

  it('fits a number, and tells environments and keys apart', () => {
    const hashes = new Set<number>()
    for (let n = 0; n < 50_000; n += 1) hashes.add(hashKey(n % 2 === 0 ? 'a' : 'b', `k${n}`))
    expect(hashes.size).toBe(50_000)
    for (const each of hashes) expect(Number.isSafeInteger(each) && each >= 0).toBe(true)
  })
})

describe('SeenKeys', () => {
  it('never says of a key that it was not inserted when it was', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3_000_000), fc.string()), { maxLength: 200 }),
        (events) => {
          const keys = new SeenKeys()
          for (const [seq, key] of events) keys.add(seq, hashKey('', key))
          for (const [seq, key] of events) {
            const bucket = Math.floor(seq / 2 ** BUCKET_BITS)
            const ranges = keys.findRanges(hashKey('', key))
            expect(ranges.some(({ first, last }) => first <= bucket && bucket <= last)).toBe(true)
          }
        },
      ),
    )
  })

  it('rarely names a bucket for a key that is new, even when its filters are full', () => {
    const keys = new SeenKeys()
    for (let seq = 1; seq <= 600_000; seq += 1) keys.add(seq, hashKey('', `trace:${randomUUID()}`))
    let named = 0
    for (let n = 0; n < 20_000; n += 1) {
      if (keys.findRanges(hashKey('', `trace:${randomUUID()}`)).length > 0) named += 1
    }
    expect(named / 20_000).toBeLessThan(0.001)
  })

  it('names the newest bucket first, and forgets what was deleted', () => {
    const keys = new SeenKeys()
    for (const seq of [5, 2 ** 18 + 5]) keys.add(seq, hashKey('', 'k'))
    const many = 2 ** (18 - BUCKET_BITS)
    expect(keys.findRanges(hashKey('', 'k'))).toEqual([
      { first: many, last: 2 * many - 1 },
      { first: 0, last: many - 1 },
    ])
    keys.forgetBefore(2 ** 18)
    expect(keys.findRanges(hashKey('', 'k'))).toEqual([{ first: many, last: 2 * many - 1 }])
  })
})
