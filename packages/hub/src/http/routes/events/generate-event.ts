import { z } from '@hono/zod-openapi'
import { DATA_EVENT_TYPES } from '../../../core/event-body.ts'
import { announceData } from '../../../operations/announce-data.ts'
import { defineRoute } from '../../route.ts'

export const generateEvent = defineRoute({
  paths: ['/admin/v1/events/generate'],
  methods: ['post'],
  summary: 'Announce data for a user, as if its provider had sent it',
  body: z.object({
    type: z.enum(DATA_EVENT_TYPES, {
      error: `must be one of ${DATA_EVENT_TYPES.join(', ')}`,
    }),
    user_id: z.string({ error: 'is missing; name the user that the data belongs to' }),
    data: z.unknown().optional(),
  }),
  answer: z.object({ status: z.literal('success'), event_id: z.string() }),
  answerStatus: 201,
  async handle(deps, environment, { body }) {
    const { type, data = [] } = body
    const eventId = await announceData(deps, environment, body.user_id, { type, data })
    return { status: 201, json: { status: 'success', event_id: eventId } }
  },
})
