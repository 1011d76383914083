import { enableDestination, getDestination } from '../../../operations/destinations.ts'
import { defineRoute } from '../../route.ts'
import { DESTINATION, DESTINATION_ID, toWireDestination } from './schemas.ts'

export const enableDestinationRoute = defineRoute({
  paths: ['/admin/v1/destinations/:destination_id/enable'],
  methods: ['post'],
  hasEffectsOutside: true,
  summary: 'Enable a destination; what was held is sent in order',
  params: DESTINATION_ID,
  answer: DESTINATION,
  async handle(deps, environment, { params, caller }) {
    const id = params.destination_id
    await enableDestination(deps, { environment, id, actor: caller.actor })
    return {
      json: await toWireDestination(deps, await getDestination(deps.store, environment, id)),
    }
  },
})
