import { z } from '@hono/zod-openapi'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import { type UserExplanation, explainUser as explain } from '../../../operations/explain-user.ts'
import { defineRoute } from '../../route.ts'
import { REVOCATION, toWireRevocation } from '../revocations/list-revocations.ts'

const TOKENS = z.object({
  version: z.number(),
  obtained_at: z.string(),
  access_token_expires_at: z.string().nullable(),
  refresh_token_expires_at: z.string().nullable(),
  /** When the hub looks at it next: to refresh, to ask the provider, or to warn. */
  next_refresh_at: z.string().nullable(),
  retry_not_before: z.string().nullable(),
  failures: z.number(),
  last_failure: z.string().nullable(),
  last_failure_at: z.string().nullable(),
  checked_at: z.string().nullable(),
  /** Until then the provider wants no calls for this account, or none at all; null while it takes them. */
  limited_until: z.string().nullable(),
})

const EXPLANATION = z
  .object({
    user_id: z.string(),
    present_user_id: z.string(),
    lineage_id: z.string().nullable(),
    provider: z.string(),
    reference_id: z.string().nullable(),
    status: z.enum(['reserved', 'unconfirmed', 'active', 'degraded', 'revoked', 'disconnected']),
    since: z.string(),
    code: z.enum([
      'nothing',
      'reconnect_if_it_lasts',
      'connect_again',
      'grant_permissions',
      'confirm',
      'wait',
      'correct_credentials',
    ]),
    why: z.string(),
    todo: z.string(),
    scopes: z.array(z.string()),
    tokens: TOKENS.nullable(),
    events: z.array(z.object({ id: z.string(), type: z.string(), created_at: z.string() })),
    revocations: z.array(REVOCATION),
  })
  .openapi('UserExplanation')

export const explainUser = defineRoute({
  paths: ['/admin/v1/users/:user_id/explain'],
  methods: ['get'],
  errors: ['user_not_found'],
  summary: 'Why a connection is in its state, what happened last, what comes next, what to do',
  params: z.object({ user_id: z.string() }),
  answer: EXPLANATION,
  async handle(deps, environment, { params }) {
    return { json: toWire(await explain(deps, environment, params.user_id)) }
  },
})

function toWire(explanation: UserExplanation): z.output<typeof EXPLANATION> {
  const { tokens } = explanation
  return {
    user_id: explanation.userId,
    present_user_id: explanation.presentUserId,
    lineage_id: explanation.lineageId,
    provider: explanation.provider,
    reference_id: explanation.referenceId,
    status: explanation.status,
    since: toTimestamp(explanation.sinceMs),
    code: explanation.code,
    why: explanation.why,
    todo: explanation.todo,
    scopes: [...explanation.scopes],
    tokens: tokens && {
      version: tokens.version,
      obtained_at: toTimestamp(tokens.times.obtainedAtMs),
      access_token_expires_at: toTimestampOrNull(tokens.times.expiresAtMs),
      refresh_token_expires_at: toTimestampOrNull(tokens.times.refreshExpiresAtMs),
      next_refresh_at: toTimestampOrNull(tokens.refreshAtMs),
      retry_not_before: toTimestampOrNull(tokens.retryAtMs),
      failures: tokens.failures,
      last_failure: tokens.lastFailure,
      last_failure_at: toTimestampOrNull(tokens.lastFailureAtMs),
      checked_at: toTimestampOrNull(tokens.checkedAtMs),
      limited_until: toTimestampOrNull(tokens.limitedUntilMs),
    },
    events: explanation.events.map(({ id, type, createdAtMs }) => ({
      id,
      type,
      created_at: toTimestamp(createdAtMs),
    })),
    revocations: explanation.revocations.map(toWireRevocation),
  }
}
