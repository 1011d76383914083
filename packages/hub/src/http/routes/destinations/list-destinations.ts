import { z } from '@hono/zod-openapi'
import { PAGE_QUERY, listOf, toPage } from '../../page.ts'
import { defineRoute } from '../../route.ts'
import { DESTINATION, toWireDestination } from './schemas.ts'

export const listDestinations = defineRoute({
  paths: ['/admin/v1/destinations'],
  methods: ['get'],
  summary: 'Where events go, oldest first',
  query: z.object(PAGE_QUERY),
  answer: listOf(DESTINATION),
  async handle(deps, environment, { query: { limit, after = '' } }) {
    // An environment has 100 at most, so that one query reads all of them.
    const all = await deps.store.destinations.list(environment.id)
    // Their ids sort by creation, and go on where a deleted one was.
    const rest = all.filter(({ id }) => id > after).toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const page = toPage(
      rest,
      limit,
      ({ id }) => id,
      async (destination) => await toWireDestination(deps, destination),
    )
    return { json: { ...page, data: await Promise.all(page.data) } }
  },
})
