import { z } from '@hono/zod-openapi'

/** What became of an event at one destination. */
export const DELIVERY = z.object({
  id: z.number(),
  destination_id: z.string(),
  status: z.enum(['pending', 'held', 'delivered', 'failed', 'suppressed']),
  reason: z.string().nullable(),
  attempts: z.number(),
  next_attempt_at: z.string().nullable(),
  ended_at: z.string().nullable(),
})

/** One try at a delivery. */
export const ATTEMPT = z.object({
  number: z.number(),
  started_at: z.string(),
  duration_ms: z.number(),
  http_status: z.number().nullable(),
  error: z.string().nullable(),
  response_headers: z.record(z.string(), z.unknown()).nullable(),
  response_body: z.string().nullable(),
  process: z.string().nullable(),
})

/** An event with its deliveries. */
export const EVENT = z.object({
  id: z.string(),
  type: z.string(),
  user_id: z.string().nullable(),
  reference_id: z.string().nullable(),
  provider: z.string().nullable(),
  lineage_id: z.string().nullable(),
  generated: z.boolean(),
  created_at: z.string(),
  ordering_timestamp: z.number(),
  payload: z.unknown(),
  deliveries: z.array(DELIVERY),
})

/** An event with its deliveries, and the attempts at each of them by its id. */
export const EVENT_WITH_ATTEMPTS = EVENT.extend({
  attempts: z.record(z.string(), z.array(ATTEMPT)),
})
