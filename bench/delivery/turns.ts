/** Sides that take turns within a run, as long as there is time for one more round. */
import { median, printRow, round } from './verdict.ts'

/** Figures by side, in the order of rounds. */
export type Figures = ReadonlyMap<string, readonly number[]>

export interface Turns {
  readonly rounds: number
  /** No further round is begun that would probably not end before. One is always made. */
  readonly untilMs: number
}

/** A round may take so much longer than the one before. */
const MARGIN = 1.3

/** Lets the sides take turns, and prints what each had. */
export async function takeTurns<S extends { readonly name: string }>(
  sides: readonly S[],
  { rounds, untilMs }: Turns,
  measure: (side: S) => Promise<number>,
): Promise<Figures> {
  const figures = new Map<string, number[]>(sides.map(({ name }) => [name, []]))
  let done = 0
  let longestMs = 0
  while (done < rounds && (done === 0 || performance.now() + MARGIN * longestMs <= untilMs)) {
    const startedMs = performance.now()
    for (const side of sides) {
      const figure = await measure(side)
      figures.get(side.name)?.push(figure)
      process.stderr.write(`  round ${done + 1} of ${rounds}, ${side.name}: ${round(figure)}\n`)
    }
    longestMs = Math.max(longestMs, performance.now() - startedMs)
    done += 1
  }
  if (done < rounds) process.stdout.write(`(${done} of ${rounds} rounds: there was no more time)\n`)
  printFigures(figures)
  return figures
}

/** One row per side, with a column for each round. */
export function printFigures(figures: Figures): void {
  const done = Math.max(...[...figures.values()].map(({ length }) => length))
  const widths = [17, ...Array.from({ length: done }, () => 7), 7]
  const heads = Array.from({ length: done }, (_, i) => `round ${i + 1}`)
  printRow(['side', ...heads, 'median'], widths)
  printRow(
    widths.map((width) => '-'.repeat(width)),
    widths,
  )
  for (const [name, found] of figures) {
    printRow([name, ...found.map(round), round(median(found))], widths)
  }
}
