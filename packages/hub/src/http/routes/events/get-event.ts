import { z } from '@hono/zod-openapi'
import { getEvent } from '../../../operations/read-events.ts'
import { defineRoute } from '../../route.ts'
import { EVENT_WITH_ATTEMPTS } from './schemas.ts'

export const getEventRoute = defineRoute({
  paths: ['/admin/v1/events/:event_id'],
  methods: ['get'],
  summary: 'One event with every attempt at delivering it',
  params: z.object({ event_id: z.string() }),
  answer: EVENT_WITH_ATTEMPTS,
  async handle(deps, environment, { params }) {
    return { json: await getEvent(deps, environment, params.event_id) }
  },
})
