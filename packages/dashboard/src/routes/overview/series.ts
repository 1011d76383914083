/** Figures over time, as charts and tables take them. */
import type { Stats } from '../../hooks/use-destinations.ts'

/** Lines of their own; the others are added up. */
const LINES_MAX = 5

export interface Line {
  readonly name: string
  /** One per time; null where nothing is known. */
  readonly values: readonly (number | null)[]
  /** The one figure that stands for all of them. */
  readonly sum: number
}

export interface Series {
  /** Start of each span, in seconds since the epoch. */
  readonly times: readonly number[]
  readonly lines: readonly Line[]
}

type Spans = Pick<Stats, 'since' | 'bucket_seconds'>

/** Events per type, with zeros where nothing happened. */
export function toEventSeries(stats: Spans & Pick<Stats, 'events'>, nowMs: number): Series {
  const grid = toGrid(stats, nowMs)
  const table = new Map<string, number[]>()
  for (const { start, type, count } of stats.events) addTo(table, grid, { start, type, count })
  return { times: grid.times, lines: mergeRest(toLines(table, addUp)) }
}

/** Connections per provider or per state, as they are now at the end, and unknown where nobody looked. */
export function toConnectionSeries(
  stats: Spans & Pick<Stats, 'connections' | 'connections_over_time'>,
  by: 'provider' | 'state',
  nowMs: number,
): Series {
  const grid = toGrid(stats, nowMs)
  const now = new Date(nowMs).toISOString()
  const last = grid.placeOf(now)
  const rows = [
    ...stats.connections_over_time.filter(({ start }) => grid.placeOf(start) !== last),
    ...stats.connections.map((one) => ({ ...one, start: now })),
  ]
  const known = new Set([...rows.map(({ start }) => grid.placeOf(start)), last])
  const table = new Map<string, number[]>()
  for (const { start, count, ...row } of rows) {
    if (row.state !== 'deleted') addTo(table, grid, { start, type: row[by], count })
  }
  const lines = mergeRest(toLines(table, (values) => values.at(-1) ?? 0))
  const withGaps = ({ values, ...line }: Line): Line => ({
    ...line,
    values: values.map((value, at) => (known.has(at) ? value : null)),
  })
  return { times: grid.times, lines: lines.map(withGaps) }
}

/** What became of the deliveries to all destinations. */
export function toOutcomeSeries(stats: Spans & Pick<Stats, 'destinations'>, nowMs: number): Series {
  const grid = toGrid(stats, nowMs)
  const table = new Map<string, number[]>()
  for (const { start, delivered, failed } of stats.destinations.flatMap((one) => one.over_time)) {
    if (delivered > 0) addTo(table, grid, { start, type: 'delivered', count: delivered })
    if (failed > 0) addTo(table, grid, { start, type: 'failed', count: failed })
  }
  return { times: grid.times, lines: toLines(table, addUp) }
}

/** Share of 100 that arrived at each destination, the worst first; unknown where nothing has ended. */
export function toSuccessSeries(stats: Spans & Pick<Stats, 'destinations'>, nowMs: number): Series {
  const grid = toGrid(stats, nowMs)
  const lines = stats.destinations.flatMap(({ url, over_time, success_rate }) => {
    if (success_rate === null) return []
    const values = grid.times.map((): number | null => null)
    for (const { start, delivered, failed } of over_time) {
      const ended = delivered + failed
      if (ended > 0) values[grid.placeOf(start)] = (delivered / ended) * 100
    }
    return [{ name: url, values, sum: success_rate * 100 }]
  })
  return { times: grid.times, lines: lines.toSorted((a, b) => a.sum - b.sum).slice(0, LINES_MAX) }
}

/** Mean lag of each destination in milliseconds, unknown where nothing was delivered. */
export function toLagSeries(stats: Spans & Pick<Stats, 'destinations'>, nowMs: number): Series {
  const grid = toGrid(stats, nowMs)
  const lines = stats.destinations.flatMap(({ url, over_time, lag_mean_ms }) => {
    if (lag_mean_ms === null) return []
    const values = grid.times.map((): number | null => null)
    for (const { start, lag_mean_ms: lag } of over_time) values[grid.placeOf(start)] = lag
    return [{ name: url, values, sum: lag_mean_ms }]
  })
  return { times: grid.times, lines: lines.toSorted((a, b) => b.sum - a.sum).slice(0, LINES_MAX) }
}

interface Grid {
  readonly times: readonly number[]
  placeOf(start: string): number
}

function toGrid({ since, bucket_seconds }: Spans, nowMs: number): Grid {
  const first = Math.floor(Date.parse(since) / 1_000 / bucket_seconds)
  const last = Math.floor(nowMs / 1_000 / bucket_seconds)
  const length = Math.max(1, last - first + 1)
  return {
    times: Array.from({ length }, (_, index) => (first + index) * bucket_seconds),
    placeOf: (start) => Math.floor(Date.parse(start) / 1_000 / bucket_seconds) - first,
  }
}

function addTo(
  table: Map<string, number[]>,
  { times, placeOf }: Grid,
  { start, type, count }: { start: string; type: string; count: number },
): void {
  const line = table.get(type) ?? times.map(() => 0)
  table.set(type, line)
  const at = placeOf(start)
  if (at >= 0 && at < times.length) line[at] = (line[at] ?? 0) + count
}

function toLines(
  table: ReadonlyMap<string, number[]>,
  sumOf: (values: readonly number[]) => number,
): (Line & { readonly values: number[] })[] {
  return [...table]
    .map(([name, values]) => ({ name, values, sum: sumOf(values) }))
    .toSorted((a, b) => b.sum - a.sum)
}

function addUp(values: readonly number[]): number {
  return values.reduce((all, one) => all + one, 0)
}

function mergeRest(lines: readonly (Line & { readonly values: number[] })[]): readonly Line[] {
  const rest = lines.slice(LINES_MAX)
  if (rest.length < 2) return lines
  const values = (rest[0]?.values ?? []).map((_, at) =>
    addUp(rest.map((line) => line.values[at] ?? 0)),
  )
  const sum = addUp(rest.map((line) => line.sum))
  return [...lines.slice(0, LINES_MAX), { name: `${rest.length} others`, values, sum }]
}
