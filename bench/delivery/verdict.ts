/** What a bench has found, beside what it should find. */

/** Prints one line: `emit postgres: 4.3 × graphile-worker, target at least 4: holds`. */
export function printVerdict(
  what: string,
  found: { readonly value: number; readonly unit: string },
  target: { readonly atLeast: number } | { readonly atMost: number },
): void {
  // A side that the target speaks of was left out.
  if (!Number.isFinite(found.value)) return
  const isLower = 'atMost' in target
  const bound = isLower ? target.atMost : target.atLeast
  const holds = isLower ? found.value <= bound : found.value >= bound
  const words = `target at ${isLower ? 'most' : 'least'} ${round(bound)}`
  process.stdout.write(
    `${what}: ${round(found.value)} ${found.unit}, ${words}: ${holds ? 'holds' : 'MISSED'}\n`,
  )
}

/** Three digits, and thousands whole. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return (low + high) / 2
}

/** @param p Below 1: 0.95 for the value that 95 % do not exceed. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
}

/** One row of a table in Markdown. */
export function printRow(cells: readonly string[], widths: readonly number[]): void {
  const padded = cells.map((cell, i) => cell.padEnd(widths[i] ?? 0))
  process.stdout.write(`| ${padded.join(' | ')} |\n`)
}
