import { z } from '@hono/zod-openapi'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import type { Unconfirmed } from '../../../operations/read-unconfirmed.ts'
import type { Connection, ConnectionFilter } from '../../../store/connections.ts'
import { TEXT } from '../../schemas.ts'

const STATES = ['active', 'degraded', 'inactive', 'deleted'] as const
export const STATE = z.enum(STATES)
/** `unconfirmed`: logged in at the provider, and the app has not confirmed who it was. */
export const USER_STATE = z.enum(['unconfirmed', ...STATES])

/** A moment, as RFC 3339 writes it. */
const TIME = z.iso
  .datetime({ offset: true, error: 'must be a time like 2026-01-31T12:00:00Z' })
  // Reads a given moment; what needs `deps` is the present one.
  // eslint-disable-next-line no-restricted-globals
  .transform((text) => Date.parse(text))

/** Which users. */
export const USER_FILTER = {
  user_id: TEXT.optional(),
  reference_id: TEXT.optional(),
  provider: TEXT.optional(),
  state: STATE.optional(),
  created_since: TIME.optional(),
  created_until: TIME.optional(),
}

export function toFilter(filter: z.output<z.ZodObject<typeof USER_FILTER>>): ConnectionFilter {
  return {
    userId: filter.user_id,
    referenceId: filter.reference_id,
    provider: filter.provider?.toUpperCase(),
    state: filter.state,
    createdSinceMs: filter.created_since,
    createdUntilMs: filter.created_until,
  }
}

export const ADMIN_USER = z
  .object({
    user_id: z.string(),
    /** The same across reconnections; null before it is confirmed. */
    lineage_id: z.string().nullable(),
    provider: z.string(),
    reference_id: z.string().nullable(),
    /** What the account at the provider is known by, masked; null where the provider does not say. */
    account_label: z.string().nullable(),
    /** `degraded`: connected, but the provider refuses our calls. */
    state: USER_STATE,
    scopes: z.array(z.string()),
    created_at: z.string(),
    last_webhook_update: z.string().nullable(),
    degraded_at: z.string().nullable(),
  })
  .openapi('AdminUser')

export function toAdminUser({
  lineageId,
  accountLabel,
  state,
}: Connection): z.output<typeof ADMIN_USER> {
  const { user } = state
  const degradedAtMs = state.status === 'active' ? state.degradedAtMs : null
  return {
    user_id: user.userId,
    lineage_id: lineageId,
    provider: user.provider,
    reference_id: user.referenceId,
    account_label: accountLabel,
    state: degradedAtMs === null ? state.status : 'degraded',
    scopes: [...user.scopes],
    created_at: toTimestamp(user.createdAtMs),
    last_webhook_update: toTimestampOrNull(user.lastWebhookUpdateMs),
    degraded_at: toTimestampOrNull(degradedAtMs),
  }
}

/** A user that will be one when the app has confirmed it. */
export function toUnconfirmedUser({ flow, held }: Unconfirmed): z.output<typeof ADMIN_USER> {
  return {
    user_id: flow.reservedUserId,
    lineage_id: null,
    provider: flow.provider,
    reference_id: flow.referenceId,
    account_label: null,
    state: 'unconfirmed',
    scopes: [],
    created_at: toTimestamp(held.createdAtMs),
    last_webhook_update: null,
    degraded_at: null,
  }
}

export const JOB = z
  .object({
    id: z.string(),
    kind: z.enum(['disconnect_users']),
    status: z.enum(['running', 'done']),
    total: z.number(),
    done: z.number(),
    failed: z.number(),
    created_at: z.string(),
    ended_at: z.string().nullable(),
  })
  .openapi('Job')
