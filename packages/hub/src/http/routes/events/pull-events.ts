import { z } from '@hono/zod-openapi'
import { pullEvents } from '../../../operations/pull-events.ts'
import { defineRoute } from '../../route.ts'
import { LIMIT, LIMIT_DEFAULT } from '../../schemas.ts'

const PULLED = z.object({
  id: z.string(),
  type: z.string(),
  created_at: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
})

/** Opaque to the caller; see `PullCursor`. */
const PULL_CURSOR = z
  .string()
  .regex(/^\d{1,15}(?:-[0-9a-f]{12})?$/, { error: 'must be "next" of the page before' })
  .transform((text) => {
    const [seq, idEnd] = text.split('-')
    return { seq: Number(seq), idEnd }
  })
  .openapi({ type: 'string' })

export const pullEventsRoute = defineRoute({
  paths: ['/admin/v1/events/pull'],
  methods: ['get'],
  summary: 'Events in the order of commits, with the bytes and headers of a delivery',
  errors: ['cursor_unknown', 'cursor_expired'],
  query: z.object({
    after: PULL_CURSOR.optional(),
    limit: LIMIT.optional(),
    destination_id: z.string().optional(),
  }),
  answer: z.object({ data: z.array(PULLED), next: z.string(), has_more: z.boolean() }),
  async handle(deps, environment, { query }) {
    const page = {
      after: query.after ?? { seq: 0, idEnd: undefined },
      limit: query.limit ?? LIMIT_DEFAULT,
      destinationId: query.destination_id,
    }
    return { json: await pullEvents(deps, environment, page) }
  },
})
