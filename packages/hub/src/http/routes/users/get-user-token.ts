import { z } from '@hono/zod-openapi'
import { toTimestampOrNull } from '../../../core/time.ts'
import { readToken } from '../../../operations/read-token.ts'
import { defineRoute } from '../../route.ts'

export const getUserToken = defineRoute({
  paths: ['/v2/users/:user_id/token', '/api/v2/users/:user_id/token'],
  methods: ['get'],
  errors: ['connection_broken', 'provider_unavailable'],
  summary: 'A fresh access token of a user, where the environment allows apps to read them',
  params: z.object({ user_id: z.string() }),
  answer: z.object({
    status: z.literal('success'),
    user_id: z.string(),
    provider: z.string(),
    access_token: z.string(),
    token_type: z.string(),
    expires_at: z.string().nullable(),
  }),
  async handle(deps, environment, { params, caller }) {
    const read = { userId: params.user_id, actor: caller.actor }
    const { provider, tokenSet } = await readToken(deps, environment, read)
    return {
      json: {
        status: 'success',
        user_id: params.user_id,
        provider,
        access_token: tokenSet.accessToken,
        token_type: tokenSet.tokenType,
        expires_at: toTimestampOrNull(tokenSet.expiresAtMs ?? null),
      },
    }
  },
})
