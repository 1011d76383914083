import type { ClockDep, IdsDep } from '../deps.ts'
import type { AuditEntry } from '../store/audit.ts'
import type { Tables } from '../store/open.ts'

/** Records a change in the transaction that makes it. */
export async function writeAudit(
  deps: ClockDep & IdsDep,
  tx: Pick<Tables, 'audit'>,
  entry: Omit<AuditEntry, 'id' | 'createdAtMs'>,
): Promise<void> {
  await tx.audit.add({ ...entry, id: deps.ids.ordered(), createdAtMs: deps.clock.nowMs() })
}
