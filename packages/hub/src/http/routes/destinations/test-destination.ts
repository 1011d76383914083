import { toTimestamp } from '../../../core/time.ts'
import { getDestination } from '../../../operations/destinations.ts'
import { toWireAttempt } from '../../../operations/read-events.ts'
import { defineRoute } from '../../route.ts'
import { ATTEMPT } from '../events/schemas.ts'
import { DESTINATION_ID } from './schemas.ts'

export const testDestination = defineRoute({
  paths: ['/admin/v1/destinations/:destination_id/test'],
  methods: ['post'],
  hasEffectsOutside: true,
  summary:
    'Send a signed `healthcheck` to a destination, also a disabled one, and say what it answered',
  params: DESTINATION_ID,
  answer: ATTEMPT,
  async handle(deps, environment, { params }) {
    const destination = await getDestination(deps.store, environment, params.destination_id)
    const nowMs = deps.clock.nowMs()
    const id = deps.ids.ordered()
    const attempt = await deps.attempt(destination, {
      id,
      environmentId: environment.id,
      type: 'healthcheck',
      lineageId: null,
      orderKey: id,
      userId: null,
      referenceId: null,
      provider: null,
      body: JSON.stringify({
        type: 'healthcheck',
        status: 'success',
        message: 'a test of this destination',
        creation_timestamp: toTimestamp(nowMs),
      }),
      orderingMs: nowMs,
      createdAtMs: nowMs,
      fanOut: 0,
      traceParent: null,
    })
    return { json: toWireAttempt(attempt) }
  },
})
