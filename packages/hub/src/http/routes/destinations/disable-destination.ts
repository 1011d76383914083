import { z } from '@hono/zod-openapi'
import { disableDestination, getDestination } from '../../../operations/destinations.ts'
import { defineRoute } from '../../route.ts'
import { DESTINATION, DESTINATION_ID, toWireDestination } from './schemas.ts'

export const disableDestinationRoute = defineRoute({
  paths: ['/admin/v1/destinations/:destination_id/disable'],
  methods: ['post'],
  summary: 'Disable a destination; what it is owed is held',
  params: DESTINATION_ID,
  body: z.object({ reason: z.string().max(200).optional() }),
  answer: DESTINATION,
  async handle(deps, environment, { params, body, caller }) {
    const id = params.destination_id
    const reason = body.reason ?? 'by hand'
    await disableDestination(deps, { environment, id, actor: caller.actor }, reason)
    return {
      json: await toWireDestination(deps, await getDestination(deps.store, environment, id)),
    }
  },
})
