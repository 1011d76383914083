import { z } from '@hono/zod-openapi'
import { listEvents } from '../../../operations/read-events.ts'
import { defineRoute } from '../../route.ts'
import { CURSOR, LIMIT, LIMIT_DEFAULT } from '../../schemas.ts'
import { MOMENT } from '../resends/schemas.ts'
import { EVENT } from './schemas.ts'

export const listEventsRoute = defineRoute({
  paths: ['/admin/v1/events'],
  methods: ['get'],
  summary: 'The payload history, newest first',
  query: z.object({
    user_id: z.string().optional(),
    reference_id: z.string().optional(),
    lineage_id: z.string().optional(),
    provider: z.string().optional(),
    type: z.string().optional(),
    destination_id: z.string().optional(),
    outcome: z.enum(['owed', 'delivered', 'failed', 'suppressed']).optional(),
    since: MOMENT.optional(),
    until: MOMENT.optional(),
    after: CURSOR.optional(),
    limit: LIMIT.optional(),
  }),
  answer: z.object({ data: z.array(EVENT), next: z.string().nullable() }),
  async handle(deps, environment, { query }) {
    const filter = {
      userId: query.user_id,
      referenceId: query.reference_id,
      lineageId: query.lineage_id,
      provider: query.provider,
      type: query.type,
      destinationId: query.destination_id,
      outcome: query.outcome,
      sinceMs: query.since,
      untilMs: query.until,
    }
    const page = { limit: query.limit ?? LIMIT_DEFAULT, before: query.after }
    return { json: await listEvents(deps, environment, filter, page) }
  },
})
