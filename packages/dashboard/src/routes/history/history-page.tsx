import { useEffect, useState } from 'react'
import { useLocation } from 'wouter'
import { Button } from '../../components/button.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Empty } from '../../components/states.tsx'
import { EVENT_FILTERS, useEvents, useNewestEventId } from '../../hooks/use-events.ts'
import { useSearchFilter } from '../../hooks/use-search-filter.ts'
import { EventTable } from './event-table.tsx'
import { FilterForm } from './filter-form.tsx'
import { ResendButton } from './resend.tsx'

/** Rows from the top within which new ones appear by themselves. */
const TOP_PX = 200

export function HistoryPage() {
  const [filter, setFilter] = useSearchFilter(EVENT_FILTERS)
  const [isLive, setLive] = useState(true)
  const [selected, setSelected] = useState<readonly string[]>([])
  const events = useEvents(filter)
  const newestId = useNewestEventId(filter, isLive)
  const isBehind =
    typeof newestId === 'string' && newestId !== events.rows[0]?.id && !events.isFetching
  const { refetch } = events
  useEffect(() => {
    // Whoever reads further down is not moved.
    if (isBehind && scrollY < TOP_PX) refetch()
  }, [isBehind, refetch])
  return (
    <Page
      title="Payload history"
      about="Every event with its exact body, and every attempt at delivering it."
      doc="events"
      actions={
        <>
          <ResendButton eventIds={selected} filter={filter} />
          <CompareButton selected={selected} />
          <Button aria-pressed={isLive} onClick={() => setLive(!isLive)}>
            <span
              aria-hidden="true"
              className={`size-2 rounded-full ${isLive ? 'bg-good' : 'bg-edge'}`}
            />
            {isLive ? 'Live' : 'Paused'}
          </Button>
        </>
      }
    >
      <FilterForm filter={filter} onChange={setFilter} />
      {isBehind && (
        <p role="status" className="sticky top-2 z-10 mb-3 text-center">
          <Button
            look="primary"
            onClick={() => {
              scrollTo({ top: 0 })
              refetch()
            }}
          >
            New events: show them
          </Button>
        </p>
      )}
      <Card>
        <EventTable
          events={events}
          selected={selected}
          onSelect={setSelected}
          empty={
            <Nothing isFiltered={Object.keys(filter).length > 0} onReset={() => setFilter(RESET)} />
          }
        />
      </Card>
    </Page>
  )
}

const RESET = Object.fromEntries(EVENT_FILTERS.map((name) => [name, '']))

function CompareButton({ selected }: { readonly selected: readonly string[] }) {
  const [, navigate] = useLocation()
  return (
    <Button
      disabled={selected.length !== 2}
      onClick={() => navigate(`/history/compare/${selected.join('/')}`)}
    >
      Compare {selected.length}/2
    </Button>
  )
}

function Nothing({
  isFiltered,
  onReset,
}: {
  readonly isFiltered: boolean
  readonly onReset: () => void
}) {
  return isFiltered ? (
    <Empty title="No event matches">
      <Button className="mt-3" onClick={onReset}>
        Remove the filters
      </Button>
    </Empty>
  ) : (
    <Empty title="No events yet">
      They appear here the moment somebody connects. The simulator makes some without a watch.
    </Empty>
  )
}
