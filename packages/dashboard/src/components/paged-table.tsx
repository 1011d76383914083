import type { ReactNode } from 'react'
import type { Paged } from '../hooks/use-paged.ts'
import { type Column, DataTable } from './data-table.tsx'
import { Failure, Loading } from './states.tsx'

/** A list of the API in each of its states. */
export function PagedTable<Row>(props: {
  readonly label: string
  readonly list: Paged<Row>
  readonly columns: readonly Column<Row>[]
  readonly keyOf: (row: Row) => string
  readonly hrefOf?: (row: Row) => string
  /** What is shown when there is no row. */
  readonly empty: ReactNode
}) {
  const { label, list, columns, keyOf, hrefOf, empty } = props
  if (list.error !== null) return <Failure error={list.error} onRetry={list.refetch} />
  if (list.isPending) return <Loading />
  if (list.rows.length === 0) return empty
  return (
    <DataTable
      label={label}
      columns={columns}
      rows={list.rows}
      keyOf={keyOf}
      {...(hrefOf !== undefined && { hrefOf })}
      hasMore={list.hasMore}
      isLoadingMore={list.isLoadingMore}
      onMore={list.onMore}
    />
  )
}
