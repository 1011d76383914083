import { type ReactNode, useMemo } from 'react'
import { Badge, DELIVERY_TONES } from '../../components/badge.tsx'
import type { Column } from '../../components/data-table.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { Time } from '../../components/time.tsx'
import type { FirmaEvent } from '../../hooks/use-events.ts'
import type { Paged } from '../../hooks/use-paged.ts'

export function EventTable({
  events,
  selected,
  onSelect,
  empty,
}: {
  readonly events: Paged<FirmaEvent>
  readonly selected: readonly string[]
  readonly onSelect: (eventIds: readonly string[]) => void
  readonly empty: ReactNode
}) {
  const columns = useMemo(
    () => [...COLUMNS, choiceColumn(selected, onSelect)],
    [selected, onSelect],
  )
  return (
    <PagedTable
      label="Events"
      list={events}
      columns={columns}
      keyOf={({ id }) => id}
      hrefOf={({ id }) => `/history/${id}`}
      empty={empty}
    />
  )
}

const COLUMNS: readonly Column<FirmaEvent>[] = [
  { name: 'Type', width: 'minmax(9rem, 1fr)', cell: (event) => <Type event={event} /> },
  { name: 'Time (UTC)', width: '9rem', cell: ({ created_at }) => <Time at={created_at} /> },
  { name: 'Person', width: 'minmax(7rem, 1fr)', cell: ({ reference_id }) => reference_id ?? '–' },
  { name: 'Provider', width: '7rem', cell: ({ provider }) => provider ?? '–' },
  {
    name: 'user_id',
    width: 'minmax(8rem, 1.2fr)',
    cell: ({ user_id }) => <span className="font-mono text-xs">{user_id ?? '–'}</span>,
  },
  {
    name: 'Delivery',
    width: 'minmax(9rem, 1fr)',
    cell: ({ deliveries }) => <Deliveries deliveries={deliveries} />,
  },
]

function Type({ event: { type, generated } }: { readonly event: FirmaEvent }) {
  if (!generated) return type
  return (
    <span className="flex flex-wrap items-center gap-1">
      {type} <Badge tone="neutral">generated</Badge>
    </span>
  )
}

function Deliveries({ deliveries }: Pick<FirmaEvent, 'deliveries'>) {
  if (deliveries.length === 0) return <span className="text-soft">no destination</span>
  return (
    <span className="flex flex-wrap gap-1">
      {deliveries.map(({ id, status, attempts }) => (
        <Badge key={id} tone={DELIVERY_TONES[status] ?? 'neutral'}>
          {attempts > 1 ? `${status} · ${attempts}` : status}
        </Badge>
      ))}
    </span>
  )
}

function choiceColumn(
  selected: readonly string[],
  onSelect: (eventIds: readonly string[]) => void,
): Column<FirmaEvent> {
  return {
    name: 'Select',
    width: '3rem',
    cell: ({ id, type }) => (
      <input
        type="checkbox"
        className="size-6 align-middle accent-accent"
        aria-label={`Select ${type} ${id}`}
        checked={selected.includes(id)}
        onChange={({ target }) =>
          onSelect(target.checked ? [...selected, id] : selected.filter((one) => one !== id))
        }
      />
    ),
  }
}
