/** Lists of the API, page by page. */
import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { useEnvironment } from './use-environment.tsx'

/** Rows of a page; the API's own limit. */
export const PAGE_ROWS = 100

export interface PageOf<Row> {
  readonly data: readonly Row[]
  readonly next: string | null
}

/** What a page asks for, beside its own filter. */
export interface PageRequest {
  readonly query: { readonly limit: number; readonly after?: string }
  readonly signal: AbortSignal
}

export interface Paged<Row> {
  readonly rows: readonly Row[]
  readonly isPending: boolean
  readonly isFetching: boolean
  readonly error: unknown
  readonly hasMore: boolean
  readonly isLoadingMore: boolean
  readonly onMore: () => void
  readonly refetch: () => void
  /** Reads the first page anew and forgets the others: for whoever looks at the top of a long list. */
  readonly refreshTop: () => void
}

/**
 * All rows of a list that have been scrolled to.
 *
 * @param name Tells lists apart, together with the filter.
 */
export function usePaged<Row>(
  name: string,
  filter: Readonly<Record<string, unknown>>,
  fetchPage: (request: PageRequest) => Promise<PageOf<Row>>,
): Paged<Row> {
  const { environment } = useEnvironment()
  const client = useQueryClient()
  const queryKey = useMemo(
    () => ['environment', environment.dev_id, name, filter],
    [environment.dev_id, name, filter],
  )
  const query = useInfiniteQuery({
    queryKey,
    queryFn: async ({ pageParam, signal }) => {
      // A page may hold nothing although the list goes on: what is asked for is rare.
      for (let after = pageParam; ;) {
        const query = { limit: PAGE_ROWS, ...(after !== undefined && { after }) }
        const page = await fetchPage({ query, signal })
        if (page.data.length > 0 || page.next === null) return page
        after = page.next
      }
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
  })
  const { fetchNextPage, refetch } = query
  const { data } = query
  // Once per change: at 100,000 rows, putting them together is work.
  const rows = useMemo(() => data?.pages.flatMap((page) => page.data) ?? [], [data])
  return {
    rows,
    isPending: query.isPending,
    isFetching: query.isFetching,
    error: query.error,
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    onMore: useCallback(() => void fetchNextPage(), [fetchNextPage]),
    refetch: useCallback(() => void refetch(), [refetch]),
    refreshTop: useCallback(() => {
      client.setQueryData<InfiniteData<PageOf<Row>>>(queryKey, (data) =>
        data === undefined
          ? data
          : { pages: data.pages.slice(0, 1), pageParams: data.pageParams.slice(0, 1) },
      )
      void refetch()
    }, [client, queryKey, refetch]),
  }
}
