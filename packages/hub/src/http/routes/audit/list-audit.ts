import { z } from '@hono/zod-openapi'
import { toTimestamp } from '../../../core/time.ts'
import { PAGE_QUERY, encodeCursor, listOf, toPage } from '../../page.ts'
import { defineRoute } from '../../route.ts'

const ENTRY = z
  .object({
    id: z.string(),
    actor: z.string(),
    action: z.string(),
    subject: z.string().nullable(),
    detail: z.record(z.string(), z.unknown()),
    created_at: z.string(),
  })
  .openapi('AuditEntry')

export const listAudit = defineRoute({
  paths: ['/admin/v1/audit'],
  methods: ['get'],
  summary:
    'Who changed what in this environment, newest first; or, with log=traffic, links made and opened, callbacks, refreshes and revocations',
  query: z.object({
    ...PAGE_QUERY,
    log: z.enum(['changes', 'traffic']).default('changes'),
    actor: z.string().optional(),
    action: z.string().optional(),
    subject: z.string().optional(),
  }),
  answer: listOf(ENTRY),
  async handle({ store }, environment, { query }) {
    const { limit, after, log, ...filter } = query
    const rows = log === 'traffic' ? store.traffic : store.audit
    const page = { limit: limit + 1, after }
    const { entries, next } = await rows.list(environment.id, filter, page)
    const json = toPage(
      entries,
      limit,
      ({ id }) => id,
      ({ id, actor, action, subject, detail, createdAtMs }) => ({
        id,
        actor,
        action,
        subject,
        detail,
        created_at: toTimestamp(createdAtMs),
      }),
    )
    return { json: next === undefined ? json : { ...json, next: encodeCursor(next) } }
  },
})
