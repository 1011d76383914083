import { useLayoutEffect, useState } from 'react'
import { Button } from '../components/button.tsx'
import type { Paged } from '../hooks/use-paged.ts'
import type { LiveBatch } from './batch.ts'
import { useLiveBatches } from './live.tsx'

/** Pixels from the top within which new rows appear by themselves. */
const TOP_PX = 200

/** Rows that are at the hub and not in the list yet. */
export interface News {
  /** How many of them the stream has told of. */
  readonly count: number
  /** Whether there may be others. */
  readonly isMore: boolean
}

const NONE: News = { count: 0, isMore: false }

/**
 * Lets new rows of a list appear at its top. Whoever reads further down is not moved, and told instead.
 *
 * @param count How many rows a batch adds to the list.
 * @returns The way to them, to be shown above the list.
 */
export function useNews(
  list: Pick<Paged<unknown>, 'isFetching' | 'isPending' | 'refreshTop'>,
  count: (batch: LiveBatch) => News,
  noun: string,
) {
  const [news, setNews] = useState(NONE)
  const { isFetching, isPending, refreshTop } = list
  useLiveBatches((batch) => {
    const more = count(batch)
    if (more.count > 0 || more.isMore) setNews((known) => add(known, more))
  })
  const hasNews = news.count > 0 || news.isMore
  const show = (): void => {
    setNews(NONE)
    refreshTop()
  }
  useLayoutEffect(() => {
    if (!hasNews || isFetching || isPending || scrollY >= TOP_PX) return
    setNews(NONE)
    refreshTop()
  }, [hasNews, isFetching, isPending, refreshTop])
  // On the way back to the top, what is new is told; it comes when it is asked for.
  if (!hasNews || isFetching) return null
  const number =
    news.count === 0 ? 'New' : `${news.count.toLocaleString('en')}${news.isMore ? '+' : ''} new`
  return (
    <p role="status" className="sticky top-3 z-10 mb-3 text-center">
      <Button
        look="primary"
        className="rounded-full shadow-lg"
        onClick={() => {
          scrollTo({ top: 0 })
          show()
        }}
      >
        {number} {noun}: show them
      </Button>
    </p>
  )
}

function add(one: News, other: News): News {
  return { count: one.count + other.count, isMore: one.isMore || other.isMore }
}
