/** A code was exchanged for tokens: the connection is made, or the grant given back. */
import { decide } from '../core/connection.ts'
import { matchKey } from '../core/match.ts'
import type { ClockDep, FetchDep, IdsDep, LogDep, RandomDep, TimerDep, WakeDep } from '../deps.ts'
import { checkGrant } from '../oauth/check.ts'
import type { ExchangeOutcome } from '../oauth/exchange.ts'
import type { TokenSet } from '../oauth/types.ts'
import { Redacted } from '../secret.ts'
import type { ProviderAccount } from '../store/account-locks.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { commitDecision } from './announce.ts'
import { absorbOther, findContinued } from './continue-lineage.ts'
import { type LeftoverGrant, cancelOpenFlows, failFlow, toEndedFlow } from './end-flow.ts'
import type { ProviderAccess } from './provider-access.ts'
import { toContent } from './stored-tokens.ts'

export type ConnectDeps = ClockDep &
  TimerDep &
  IdsDep &
  RandomDep &
  FetchDep &
  LogDep &
  StoreDep &
  WakeDep

/** A flow whose code was exchanged. */
export interface Exchanged {
  readonly environment: Environment
  readonly flow: Flow
  readonly access: ProviderAccess
}

type Granted = Extract<ExchangeOutcome, { type: 'granted' }>

/** How often it is looked whether a revocation has ended. */
const REVOCATION_LOOK_MS = 200

/** One transaction: the flow's end, the old record out, the new one in, tokens, events, deliveries. */
export async function connectAccount(
  deps: ConnectDeps,
  exchanged: Exchanged,
  granted: Granted,
): Promise<void> {
  const { environment, flow } = exchanged
  const account = {
    environmentId: environment.id,
    provider: flow.provider,
    providerAccountId: granted.providerAccountId,
  }
  for (;;) {
    if (!(await outlivesRevocations(deps, exchanged, account, granted.tokenSet))) {
      await failFlow(deps, environment, flow, { reason: 'provider_unavailable' })
      return
    }
    const verdict = await deps.store.transaction(
      async (tx) => await connectIn(deps, tx, exchanged, { account, granted }),
    )
    deps.wake.deliveries()
    deps.wake.revocations()
    deps.wake.providerTasks()
    if (verdict === 'being_revoked') continue
    if (verdict === 'late') {
      const leftover = toLeftover(granted)
      await failFlow(deps, environment, flow, { reason: 'auth_cancelled', leftover })
    } else if (flow.widgetSessionId !== null) {
      await cancelOpenFlows(deps, environment, flow.widgetSessionId)
    }
    return
  }
}

/** @returns `late` when the link has connected already, or the flow has ended. */
async function connectIn(
  deps: ConnectDeps,
  tx: Tables,
  { environment, flow, access }: Exchanged,
  { account, granted }: { readonly account: ProviderAccount; readonly granted: Granted },
): Promise<'connected' | 'late' | 'being_revoked'> {
  const atMs = deps.clock.nowMs()
  const { providerAccountId, scopes, tokenSet } = granted
  await tx.accountLocks.hold(account, atMs)
  // Only this request has the flow's code, so the commit was ours, and its answer was lost.
  if ((await tx.flows.find(flow.id))?.status === 'succeeded') return 'connected'
  if ((await tx.revocations.callingUntilMs(account, atMs)) !== undefined) return 'being_revoked'
  const session =
    flow.widgetSessionId === null
      ? undefined
      : await tx.widgetSessions.findForUpdate(flow.widgetSessionId)
  // A link connects once: another attempt of this session was faster.
  if (session !== undefined && session.usedAtMs !== null) return 'late'
  // Ended meanwhile by the sweep: it has announced a failure, so this must not announce success.
  if (!(await tx.flows.end(flow.id, { status: 'succeeded', reason: null, atMs }))) return 'late'
  if (session !== undefined) await tx.widgetSessions.markUsed(session.id, atMs)
  const subject = { provider: flow.provider, referenceId: flow.referenceId, providerAccountId }
  const key = matchKey(environment.settings.matchPolicy, subject)
  const continued = await findContinued(tx, flow)
  const before = continued ?? (await tx.connections.findByMatchKeyForUpdate(environment.id, key))
  const decision = decide(
    before?.state ?? { status: 'absent' },
    { type: 'flow_succeeded', atMs, flow: toEndedFlow(flow), providerAccountId, scopes },
    environment.settings,
  )
  if (continued !== undefined && decision.state.status === 'active') {
    const { lineageId } = continued
    const by = { user: decision.state.user, providerAccountId }
    await absorbOther(deps, tx, { environment, lineageId, matchKey: key, by })
    await tx.moveUsers.markConnected(lineageId, atMs)
  }
  await commitDecision(deps, tx, {
    environmentId: environment.id,
    lineageId: before?.lineageId ?? deps.ids.ordered(),
    matchKey: key,
    before,
    decision,
    tokens: toContent(deps, access.provider, tokenSet),
  })
  if (access.provider.subscription !== undefined) {
    const id = deps.ids.ordered()
    const task = { ...account, id, type: 'subscribe' as const, payload: {}, createdAtMs: atMs }
    await tx.providerTasks.add(task)
  }
  return 'connected'
}

/**
 * A grant of this account may be on its way out at the provider, and take the new one with it: waits
 * for such a call to end, and then asks.
 *
 * @returns False when the new grant is gone.
 */
async function outlivesRevocations(
  deps: ConnectDeps,
  { flow, access }: Exchanged,
  account: ProviderAccount,
  tokenSet: TokenSet,
): Promise<boolean> {
  let hasWaited = false
  for (;;) {
    const nowMs = deps.clock.nowMs()
    const untilMs = await deps.store.revocations.callingUntilMs(account, nowMs)
    if (untilMs === undefined) break
    hasWaited = true
    deps.log.info({ flow: flow.id, provider: flow.provider }, 'waiting for a revocation to end')
    const pauseMs = Math.min(REVOCATION_LOOK_MS, untilMs - nowMs)
    await new Promise<void>((resolve) => void deps.timer.after(pauseMs, resolve))
  }
  if (!hasWaited) return true
  const { providerAccountId } = account
  return (await checkGrant(deps, { ...access, tokenSet, providerAccountId })) !== 'gone'
}

/** What has to be given back of an exchange that no connection came of. */
export function toLeftover(outcome: {
  readonly tokenSet?: TokenSet
  readonly providerAccountId?: string
}): LeftoverGrant | undefined {
  if (outcome.tokenSet === undefined) return undefined
  return {
    json: new Redacted(JSON.stringify(outcome.tokenSet)),
    providerAccountId: outcome.providerAccountId ?? null,
  }
}
