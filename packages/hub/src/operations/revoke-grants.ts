/** Carries out the revocations in the outbox, until the provider has confirmed or the window is over. */
import { REVOCATION_RETRIES, nextAttemptAtMs } from '../core/retry.ts'
import { MINUTE_MS, SECOND_MS } from '../core/time.ts'
import type { ClockDep, FetchDep, IdsDep, LogDep, RandomDep } from '../deps.ts'
import { checkGrant } from '../oauth/check.ts'
import { readAccountId } from '../oauth/read-grant.ts'
import { refreshTokenSet } from '../oauth/refresh.ts'
import { revokeGrant } from '../oauth/revoke.ts'
import { PROVIDER_TIMEOUT_MS, type TokenSet } from '../oauth/types.ts'
import { relativesOf } from '../providers/catalog.ts'
import { Redacted } from '../secret.ts'
import type { ProviderAccount } from '../store/account-locks.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import type { Revocation, RevocationEnd } from '../store/revocations.ts'
import { beside } from './beside.ts'
import { type ProviderAccess, findProviderAccess } from './provider-access.ts'
import { parseTokenSet } from './stored-tokens.ts'
import type { BellDep } from './watch-changes.ts'
import { writeTraffic } from './write-audit.ts'

type RevokeDeps = BellDep & ClockDep & IdsDep & FetchDep & LogDep & RandomDep & StoreDep

/** Providers of one turn, beside each other; the catalog has fewer. */
const PROVIDERS_MAX = 1_000
/** Revocations at one provider in one turn, one after the other. */
const TURN_MAX = 20
/** A provider that hangs begins no other one after this, so that the turn ends and what has come at others has its turn. */
const TURN_MS_MAX = 30 * SECOND_MS
/** Longer than one can take. */
const CLAIM_MS = 10 * MINUTE_MS
/** Longer than one call to the provider can take, in milliseconds. */
const CALL_MS_MAX = PROVIDER_TIMEOUT_MS + 5 * SECOND_MS
/** While somebody is connecting, the revocation waits for this long before it looks again. */
const HOLD_MS = 10 * SECOND_MS
/** An access token that ends within this time is refreshed before it is used to revoke. */
const EXPIRY_MARGIN_MS = MINUTE_MS

/**
 * One turn of the worker.
 *
 * @returns When the next turn is due, in epoch milliseconds; undefined when the outbox is empty.
 */
export async function revokeGrants(deps: RevokeDeps): Promise<number | undefined> {
  const { revocations } = deps.store
  const due = await revocations.listDueProviders(deps.clock.nowMs(), PROVIDERS_MAX)
  await beside(due, async (provider) => await revokeAt(deps, provider))
  return await revocations.nextDueAtMs()
}

async function revokeAt(deps: RevokeDeps, provider: string): Promise<void> {
  const endMs = deps.clock.nowMs() + TURN_MS_MAX
  for (let turn = 0; turn < TURN_MAX; turn += 1) {
    const nowMs = deps.clock.nowMs()
    // A process that ends begins no other: its claims are let go of before the turn could be over.
    if (nowMs > endMs || deps.bell.isClosed) return
    // One at a time: a claim that ended while its row waits for others at a provider that hangs would give it to two processes.
    const claim = { id: deps.ids.claim(), provider, nowMs, untilMs: nowMs + CLAIM_MS, limit: 1 }
    const [revocation] = await deps.store.revocations.claimDue(claim)
    if (revocation === undefined) return
    await carryOut(deps, revocation)
  }
}

async function carryOut(deps: RevokeDeps, revocation: Revocation): Promise<void> {
  try {
    await revoke(deps, revocation)
  } catch (error) {
    // A row that does not open, for example because its key is missing, must not stop the others.
    deps.log.error({ revocation: revocation.id, error }, 'a revocation was set aside')
    await retry(deps, revocation, 'it could not be read or carried out; see the log')
  }
}

async function revoke(deps: RevokeDeps, revocation: Revocation): Promise<void> {
  const access = await findProviderAccess(deps, revocation.environmentId, revocation.provider)
  if (access === undefined) {
    await end(deps, revocation, 'failed', 'the environment no longer has this provider')
    return
  }
  const { providerAccountId: knownId } = revocation
  if (knownId !== null && (await isShared(deps, revocation, access, knownId))) return
  const tokenSet = await usableTokens(deps, revocation, access)
  if (tokenSet === undefined) return
  const isNeeded = knownId === null && endsAccount(access)
  const learntId = isNeeded ? await readAccountId(deps, { ...access, tokenSet }) : undefined
  const accountId = knownId ?? learntId ?? null
  if (!(await mayCall(deps, revocation, { access, tokenSet, accountId }))) return
  const providerAccountId = accountId ?? undefined
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

/** Whether revoking one token ends every grant of the account, also one that was made a moment ago. */
function endsAccount({ provider }: ProviderAccess): boolean {
  return provider.revocation.kind !== 'unsupported' && provider.revocation.reach === 'account'
}

/** Whether revoking would disconnect somebody else; then the revocation has been ended here. */
async function isShared(
  deps: RevokeDeps,
  revocation: Revocation,
  access: ProviderAccess,
  providerAccountId: string,
): Promise<boolean> {
  if (!endsAccount(access)) return false
  const account = { provider: revocation.provider, providerAccountId }
  if (!(await isInUse(deps.store, revocation.environmentId, account))) return false
  await end(deps, revocation, 'not_needed', 'another connection uses this account')
  return true
}

/** Whether anybody is connected through this account, in whichever form the provider has granted it. */
async function isInUse(
  tables: Pick<Tables, 'connections'>,
  environmentId: string,
  { provider, providerAccountId }: Pick<ProviderAccount, 'provider' | 'providerAccountId'>,
): Promise<boolean> {
  for (const relative of relativesOf(provider)) {
    const account = { provider: relative, providerAccountId }
    if (await tables.connections.hasActive(environmentId, account)) return true
  }
  return false
}

/**
 * The last look before the call, under the account's lock: where it ends the whole account, nobody may
 * have connected it meanwhile, and from here on whoever connects it waits for the call to end.
 *
 * @returns False when the revocation has been ended or postponed here, or taken over by another process.
 */
async function mayCall(
  deps: RevokeDeps,
  revocation: Revocation,
  call: { access: ProviderAccess; tokenSet: TokenSet; accountId: string | null },
): Promise<boolean> {
  const { access, tokenSet, accountId } = call
  if (!endsAccount(access)) return true
  if (accountId === null) {
    // Without knowing whose grant it is, a revocation that reaches the whole account is not safe.
    if ((await checkGrant(deps, { ...access, tokenSet })) === 'gone') {
      await end(deps, revocation, 'revoked', 'the provider knew the grant no more')
    } else await retry(deps, revocation, 'the provider does not say whose grant it is')
    return false
  }
  const { environmentId, provider } = revocation
  const account = { environmentId, provider, providerAccountId: accountId }
  const nowMs = deps.clock.nowMs()
  const verdict = await deps.store.transaction(async (tx) => {
    await tx.accountLocks.hold(account, nowMs)
    if (await isInUse(tx, environmentId, account)) return 'shared'
    if (await isBeingConnected(tx, account, await findReference(tx, revocation))) {
      return 'connecting'
    }
    const call = { accountId, untilMs: nowMs + CALL_MS_MAX }
    // Else the claim is over, and another process calls.
    return (await tx.revocations.markCalling(revocation, call)) ? 'clear' : 'taken_over'
  })
  if (verdict === 'shared') {
    await end(deps, revocation, 'not_needed', 'another connection uses this account')
  } else if (verdict === 'connecting') {
    const detail = 'somebody is connecting who may use this account'
    const { attempts } = revocation
    await deps.store.revocations.postpone(revocation, {
      detail,
      attempts,
      dueAtMs: nowMs + HOLD_MS,
    })
  }
  return verdict === 'clear'
}

/** Whether somebody is connecting who may use the account, or has to be confirmed; in any of its forms, too. */
async function isBeingConnected(
  tx: Tables,
  { environmentId, provider, providerAccountId }: ProviderAccount,
  referenceId: string | null,
): Promise<boolean> {
  for (const relative of relativesOf(provider)) {
    const account = { environmentId, provider: relative, providerAccountId }
    if (await tx.flows.isExchanging(environmentId, relative, referenceId)) return true
    if (await tx.heldGrants.isHeld(account)) return true
  }
  return false
}

/** Whose grant it was; null when nobody knows. */
async function findReference(tx: Tables, revocation: Revocation): Promise<string | null> {
  const { lineageId, flowId } = revocation
  if (lineageId !== null) {
    return (await tx.connections.find(lineageId))?.state.user.referenceId ?? null
  }
  return flowId === null ? null : ((await tx.flows.find(flowId))?.referenceId ?? null)
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
  revocation: Revocation,
  status: RevocationEnd,
  detail: string | null,
): Promise<void> {
  const atMs = deps.clock.nowMs()
  const attempts = revocation.attempts + 1
  await deps.store.transaction(async (tx) => {
    const isOurs = await tx.revocations.end(revocation, { status, detail, attempts, atMs })
    if (!isOurs) return
    const { environmentId, provider, lineageId, flowId } = revocation
    await writeTraffic(deps, tx, {
      environmentId,
      actor: 'system',
      action: 'grant.revoke',
      subject: lineageId ?? flowId,
      detail: { provider, result: status },
    })
  })
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
    await deps.store.revocations.postpone(revocation, { detail, attempts, dueAtMs })
    return
  }
  const { provider, lineageId: lineage, flowId: flow } = revocation
  deps.log.error({ provider, lineage, flow, detail }, 'could not revoke a grant at its provider')
  await end(deps, revocation, 'failed', detail)
}
