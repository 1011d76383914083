import { useState } from 'react'
import { useLocation } from 'wouter'
import { Button } from '../../components/button.tsx'
import { FilterForm } from '../../components/filter-form.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Empty } from '../../components/states.tsx'
import { EVENT_FILTERS, countNew, useEvents } from '../../hooks/use-events.ts'
import { useSearchFilter } from '../../hooks/use-search-filter.ts'
import { EventTable } from './event-table.tsx'
import { useNews } from '../../live/use-news.tsx'
import { ResendButton } from './resend.tsx'
import { useEventFields } from './use-event-fields.ts'

export function HistoryPage() {
  const [filter, setFilter] = useSearchFilter(EVENT_FILTERS)
  const [selected, setSelected] = useState<readonly string[]>([])
  const events = useEvents(filter)
  const fields = useEventFields()
  const news = useNews(events, (batch) => countNew(filter, batch), 'events')
  return (
    <Page
      title="Payload history"
      about="Every event with its exact body, and every attempt at delivering it."
      doc="events"
      actions={
        <>
          <ResendButton eventIds={selected} filter={filter} />
          <CompareButton selected={selected} />
        </>
      }
    >
      <FilterForm label="Filter events" fields={fields} filter={filter} onChange={setFilter} />
      {news}
      <Card>
        <EventTable
          events={events}
          selected={selected}
          onSelect={setSelected}
          empty={<Nothing isFiltered={Object.keys(filter).length > 0} />}
        />
      </Card>
    </Page>
  )
}

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

function Nothing({ isFiltered }: { readonly isFiltered: boolean }) {
  return isFiltered ? (
    <Empty title="No event matches">Try fewer filters.</Empty>
  ) : (
    <Empty title="No events yet">
      They appear here the moment somebody connects. The simulator makes some without a watch.
    </Empty>
  )
}
