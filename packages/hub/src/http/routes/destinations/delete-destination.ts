import { z } from '@hono/zod-openapi'
import { deleteDestination } from '../../../operations/destinations.ts'
import { defineRoute } from '../../route.ts'
import { DESTINATION_ID } from './schemas.ts'

export const deleteDestinationRoute = defineRoute({
  paths: ['/admin/v1/destinations/:destination_id'],
  methods: ['delete'],
  summary: 'Delete a destination; what it is owed is recorded as suppressed',
  params: DESTINATION_ID,
  answer: z.object({ status: z.literal('success') }),
  async handle(deps, environment, { params, caller }) {
    const subject = { environment, id: params.destination_id, actor: caller.actor }
    await deleteDestination(deps, subject, deps.isRehearsal)
    return { json: { status: 'success' } }
  },
})
