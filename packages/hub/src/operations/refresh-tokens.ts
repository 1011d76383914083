/**
 * A token set that can be used now. Refreshing is done by one process at a time: claim the row, read
 * the token under the claim, call, write only if the version is still the one that was read.
 */
import { isAlive, isRefreshDue, nextRefreshAtMs } from '../core/token.ts'
import type { ClockDep, IdsDep } from '../deps.ts'
import { refreshTokenSet } from '../oauth/refresh.ts'
import type { Provider } from '../providers/provider.ts'
import type { Connection } from '../store/connections.ts'
import type { StoredTokenSet, TokenClaim } from '../store/token-sets.ts'
import type { ProviderAccess } from './provider-access.ts'
import { nextPlaceAtMs } from './provider-rates.ts'
import { type Looked, look } from './look-at-connection.ts'
import { settleRefresh, settleWithoutRefreshToken } from './settle-refresh.ts'
import {
  type FreshTokens,
  type RefreshDep,
  type RefreshDeps,
  type RefreshSubject,
  type RefreshTimes,
  parseTokenSet,
  strategyOf,
  timesOf,
  toContent,
} from './stored-tokens.ts'

/** How often a process looks whether another one has finished. */
const LOOK_AGAIN_MS = 100

/**
 * Tokens that have not expired, refreshed where the provider's strategy says so.
 *
 * @param rejectedVersion The provider has refused the access token of this version although it should
 *   live: a newer one is needed.
 */
export async function getFreshTokens(
  deps: RefreshDeps,
  connection: Connection,
  access: ProviderAccess,
  rejectedVersion?: number,
): Promise<FreshTokens> {
  const { lineageId, environmentId } = connection
  const seen = await deps.store.tokenSets.find(environmentId, lineageId)
  if (seen === undefined) return { type: 'unavailable' }
  const tokenSet = parseTokenSet(seen.json)
  const nowMs = deps.clock.nowMs()
  const isRefused = seen.version === rejectedVersion
  const strategy = strategyOf(access.provider, tokenSet)
  if (!isRefused && !isRefreshDue(strategy, timesOf(tokenSet), nowMs)) {
    return { type: 'fresh', tokenSet, version: seen.version }
  }
  const fallback = isRefused ? { type: 'unavailable' as const } : usable(seen, nowMs)
  if (strategy.kind === 'never' || !mayTry(seen, access, nowMs)) return fallback
  const isClaimed = (seen.claimUntilMs ?? 0) > nowMs
  if (!isClaimed && isInDoubt(seen, deps.refreshes.times, nowMs)) return fallback
  const running =
    deps.refreshes.running.get(lineageId) ??
    start(deps, { connection, access }, { version: seen.version, isRefused })
  const refreshed = await within(deps, running)
  // Whoever holds the claim may have postponed it: what was refused is still what there is.
  const isOld = refreshed.type === 'fresh' && refreshed.version === rejectedVersion
  return isOld || refreshed.type === 'unavailable' ? fallback : refreshed
}

/** What a stored token set is good for without refreshing it. */
function usable(stored: StoredTokenSet, nowMs: number): FreshTokens {
  const tokenSet = parseTokenSet(stored.json)
  if (isAlive(timesOf(tokenSet), nowMs)) return { type: 'fresh', tokenSet, version: stored.version }
  return stored.rejections > 0
    ? { type: 'grant_rejected', version: stored.version }
    : { type: 'unavailable' }
}

/** After a failure everybody waits for the same moment: a dead connection must not be a storm. */
function mayTry(stored: StoredTokenSet, { app }: ProviderAccess, nowMs: number): boolean {
  if (app.pausedUntilMs !== null && nowMs < app.pausedUntilMs) return false
  return stored.failures === 0 || (stored.retryAtMs !== null && nowMs >= stored.retryAtMs)
}

/** When it is certain that whoever has sent the refresh token no longer has its answer; null when it is. */
function doubtEndsAtMs(
  { unansweredSinceMs, lastFailureAtMs }: StoredTokenSet,
  { doubtMs }: RefreshTimes,
  nowMs: number,
): number | null {
  // Sent by a clock that was far ahead: nobody may wait until it is right.
  if (unansweredSinceMs === null || unansweredSinceMs > nowMs + doubtMs) return null
  // It has said itself that its call came to nothing.
  if (lastFailureAtMs !== null && lastFailureAtMs >= unansweredSinceMs) return null
  return unansweredSinceMs + doubtMs
}

function isInDoubt(stored: StoredTokenSet, times: RefreshTimes, nowMs: number): boolean {
  return nowMs < (doubtEndsAtMs(stored, times, nowMs) ?? 0)
}

/** Claims and refreshes; whoever else in this process wants the same waits for the same answer. */
function start(
  deps: RefreshDeps,
  subject: RefreshSubject,
  seen: { readonly version: number; readonly isRefused: boolean },
): Promise<FreshTokens> {
  const { environmentId, lineageId } = subject.connection
  const run = async (): Promise<FreshTokens> => {
    const claim = createClaim(deps)
    const claimed = await deps.store.tokenSets.claim(environmentId, lineageId, claim)
    if (claimed === undefined) return await awaitOther(deps, subject.connection)
    // Somebody has refreshed it since it was seen.
    if (claimed.version !== seen.version) return await release(deps, subject, { claim, claimed })
    return await carryOut(deps, subject, { claim, claimed, isRefused: seen.isRefused })
  }
  return track(deps, lineageId, run())
}

/** Refreshes what the worker has claimed. */
export async function refreshClaimed(
  deps: RefreshDeps,
  subject: RefreshSubject,
  claim: TokenClaim,
): Promise<void> {
  const { environmentId, lineageId } = subject.connection
  const run = async (): Promise<FreshTokens> => {
    const claimed = await deps.store.tokenSets.find(environmentId, lineageId)
    if (claimed === undefined) return { type: 'unavailable' }
    const tokenSet = parseTokenSet(claimed.json)
    const strategy = strategyOf(subject.access.provider, tokenSet)
    const earliestMs = nextRefreshAtMs(strategy, timesOf(tokenSet), 1)
    const isDue = claimed.failures > 0 || (earliestMs !== null && deps.clock.nowMs() >= earliestMs)
    return isDue
      ? await carryOut(deps, subject, { claim, claimed })
      : await release(deps, subject, { claim, claimed }, await look(deps, subject, claimed))
  }
  await track(deps, lineageId, run())
}

/** A new claim, from now on. */
export function createClaim(deps: ClockDep & IdsDep & RefreshDep): TokenClaim {
  const nowMs = deps.clock.nowMs()
  return { id: deps.ids.claim(), nowMs, untilMs: nowMs + deps.refreshes.times.leaseMs }
}

function track(
  deps: RefreshDep,
  lineageId: string,
  running: Promise<FreshTokens>,
): Promise<FreshTokens> {
  const tracked = running.finally(() => deps.refreshes.running.delete(lineageId))
  deps.refreshes.running.set(lineageId, tracked)
  return tracked
}

interface Held {
  readonly claim: TokenClaim
  readonly claimed: StoredTokenSet
  /** The provider has refused the access token already, whatever its expiry says. */
  readonly isRefused?: boolean
}

/** Gives the right to refresh back unused. */
async function release(
  deps: RefreshDeps,
  { access }: RefreshSubject,
  { claim, claimed }: Held,
  looked: Looked = {},
): Promise<FreshTokens> {
  const tokenSet = parseTokenSet(claimed.json)
  const content = toContent(deps, access.provider, tokenSet, { ...claimed, ...looked })
  const refreshAtMs = looked.againAtMs === undefined ? content.refreshAtMs : looked.againAtMs
  const next = { ...looked, refreshAtMs, times: content.times }
  await deps.store.tokenSets.release(claimed.lineageId, claim.id, next)
  deps.wake.refreshes(refreshAtMs)
  return usable(claimed, deps.clock.nowMs())
}

async function carryOut(
  deps: RefreshDeps,
  subject: RefreshSubject,
  held: Held,
): Promise<FreshTokens> {
  const { claim, claimed } = held
  const { connection, access } = subject
  const { environmentId, lineageId } = connection
  const nowMs = deps.clock.nowMs()
  const tokenSet = parseTokenSet(claimed.json)
  const times = timesOf(tokenSet)
  if (!mayTry(claimed, access, nowMs)) {
    const atMs = Math.max(claimed.retryAtMs ?? 0, access.app.pausedUntilMs ?? 0, nowMs + 1)
    return await release(deps, subject, held, { againAtMs: atMs })
  }
  const isAliveNow = isAlive(times, nowMs) && held.isRefused !== true
  const strategy = strategyOf(access.provider, tokenSet)
  if (strategy.kind === 'never') {
    if (isAliveNow) return await release(deps, subject, held)
    return await settleWithoutRefreshToken(deps, subject, { claimId: claim.id, from: claimed })
  }
  if (deps.refreshes.ending.signal.aborted) return await release(deps, subject, held)
  const againAtMs = postponedTo(deps, subject.access.provider, claimed, isAliveNow)
  if (againAtMs !== undefined) return await release(deps, subject, held, { againAtMs })
  const { providerAccountId } = connection.state
  const waitMs = deps.rates.take({ access, providerAccountId, caller: 'refresh' })
  if (waitMs > 0)
    return await release(deps, subject, held, { againAtMs: nextPlaceAtMs(deps, waitMs) })
  const from = await deps.store.together(
    async (tx) => await tx.tokenSets.markSent(environmentId, lineageId, { id: claim.id, nowMs }),
  )
  if (from === undefined) return { type: 'unavailable' }
  const stopRenewing = keepRenewing(deps, lineageId, claim.id)
  try {
    // Past this line the refresh token is spent at providers that rotate it: the answer must be stored.
    const outcome = await refreshTokenSet(deps, {
      ...access,
      tokenSet: parseTokenSet(from.json),
      timeoutMs: deps.refreshes.times.answerMs,
    })
    return await settleRefresh(deps, subject, { claimId: claim.id, from, outcome })
  } finally {
    stopRenewing()
  }
}

/**
 * Until when a refresh token is not sent again whose answer is missing.
 *
 * @returns Undefined when it can be sent now; null when nobody knows when.
 */
function postponedTo(
  { clock, refreshes }: ClockDep & RefreshDep,
  provider: Provider,
  claimed: StoredTokenSet,
  isAliveNow: boolean,
): number | null | undefined {
  if (claimed.unansweredSinceMs === null) return undefined
  const nowMs = clock.nowMs()
  const doubtMs = doubtEndsAtMs(claimed, refreshes.times, nowMs)
  // It may have been replaced by one that nobody has: it is sent again when nothing is left to lose.
  const isKept = isAliveNow && lostAnswerOf(provider) === 'last_resort'
  if (!isKept) return isInDoubt(claimed, refreshes.times, nowMs) ? doubtMs : undefined
  const { expiresAtMs } = timesOf(parseTokenSet(claimed.json))
  return expiresAtMs === null ? null : Math.max(expiresAtMs, doubtMs ?? 0)
}

/** A provider may take longer than any lease: the claim lives as long as the call. */
function keepRenewing(deps: RefreshDeps, lineageId: string, claimId: string): () => void {
  const { leaseMs } = deps.refreshes.times
  let cancel = (): void => {}
  const renew = (): void => {
    const untilMs = deps.clock.nowMs() + leaseMs
    deps.store.tokenSets.renew(lineageId, { id: claimId, untilMs }).catch((error: unknown) => {
      deps.log.warn(
        { lineage: lineageId, error },
        'a claim could not be renewed; it is tried again',
      )
    })
    cancel = deps.timer.after(leaseMs / 3, renew)
  }
  cancel = deps.timer.after(leaseMs / 3, renew)
  return () => cancel()
}

/** Another process refreshes: read again until it has finished, and judge nothing. */
async function awaitOther(deps: RefreshDeps, connection: Connection): Promise<FreshTokens> {
  const { environmentId, lineageId } = connection
  const endMs = deps.clock.nowMs() + deps.refreshes.times.waitMs
  for (;;) {
    await new Promise<void>((resolve) => void deps.timer.after(LOOK_AGAIN_MS, resolve))
    const stored = await deps.store.tokenSets.find(environmentId, lineageId)
    const nowMs = deps.clock.nowMs()
    if (stored === undefined) return { type: 'unavailable' }
    if ((stored.claimUntilMs ?? 0) <= nowMs || nowMs >= endMs) return usable(stored, nowMs)
  }
}

/** Waits for a refresh, but not for ever: it goes on without the caller. */
async function within(deps: RefreshDeps, running: Promise<FreshTokens>): Promise<FreshTokens> {
  let cancel = (): void => {}
  const late = new Promise<FreshTokens>((resolve) => {
    cancel = deps.timer.after(deps.refreshes.times.waitMs, () => resolve({ type: 'unavailable' }))
  })
  try {
    return await Promise.race([running, late])
  } finally {
    cancel()
  }
}

function lostAnswerOf({ lifetimes }: Provider) {
  return (
    lifetimes.lostAnswer ?? (lifetimes.refreshRotation === 'single_use' ? 'last_resort' : 'resend')
  )
}
