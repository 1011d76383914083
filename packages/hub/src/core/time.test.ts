import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY_MS, HOUR_MS, MINUTE_MS, toTimestamp, toTimestampOrNull } from './time.ts'

describe('toTimestamp', () => {
  it.each([
    [Date.UTC(2024, 9, 7, 3, 45), '2024-10-07T03:45:00.000000+00:00'],
    [0, '1970-01-01T00:00:00.000000+00:00'],
    [1, '1970-01-01T00:00:00.001000+00:00'],
    [Date.UTC(2024, 1, 29, 23, 59, 59, 999), '2024-02-29T23:59:59.999000+00:00'],
  ])('writes %d as %s', (atMs, expected) => {
    expect(toTimestamp(atMs)).toBe(expected)
  })

  it('has one length, sorts as the times do, and can be read back', () => {
    const time = fc.integer({ min: 0, max: Date.UTC(9_999, 11, 31) })
    fc.assert(
      fc.property(time, time, (a, b) => {
        expect(toTimestamp(a)).toHaveLength(32)
        expect(toTimestamp(a) < toTimestamp(b)).toBe(a < b)
        expect(Date.parse(toTimestamp(a))).toBe(a)
      }),
    )
  })
})

describe('toTimestampOrNull', () => {
  it('keeps null for never, and takes 0 for a time', () => {
    expect(toTimestampOrNull(null)).toBeNull()
    expect(toTimestampOrNull(0)).toBe('1970-01-01T00:00:00.000000+00:00')
  })
})

describe('the units', () => {
  it('are milliseconds', () => {
    expect([MINUTE_MS, HOUR_MS, DAY_MS]).toEqual([60_000, 3_600_000, 86_400_000])
  })
})
