import { z } from '@hono/zod-openapi'
import { pullEvents } from '../../../operations/pull-events.ts'
import { defineRoute } from '../../route.ts'
import { CURSOR, LIMIT, LIMIT_DEFAULT } from '../../schemas.ts'

const PULLED = z.object({
  id: z.string(),
  type: z.string(),
  created_at: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
})

export const pullEventsRoute = defineRoute({
  paths: ['/admin/v1/events/pull'],
  methods: ['get'],
  summary: 'Events in the order of commits, with the bytes and headers of a delivery',
  query: z.object({
    after: CURSOR.optional(),
    limit: LIMIT.optional(),
    destination_id: z.string().optional(),
  }),
  answer: z.object({ data: z.array(PULLED), next: z.string(), has_more: z.boolean() }),
  async handle(deps, environment, { query }) {
    const page = {
      after: query.after ?? 0,
      limit: query.limit ?? LIMIT_DEFAULT,
      destinationId: query.destination_id,
    }
    return { json: await pullEvents(deps, environment, page) }
  },
})
