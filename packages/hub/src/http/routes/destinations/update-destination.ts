import { z } from '@hono/zod-openapi'
import { updateDestination } from '../../../operations/destinations.ts'
import { defineRoute } from '../../route.ts'
import {
  DESTINATION,
  DESTINATION_ID,
  DESTINATION_URL,
  SETTINGS,
  toChange,
  toWireDestination,
} from './schemas.ts'

export const updateDestinationRoute = defineRoute({
  paths: ['/admin/v1/destinations/:destination_id'],
  methods: ['patch'],
  summary: 'Change a destination; what is left out stays as it is',
  params: DESTINATION_ID,
  body: z.object({ url: DESTINATION_URL.optional(), ...SETTINGS }),
  answer: DESTINATION,
  async handle(deps, environment, { params, body, caller }) {
    const subject = { environment, id: params.destination_id, actor: caller.actor }
    const destination = await updateDestination(deps, subject, toChange(body))
    return { json: toWireDestination(destination) }
  },
})
