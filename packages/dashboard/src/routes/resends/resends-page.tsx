import { Link } from 'wouter'
import { Badge } from '../../components/badge.tsx'
import type { Column } from '../../components/data-table.tsx'
import { Card, Page } from '../../components/page.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { ProgressBar } from '../../components/progress-bar.tsx'
import { Empty } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { toActorName, toCount } from '../../format.ts'
import { type Resend, useResends } from '../../hooks/use-resends.ts'
import { ResendActions } from './resend-actions.tsx'

export function ResendsPage() {
  const resends = useResends()
  return (
    <Page
      title="Resends"
      about="Events that are sent again: each in its order, beside everything else, with the bytes and the id that it always had."
      doc="delivery"
    >
      <Card>
        <PagedTable
          label="Resends"
          list={resends}
          columns={COLUMNS}
          keyOf={({ id }) => id}
          empty={
            <Empty title="Nothing was sent again">
              Filter the{' '}
              <Link className="text-accent underline underline-offset-2" href="/history">
                payload history
              </Link>{' '}
              or select events there, and choose “Resend”.
            </Empty>
          }
        />
      </Card>
    </Page>
  )
}

const TONES = { running: 'good', paused: 'warn', cancelled: 'neutral', done: 'neutral' } as const

const COLUMNS: readonly Column<Resend>[] = [
  { name: 'Began (UTC)', width: '8.5rem', cell: ({ created_at }) => <Time at={created_at} /> },
  {
    name: 'State',
    width: '5.5rem',
    cell: ({ status }) => <Badge tone={TONES[status]}>{status}</Badge>,
  },
  { name: 'What', width: 'minmax(8rem, 1.6fr)', cell: (resend) => <What resend={resend} /> },
  { name: 'Gone through', width: 'minmax(8.5rem, 1fr)', cell: (resend) => <Far resend={resend} /> },
  {
    name: 'Deliveries',
    width: '5.5rem',
    cell: ({ deliveries }) => <span className="tabular-nums">{toCount(deliveries)}</span>,
  },
  { name: 'By', width: 'minmax(4rem, 0.6fr)', cell: ({ actor }) => toActorName(actor) },
  {
    name: 'Do',
    width: '10.5rem',
    cell: (resend) => <ResendActions resend={resend} />,
  },
]

/** What of its filter is set, in words; an event leads to its page. */
function What({ resend: { filter } }: { readonly resend: Resend }) {
  const { event_id: eventId, ...rest } = filter
  const texts = Object.entries(rest).map(([name, value]) => {
    const isTime = name === 'since' || name === 'until'
    return `${name} ${isTime ? String(value).slice(0, 16).replace('T', ' ') : String(value)}`
  })
  const more = texts.join(', ')
  if (typeof eventId === 'string') {
    return (
      <span title={more}>
        <Link
          className="underline decoration-line underline-offset-4 hover:decoration-accent"
          href={`/history/${eventId}`}
        >
          one event
        </Link>
        {more !== '' && `, ${more}`}
      </span>
    )
  }
  return <span title={more}>{more === '' ? 'everything' : more}</span>
}

function Far({ resend: { progress, status } }: { readonly resend: Resend }) {
  const percent = Math.floor(progress * 100)
  const tone = status === 'paused' ? 'warn' : status === 'cancelled' ? 'neutral' : 'good'
  return (
    <span className="flex items-center gap-3">
      <span className="w-20 shrink-0">
        <ProgressBar total={100} parts={[{ count: percent, tone }]} />
      </span>
      <span className="tabular-nums">{percent} %</span>
    </span>
  )
}
