import { describe, expect, it } from 'vitest'
import {
  toConnectionSeries,
  toEventSeries,
  toLagSeries,
  toOutcomeSeries,
  toSuccessSeries,
} from './series.ts'

const SPANS = { since: '2024-10-07T00:00:00.000000+00:00', bucket_seconds: 3_600 }
const NOW_MS = Date.UTC(2024, 9, 7, 2, 30)
const at = (hour: number) => `2024-10-07T0${hour}:00:00.000000+00:00`

describe('events over time', () => {
  it('have a value for every hour, also where nothing happened', () => {
    const events = [
      { start: at(0), type: 'auth', count: 2 },
      { start: at(2), type: 'auth', count: 1 },
    ]
    const { times, lines } = toEventSeries({ ...SPANS, events }, NOW_MS)
    expect(times).toHaveLength(3)
    expect(lines).toEqual([{ name: 'auth', values: [2, 0, 1], sum: 3 }])
  })

  it('are added up beyond the five types that come most, where two or more are left', () => {
    const events = Array.from({ length: 8 }, (_, i) => ({
      start: at(1),
      type: `t${i}`,
      count: 8 - i,
    }))
    const { lines } = toEventSeries({ ...SPANS, events }, NOW_MS)
    expect(lines.map(({ name, sum }) => [name, sum])).toEqual([
      ['t0', 8],
      ['t1', 7],
      ['t2', 6],
      ['t3', 5],
      ['t4', 4],
      ['3 others', 6],
    ])
    const six = toEventSeries({ ...SPANS, events: events.slice(0, 6) }, NOW_MS)
    expect(six.lines.at(-1)).toMatchObject({ name: 't5' })
  })
})

describe('connections over time', () => {
  const of = (provider: string, state: 'active' | 'degraded' | 'deleted', count: number) => ({
    provider,
    state,
    count,
  })
  const stats = {
    ...SPANS,
    connections: [of('GARMIN', 'active', 5), of('FITBIT', 'degraded', 1)],
    connections_over_time: [
      { start: at(0), ...of('GARMIN', 'active', 3) },
      { start: at(0), ...of('GARMIN', 'deleted', 9) },
      { start: at(2), ...of('GARMIN', 'active', 4) },
    ],
  }

  it('end with what is now, and have gaps where nobody looked', () => {
    expect(toConnectionSeries(stats, 'provider', NOW_MS).lines).toEqual([
      { name: 'GARMIN', values: [3, null, 5], sum: 5 },
      { name: 'FITBIT', values: [0, null, 1], sum: 1 },
    ])
  })

  it('are told by state, without those that were ended', () => {
    expect(toConnectionSeries(stats, 'state', NOW_MS).lines).toEqual([
      { name: 'active', values: [3, null, 5], sum: 5 },
      { name: 'degraded', values: [0, null, 1], sum: 1 },
    ])
  })
})

describe('deliveries over time', () => {
  const destination = (url: string, lag: number | null) => ({
    destination_id: url,
    url,
    status: 'enabled' as const,
    delivered: 1,
    failed: 0,
    open: 0,
    success_rate: 1,
    lag_mean_ms: lag,
    lag_max_ms: lag,
    oldest_open_at: null,
    quiet_until: null,
    connections_quiet_until: null,
    over_time: [{ start: at(1), delivered: 2, failed: 1, lag_mean_ms: lag, lag_max_ms: lag }],
    counted_until: null,
  })
  const stats = { ...SPANS, destinations: [destination('a', 20), destination('b', null)] }

  it('are added up over all destinations', () => {
    expect(toOutcomeSeries(stats, NOW_MS).lines).toEqual([
      { name: 'delivered', values: [0, 4, 0], sum: 4 },
      { name: 'failed', values: [0, 2, 0], sum: 2 },
    ])
  })

  it('have a share of success per destination, where any has ended', () => {
    const silent = { ...destination('c', null), success_rate: null, over_time: [] }
    const bad = { ...destination('d', null), success_rate: 0.25 }
    const { lines } = toSuccessSeries(
      { ...SPANS, destinations: [...stats.destinations, silent, bad] },
      NOW_MS,
    )
    expect(lines.map(({ name, sum }) => [name, sum])).toEqual([
      ['d', 25],
      ['a', 100],
      ['b', 100],
    ])
    expect(lines[0]?.values).toEqual([null, (2 / 3) * 100, null])
  })

  it('have a lag per destination, where something was delivered', () => {
    expect(toLagSeries(stats, NOW_MS).lines).toEqual([
      { name: 'a', values: [null, 20, null], sum: 20 },
    ])
  })
})
