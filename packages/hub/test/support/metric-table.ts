/** What the documents say about metrics, and what is exposed, in one form. */
import { readFile } from 'node:fs/promises'

export interface MetricRow {
  readonly name: string
  readonly type: string
  /** By its name: whatever is not in seconds counts something. */
  readonly isSeconds: boolean
  /** In alphabetical order. */
  readonly labels: readonly string[]
}

const byName = (a: MetricRow, b: MetricRow): number => (a.name < b.name ? -1 : 1)
const isSeconds = (name: string): boolean => /_seconds(?:_total)?$/.test(name)

/** The table of a document: name, type, unit, labels, and what it says. @param path From the root of the repository. */
export async function readMetricTable(path: string): Promise<MetricRow[]> {
  const text = await readFile(new URL(`../../../../${path}`, import.meta.url), 'utf8')
  const rows = text.matchAll(/^\| `(firma_\w+)` *\| (\w+) *\| (\w+) *\| ([^|]*)\|/gm)
  return [...rows]
    .map(([, name = '', type = '', unit = '', labels = '']) => ({
      name,
      type,
      isSeconds: unit === 'seconds',
      labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).toSorted(),
    }))
    .toSorted(byName)
}

/** What a scrape shows of ours. A metric with labels shows them as soon as it has been used. */
export function readExposition(text: string): MetricRow[] {
  return [...text.matchAll(/^# TYPE (firma_\w+) (\w+)$/gm)]
    .map(([, name = '', type = '']) => {
      const suffix = type === 'histogram' ? '_(?:bucket|sum|count)' : ''
      const samples = text.matchAll(new RegExp(`^${name}${suffix}(?:\\{(.*)\\})? `, 'gm'))
      const labels = [...samples].flatMap(([, given = '']) =>
        [...given.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
      )
      // Which bucket it is belongs to the type.
      const own = new Set(labels.filter((label) => type !== 'histogram' || label !== 'le'))
      return { name, type, isSeconds: isSeconds(name), labels: [...own].toSorted() }
    })
    .toSorted(byName)
}
