import type { ClockDep, IdsDep, NetworkDep } from '../deps.ts'
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

/** What is recorded of people and workers. */
export type TrafficAction =
  | 'link.create'
  | 'link.claim'
  | 'link.refuse'
  | 'flow.callback'
  | 'callback.refuse'
  | 'flow.end'
  | 'token.refresh'
  | 'grant.revoke'

/** One of these things. */
export interface Traffic extends Omit<AuditEntry, 'id' | 'createdAtMs'> {
  readonly environmentId: string
  /** As of every entry; `browser` for the person's. */
  readonly actor: string
  readonly action: TrafficAction
}

/** Entries about strangers at one link or flow: whoever knows its address could fill the log. */
const REFUSALS_MAX = 10

/** Records that a stranger was turned away from what `subject` names, as often as is enough to see it. */
export async function writeRefusal(
  deps: ClockDep & IdsDep & NetworkDep,
  tx: Pick<Tables, 'traffic'>,
  refusal: Traffic & { readonly action: 'link.refuse' | 'callback.refuse' },
): Promise<void> {
  const { environmentId, action, subject } = refusal
  const what = { action, subject: subject ?? undefined }
  const { entries } = await tx.traffic.list(environmentId, what, { limit: REFUSALS_MAX })
  if (entries.length < REFUSALS_MAX) await writeTraffic(deps, tx, refusal)
}

/** Records it in the transaction in which it happens, with the network of who did it. */
export async function writeTraffic(
  deps: ClockDep & IdsDep & NetworkDep,
  tx: Pick<Tables, 'traffic'>,
  { environmentId, actor, action, subject, detail: what }: Traffic,
): Promise<void> {
  const [id, createdAtMs] = [deps.ids.ordered(), deps.clock.nowMs()]
  // A worker that ends what somebody began acts for nobody.
  const detail = actor === 'system' ? what : { ...what, network: deps.network }
  await tx.traffic.add({ environmentId, actor, action, subject, detail, id, createdAtMs })
}
