/** A code was exchanged for tokens: the connection is made, or the grant held or given back. */
import { type Withheld, decide } from '../core/connection.ts'
import { CONFIRMATION_LIFETIME_MS } from '../core/flow.ts'
import { matchKey } from '../core/match.ts'
import type {
  ClockDep,
  FetchDep,
  IdsDep,
  LogDep,
  NetworkDep,
  RandomDep,
  TimerDep,
  WakeDep,
} from '../deps.ts'
import { checkGrant } from '../oauth/check.ts'
import type { ExchangeOutcome } from '../oauth/exchange.ts'
import type { TokenSet } from '../oauth/types.ts'
import { relativesOf } from '../providers/catalog.ts'
import { Redacted, createSecret, digest } from '../secret.ts'
import type { ProviderAccount } from '../store/account-locks.ts'
import type { Connection } from '../store/connections.ts'
import type { ClaimedDelivery, HandOverDep, Handing } from '../store/delivery-claims.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { type BeginHanding, commitDecision } from './announce.ts'
import { applySignalIn } from './apply-signal.ts'
import { absorbOther, findContinued } from './continue-lineage.ts'
import {
  type LeftoverGrant,
  cancelOpenFlows,
  failFlow,
  recordEnd,
  toEndedFlow,
} from './end-flow.ts'
import type { ProviderAccess } from './provider-access.ts'
import type { TokenSetContent } from '../store/token-sets.ts'
import { toContent } from './stored-tokens.ts'
import { writeAudit } from './write-audit.ts'

export type ConnectDeps = ClockDep &
  TimerDep &
  IdsDep &
  RandomDep &
  FetchDep &
  LogDep &
  NetworkDep &
  StoreDep &
  HandOverDep &
  WakeDep

/** A flow whose code was exchanged. */
export interface Exchanged {
  readonly environment: Environment
  readonly flow: Flow
  readonly access: ProviderAccess
}

export type Granted = Omit<Extract<ExchangeOutcome, { type: 'granted' }>, 'type'>

/** What is kept of a grant until the app confirms it. */
export interface HeldContent extends Omit<Granted, 'providerAccountId' | 'accountLabel'> {
  /** Absent from what an earlier version has held. */
  readonly accountLabel?: string | null
  readonly confirmCode: string
}

/** The same for both calls that lead to a connection. */
interface Attempt extends Exchanged {
  readonly account: ProviderAccount
  readonly granted: Granted
  readonly tokens: TokenSetContent
  /** Who has confirmed it, for the audit log; null when nobody has. */
  readonly confirmedBy: string | null
  readonly begin: BeginHanding
}

/**
 * - `late`: the link has connected already, or the flow has ended.
 * - `being_revoked`: a call is under way that ends every grant of the account.
 */
type Verdict = Connected | 'late' | 'being_revoked' | Withheld

interface Connected {
  /** The news, on its way as soon as it is committed. */
  readonly claimed: readonly ClaimedDelivery[]
  /** Other destinations that can be sent it; undefined where more may have happened than is told here. */
  readonly dueAt: readonly string[] | undefined
}

/** Done by an earlier call, whose answer was lost. */
const CONNECTED_BEFORE: Connected = { claimed: [], dueAt: undefined }

/** Connections of one account that lose it to another end user. */
const OTHERS_MAX = 1_000

/** How often it is looked whether a revocation has ended. */
const REVOCATION_LOOK_MS = 200

/**
 * One transaction: the flow's end, the old record out, the new one in, tokens, events, deliveries. Where
 * the app has to confirm, the grant is held instead, until this is called again with who has confirmed it.
 *
 * @returns `held` where the app has to confirm, `failed` when the flow has come to nothing.
 */
export async function connectAccount(
  deps: ConnectDeps,
  exchanged: Exchanged,
  granted: Granted,
  confirmedBy: string | null = null,
): Promise<'connected' | 'held' | 'failed'> {
  const { environment, flow } = exchanged
  const { providerAccountId } = granted
  const account = { environmentId: environment.id, provider: flow.provider, providerAccountId }
  const tokens = toContent(deps, exchanged.access.provider, granted.tokenSet)
  // What was held is given back by whoever ends its flow.
  const leftover = confirmedBy === null ? toLeftover(granted) : undefined
  for (;;) {
    const verdict = await commit(deps, { ...exchanged, account, granted, tokens, confirmedBy })
    switch (typeof verdict === 'object' ? 'connected' : verdict) {
      case 'being_revoked':
        if (await outlivesRevocations(deps, exchanged, account, granted.tokenSet)) continue
        await failFlow(deps, environment, flow, { reason: 'provider_unavailable' })
        return 'failed'
      case 'late':
        if (confirmedBy === null) {
          await failFlow(deps, environment, flow, { reason: 'auth_cancelled', leftover })
        }
        return 'failed'
      case 'account_in_use':
        await failFlow(deps, environment, flow, { reason: 'account_in_use', leftover })
        return 'failed'
      case 'other_account':
        await failFlow(deps, environment, flow, { reason: 'other_account', leftover })
        return 'failed'
      case 'unconfirmed':
        deps.wake.flows(deps.clock.nowMs() + CONFIRMATION_LIFETIME_MS)
        break
      case 'connected':
        deps.wake.refreshes(tokens.refreshAtMs)
    }
    if (exchanged.access.provider.subscription !== undefined) deps.wake.providerTasks()
    if (flow.widgetSessionId !== null) {
      await cancelOpenFlows(deps, environment, flow.widgetSessionId)
    }
    return verdict === 'unconfirmed' ? 'held' : 'connected'
  }
}

/** Commits the connection, and has everybody told who is not told by the commit itself. */
async function commit(deps: ConnectDeps, attempt: Omit<Attempt, 'begin'>): Promise<Verdict> {
  let handing: Handing | undefined
  const begin: BeginHanding = (states) => {
    // The transaction is run again.
    handing?.cancel()
    handing = deps.handOver.begin(states)
    return handing
  }
  try {
    const verdict = await deps.store.together(
      async (tx) => await connectIn(deps, tx, { ...attempt, begin }),
    )
    if (typeof verdict === 'string') {
      // A run before this one may have begun.
      handing?.cancel()
      return verdict
    }
    handing?.send(verdict.claimed)
    // Also where all of it is on its way: whoever watches what happens is told by this.
    deps.wake.deliveries(verdict.dueAt)
    // Something that was there before may have to be given back.
    if (verdict.dueAt === undefined) deps.wake.revocations()
    return verdict
  } catch (error) {
    handing?.cancel()
    throw error
  }
}

async function connectIn(deps: ConnectDeps, tx: Tables, attempt: Attempt): Promise<Verdict> {
  const { environment, flow, access, account, granted, confirmedBy } = attempt
  const { id: environmentId, settings } = environment
  const atMs = deps.clock.nowMs()
  const { providerAccountId, scopes } = granted
  await tx.accountLocks.hold(account, atMs)
  if (confirmedBy === null) {
    // Only this request has the flow's code, so the commit was ours, and its answer was lost.
    const standing = await tx.flows.findStanding(flow.id)
    if (standing !== 'open') return standing === 'held' ? 'unconfirmed' : CONNECTED_BEFORE
  }
  if ((await beingRevokedUntilMs(tx, account, atMs)) !== undefined) return 'being_revoked'
  const { widgetSessionId: sessionId } = flow
  // A link connects once: another attempt of this session was faster. What was held has used it itself.
  if (confirmedBy === null && sessionId !== null) {
    const session = await tx.widgetSessions.findForUpdate(sessionId)
    if (session !== undefined && session.usedAtMs !== null) return 'late'
  }
  const subject = { provider: flow.provider, referenceId: flow.referenceId, providerAccountId }
  const key = matchKey(settings.matchPolicy, subject)
  const match = { referenceId: flow.referenceId, matchKey: key }
  const others =
    settings.connect.accountPolicy === 'allow'
      ? []
      : await tx.connections.listOfOthersForUpdate(account, match, OTHERS_MAX)
  const continued = await findContinued(tx, flow)
  const before = continued ?? (await tx.connections.findByMatchKeyForUpdate(environmentId, key))
  const decision = decide(
    before?.state ?? { status: 'absent' },
    {
      type: 'flow_succeeded',
      atMs,
      flow: toEndedFlow(flow),
      providerAccountId,
      scopes,
      isAccountTaken: others.length > 0,
      isConfirmed: confirmedBy !== null,
    },
    settings,
  )
  if (decision.withheld === 'unconfirmed') return await holdGrant(deps, tx, attempt, atMs)
  if (decision.withheld !== undefined) return decision.withheld
  // Ended meanwhile by the sweep: it has announced a failure, so this must not announce success.
  if (!(await tx.flows.end(flow.id, { status: 'succeeded', reason: null, atMs }))) return 'late'
  if (confirmedBy !== null) await tx.heldGrants.take(flow.id)
  else {
    await recordEnd(deps, tx, flow, { action: 'flow.callback', result: 'connected' })
    if (sessionId !== null) await tx.widgetSessions.markUsed(sessionId, atMs)
  }
  for (const other of others) await loseAccount(deps, tx, attempt, other)
  if (continued !== undefined && decision.state.status === 'active') {
    const { lineageId } = continued
    const by = { user: decision.state.user, providerAccountId }
    await absorbOther(deps, tx, { environment, lineageId, matchKey: key, by })
    await tx.moveUsers.markConnected(lineageId, atMs)
  }
  const { claimed, dueAt } = await commitDecision(deps, tx, {
    environmentId,
    begin: attempt.begin,
    lineageId: before?.lineageId ?? deps.ids.ordered(),
    matchKey: key,
    before,
    decision,
    tokens: attempt.tokens,
    accountLabel: granted.accountLabel,
  })
  if (confirmedBy !== null) {
    await audit(deps, tx, attempt, { action: 'connection.confirm', actor: confirmedBy })
  }
  if (access.provider.subscription !== undefined) await addSubscription(deps, tx, account)
  return { claimed, dueAt: before === undefined && others.length === 0 ? dueAt : undefined }
}

/** The provider is asked for notices of this account when that is committed. */
async function addSubscription(
  deps: ConnectDeps,
  tx: Tables,
  account: ProviderAccount,
): Promise<void> {
  const [id, createdAtMs] = [deps.ids.ordered(), deps.clock.nowMs()]
  await tx.providerTasks.add({ ...account, id, type: 'subscribe', payload: {}, createdAtMs })
}

/** Keeps the grant until the app says who came back; the link is used up with it. */
async function holdGrant(
  deps: ConnectDeps,
  tx: Tables,
  { environment, flow, account, granted }: Attempt,
  atMs: number,
): Promise<Verdict> {
  const expiresAtMs = atMs + CONFIRMATION_LIFETIME_MS
  if (!(await tx.flows.hold(flow.id, expiresAtMs))) return 'late'
  if (flow.widgetSessionId !== null) await tx.widgetSessions.markUsed(flow.widgetSessionId, atMs)
  await recordEnd(deps, tx, flow, { action: 'flow.callback', result: 'held' })
  const confirmCode = createSecret(deps.random)
  const { tokenSet, scopes, accountLabel } = granted
  const content: HeldContent = { tokenSet, scopes, accountLabel, confirmCode }
  await tx.heldGrants.add(
    {
      ...account,
      environmentId: environment.id,
      flowId: flow.id,
      grantJson: new Redacted(JSON.stringify(content)),
      createdAtMs: atMs,
      expiresAtMs,
    },
    digest(confirmCode),
  )
  return 'unconfirmed'
}

/** The account was connected by another end user, who gets it: see `AccountPolicy`. */
async function loseAccount(
  deps: ConnectDeps,
  tx: Tables,
  attempt: Attempt,
  other: Connection,
): Promise<void> {
  const { environment, flow } = attempt
  const signal = { type: 'account_moved' as const, atMs: deps.clock.nowMs() }
  await applySignalIn(deps, tx, environment, { observed: other, signal })
  const { userId } = other.state.user
  await audit(deps, tx, attempt, {
    action: 'connection.move',
    subject: userId,
    detail: { to: flow.reservedUserId },
  })
}

async function audit(
  deps: ConnectDeps,
  tx: Tables,
  { environment, flow }: Exchanged,
  entry: { action: string; actor?: string; subject?: string; detail?: Record<string, unknown> },
): Promise<void> {
  await writeAudit(deps, tx, {
    environmentId: environment.id,
    actor: entry.actor ?? 'system',
    action: entry.action,
    subject: entry.subject ?? flow.reservedUserId,
    detail: { flow_id: flow.id, provider: flow.provider, ...entry.detail },
  })
}

/**
 * A grant of this account is on its way out at the provider, and may take the new one with it: waits
 * for such calls to end, and then asks.
 *
 * @returns False when the new grant is gone.
 */
async function outlivesRevocations(
  deps: ConnectDeps,
  { flow, access }: Exchanged,
  account: ProviderAccount,
  tokenSet: TokenSet,
): Promise<boolean> {
  for (;;) {
    const nowMs = deps.clock.nowMs()
    const untilMs = await beingRevokedUntilMs(deps.store, account, nowMs)
    if (untilMs === undefined) break
    deps.log.info({ flow: flow.id, provider: flow.provider }, 'waiting for a revocation to end')
    const pauseMs = Math.min(REVOCATION_LOOK_MS, untilMs - nowMs)
    await new Promise<void>((resolve) => void deps.timer.after(pauseMs, resolve))
  }
  const { providerAccountId } = account
  return (await checkGrant(deps, { ...access, tokenSet, providerAccountId })) !== 'gone'
}

/** Until when a call may be under way that ends the account's grant, in whichever form; undefined when none is. */
async function beingRevokedUntilMs(
  { revocations }: Pick<Tables, 'revocations'>,
  account: ProviderAccount,
  nowMs: number,
): Promise<number | undefined> {
  for (const provider of relativesOf(account.provider)) {
    const untilMs = await revocations.callingUntilMs({ ...account, provider }, nowMs)
    if (untilMs !== undefined) return untilMs
  }
  return undefined
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
