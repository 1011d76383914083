import { z } from '@hono/zod-openapi'
import { listEvents } from '../../../operations/read-events.ts'
import { defineRoute } from '../../route.ts'
import { wholeNumber } from '../../schemas.ts'
import { EVENT } from './schemas.ts'

const LIMIT = 50
const LIMIT_MAX = 500

export const listEventsRoute = defineRoute({
  paths: ['/admin/v1/events'],
  methods: ['get'],
  summary: 'The payload history, newest first',
  query: z.object({
    user_id: z.string().optional(),
    reference_id: z.string().optional(),
    lineage_id: z.string().optional(),
    type: z.string().optional(),
    before: z
      .uuid({ error: 'must be the id of an event; take it from "next" of the page before' })
      .optional(),
    limit: wholeNumber(1, LIMIT_MAX).optional(),
  }),
  answer: z.object({ events: z.array(EVENT), next: z.string().nullable() }),
  async handle(deps, environment, { query }) {
    const filter = {
      userId: query.user_id,
      referenceId: query.reference_id,
      lineageId: query.lineage_id,
      type: query.type,
    }
    const page = { limit: query.limit ?? LIMIT, before: query.before }
    return { json: await listEvents(deps, environment, filter, page) }
  },
})
