import { getDestination, getState, versionOfDestination } from '../../../operations/destinations.ts'
import { defineRoute } from '../../route.ts'
import { DESTINATION, DESTINATION_ID, HEALTH, toWireDestination, toWireHealth } from './schemas.ts'

export const getDestinationRoute = defineRoute({
  paths: ['/admin/v1/destinations/:destination_id'],
  methods: ['get'],
  summary:
    'A destination, how it is doing, and what it is owed; the version of its settings is in the ETag header',
  params: DESTINATION_ID,
  answer: DESTINATION.extend({ health: HEALTH }),
  async handle(deps, environment, { params }) {
    const { store } = deps
    const destination = await getDestination(store, environment, params.destination_id)
    const state = await getState(store, destination.id)
    const load = await store.deliveryHealth.read(destination.id)
    const health = toWireHealth(state, load, deps.clock.nowMs())
    return {
      headers: { etag: versionOfDestination(state) },
      json: { ...(await toWireDestination(deps, destination)), health },
    }
  },
})
