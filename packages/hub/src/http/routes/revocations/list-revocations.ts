import { z } from '@hono/zod-openapi'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import type { RevocationRecord } from '../../../store/revocations.ts'
import { PAGE_QUERY, listOf, toPage } from '../../page.ts'
import { defineRoute } from '../../route.ts'

const STATUS = z.enum(['pending', 'revoked', 'unsupported', 'not_needed', 'failed'])

export const REVOCATION = z
  .object({
    id: z.string(),
    provider: z.string(),
    provider_account_id: z.string().nullable(),
    lineage_id: z.string().nullable(),
    flow_id: z.string().nullable(),
    status: STATUS,
    attempts: z.number(),
    next_attempt_at: z.string().nullable(),
    detail: z.string().nullable(),
    created_at: z.string(),
    ended_at: z.string().nullable(),
  })
  .openapi('Revocation')

export const listRevocations = defineRoute({
  paths: ['/admin/v1/revocations'],
  methods: ['get'],
  summary: 'Grants that are given back to providers, newest first',
  query: z.object({ ...PAGE_QUERY, status: STATUS.optional() }),
  answer: listOf(REVOCATION),
  async handle({ store }, environment, { query: { limit, after, status } }) {
    const page = { limit: limit + 1, before: after, status }
    const rows = await store.revocations.list(environment.id, page)
    return { json: toPage(rows, limit, ({ id }) => id, toWireRevocation) }
  },
})

export function toWireRevocation(record: RevocationRecord): z.output<typeof REVOCATION> {
  return {
    id: record.id,
    provider: record.provider,
    provider_account_id: record.providerAccountId,
    lineage_id: record.lineageId,
    flow_id: record.flowId,
    status: record.status,
    attempts: record.attempts,
    next_attempt_at: toTimestampOrNull(record.dueAtMs),
    detail: record.detail,
    created_at: toTimestamp(record.createdAtMs),
    ended_at: toTimestampOrNull(record.endedAtMs),
  }
}
