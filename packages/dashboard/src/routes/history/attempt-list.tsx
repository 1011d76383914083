import { Badge, DELIVERY_TONES } from '../../components/badge.tsx'
import { Card } from '../../components/page.tsx'
import { Time } from '../../components/time.tsx'
import { Link } from 'wouter'
import { useDestinations } from '../../hooks/use-destinations.ts'
import type { EventWithAttempts } from '../../hooks/use-events.ts'

type Attempt = EventWithAttempts['attempts'][string][number]

/** Every delivery of an event, and every try at it. */
export function AttemptList({ event }: { readonly event: EventWithAttempts }) {
  const { deliveries, attempts } = event
  const destinations = new Map(useDestinations().rows.map(({ id, url }) => [id, url]))
  return (
    <Card title="Deliveries">
      {deliveries.length === 0 && (
        <p className="p-4 text-sm text-soft">No destination wanted this event.</p>
      )}
      <ul className="divide-y divide-line">
        {deliveries.map(({ id, destination_id, status, reason, next_attempt_at }) => (
          <li key={id} className="p-4">
            <p className="flex flex-wrap items-center gap-2 text-sm">
              <Badge tone={DELIVERY_TONES[status] ?? 'neutral'}>{status}</Badge>
              <Link
                href="/destinations"
                className="min-w-0 font-mono text-xs break-all underline decoration-line underline-offset-4 hover:decoration-accent"
              >
                {destinations.get(destination_id) ?? `${destination_id} (deleted)`}
              </Link>
            </p>
            {reason !== null && <p className="mt-1 text-sm text-soft">{reason}</p>}
            {status === 'pending' && next_attempt_at !== null && (
              <p className="mt-1 text-sm text-soft">
                Next attempt <Time at={next_attempt_at} />
              </p>
            )}
            <ol className="mt-2 space-y-2">
              {(attempts[id] ?? []).map((attempt) => (
                <AttemptItem key={attempt.number} attempt={attempt} />
              ))}
            </ol>
          </li>
        ))}
      </ul>
    </Card>
  )
}

function AttemptItem({ attempt }: { readonly attempt: Attempt }) {
  const { number, started_at, duration_ms, http_status, error } = attempt
  const isGood = http_status !== null && http_status >= 200 && http_status < 300
  return (
    <li>
      <details className="rounded-lg border border-line px-3 py-2 text-sm">
        <summary className="min-h-6">
          <span className={isGood ? 'text-good' : 'text-bad'}>
            {http_status === null ? 'no answer' : `HTTP ${http_status}`}
          </span>
          <span className="text-soft">
            {' '}
            · attempt {number} · {duration_ms} ms · <Time at={started_at} />
          </span>
        </summary>
        {error !== null && <p className="mt-2 text-bad">{error}</p>}
        <Answer attempt={attempt} />
      </details>
    </li>
  )
}

function Answer({ attempt }: { readonly attempt: Attempt }) {
  const { response_headers, response_body } = attempt
  const headers = Object.entries(response_headers ?? {})
  const text = [
    ...headers.map(([name, value]) => `${name}: ${String(value)}`),
    ...(response_body === null || response_body === '' ? [] : ['', response_body]),
  ].join('\n')
  if (text === '') return <p className="mt-2 text-soft">Nothing was answered.</p>
  return (
    <pre className="mt-2 max-h-60 overflow-auto font-mono text-xs whitespace-pre-wrap break-all">
      {text}
    </pre>
  )
}
