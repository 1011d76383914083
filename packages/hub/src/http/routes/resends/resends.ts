/** Jobs that send events again. */
import { z } from '@hono/zod-openapi'
import { toTimestampOrNull } from '../../../core/time.ts'
import { getDestination } from '../../../operations/destinations.ts'
import { getStoredEvent } from '../../../operations/read-events.ts'
import {
  changeResend,
  getResend,
  previewResend,
  startResend,
} from '../../../operations/resend-events.ts'
import type { Environment } from '../../../store/environments.ts'
import type { StoreDep } from '../../../store/open.ts'
import type { ResendFilter } from '../../../store/resends.ts'
import { PAGE_QUERY, listOf, toPage } from '../../page.ts'
import { defineRoute } from '../../route.ts'
import { RESEND, RESEND_FILTER, RESEND_ID, RESEND_PREVIEW, toWireResend } from './schemas.ts'

export const createResend = defineRoute({
  paths: ['/admin/v1/resends'],
  methods: ['post'],
  summary: 'Send events again: one, those of a filter, of a time range, or everything since',
  body: RESEND_FILTER,
  answer: RESEND,
  answerStatus: 201,
  async handle(deps, environment, { body, caller }) {
    const filter = await readFilter(deps, environment, body)
    return { json: toWireResend(await startResend(deps, environment, filter, caller.actor)) }
  },
})

export const previewResendRoute = defineRoute({
  paths: ['/admin/v1/resends/preview'],
  methods: ['post'],
  scope: 'read',
  summary: 'What a resend of this filter would send now: how much, to whom, and of which time',
  body: RESEND_FILTER,
  answer: RESEND_PREVIEW,
  async handle(deps, environment, { body }) {
    const filter = await readFilter(deps, environment, body)
    const preview = await previewResend(deps, environment, filter)
    const destinations = await deps.store.destinations.list(environment.id)
    return {
      json: {
        events: preview.events,
        deliveries: preview.deliveries,
        first_at: toTimestampOrNull(preview.firstAtMs),
        last_at: toTimestampOrNull(preview.lastAtMs),
        destinations: destinations.flatMap(({ id, url, status }) => {
          const deliveries = preview.byDestination.get(id)
          return deliveries === undefined ? [] : [{ destination_id: id, url, status, deliveries }]
        }),
        is_complete: preview.isComplete,
      },
    }
  },
})

/** @throws FirmaError for a destination or an event that the environment does not have. */
async function readFilter(
  deps: StoreDep,
  environment: Environment,
  body: z.output<typeof RESEND_FILTER>,
): Promise<ResendFilter> {
  const { destination_id: destinationId, event_id: eventId } = body
  if (destinationId !== undefined) await getDestination(deps.store, environment, destinationId)
  if (eventId !== undefined) await getStoredEvent(deps, environment, eventId)
  return {
    destinationId,
    eventId,
    type: body.type,
    userId: body.user_id,
    referenceId: body.reference_id,
    lineageId: body.lineage_id,
    provider: body.provider,
    status: body.status,
    sinceMs: body.since,
    untilMs: body.until,
  }
}

export const resendEvent = defineRoute({
  paths: ['/admin/v1/events/:event_id/resend'],
  methods: ['post'],
  summary: 'Send one event again, to every destination that wanted it or to one of them',
  params: z.object({ event_id: z.string() }),
  body: z.object({ destination_id: z.string().optional() }),
  answer: RESEND,
  answerStatus: 201,
  async handle(deps, environment, { params, body, caller }) {
    const { id: eventId } = await getStoredEvent(deps, environment, params.event_id)
    const { destination_id: destinationId } = body
    if (destinationId !== undefined) await getDestination(deps.store, environment, destinationId)
    const filter = { eventId, destinationId }
    return { json: toWireResend(await startResend(deps, environment, filter, caller.actor)) }
  },
})

export const listResends = defineRoute({
  paths: ['/admin/v1/resends'],
  methods: ['get'],
  summary: 'Resends, newest first',
  query: z.object(PAGE_QUERY),
  answer: listOf(RESEND),
  async handle({ store }, environment, { query: { limit, after } }) {
    const found = await store.resends.list(environment.id, { limit: limit + 1, after })
    return { json: toPage(found, limit, ({ id }) => id, toWireResend) }
  },
})

export const getResendRoute = defineRoute({
  paths: ['/admin/v1/resends/:resend_id'],
  methods: ['get'],
  summary: 'A resend and how far it has come',
  params: RESEND_ID,
  answer: RESEND,
  async handle(deps, environment, { params }) {
    return { json: toWireResend(await getResend(deps, environment, params.resend_id)) }
  },
})

export const pauseResend = defineAction('pause')
export const resumeResend = defineAction('resume')
export const cancelResend = defineAction('cancel')

function defineAction(action: 'pause' | 'resume' | 'cancel') {
  return defineRoute({
    paths: [`/admin/v1/resends/:resend_id/${action}`],
    methods: ['post'],
    errors: ['conflict'],
    summary: `The action ${action} on a resend; what it has made already is sent`,
    params: RESEND_ID,
    answer: RESEND,
    async handle(deps, environment, { params, caller }) {
      const subject = { environment, id: params.resend_id, actor: caller.actor }
      return { json: toWireResend(await changeResend(deps, subject, action)) }
    },
  })
}
