import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import type { Column } from '../../components/data-table.tsx'
import { SelectField } from '../../components/field.tsx'
import { Card, Page } from '../../components/page.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { Empty } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { TypedFilter } from '../../components/typed-filter.tsx'
import { useSearchFilter } from '../../hooks/use-search-filter.ts'
import {
  type AdminUser,
  STATES,
  USER_FILTERS,
  type UserFilter,
  useUsers,
} from '../../hooks/use-users.ts'
import { BulkDisconnect } from './bulk-disconnect.tsx'
import { UserState } from './user-state.tsx'

export function UsersPage() {
  const [filter, setFilter] = useSearchFilter(USER_FILTERS)
  const [isAsking, setAsking] = useState(false)
  const users = useUsers(filter)
  const isFiltered = Object.keys(filter).length > 0
  return (
    <Page
      title="Users"
      about="Each is one connection of a person to a provider. A user_id from before a reconnection is not listed, and finds its connection."
      doc="connect-page"
      actions={
        <Button disabled={users.rows.length === 0} onClick={() => setAsking(true)}>
          Disconnect {isFiltered ? 'these' : 'all'} …
        </Button>
      }
    >
      <Filters filter={filter} onChange={setFilter} />
      <Card>
        <PagedTable
          label="Users"
          list={users}
          columns={COLUMNS}
          keyOf={({ lineage_id }) => lineage_id}
          hrefOf={({ user_id }) => `/users/${user_id}`}
          empty={
            isFiltered ? (
              <Empty title="Nobody matches">Try fewer filters.</Empty>
            ) : (
              <Empty title="Nobody has connected yet">
                A person appears here the moment a connection is made.
              </Empty>
            )
          }
        />
      </Card>
      {isAsking && <BulkDisconnect filter={filter} onClose={() => setAsking(false)} />}
    </Page>
  )
}

function Filters({
  filter,
  onChange,
}: {
  readonly filter: UserFilter
  readonly onChange: (change: UserFilter) => void
}) {
  return (
    <form
      role="search"
      aria-label="Filter users"
      className="mb-4 grid grid-cols-2 gap-3 lg:grid-cols-4"
      onSubmit={(event) => event.preventDefault()}
    >
      <TypedFilter
        label="user_id, now or before"
        value={filter.user_id}
        onChange={(value) => onChange({ user_id: value })}
      />
      <TypedFilter
        label="reference_id"
        value={filter.reference_id}
        onChange={(value) => onChange({ reference_id: value })}
      />
      <TypedFilter
        label="Provider"
        value={filter.provider}
        onChange={(value) => onChange({ provider: value.toUpperCase() })}
      />
      <SelectField
        label="State"
        value={filter.state ?? ''}
        onChange={(event) => onChange({ state: event.target.value })}
      >
        <option value="">All states</option>
        {STATES.map((state) => (
          <option key={state}>{state}</option>
        ))}
      </SelectField>
    </form>
  )
}

const COLUMNS: readonly Column<AdminUser>[] = [
  {
    name: 'Person',
    width: 'minmax(8rem, 1fr)',
    cell: ({ reference_id, user_id }) => reference_id ?? user_id.slice(0, 8),
  },
  { name: 'Provider', width: '8rem', cell: ({ provider }) => provider },
  { name: 'State', width: '7rem', cell: ({ state }) => <UserState state={state} /> },
  {
    name: 'user_id',
    width: 'minmax(9rem, 1.6fr)',
    cell: ({ user_id }) => <span className="font-mono text-xs">{user_id}</span>,
  },
  { name: 'Since (UTC)', width: '9rem', cell: ({ created_at }) => <Time at={created_at} /> },
  {
    name: 'Last data (UTC)',
    width: '9rem',
    cell: ({ last_webhook_update }) => <Time at={last_webhook_update} />,
  },
]
