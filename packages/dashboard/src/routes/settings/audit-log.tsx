import type { Column } from '../../components/data-table.tsx'
import { type FilterField, FilterForm } from '../../components/filter-form.tsx'
import { Card } from '../../components/page.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { Empty } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { useSearchFilter } from '../../hooks/use-search-filter.ts'
import { AUDIT_FILTERS, type AuditEntry, useAudit } from '../../hooks/use-settings.ts'

/** Who changed what, and what people and workers did. It can be read and never written. */
export function AuditLog() {
  const [filter, setFilter] = useSearchFilter(AUDIT_FILTERS)
  const entries = useAudit(filter)
  return (
    <Card title="Audit log">
      <div className="px-4 pt-4">
        <FilterForm
          label="Filter the audit log"
          fields={FIELDS}
          filter={filter}
          onChange={setFilter}
        />
      </div>
      <PagedTable
        label="Audit log"
        list={entries}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={
          Object.keys(filter).length > 0 ? (
            <Empty title="No change matches">Try fewer filters.</Empty>
          ) : (
            <Empty title="Nothing has been changed yet">Every change is recorded here.</Empty>
          )
        }
      />
    </Card>
  )
}

const FIELDS: readonly FilterField<(typeof AUDIT_FILTERS)[number]>[] = [
  {
    name: 'log',
    label: 'Log',
    kind: 'choice',
    any: 'Changes',
    options: [{ value: 'traffic', text: 'Links, callbacks, tokens' }],
  },
  { name: 'action', label: 'Action', kind: 'text' },
  { name: 'actor', label: 'Who', kind: 'text' },
  { name: 'subject', label: 'What', kind: 'text' },
]

const COLUMNS: readonly Column<AuditEntry>[] = [
  { name: 'Action', width: 'minmax(9rem, 1fr)', cell: ({ action }) => action },
  { name: 'Time (UTC)', width: '9rem', cell: ({ created_at }) => <Time at={created_at} /> },
  { name: 'Who', width: 'minmax(7rem, 1fr)', cell: ({ actor }) => <Code text={actor} /> },
  {
    name: 'What',
    width: 'minmax(8rem, 1fr)',
    cell: ({ subject }) => <Code text={subject ?? '–'} />,
  },
  {
    name: 'Detail',
    width: 'minmax(10rem, 2fr)',
    cell: ({ detail }) => (
      <Code text={Object.keys(detail).length === 0 ? '–' : JSON.stringify(detail)} />
    ),
  },
]

function Code({ text }: { readonly text: string }) {
  return (
    <span className="font-mono text-xs break-all" title={text}>
      {text}
    </span>
  )
}
