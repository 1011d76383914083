/** Removes what has ended long ago and nobody asks for any more: a few rows at a time. */
import { DAY_MS, HOUR_MS, SECOND_MS } from '../core/time.ts'
import type { ClockDep, LogDep } from '../deps.ts'
import type { OldRowKind } from '../store/old-rows.ts'
import type { Store, StoreDep } from '../store/open.ts'
import { forEachChain } from './link-audit.ts'

/** Rows of one statement, so that none holds the database up. */
const ROWS_MAX = 500
/** How long what operators have asked for, and grants that were given back, can be looked up afterwards. */
const ENDED_DAYS = 90
/**
 * How long an attempt to connect, and the link that it began with, can be looked up afterwards; longer where its
 * environment keeps events for longer: those of a failed one are found through it.
 */
export const FLOW_DAYS = 30
/** How long links made and opened, callbacks, refreshes and revocations can be proved. */
export const TRAFFIC_DAYS = 30
/** Environments that one statement reads. */
const ENVIRONMENTS_MAX = 100

/** How long the audit log is kept where the operator says nothing. */
export const AUDIT_DAYS = 400

export interface AuditRetentionDep {
  /** Days that the audit log is kept. */
  readonly auditDays: number
}

/** @returns When the next turn is due. */
export async function pruneOldRows(
  deps: ClockDep & LogDep & StoreDep & AuditRetentionDep,
): Promise<number> {
  const { store, clock, auditDays } = deps
  const nowMs = clock.nowMs()
  const days: Readonly<Record<OldRowKind, number>> = {
    resend: ENDED_DAYS,
    job: ENDED_DAYS,
    revocation: ENDED_DAYS,
  }
  const removed = [
    await store.audit.pruneUnprotected(nowMs - auditDays * DAY_MS, ROWS_MAX),
    ...(await pruneChains(deps, 'auditChains', nowMs - auditDays * DAY_MS)),
    ...(await pruneChains(deps, 'trafficChains', nowMs - TRAFFIC_DAYS * DAY_MS)),
  ]
  for (const [kind, count] of Object.entries(days)) {
    removed.push(await store.oldRows.prune(kind as OldRowKind, nowMs - count * DAY_MS, ROWS_MAX))
  }
  removed.push(
    ...(await pruneAttempts(store, nowMs)),
    await store.accountLocks.forget(nowMs - HOUR_MS, ROWS_MAX),
  )
  const hasMore = removed.includes(ROWS_MAX)
  return nowMs + (hasMore ? SECOND_MS : HOUR_MS)
}

/** Attempts to connect, and the links that they began with. */
async function pruneAttempts(store: Store, nowMs: number): Promise<number[]> {
  const removed: number[] = []
  for (let after: string | undefined; ;) {
    const page = await store.environments.list({ limit: ENVIRONMENTS_MAX, after })
    for (const { id, settings } of page) {
      const beforeMs = nowMs - Math.max(FLOW_DAYS, settings.retentionDays) * DAY_MS
      // Flows first: a link stays for as long as any of its flows.
      removed.push(
        await store.oldRows.pruneFlows(id, beforeMs, ROWS_MAX),
        await store.oldRows.pruneWidgetSessions(id, beforeMs, ROWS_MAX),
      )
    }
    after = page.at(-1)?.id
    if (page.length < ENVIRONMENTS_MAX) return removed
  }
}

/** From the beginning of each chain, which remembers where it has been cut. */
async function pruneChains(
  deps: LogDep & StoreDep,
  log: 'auditChains' | 'trafficChains',
  beforeMs: number,
): Promise<number[]> {
  const { store } = deps
  const removed: number[] = []
  await forEachChain(deps, await store[log].list(), async (environmentId) => {
    const prune = store.transaction(
      async (tx) => await tx[log].prune(environmentId, beforeMs, ROWS_MAX),
    )
    removed.push(await prune)
  })
  return removed
}
