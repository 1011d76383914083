import { z } from '@hono/zod-openapi'
import { toTimestamp } from '../../../core/time.ts'
import { toWireDelivery } from '../../../operations/read-events.ts'
import type { ListedDelivery } from '../../../store/delivery-history.ts'
import { listOf, pageQuery, toPage } from '../../page.ts'
import { defineRoute } from '../../route.ts'
import { DELIVERY } from '../events/schemas.ts'

const LISTED = DELIVERY.extend({
  event_id: z.string(),
  /** The resend that asked for it; null for the first delivery of an event. */
  resend_id: z.string().nullable(),
  type: z.string(),
  user_id: z.string().nullable(),
  reference_id: z.string().nullable(),
  provider: z.string().nullable(),
  created_at: z.string(),
}).openapi('Delivery')

export const listDeliveries = defineRoute({
  paths: ['/admin/v1/deliveries'],
  methods: ['get'],
  summary: 'Deliveries, newest first: what each destination was owed, and what became of it',
  query: z.object({
    ...pageQuery(z.int().min(0)),
    destination_id: z.string().optional(),
    event_id: z.string().optional(),
    resend_id: z.string().optional(),
    status: z.enum(['owed', 'pending', 'held', 'delivered', 'failed', 'suppressed']).optional(),
  }),
  answer: listOf(LISTED),
  async handle({ store }, environment, { query }) {
    const { limit, after, status } = query
    const filter = {
      destinationId: query.destination_id,
      eventId: query.event_id,
      resendId: query.resend_id,
      status,
    }
    const page = { limit: limit + 1, before: after }
    const rows = await store.deliveryHistory.list(environment.id, filter, page)
    return { json: toPage(rows, limit, ({ id }) => id, toListed) }
  },
})

function toListed(delivery: ListedDelivery): z.output<typeof LISTED> {
  return {
    ...toWireDelivery(delivery),
    event_id: delivery.eventId,
    resend_id: delivery.resendId,
    type: delivery.type,
    user_id: delivery.userId,
    reference_id: delivery.referenceId,
    provider: delivery.provider,
    created_at: toTimestamp(delivery.createdAtMs),
  }
}
