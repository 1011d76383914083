import { z } from '@hono/zod-openapi'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import type { MoveProgress, MoveUser } from '../../../store/move-users.ts'
import type { ProviderMove } from '../../../store/provider-moves.ts'

export const MOVE_ID = z.object({ move_id: z.string() })

const KIND = z.enum(['exchange', 'reconnect'])
export const MOVE_USER_STATE = z.enum(['to_do', 'linked', 'failed', 'connected', 'gone'])

/** How many connections are in which state. */
const PROGRESS = z.object({
  total: z.number(),
  to_do: z.number(),
  linked: z.number(),
  failed: z.number(),
  connected: z.number(),
  gone: z.number(),
})

export const MOVE = z
  .object({
    id: z.string(),
    from: z.string(),
    to: z.string(),
    kind: KIND,
    status: z.enum(['running', 'paused', 'ended']),
    per_minute: z.number(),
    progress: PROGRESS,
    actor: z.string(),
    created_at: z.string(),
    ended_at: z.string().nullable(),
  })
  .openapi('ProviderMove')

/** What a move would do. */
export const MOVE_PLAN = z
  .object({
    from: z.string(),
    to: z.string(),
    kind: KIND,
    total: z.number(),
    with_reference_id: z.number(),
    connected_already: z.number(),
    /** What has to be done first. */
    obstacles: z.array(z.string()),
  })
  .openapi('ProviderMovePlan')

export const MOVE_USER = z
  .object({
    lineage_id: z.string(),
    user_id: z.string(),
    reference_id: z.string().nullable(),
    state: MOVE_USER_STATE,
    attempts: z.number(),
    next_attempt_at: z.string().nullable(),
    link_expires_at: z.string().nullable(),
    detail: z.string().nullable(),
    updated_at: z.string(),
  })
  .openapi('ProviderMoveUser')

export function toWireMove(
  move: ProviderMove & { readonly progress: MoveProgress },
): z.output<typeof MOVE> {
  const total = Object.values(move.progress).reduce((sum, count) => sum + count, 0)
  return {
    id: move.id,
    from: move.from,
    to: move.to,
    kind: move.kind,
    status: move.status,
    per_minute: move.perMinute,
    progress: { total, ...move.progress },
    actor: move.actor,
    created_at: toTimestamp(move.createdAtMs),
    ended_at: toTimestampOrNull(move.endedAtMs),
  }
}

export function toWireMoveUser(user: MoveUser): z.output<typeof MOVE_USER> {
  return {
    lineage_id: user.lineageId,
    user_id: user.userId,
    reference_id: user.referenceId,
    state: user.state,
    attempts: user.attempts,
    next_attempt_at: toTimestampOrNull(user.dueAtMs),
    link_expires_at: toTimestampOrNull(user.linkExpiresAtMs),
    detail: user.detail,
    updated_at: toTimestamp(user.updatedAtMs),
  }
}
