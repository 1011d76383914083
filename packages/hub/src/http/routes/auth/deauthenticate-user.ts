import { z } from '@hono/zod-openapi'
import { disconnectUser } from '../../../operations/disconnect-user.ts'
import { writeAudit } from '../../../operations/write-audit.ts'
import type { Tables } from '../../../store/open.ts'
import { defineRoute } from '../../route.ts'

export const deauthenticateUser = defineRoute({
  paths: ['/v2/auth/deauthenticateUser', '/api/v2/auth/deauthenticateUser'],
  methods: ['delete', 'post'],
  summary: 'Disconnect a user and revoke the access at the provider',
  query: z.object({ user_id: z.string({ error: 'is missing; name the user to disconnect' }) }),
  answer: z.object({ status: z.literal('success') }),
  async handle(deps, environment, { query, caller }) {
    const alongside = async (tx: Tables) =>
      await writeAudit(deps, tx, {
        environmentId: environment.id,
        actor: caller.actor,
        action: 'user.disconnect',
        subject: query.user_id,
        detail: {},
      })
    await disconnectUser({ ...deps, alongside }, environment, query.user_id)
    return { json: { status: 'success' } }
  },
})
