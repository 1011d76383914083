import { z } from '@hono/zod-openapi'
import { listNotices } from '../../../operations/list-notices.ts'
import { defineRoute } from '../../route.ts'
import { LIMIT, LIMIT_DEFAULT } from '../../schemas.ts'

const NOTICE = z.object({
  id: z.string(),
  provider: z.string(),
  provider_account_id: z.string().nullable(),
  type: z
    .enum(['access_revoked', 'scopes_changed', 'unreadable', 'subscribe'])
    .describe('`subscribe` asks the provider to send notices about an account.'),
  status: z
    .enum(['pending', 'done', 'unfounded', 'failed'])
    .describe('`unfounded`: the provider did not confirm it, or nobody is concerned.'),
  signed: z.boolean().describe('Whether the provider had signed it.'),
  attempts: z.int(),
  detail: z.string().nullable().describe('Why the last attempt did not succeed.'),
  body: z.string().nullable().describe('Of an unreadable notice, its first 4,096 characters.'),
  received_at: z.string(),
  ended_at: z.string().nullable(),
})

export const listNoticesRoute = defineRoute({
  paths: ['/admin/v1/notices'],
  methods: ['get'],
  summary: 'What providers said by themselves, and what became of it; newest first, 14 days',
  query: z.object({ after: z.uuid().optional(), limit: LIMIT.optional() }),
  answer: z.object({ data: z.array(NOTICE), next: z.string().nullable() }),
  async handle(deps, environment, { query }) {
    const page = { limit: query.limit ?? LIMIT_DEFAULT, before: query.after }
    return { json: await listNotices(deps, environment, page) }
  },
})
