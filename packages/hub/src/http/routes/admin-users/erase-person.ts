import { z } from '@hono/zod-openapi'
import { erasePerson } from '../../../operations/erase-person.ts'
import { defineRoute } from '../../route.ts'
import { REFERENCE_ID } from '../../schemas.ts'

/** Events that a dry run removes and counts: a good second of work. */
const REHEARSED_EVENTS_MAX = 10_000

export const erasePersonRoute = defineRoute({
  paths: ['/admin/v1/people/:reference_id'],
  methods: ['delete'],
  errors: ['not_found'],
  summary: 'Remove a person: disconnect them everywhere, and forget what is known of them',
  params: z.object({ reference_id: REFERENCE_ID }),
  query: z.object({
    /** `deliver`: what is owed is still sent, the last `deauth` too; `remove`: not what is left by then. Default `deliver`. */
    owed_events: z.enum(['deliver', 'remove']).optional(),
  }),
  answer: z.object({
    status: z.literal('success'),
    connections: z.number(),
    attempts: z.number(),
    events: z.number(),
    /** These stay until they are delivered and their retention has passed. */
    events_owed: z.number(),
    /** Whether there are more events than were counted: only in a dry run, which looks at the first 10,000. */
    has_more: z.boolean(),
  }),
  async handle(deps, environment, { params, query, caller }) {
    const erased = await erasePerson(deps, environment, {
      referenceId: params.reference_id,
      actor: caller.actor,
      owedEvents: query.owed_events ?? 'deliver',
      ...(deps.isRehearsal === true && { eventsMax: REHEARSED_EVENTS_MAX }),
    })
    const { connections, attempts, events, eventsOwed, hasMore } = erased
    const counts = { connections, attempts, events, events_owed: eventsOwed, has_more: hasMore }
    return { json: { status: 'success', ...counts } }
  },
})
