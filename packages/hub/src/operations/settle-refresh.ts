/** What came of a refresh becomes rows: the new tokens or the failure, and what the app is told of it. */
import type { Signal } from '../core/connection.ts'
import { type FailedRefreshes, type RefreshFailure, judgeFailure } from '../core/token.ts'
import { DAY_MS, MINUTE_MS } from '../core/time.ts'
import { assert } from '../errors.ts'
import type { RefreshOutcome } from '../oauth/refresh.ts'
import type { TokenSet } from '../oauth/types.ts'
import { Redacted } from '../secret.ts'
import type { Connection } from '../store/connections.ts'
import type { Tables } from '../store/open.ts'
import type { StoredTokenSet } from '../store/token-sets.ts'
import { applySignalIn, wakeAfterSignal } from './apply-signal.ts'
import { insist } from './insist.ts'
import {
  type FreshTokens,
  type RefreshDeps,
  type RefreshSubject,
  parseTokenSet,
  toContent,
} from './stored-tokens.ts'
import { writeTraffic } from './write-audit.ts'

/** What was refreshed, under which claim. */
interface Refresh {
  readonly claimId: string
  readonly from: StoredTokenSet
}

/** Times an answer is tried to be stored: for 9 minutes. */
const STORE_TRIES_MAX = 10

/** Stores what came of a refresh. */
export async function settleRefresh(
  deps: RefreshDeps,
  subject: RefreshSubject,
  refresh: Refresh & { readonly outcome: RefreshOutcome },
): Promise<FreshTokens> {
  const { outcome } = refresh
  if (outcome.type !== 'refreshed') return await settleFailure(deps, subject, refresh, outcome)
  // The old refresh token may be worthless by now, so this answer is all that is left of the connection.
  return await insist(
    deps,
    { what: 'refreshed tokens', triesMax: STORE_TRIES_MAX },
    async () => await settleSuccess(deps, subject, refresh.from, outcome),
  )
}

/** The access token has ended and there is nothing to refresh it with: only the person can go on. */
export async function settleWithoutRefreshToken(
  deps: RefreshDeps,
  subject: RefreshSubject,
  { claimId, from }: Refresh,
): Promise<FreshTokens> {
  const atMs = deps.clock.nowMs()
  await commit(deps, subject.connection, async (tx) => {
    const failure = { failures: 1, rejections: 1, rejectedSinceMs: from.rejectedSinceMs ?? atMs }
    const detail = 'the access token has ended and the provider gives no refresh token'
    const what = { ...failure, detail, atMs, retryAtMs: null, isUnanswered: false }
    const isOurs = await tx.tokenSets.fail(from.lineageId, claimId, what)
    return isOurs ? [{ type: 'grant_rejected', atMs, fromVersion: from.version }] : []
  })
  return { type: 'grant_rejected', version: from.version }
}

async function settleSuccess(
  deps: RefreshDeps,
  { connection, access }: RefreshSubject,
  from: StoredTokenSet,
  { tokenSet, scopes }: Extract<RefreshOutcome, { type: 'refreshed' }>,
): Promise<FreshTokens> {
  const { lineageId, environmentId } = connection
  const version = from.version + 1
  const atMs = deps.clock.nowMs()
  const content = toContent(deps, access.provider, tokenSet)
  let isStored = false
  await commit(deps, connection, async (tx) => {
    const of = { environmentId, lineageId, version }
    isStored = await tx.tokenSets.replace(of, content, { version: from.version, atMs })
    if (!isStored) {
      await giveBack(deps, tx, connection, tokenSet)
      return []
    }
    await tx.connections.setTokenVersion(lineageId, version)
    if (isFirstOfDay(from, atMs)) await recordRefresh(deps, tx, connection, version)
    return toSignals(await tx.connections.find(lineageId), scopes, atMs)
  })
  if (isStored) {
    deps.wake.refreshes(content.refreshAtMs)
    return { type: 'fresh', tokenSet, version }
  }
  // For what was given back.
  deps.wake.revocations()
  const stored = await deps.store.tokenSets.find(environmentId, lineageId)
  if (stored === undefined) return { type: 'unavailable' }
  return { type: 'fresh', tokenSet: parseTokenSet(stored.json), version: stored.version }
}

/**
 * One entry a day and connection, however short its tokens live: versions count on, so that two entries say how many
 * refreshes were between them.
 */
function isFirstOfDay({ times }: StoredTokenSet, atMs: number): boolean {
  return Math.floor(times.obtainedAtMs / DAY_MS) < Math.floor(atMs / DAY_MS)
}

async function recordRefresh(
  deps: RefreshDeps,
  tx: Tables,
  { environmentId, state }: Connection,
  version: number,
): Promise<void> {
  await writeTraffic(deps, tx, {
    environmentId,
    actor: 'system',
    action: 'token.refresh',
    subject: state.user.userId,
    detail: { provider: state.user.provider, version },
  })
}

/** What a refresh that succeeded says about the connection. */
function toSignals(
  present: Connection | undefined,
  scopes: readonly string[] | undefined,
  atMs: number,
): Signal[] {
  if (present?.state.status !== 'active') return []
  const { degradedBy, user } = present.state
  const isSame = scopes?.every((scope) => user.scopes.includes(scope))
  return [
    ...(degradedBy === 'grant_rejected'
      ? [{ type: 'connection_worked' as const, atMs, by: 'refresh' as const }]
      : []),
    ...(scopes === undefined || (isSame && scopes.length === user.scopes.length)
      ? []
      : [{ type: 'scopes_changed' as const, atMs, scopes }]),
  ]
}

/**
 * The tokens came too late. Where their connection has ended under the call they belong to nobody, so
 * the grant is given back. Where it lives on, somebody else has refreshed it from the same grant, and
 * revoking one of its tokens could end it.
 */
async function giveBack(
  deps: RefreshDeps,
  tx: Tables,
  connection: Connection,
  tokenSet: TokenSet,
): Promise<void> {
  const { lineageId, environmentId, state } = connection
  const present = await tx.connections.find(lineageId)
  const isSameGrant =
    present?.state.status === 'active' && present.state.user.userId === state.user.userId
  if (isSameGrant) return
  await tx.revocations.add({
    id: deps.ids.ordered(),
    environmentId,
    provider: state.user.provider,
    providerAccountId: state.providerAccountId,
    lineageId,
    flowId: null,
    tokenSetJson: new Redacted(JSON.stringify(tokenSet)),
    createdAtMs: deps.clock.nowMs(),
  })
}

async function settleFailure(
  deps: RefreshDeps,
  { connection, access }: RefreshSubject,
  { claimId, from }: Refresh,
  outcome: Exclude<RefreshOutcome, { type: 'refreshed' }>,
): Promise<FreshTokens> {
  const { provider, app } = access
  const { lineageId, environmentId } = connection
  const atMs = deps.clock.nowMs()
  const minutes = provider.failures.confirmAfterMinutes
  const retryAfterMs = outcome.type === 'transient' ? outcome.retryAfterMs : null
  const decision = judgeFailure(
    failedBefore(from),
    { confirmAfterMs: minutes * MINUTE_MS },
    { kind: KINDS[outcome.type], atMs, retryAfterMs, fraction: deps.random.fraction() },
  )
  await commit(deps, connection, async (tx) => {
    const isUnanswered = outcome.type === 'transient' && outcome.isUnanswered
    const what = { ...decision, detail: outcome.detail, atMs, isUnanswered }
    // Not ours any more: somebody has connected anew, or refreshed. Their state is the truth.
    if (!(await tx.tokenSets.fail(lineageId, claimId, what))) return []
    // All its connections would get the same answer.
    const pauseMs = outcome.type === 'client_misconfigured' ? MISCONFIGURED_PAUSE_MS : retryAfterMs
    if (pauseMs !== null) {
      await tx.providerApps.pause(environmentId, provider.resource, atMs + pauseMs)
    }
    return decision.isDead ? [{ type: 'grant_rejected', atMs, fromVersion: from.version }] : []
  })
  deps.wake.refreshes(decision.retryAtMs)
  const what = { lineage: lineageId, provider: provider.resource, detail: outcome.detail }
  if (outcome.type === 'client_misconfigured') {
    deps.log.error(
      { ...what, client: app.clientId },
      'the provider refuses this environment’s own credentials; check them',
    )
  } else deps.log.warn({ ...what, outcome: outcome.type }, 'refresh failed')
  return outcome.type === 'grant_rejected'
    ? { type: 'grant_rejected', version: from.version }
    : { type: 'unavailable' }
}

/** The whole provider rests for this long when it refuses the operator's own credentials. */
const MISCONFIGURED_PAUSE_MS = 5 * MINUTE_MS

const KINDS: Readonly<Record<Exclude<RefreshOutcome['type'], 'refreshed'>, RefreshFailure>> = {
  grant_rejected: 'rejected',
  client_misconfigured: 'misconfigured',
  transient: 'transient',
}

function failedBefore({ failures, rejections, rejectedSinceMs }: StoredTokenSet): FailedRefreshes {
  return { failures, rejections, rejectedSinceMs }
}

/** Writes, and applies the signals that `write` returns, in one transaction. */
async function commit(
  deps: RefreshDeps,
  connection: Connection,
  write: (tx: Tables) => Promise<readonly Signal[]>,
): Promise<void> {
  const hasAnnounced = await deps.store.together(async (tx) => {
    // The connection first, as whoever ends or replaces it does: they cannot come in between.
    await tx.connections.findForUpdate(connection.lineageId)
    const signals = await write(tx)
    if (signals.length === 0) return false
    const environment = await tx.environments.find(connection.environmentId)
    assert(environment !== undefined, 'every connection belongs to an environment')
    for (const signal of signals) {
      await applySignalIn(deps, tx, environment, { observed: connection, signal })
    }
    return true
  })
  // Most refreshes tell nobody anything, and ten thousand of them must not wake everybody each time.
  if (hasAnnounced) wakeAfterSignal(deps)
}
