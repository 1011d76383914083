/** The health sweep: what the worker does with a connection whose tokens need no refreshing yet. */
import { isAlive, nextCheckAtMs, nextWarningAtMs } from '../core/token.ts'
import type { Signal } from '../core/connection.ts'
import { assert } from '../errors.ts'
import { checkGrant } from '../oauth/check.ts'
import type { StoredTokenSet } from '../store/token-sets.ts'
import { applySignal } from './apply-signal.ts'
import { nextPlaceAtMs } from './provider-rates.ts'
import {
  type RefreshDeps,
  type RefreshSubject,
  parseTokenSet,
  planOf,
  timesOf,
} from './stored-tokens.ts'

/** What was done, for the token set's row. */
export interface Looked {
  readonly checkedAtMs?: number
  readonly warnedAtMs?: number
  /** When to look again; by the rules if absent. */
  readonly againAtMs?: number | null
}

/** Asks the provider whether the grant lives, and announces an end that is near, each where it is due. */
export async function look(
  deps: RefreshDeps,
  subject: RefreshSubject,
  stored: StoredTokenSet,
): Promise<Looked> {
  const { provider } = subject.access
  const tokenSet = parseTokenSet(stored.json)
  const times = timesOf(tokenSet)
  const plan = planOf(provider, tokenSet, stored)
  const nowMs = deps.clock.nowMs()
  const isDue = (atMs: number | null): boolean => atMs !== null && nowMs >= atMs
  const signals: Signal[] = []
  const hasWarned = isDue(nextWarningAtMs(plan, times)) && plan.endsAtMs !== null
  if (hasWarned && plan.endsAtMs !== null) {
    signals.push({ type: 'end_foreseen', atMs: nowMs, endsAtMs: plan.endsAtMs })
  }
  const { providerAccountId } = subject.connection.state
  const wantsCheck = isDue(nextCheckAtMs(plan, times)) && isAlive(times, nowMs)
  const waitMs = wantsCheck
    ? deps.rates.take({ access: subject.access, providerAccountId, caller: 'hub' })
    : 0
  const hasChecked = wantsCheck && waitMs === 0
  if (hasChecked) {
    const verdict = await checkGrant(deps, { ...subject.access, tokenSet, providerAccountId })
    const atMs = deps.clock.nowMs()
    if (verdict === 'alive') signals.push({ type: 'connection_worked', atMs, by: 'data_call' })
    const { liveness } = provider
    if (verdict === 'gone' && liveness.kind === 'request' && liveness.isRevocation) {
      signals.push({ type: 'access_revoked', atMs })
    } else if (verdict === 'gone') {
      const fromVersion = stored.version
      signals.push({ type: 'data_call_rejected', atMs, httpStatus: 401, fromVersion })
    }
  }
  await announceAll(deps, subject, signals)
  return {
    ...(hasChecked && { checkedAtMs: nowMs }),
    ...(hasWarned && { warnedAtMs: nowMs }),
    ...(waitMs > 0 && { againAtMs: nextPlaceAtMs(deps, waitMs) }),
  }
}

async function announceAll(
  deps: RefreshDeps,
  { connection }: RefreshSubject,
  signals: readonly Signal[],
): Promise<void> {
  if (signals.length === 0) return
  const environment = await deps.store.environments.find(connection.environmentId)
  assert(environment !== undefined, 'every connection belongs to an environment')
  for (const signal of signals) await applySignal(deps, environment, connection, signal)
}
