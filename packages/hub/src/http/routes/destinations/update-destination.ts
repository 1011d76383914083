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
  errors: ['precondition_failed'],
  summary:
    'Change a destination; what is left out stays as it is; with If-Match only if nobody else was faster',
  params: DESTINATION_ID,
  body: z.object({ url: DESTINATION_URL.optional(), ...SETTINGS }),
  answer: DESTINATION,
  async handle(deps, environment, { params, body, caller, request }) {
    const subject = { environment, id: params.destination_id, actor: caller.actor }
    const ifMatch = request.headers.get('if-match')
    const changed = await updateDestination(deps, subject, toChange(body), ifMatch)
    const { destination, version } = changed
    return { headers: { etag: version }, json: await toWireDestination(deps, destination) }
  },
})
