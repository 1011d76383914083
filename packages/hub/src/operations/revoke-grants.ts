/** Carries out the revocations in the outbox, until the provider has confirmed or the window is over. */
import { REVOCATION_RETRIES, nextAttemptAtMs } from '../core/retry.ts'
import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, FetchDep, IdsDep, LogDep, RandomDep } from '../deps.ts'
import { checkGrant } from '../oauth/check.ts'
import { readAccountId } from '../oauth/read-grant.ts'
import { refreshTokenSet } from '../oauth/refresh.ts'
import { revokeGrant } from '../oauth/revoke.ts'
import type { TokenSet } from '../oauth/types.ts'
import { Redacted } from '../secret.ts'
import type { StoreDep } from '../store/open.ts'
import type { Revocation, RevocationEnd } from '../store/revocations.ts'
import { type ProviderAccess, findProviderAccess } from './provider-access.ts'
import { parseTokenSet } from './refresh-tokens.ts'

/** In place of the account's id where the exchange failed before it was known. */
export const UNKNOWN_ACCOUNT = ''

type RevokeDeps = ClockDep & IdsDep & FetchDep & LogDep & RandomDep & StoreDep

/** Revocations carried out by one turn, one after the other. */
const TURN_MAX = 20
/** Longer than a whole turn can take. */
const CLAIM_MS = 10 * MINUTE_MS
/** An access token that ends within this time is refreshed before it is used to revoke. */
const EXPIRY_MARGIN_MS = MINUTE_MS

/**
 * One turn of the worker.
 *
 * @returns When the next turn is due, in epoch milliseconds; undefined when the outbox is empty.
 */
export async function revokeGrants(deps: RevokeDeps): Promise<number | undefined> {
  const nowMs = deps.clock.nowMs()
  const claim = { id: deps.ids.claim(), nowMs, untilMs: nowMs + CLAIM_MS, limit: TURN_MAX }
  for (const revocation of await deps.store.revocations.claimDue(claim)) {
    await carryOut(deps, revocation)
  }
  return await deps.store.revocations.nextDueAtMs()
}

async function carryOut(deps: RevokeDeps, revocation: Revocation): Promise<void> {
  const access = await findProviderAccess(deps, revocation.environmentId, revocation.provider)
  if (access === undefined) {
    await end(deps, revocation, 'failed', 'the environment no longer has this provider')
    return
  }
  const { providerAccountId: knownId } = revocation
  if (knownId !== UNKNOWN_ACCOUNT && (await isShared(deps, revocation, access, knownId))) return
  const tokenSet = await usableTokens(deps, revocation, access)
  if (tokenSet === undefined) return
  const providerAccountId = await accountOf(deps, revocation, access, tokenSet)
  if (providerAccountId === undefined) return
  const outcome = await revokeGrant(deps, { ...access, tokenSet, providerAccountId })
  switch (outcome.type) {
    case 'revoked':
      await end(deps, revocation, 'revoked', null)
      return
    case 'already_gone':
      await end(deps, revocation, 'revoked', 'the provider knew the grant no more')
      return
    case 'unsupported':
      await end(deps, revocation, 'unsupported', 'only the person can do it at this provider')
      return
    case 'transient':
      await retry(deps, revocation, outcome.detail)
  }
}

/** Whether revoking would disconnect somebody else; then the revocation has been ended here. */
async function isShared(
  deps: RevokeDeps,
  revocation: Revocation,
  { provider }: ProviderAccess,
  providerAccountId: string,
): Promise<boolean> {
  // Where only this token and its siblings die, nobody else is touched.
  if (provider.revocation.kind === 'unsupported' || provider.revocation.reach === 'token')
    return false
  const account = { provider: revocation.provider, providerAccountId }
  if (!(await deps.store.connections.hasActive(revocation.environmentId, account))) return false
  await end(deps, revocation, 'not_needed', 'another connection uses this account')
  return true
}

/**
 * Whose grant it is. Without knowing, a revocation that reaches the whole account is not safe.
 *
 * @returns Undefined when the revocation has been ended or postponed here.
 */
async function accountOf(
  deps: RevokeDeps,
  revocation: Revocation,
  access: ProviderAccess,
  tokenSet: TokenSet,
): Promise<string | undefined> {
  const { revocation: facts } = access.provider
  const isNeeded = facts.kind !== 'unsupported' && facts.reach === 'account'
  if (revocation.providerAccountId !== UNKNOWN_ACCOUNT || !isNeeded) {
    return revocation.providerAccountId
  }
  const accountId = await readAccountId(deps, { ...access, tokenSet })
  if (accountId !== undefined) {
    return (await isShared(deps, revocation, access, accountId)) ? undefined : accountId
  }
  if ((await checkGrant(deps, { ...access, tokenSet })) === 'gone') {
    await end(deps, revocation, 'revoked', 'the provider knew the grant no more')
  } else {
    await retry(deps, revocation, 'the provider does not say whose grant it is')
  }
  return undefined
}

/**
 * Tokens that the provider accepts for revoking: some want an access token that lives.
 *
 * @returns Undefined when the revocation has been ended or postponed here.
 */
async function usableTokens(
  deps: RevokeDeps,
  revocation: Revocation,
  access: ProviderAccess,
): Promise<TokenSet | undefined> {
  const tokenSet = parseTokenSet(revocation.tokenSetJson)
  const endsAtMs = tokenSet.expiresAtMs ?? Number.POSITIVE_INFINITY
  const isLive = deps.clock.nowMs() + EXPIRY_MARGIN_MS < endsAtMs
  const needsLive = access.provider.revocation.kind === 'request'
  if (isLive || !needsLive || tokenSet.refreshToken === undefined) return tokenSet
  const refreshed = await refreshTokenSet(deps, { ...access, tokenSet })
  switch (refreshed.type) {
    case 'refreshed':
      // The old refresh token may be spent now: without this row a second try would have nothing.
      await deps.store.revocations.saveTokens(
        revocation,
        new Redacted(JSON.stringify(refreshed.tokenSet)),
      )
      return refreshed.tokenSet
    case 'grant_rejected':
      await end(deps, revocation, 'revoked', 'the provider knew the grant no more')
      return undefined
    case 'client_misconfigured':
    case 'transient':
      await retry(deps, revocation, refreshed.detail)
      return undefined
  }
}

async function end(
  deps: RevokeDeps,
  { id, attempts }: Revocation,
  status: RevocationEnd,
  detail: string | null,
): Promise<void> {
  const atMs = deps.clock.nowMs()
  await deps.store.revocations.end(id, { status, detail, attempts: attempts + 1, atMs })
}

async function retry(deps: RevokeDeps, revocation: Revocation, detail: string): Promise<void> {
  const attempts = revocation.attempts + 1
  const dueAtMs = nextAttemptAtMs(REVOCATION_RETRIES, {
    attempts,
    sinceMs: revocation.createdAtMs,
    nowMs: deps.clock.nowMs(),
    retryAfterMs: null,
    fraction: deps.random.fraction(),
  })
  if (dueAtMs !== null) {
    await deps.store.revocations.postpone(revocation.id, { detail, attempts, dueAtMs })
    return
  }
  const { provider, lineageId: lineage } = revocation
  deps.log.error({ provider, lineage, detail }, 'could not revoke a grant at its provider')
  await end(deps, revocation, 'failed', detail)
}
