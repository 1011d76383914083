/** A table of any length: only the rows in sight exist, and pages are fetched as they come near. */
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { Link } from 'wouter'

export interface Column<Row> {
  readonly name: string
  /** A track of the grid, for example `minmax(8rem, 1fr)`. */
  readonly width: string
  readonly cell: (row: Row) => ReactNode
}

export interface DataTableProps<Row> {
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** Where a row leads to; its first cell is the link. */
  readonly hrefOf?: (row: Row) => string
  readonly hasMore: boolean
  readonly isLoadingMore: boolean
  readonly onMore: () => void
}

/** Rows beyond the window that exist. */
const OVERSCAN = 12
/** Rows before the end from which on the next page is fetched: whoever scrolls on must not wait for it. */
const PREFETCH = 150
const ROW_PX = 45
/** From so many rows on, a list grows by so many at once: with each growth, all of them are laid out anew. */
const BLOCK_ROWS = 2_000

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, keyOf, hasMore, isLoadingMore, onMore } = props
  const body = useRef<HTMLDivElement>(null)
  const top = useTop(body)
  const virtualizer = useWindowVirtualizer({
    count: hasMore ? toBlocks(rows.length) : rows.length,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    scrollMargin: top,
  })
  const items = virtualizer.getVirtualItems()
  const lastShown = items.at(-1)?.index ?? -1
  useEffect(() => {
    if (hasMore && !isLoadingMore && lastShown >= rows.length - PREFETCH) onMore()
  }, [hasMore, isLoadingMore, lastShown, rows.length, onMore])
  const grid = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') }
  return (
    <>
      <div role="table" aria-label={label} aria-rowcount={hasMore ? -1 : rows.length + 1}>
        <div role="rowgroup" className="hidden border-b border-line lg:block">
          <div role="row" aria-rowindex={1} className="grid gap-4 px-4 py-2" style={grid}>
            {columns.map(({ name }) => (
              <div
                role="columnheader"
                key={name}
                className="truncate text-xs font-medium text-soft"
              >
                {name}
              </div>
            ))}
          </div>
        </div>
        <div
          role="rowgroup"
          ref={body}
          className="relative"
          style={{ height: virtualizer.getTotalSize() }}
        >
          {items.map((item) => {
            const row = rows[item.index]
            return (
              <div
                role="row"
                key={row === undefined ? item.index : keyOf(row)}
                data-index={item.index}
                aria-rowindex={item.index + 2}
                ref={virtualizer.measureElement}
                className="absolute inset-x-0 top-0 border-b border-line px-4 py-2.5 last:border-b-0 hover:bg-tint lg:grid lg:items-center lg:gap-4"
                style={{
                  ...grid,
                  transform: `translateY(${item.start - virtualizer.options.scrollMargin}px)`,
                }}
              >
                {row === undefined ? <Coming /> : <Cells {...props} row={row} />}
              </div>
            )
          })}
        </div>
      </div>
      <p role="status" className="px-4 text-xs text-soft empty:hidden">
        {isLoadingMore ? 'Loading more …' : ''}
      </p>
    </>
  )
}

/** Short lists are as long as they are; long ones have room for rows to come. */
function toBlocks(rows: number): number {
  return rows < BLOCK_ROWS / 2 ? rows : Math.ceil((rows + 1) / BLOCK_ROWS) * BLOCK_ROWS
}

/** In the place of a row that is on its way. */
function Coming() {
  return (
    <div role="cell" className="col-span-full">
      <span className="sr-only">Loading …</span>
      <span aria-hidden="true" className="block h-4 w-2/3 rounded bg-line/70" />
    </div>
  )
}

/** Where an element begins on its page, whatever stands above it and however that grows. */
function useTop(element: RefObject<HTMLElement | null>): number {
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    const measure = (): void => {
      const box = element.current?.getBoundingClientRect()
      if (box !== undefined) setTop(Math.round(box.top + scrollY))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(document.body)
    return () => observer.disconnect()
  }, [element])
  return top
}

function Cells<Row>({ columns, hrefOf, row }: DataTableProps<Row> & { readonly row: Row }) {
  return columns.map(({ name, cell }, index) => (
    <div
      role="cell"
      key={name}
      className="flex min-w-0 items-center gap-2 py-0.5 text-sm lg:block lg:truncate lg:py-0"
    >
      <span aria-hidden="true" className="w-24 shrink-0 text-xs text-soft lg:hidden">
        {name}
      </span>
      {index === 0 && hrefOf !== undefined ? (
        <Link
          href={hrefOf(row)}
          className="min-w-0 font-medium wrap-anywhere text-ink underline decoration-line underline-offset-4 hover:decoration-accent"
        >
          {cell(row)}
        </Link>
      ) : (
        <span className="min-w-0 wrap-anywhere lg:wrap-normal">{cell(row)}</span>
      )}
    </div>
  ))
}
