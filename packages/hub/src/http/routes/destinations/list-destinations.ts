import { z } from '@hono/zod-openapi'
import { PAGE_QUERY, encodeCursor, listOf } from '../../page.ts'
import { defineRoute } from '../../route.ts'
import { DESTINATION, toWireDestination } from './schemas.ts'

export const listDestinations = defineRoute({
  paths: ['/admin/v1/destinations'],
  methods: ['get'],
  summary: 'Where events go, oldest first',
  query: z.object(PAGE_QUERY),
  answer: listOf(DESTINATION),
  async handle({ store }, environment, { query }) {
    // An environment has 100 at most, so that one query reads all of them.
    const all = await store.destinations.list(environment.id)
    const from = query.after === undefined ? 0 : all.findIndex(({ id }) => id === query.after) + 1
    const page = all.slice(from, from + query.limit)
    const last = page.at(-1)
    const hasMore = last !== undefined && from + query.limit < all.length
    return {
      json: { data: page.map(toWireDestination), next: hasMore ? encodeCursor(last.id) : null },
    }
  },
})
