import type { Column } from '../../components/data-table.tsx'
import { Card } from '../../components/page.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { Empty } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { type AuditEntry, useAudit } from '../../hooks/use-settings.ts'

/** Who changed what. It can be read and never written. */
export function AuditLog() {
  const entries = useAudit()
  return (
    <Card title="Audit log">
      <PagedTable
        label="Audit log"
        list={entries}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={<Empty title="Nothing has been changed yet">Every change is recorded here.</Empty>}
      />
    </Card>
  )
}

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
