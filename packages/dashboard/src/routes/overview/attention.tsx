import { Link } from 'wouter'
import { toCount } from '../../format.ts'
import type { Stats } from '../../hooks/use-destinations.ts'

/** Where each kind of trouble is dealt with. */
const PLACES: Readonly<Record<Stats['attention'][number]['kind'], string>> = {
  destination_disabled: '/destinations',
  destination_failing: '/destinations',
  no_destination: '/destinations',
  connections_degraded: '/users?state=degraded',
  revocations_failed: '/users',
  no_provider: '/providers',
}

/** More of them are one click away, so that the figures below stay in sight. */
const SHOWN_MAX = 5

/** What somebody has to look at; nothing where all is well. */
export function Attention({ stats: { attention } }: { readonly stats: Stats }) {
  if (attention.length === 0) {
    return (
      <p className="rounded-xl border border-good/40 bg-good/5 px-4 py-3 text-sm text-good">
        Nothing needs your attention.
      </p>
    )
  }
  return (
    <section
      aria-label="Needs attention"
      className="rounded-xl border border-warn/50 bg-card shadow-xs"
    >
      <h2 className="border-b border-line px-4 py-2.5 text-sm font-semibold text-warn">
        Needs attention
      </h2>
      <Troubles troubles={attention.slice(0, SHOWN_MAX)} />
      {attention.length > SHOWN_MAX && (
        <details className="border-t border-line">
          <summary className="px-4 py-2.5 text-sm text-soft">
            {toCount(attention.length - SHOWN_MAX)} more
          </summary>
          <Troubles troubles={attention.slice(SHOWN_MAX)} />
        </details>
      )}
    </section>
  )
}

function Troubles({ troubles }: { readonly troubles: Stats['attention'] }) {
  return (
    <ul className="divide-y divide-line">
      {troubles.map(({ kind, subject, message }) => (
        <li
          key={`${kind} ${subject ?? ''}`}
          className="flex flex-wrap items-baseline justify-between gap-3 px-4 py-2.5 text-sm"
        >
          <span className="min-w-0 break-words">{message}</span>
          <Link className="text-accent underline underline-offset-2" href={PLACES[kind]}>
            Look<span className="sr-only"> at it: {message}</span>
          </Link>
        </li>
      ))}
    </ul>
  )
}
