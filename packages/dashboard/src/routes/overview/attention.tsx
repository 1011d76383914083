import { Link } from 'wouter'
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
      <ul className="divide-y divide-line">
        {attention.map(({ kind, subject, message }) => (
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
    </section>
  )
}
