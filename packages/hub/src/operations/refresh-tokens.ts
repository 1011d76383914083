/**
 * A token set that can be used now. Refreshing is done by one process at a time: claim the row, read
 * the token after the claim, call, write only if the version is still the one that was read.
 */
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep, FetchDep, IdsDep, LogDep } from '../deps.ts'
import { type RefreshOutcome, refreshTokenSet } from '../oauth/refresh.ts'
import type { TokenSet } from '../oauth/types.ts'
import type { RefreshStrategy } from '../providers/provider.ts'
import { Redacted } from '../secret.ts'
import type { Connection } from '../store/connections.ts'
import type { StoreDep } from '../store/open.ts'
import type { StoredTokenSet } from '../store/token-sets.ts'
import type { ProviderAccess } from './provider-access.ts'

/** Longer than the refresh call can take, so that a claim never ends under a call that is under way. */
const REFRESH_CLAIM_MS = 30 * SECOND_MS

export type FreshTokens =
  | { readonly type: 'fresh'; readonly tokenSet: TokenSet; readonly version: number }
  /** The provider says that the grant is gone. */
  | { readonly type: 'grant_rejected'; readonly version: number }
  /** Nothing usable now; asking again later may help. Says nothing about the grant. */
  | { readonly type: 'unavailable' }

type RefreshDeps = ClockDep & IdsDep & FetchDep & LogDep & StoreDep

/** @returns Tokens that have not expired, refreshed where the provider's strategy says so. */
export async function getFreshTokens(
  deps: RefreshDeps,
  connection: Connection,
  access: ProviderAccess,
): Promise<FreshTokens> {
  const { lineageId, environmentId } = connection
  const seen = await deps.store.tokenSets.find(environmentId, lineageId)
  if (seen === undefined) return { type: 'unavailable' }
  const tokenSet = parseTokenSet(seen.json)
  const nowMs = deps.clock.nowMs()
  if (!isDue(access.provider.refresh, tokenSet, nowMs)) {
    return { type: 'fresh', tokenSet, version: seen.version }
  }
  const claim = { id: deps.ids.uuid(), nowMs, untilMs: nowMs + REFRESH_CLAIM_MS }
  if (!(await deps.store.tokenSets.claim(lineageId, claim))) return { type: 'unavailable' }
  // Read after the claim: what was seen before may have been replaced in between.
  const from = await deps.store.tokenSets.find(environmentId, lineageId)
  if (from === undefined) return { type: 'unavailable' }
  if (from.version !== seen.version) {
    await deps.store.tokenSets.release(lineageId, claim.id)
    return { type: 'fresh', tokenSet: parseTokenSet(from.json), version: from.version }
  }
  // Past this line the refresh token is spent at providers that rotate it: the answer must be stored.
  const outcome = await refreshTokenSet(deps, {
    provider: access.provider,
    credentials: access.credentials,
    tokenSet: parseTokenSet(from.json),
  })
  return await settle(deps, connection, { from, claimId: claim.id, outcome })
}

/** Reads a stored token set. */
export function parseTokenSet(json: Redacted<string>): TokenSet {
  // Written by us from a TokenSet.
  return JSON.parse(json.reveal()) as TokenSet
}

async function settle(
  deps: RefreshDeps,
  connection: Connection,
  refresh: { from: StoredTokenSet; claimId: string; outcome: RefreshOutcome },
): Promise<FreshTokens> {
  const { lineageId, environmentId, state } = connection
  const { from, outcome } = refresh
  if (outcome.type !== 'refreshed') {
    await deps.store.tokenSets.release(lineageId, refresh.claimId)
    const subject = { lineage: lineageId, provider: state.user.provider }
    deps.log.warn({ ...subject, outcome: outcome.type, detail: outcome.detail }, 'refresh failed')
    return outcome.type === 'grant_rejected'
      ? { type: 'grant_rejected', version: from.version }
      : { type: 'unavailable' }
  }
  const version = from.version + 1
  const json = new Redacted(JSON.stringify(outcome.tokenSet))
  const atMs = deps.clock.nowMs()
  const isStored = await deps.store.transaction(async (tx) => {
    const tokens = { lineageId, version, json }
    // The connection first, as whoever ends or replaces it does: they cannot come between the two writes.
    await tx.connections.findForUpdate(lineageId)
    if (!(await tx.tokenSets.replace(environmentId, tokens, { version: from.version, atMs }))) {
      return false
    }
    await tx.connections.setTokenVersion(lineageId, version)
    return true
  })
  if (isStored) return { type: 'fresh', tokenSet: outcome.tokenSet, version }
  // Disconnected or connected anew under the call: these tokens belong to nobody, so give them back.
  await deps.store.revocations.add({
    id: deps.ids.ordered(),
    environmentId,
    provider: state.user.provider,
    providerAccountId: state.providerAccountId,
    lineageId,
    tokenSetJson: json,
    createdAtMs: atMs,
  })
  return { type: 'unavailable' }
}

function isDue(strategy: RefreshStrategy, tokenSet: TokenSet, nowMs: number): boolean {
  const { expiresAtMs } = tokenSet
  if (expiresAtMs === undefined || tokenSet.refreshToken === undefined) return false
  switch (strategy.kind) {
    case 'never':
      return false
    case 'before_use':
      return nowMs >= expiresAtMs
    case 'ahead':
    case 'extend':
      return nowMs >= expiresAtMs - strategy.aheadSeconds * SECOND_MS
  }
}
