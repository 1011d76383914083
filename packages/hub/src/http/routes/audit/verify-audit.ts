import { z } from '@hono/zod-openapi'
import { hasScope } from '../../../core/scope.ts'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import type { AuditLog } from '../../../store/audit-chain.ts'
import { type AuditVerdict, verifyAudit } from '../../../operations/verify-audit.ts'
import { defineRoute } from '../../route.ts'

const CHAIN = z
  .object({
    /** Null for what belongs to no environment. */
    dev_id: z.string().nullable(),
    log: z.enum(['changes', 'traffic']),
    intact: z.boolean(),
    begun_at: z.string().nullable(),
    verified: z.number(),
    /** Of these, not linked yet: that is done within a minute. */
    unlinked: z.number(),
    /** From before there were chains. */
    unprotected: z.number(),
    /** Left with their retention. */
    pruned: z.number(),
    /** The newest link; note it elsewhere to see later that the database was not put back. */
    head: z.object({ seq: z.number(), link: z.string() }).nullable(),
    /** The first row that is not as it was written. */
    finding: z
      .object({
        kind: z.enum(['changed', 'missing', 'inserted', 'broken']),
        audit_id: z.string().nullable(),
        seq: z.number().nullable(),
      })
      .nullable(),
  })
  .openapi('AuditChain')

const NEWEST_MAX = 1_000_000

export const verifyAuditRoute = defineRoute({
  paths: ['/admin/v1/audit/verify'],
  methods: ['get'],
  summary:
    'Whether somebody has changed, removed or inserted rows of the audit log in the database',
  query: z.object({
    /** Both without it. */
    log: z.enum(['changes', 'traffic']).optional(),
    /** Of each, so many linked entries at most, the newest; all of them without it. */
    newest: z.coerce.number().int().min(1).max(NEWEST_MAX).optional(),
  }),
  answer: z.object({ intact: z.boolean(), checked_at: z.string(), chains: z.array(CHAIN) }),
  async handle(deps, environment, { caller, query }) {
    const verify = async (devId: string | null, log: AuditLog) =>
      toWire(devId, log, await verifyAudit(deps, devId, { log, newest: query.newest ?? null }))
    const chains: z.output<typeof CHAIN>[] = []
    if (query.log !== 'traffic') chains.push(await verify(environment.id, 'changes'))
    if (query.log !== 'changes') chains.push(await verify(environment.id, 'traffic'))
    const isOperator = hasScope(caller.scopes, 'operator')
    if (isOperator && query.log !== 'traffic') chains.push(await verify(null, 'changes'))
    const checkedAt = toTimestamp(deps.clock.nowMs())
    return {
      json: { intact: chains.every(({ intact }) => intact), checked_at: checkedAt, chains },
    }
  },
})

function toWire(
  devId: string | null,
  log: AuditLog,
  verdict: AuditVerdict,
): z.output<typeof CHAIN> {
  const { begunAtMs, finding, ...counts } = verdict
  return {
    dev_id: devId,
    log,
    intact: finding === null,
    begun_at: toTimestampOrNull(begunAtMs),
    ...counts,
    finding: finding && { kind: finding.kind, audit_id: finding.auditId, seq: finding.seq },
  }
}
