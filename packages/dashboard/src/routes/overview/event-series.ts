import type { Stats } from '../../hooks/use-destinations.ts'

/** Types with a line of their own; the others are added up. */
const LINES_MAX = 5

export interface Series {
  /** Start of each bucket, in seconds since the epoch. */
  readonly times: number[]
  readonly lines: { readonly name: string; readonly counts: number[]; readonly total: number }[]
}

/** Events per type over time, with zeros where nothing happened. */
export function toSeries(
  { since, bucket_seconds, events }: Pick<Stats, 'since' | 'bucket_seconds' | 'events'>,
  nowMs: number,
): Series {
  const first = Math.floor(Date.parse(since) / 1_000 / bucket_seconds)
  const last = Math.floor(nowMs / 1_000 / bucket_seconds)
  const length = Math.max(1, last - first + 1)
  const times = Array.from({ length }, (_, index) => (first + index) * bucket_seconds)
  const counts = new Map<string, number[]>()
  for (const { start, type, count } of events) {
    const at = Math.floor(Date.parse(start) / 1_000 / bucket_seconds) - first
    const line = counts.get(type) ?? Array.from({ length }, () => 0)
    counts.set(type, line)
    if (at >= 0 && at < length) line[at] = (line[at] ?? 0) + count
  }
  const lines = [...counts]
    .map(([name, line]) => ({ name, counts: line, total: line.reduce((sum, one) => sum + one, 0) }))
    .toSorted((a, b) => b.total - a.total)
  return { times, lines: mergeRest(lines, length) }
}

function mergeRest(lines: Series['lines'], length: number): Series['lines'] {
  const rest = lines.slice(LINES_MAX)
  if (rest.length === 0) return lines
  const counts = Array.from({ length }, (_, index) =>
    rest.reduce((sum, line) => sum + (line.counts[index] ?? 0), 0),
  )
  const total = rest.reduce((sum, line) => sum + line.total, 0)
  return [...lines.slice(0, LINES_MAX), { name: `${rest.length} others`, counts, total }]
}
