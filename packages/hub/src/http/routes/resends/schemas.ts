import { z } from '@hono/zod-openapi'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import type { Resend } from '../../../store/resends.ts'

export const RESEND_ID = z.object({ resend_id: z.string() })

/** A moment on the wire, as epoch milliseconds. */
export const MOMENT = z.iso
  .datetime({ offset: true, error: 'must be a time like 2024-10-07T03:45:00Z' })
  // Reading a given time is pure; the present one still comes from the clock.
  // eslint-disable-next-line no-restricted-globals
  .transform((text) => Date.parse(text))
  .openapi({ type: 'string', format: 'date-time' })

export const RESEND_FILTER = z.object({
  destination_id: z.string().optional(),
  event_id: z.string().optional(),
  type: z.string().optional(),
  user_id: z.string().optional(),
  reference_id: z.string().optional(),
  lineage_id: z.string().optional(),
  provider: z.string().optional(),
  status: z.enum(['delivered', 'failed']).optional(),
  since: MOMENT.optional(),
  until: MOMENT.optional(),
})

export const RESEND = z
  .object({
    id: z.string(),
    status: z.enum(['running', 'paused', 'cancelled', 'done']),
    filter: z.record(z.string(), z.unknown()),
    deliveries: z.number(),
    progress: z.number(),
    actor: z.string(),
    created_at: z.string(),
    ended_at: z.string().nullable(),
  })
  .openapi('Resend')

export const RESEND_PREVIEW = z.object({
  events: z.number(),
  deliveries: z.number(),
  first_at: z.string().nullable(),
  last_at: z.string().nullable(),
  destinations: z.array(
    z.object({
      destination_id: z.string(),
      url: z.string(),
      status: z.enum(['enabled', 'disabled']),
      deliveries: z.number(),
    }),
  ),
  is_complete: z.boolean().openapi({
    description: 'False where there is more than could be counted in one answer.',
  }),
})

export function toWireResend(resend: Resend): z.output<typeof RESEND> {
  const { filter, throughSeq } = resend
  return {
    id: resend.id,
    status: resend.status,
    filter: {
      destination_id: filter.destinationId,
      event_id: filter.eventId,
      type: filter.type,
      user_id: filter.userId,
      reference_id: filter.referenceId,
      lineage_id: filter.lineageId,
      provider: filter.provider,
      status: filter.status,
      since: toTimestampOrNull(filter.sinceMs ?? null) ?? undefined,
      until: toTimestampOrNull(filter.untilMs ?? null) ?? undefined,
    },
    deliveries: resend.deliveries,
    progress: throughSeq === 0 ? 1 : resend.cursorSeq / throughSeq,
    actor: resend.actor,
    created_at: toTimestamp(resend.createdAtMs),
    ended_at: toTimestampOrNull(resend.endedAtMs),
  }
}
