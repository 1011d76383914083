import { assert } from '../../../errors.ts'
import { getDestination } from '../../../operations/destinations.ts'
import { defineRoute } from '../../route.ts'
import { DESTINATION, DESTINATION_ID, HEALTH, toWireDestination, toWireHealth } from './schemas.ts'

export const getDestinationRoute = defineRoute({
  paths: ['/admin/v1/destinations/:destination_id'],
  methods: ['get'],
  summary: 'A destination, how it is doing, and what it is owed',
  params: DESTINATION_ID,
  answer: DESTINATION.extend({ health: HEALTH }),
  async handle({ store }, environment, { params }) {
    const destination = await getDestination(store, environment, params.destination_id)
    const [state] = await store.destinations.listStates([destination.id])
    assert(state !== undefined, 'a destination that was read has a state')
    const load = await store.deliveryHealth.read(destination.id)
    return { json: { ...toWireDestination(destination), health: toWireHealth(state, load) } }
  },
})
