import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import type { Column } from '../../components/data-table.tsx'
import { type FilterField, FilterForm } from '../../components/filter-form.tsx'
import { Card, Page } from '../../components/page.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { Empty } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { useSearchFilter } from '../../hooks/use-search-filter.ts'
import {
  type AdminUser,
  LISTED_STATES,
  USER_FILTERS,
  countNewUsers,
  useUsers,
} from '../../hooks/use-users.ts'
import { useProviderNames } from '../../hooks/use-settings.ts'
import { useNews } from '../../live/use-news.tsx'
import { BulkDisconnect } from './bulk-disconnect.tsx'
import { UserState } from './user-state.tsx'

export function UsersPage() {
  const [filter, setFilter] = useSearchFilter(USER_FILTERS)
  const [isAsking, setAsking] = useState(false)
  const users = useUsers(filter)
  const fields = useUserFields()
  const news = useNews(users, (batch) => countNewUsers(filter, users.rows, batch), 'users')
  const isFiltered = Object.keys(filter).length > 0
  return (
    <Page
      title="Users"
      about="Each is one connection of a person to a provider. A user_id from before a reconnection is not listed, and finds its connection."
      doc="connect-page#users"
      actions={
        // What is unconfirmed is no connection yet, and ends by itself.
        <Button
          disabled={users.rows.length === 0 || filter.state === 'unconfirmed'}
          onClick={() => setAsking(true)}
        >
          Disconnect {isFiltered ? 'these' : 'all'} …
        </Button>
      }
    >
      <FilterForm label="Filter users" fields={fields} filter={filter} onChange={setFilter} />
      {news}
      <Card>
        <PagedTable
          label="Users"
          list={users}
          columns={COLUMNS}
          keyOf={({ lineage_id, user_id }) => lineage_id ?? user_id}
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

function useUserFields(): FilterField<(typeof USER_FILTERS)[number]>[] {
  const providers = useProviderNames()
  return [
    { name: 'user_id', label: 'user_id, now or before', kind: 'text' },
    { name: 'reference_id', label: 'reference_id', kind: 'text' },
    {
      name: 'provider',
      label: 'Provider',
      kind: 'choice',
      any: 'All providers',
      options: providers,
    },
    { name: 'state', label: 'State', kind: 'choice', any: 'All states', options: LISTED_STATES },
  ]
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
