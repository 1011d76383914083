import { Link } from 'wouter'
import { Card } from '../../components/page.tsx'
import { Empty } from '../../components/states.tsx'
import type { Stats } from '../../hooks/use-destinations.ts'

const SHOWN = ['active', 'degraded', 'inactive'] as const
const COLORS = { active: 'fill-good', degraded: 'fill-warn', inactive: 'fill-bad' } as const

/** Connections of each provider, by how they are. */
export function ConnectionBars({ stats: { connections } }: { readonly stats: Stats }) {
  const rows = toRows(connections)
  const most = Math.max(1, ...rows.map(({ total }) => total))
  return (
    <Card title="Connections now">
      {rows.length === 0 && <Empty title="Nobody is connected" />}
      <ul className="space-y-3 p-4">
        {rows.map(({ provider, counts, total }) => (
          <li key={provider} className="text-sm">
            <div className="flex justify-between gap-3">
              <Link
                className="underline decoration-line underline-offset-4 hover:decoration-accent"
                href={`/users?provider=${provider}`}
              >
                {provider}
              </Link>
              <span className="text-soft tabular-nums">
                {SHOWN.filter((state) => counts[state] > 0)
                  .map((state) => `${counts[state]} ${state}`)
                  .join(', ')}
              </span>
            </div>
            <Bar counts={counts} total={total} most={most} />
          </li>
        ))}
      </ul>
    </Card>
  )
}

type Counts = Readonly<Record<(typeof SHOWN)[number], number>>

interface Row {
  readonly provider: string
  readonly counts: Counts
  readonly total: number
}

function Bar({ counts, total, most }: Omit<Row, 'provider'> & { readonly most: number }) {
  let at = 0
  return (
    // The numbers above say the same.
    <svg
      aria-hidden="true"
      className="mt-1 h-2 w-full"
      viewBox="0 0 100 2"
      preserveAspectRatio="none"
    >
      <rect width="100" height="2" rx="1" className="fill-line" />
      {total > 0 &&
        SHOWN.map((state) => {
          const width = (counts[state] / most) * 100
          const x = at
          at += width
          return <rect key={state} x={x} width={width} height="2" className={COLORS[state]} />
        })}
    </svg>
  )
}

function toRows(connections: Stats['connections']): Row[] {
  const providers = [...new Set(connections.map(({ provider }) => provider))]
  return providers
    .map((provider) => {
      const countOf = (state: string): number =>
        connections.find((one) => one.provider === provider && one.state === state)?.count ?? 0
      const counts = {
        active: countOf('active'),
        degraded: countOf('degraded'),
        inactive: countOf('inactive'),
      }
      return { provider, counts, total: counts.active + counts.degraded + counts.inactive }
    })
    .filter(({ total }) => total > 0)
    .toSorted((a, b) => b.total - a.total)
}
