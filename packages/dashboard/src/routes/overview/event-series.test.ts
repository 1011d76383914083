import { describe, expect, it } from 'vitest'
import { toSeries } from './event-series.ts'

const SINCE = '2026-01-01T00:00:00Z'
const NOW_MS = Date.parse('2026-01-01T03:30:00Z')

describe('toSeries', () => {
  it('has a zero for every hour in which nothing happened', () => {
    const events = [
      { start: '2026-01-01T01:00:00Z', type: 'auth', count: 3 },
      { start: '2026-01-01T03:00:00Z', type: 'auth', count: 1 },
    ]
    const { times, lines } = toSeries({ since: SINCE, bucket_seconds: 3_600, events }, NOW_MS)
    expect(times).toHaveLength(4)
    expect(lines).toEqual([{ name: 'auth', counts: [0, 3, 0, 1], total: 4 }])
  })

  it('adds up what is rare, and loses no event', () => {
    const events = Array.from({ length: 8 }, (_, index) => ({
      start: SINCE,
      type: `type${index}`,
      count: index + 1,
    }))
    const { lines } = toSeries({ since: SINCE, bucket_seconds: 3_600, events }, NOW_MS)
    expect(lines.map(({ name }) => name).at(-1)).toBe('3 others')
    expect(lines.reduce((sum, { total }) => sum + total, 0)).toBe(36)
  })

  it('leaves out what is outside of the time', () => {
    const events = [{ start: '2025-12-31T00:00:00Z', type: 'auth', count: 3 }]
    const { lines } = toSeries({ since: SINCE, bucket_seconds: 3_600, events }, NOW_MS)
    expect(lines[0]?.total).toBe(0)
  })
})
