import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Empty, Failure, Loading } from '../../components/states.tsx'
import { useDestinations, useStats } from '../../hooks/use-destinations.ts'
import { DestinationCard } from './destination-card.tsx'
import { NewDestination } from './new-destination.tsx'

export function DestinationsPage() {
  const [isMaking, setMaking] = useState(false)
  const destinations = useDestinations()
  const stats = useStats('24h')
  return (
    <Page
      title="Destinations"
      about="Where events are sent. Each has its own secret, its own pace and its own queue: one that is down holds up no other."
      doc="delivery"
      actions={
        <Button look="primary" onClick={() => setMaking(true)}>
          New destination …
        </Button>
      }
    >
      {destinations.error !== null && (
        <Failure error={destinations.error} onRetry={destinations.refetch} />
      )}
      {destinations.isPending && <Loading />}
      {!destinations.isPending && destinations.error === null && destinations.rows.length === 0 && (
        <Card>
          <Empty title="Events go nowhere yet">
            They are kept all the same. Add the address of your webhook.
          </Empty>
        </Card>
      )}
      <ul className="space-y-4">
        {destinations.rows.map((destination) => (
          <li key={destination.id}>
            <DestinationCard
              destination={destination}
              health={stats.data?.destinations.find(
                ({ destination_id }) => destination_id === destination.id,
              )}
            />
          </li>
        ))}
      </ul>
      {destinations.hasMore && (
        <Button className="mt-4" onClick={destinations.onMore}>
          Show more
        </Button>
      )}
      {isMaking && <NewDestination onClose={() => setMaking(false)} />}
    </Page>
  )
}
