import { useState } from 'react'
import type { Column } from '../../components/data-table.tsx'
import { TextField } from '../../components/field.tsx'
import { Card, Page } from '../../components/page.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { Empty } from '../../components/states.tsx'
import { type Provider, useProviders } from '../../hooks/use-settings.ts'
import { Confidence } from './confidence.tsx'
import { ProviderState } from './provider-state.tsx'

export function ProvidersPage() {
  const [search, setSearch] = useState('')
  const providers = useProviders()
  const wish = search.trim().toLowerCase()
  const found = providers.rows.filter(({ name, provider }) =>
    `${name} ${provider}`.toLowerCase().includes(wish),
  )
  // What is in use comes first.
  const rows = found.toSorted((a, b) => Number(b.enabled) - Number(a.enabled))
  return (
    <Page
      title="Providers"
      about="Everything that people can connect, with your own credentials at each provider."
      doc="guides/providers/credentials"
    >
      <form
        role="search"
        aria-label="Search providers"
        className="mb-4 max-w-xs"
        onSubmit={(event) => event.preventDefault()}
      >
        <TextField
          label="Search"
          type="search"
          placeholder="Name"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
      </form>
      <Card>
        <PagedTable
          label="Providers"
          list={{ ...providers, rows }}
          columns={COLUMNS}
          keyOf={({ provider }) => provider}
          hrefOf={({ provider }) => `/providers/${provider}`}
          empty={<Empty title="No provider has that name">Try another one.</Empty>}
        />
      </Card>
    </Page>
  )
}

const COLUMNS: readonly Column<Provider>[] = [
  { name: 'Name', width: 'minmax(9rem, 1fr)', cell: ({ name }) => name },
  { name: 'Resource', width: 'minmax(8rem, 1fr)', cell: ({ provider }) => provider },
  { name: 'State', width: '8rem', cell: (provider) => <ProviderState provider={provider} /> },
  {
    name: 'Weakest fact',
    width: '8rem',
    cell: ({ confidence }) => (confidence === null ? '–' : <Confidence of={confidence} />),
  },
  {
    name: 'Client id',
    width: 'minmax(9rem, 1.5fr)',
    cell: ({ client_id }) => <span className="font-mono text-xs">{client_id ?? '–'}</span>,
  },
  { name: 'Ends', width: '7rem', cell: ({ retires_on }) => retires_on ?? '–' },
]
