import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import type { Column } from '../../components/data-table.tsx'
import { Card, Page } from '../../components/page.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { Empty } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { toActorName } from '../../format.ts'
import { type Move, useMoves } from '../../hooks/use-moves.ts'
import { MoveProgress, MoveStatus } from './move-status.tsx'
import { StartMove } from './start-move.tsx'

export function MovesPage() {
  const [isStarting, setStarting] = useState(false)
  const moves = useMoves()
  return (
    <Page
      title="Moves"
      about="A provider ends, and its people go to the one that takes its place. They stay the same people to your app: one lineage, told by a user_reauth."
      doc="moving-fitbit-to-google-health"
      actions={
        <Button look="primary" onClick={() => setStarting(true)}>
          Start a move …
        </Button>
      }
    >
      <Card>
        <PagedTable
          label="Moves"
          list={moves}
          columns={COLUMNS}
          keyOf={({ id }) => id}
          hrefOf={({ id }) => `/moves/${id}`}
          empty={
            <Empty title="Nobody is being moved">
              When a provider announces its end, start here. A look at what would happen comes
              first, and changes nothing.
            </Empty>
          }
        />
      </Card>
      {isStarting && <StartMove onClose={() => setStarting(false)} />}
    </Page>
  )
}

const COLUMNS: readonly Column<Move>[] = [
  {
    name: 'Move',
    width: 'minmax(10rem, 1.4fr)',
    cell: ({ from, to }) => `${from} → ${to}`,
  },
  { name: 'State', width: '5.5rem', cell: ({ status }) => <MoveStatus status={status} /> },
  {
    name: 'Moved',
    width: 'minmax(11rem, 1.2fr)',
    cell: ({ progress }) => <MoveProgress progress={progress} />,
  },
  {
    name: 'Failed',
    width: '4rem',
    cell: ({ progress: { failed } }) =>
      failed === 0 ? (
        <span className="text-soft">–</span>
      ) : (
        <span className="text-bad">{failed}</span>
      ),
  },
  { name: 'Began (UTC)', width: '8.5rem', cell: ({ created_at }) => <Time at={created_at} /> },
  { name: 'By', width: 'minmax(4rem, 0.6fr)', cell: ({ actor }) => toActorName(actor) },
  { name: 'Ended (UTC)', width: '8.5rem', cell: ({ ended_at }) => <Time at={ended_at} /> },
]
