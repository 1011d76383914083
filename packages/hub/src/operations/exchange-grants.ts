/**
 * Moves connections whose tokens the provider turns into its successor's: as many a minute as the operator
 * allows, by whichever processes there are. Until the new tokens are stored the old ones work, so whatever is
 * cut off on the way is simply done again.
 */
import { decide } from '../core/connection.ts'
import { matchKey } from '../core/match.ts'
import { exchangeAgainAtMs, paceExchanges } from '../core/provider-move.ts'
import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, FetchDep, IdsDep, LogDep, RandomDep, TimerDep, WakeDep } from '../deps.ts'
import { assert } from '../errors.ts'
import { type GrantExchange, exchangeGrant } from '../oauth/exchange-grant.ts'
import type { TokenSet } from '../oauth/types.ts'
import { Redacted } from '../secret.ts'
import type { Connection } from '../store/connections.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import type { ClaimedMoveUser } from '../store/move-users.ts'
import type { ProviderMove } from '../store/provider-moves.ts'
import { commitDecision } from './announce.ts'
import { beside } from './beside.ts'
import { absorbOther } from './continue-lineage.ts'
import { insist } from './insist.ts'
import { type ProviderAccess, findProviderAccess } from './provider-access.ts'
import { parseTokenSet, toContent } from './stored-tokens.ts'

type ExchangeDeps = ClockDep &
  TimerDep &
  IdsDep &
  RandomDep &
  FetchDep &
  LogDep &
  StoreDep &
  WakeDep

/** Moves looked at in one turn. */
const MOVES_MAX = 100
/** Longer than one exchange with its storing can take. */
const CLAIM_MS = 3 * MINUTE_MS
/** Times an answer is tried to be stored; after that the exchange is done again. */
const STORE_TRIES_MAX = 3

/**
 * Takes a batch of every move that has one to begin now.
 *
 * @returns When the next may begin; undefined when none waits.
 */
export async function exchangeGrants(deps: ExchangeDeps): Promise<number | undefined> {
  for (const { id } of await deps.store.moves.listExchanging(MOVES_MAX)) {
    const { move, claimed } = await claimBatch(deps, id)
    if (move === undefined) continue
    await beside(claimed, async (one) => await exchangeOne(deps, move, one))
  }
  return await deps.store.moves.nextDueAtMs()
}

/** Under the move's lock, so that all processes together keep its pace. */
async function claimBatch(deps: ExchangeDeps, moveId: string) {
  return await deps.store.transaction(async (tx) => {
    const move = await tx.moves.findForUpdate(moveId)
    if (move?.status !== 'running') return { move: undefined, claimed: [] }
    const nowMs = deps.clock.nowMs()
    const pace = paceExchanges({ nowMs, nextAtMs: move.nextAtMs, perMinute: move.perMinute })
    if (pace.room === 0) return { move: undefined, claimed: [] }
    const claim = { id: deps.ids.claim(), nowMs, untilMs: nowMs + CLAIM_MS, limit: pace.room }
    const claimed = await tx.moveUsers.claimDue(move.id, claim)
    if (claimed.length > 0) {
      await tx.moves.save(move.id, { nextAtMs: pace.nextAtMs(claimed.length) })
    }
    return { move, claimed }
  })
}

async function exchangeOne(
  deps: ExchangeDeps,
  move: ProviderMove,
  claimed: ClaimedMoveUser,
): Promise<void> {
  const { lineageId } = claimed
  try {
    await exchange(deps, move, claimed)
  } catch (error) {
    // One row that does not open must not stop the others.
    deps.log.error({ move: move.id, lineage: lineageId, error }, 'an exchange was set aside')
    await fail(deps, claimed, 'transient', {
      detail: 'it could not be read or stored; see the log',
    })
  }
}

async function exchange(
  deps: ExchangeDeps,
  move: ProviderMove,
  claimed: ClaimedMoveUser,
): Promise<void> {
  const { environmentId } = move
  const connection = await deps.store.connections.find(claimed.lineageId)
  const stored = await deps.store.tokenSets.find(environmentId, claimed.lineageId)
  if (connection?.state.status !== 'active' || stored === undefined) {
    await leave(
      deps,
      claimed,
      'the connection does not live any more; only the person can renew it',
    )
    return
  }
  const { state } = connection
  if (state.user.provider !== move.from) {
    await deps.store.moveUsers.markConnected(claimed.lineageId, deps.clock.nowMs())
    return
  }
  const from = await findProviderAccess(deps, environmentId, move.from)
  const to = await findProviderAccess(deps, environmentId, move.to)
  const request = from?.provider.successor?.exchange
  if (from === undefined || to === undefined || request === undefined) {
    const detail = `the environment needs both ${move.from} and ${move.to}`
    await fail(deps, claimed, 'transient', { detail })
    return
  }
  const outcome = await exchangeGrant(deps, {
    from: { ...from, tokenSet: parseTokenSet(stored.json) },
    to,
    request,
    providerAccountId: state.providerAccountId,
    scopes: state.user.scopes,
  })
  if (outcome.type !== 'exchanged') {
    const retryAfterMs = outcome.type === 'transient' ? outcome.retryAfterMs : null
    await fail(deps, claimed, outcome.type, { detail: outcome.detail, retryAfterMs })
    return
  }
  if (outcome.providerAccountId !== state.providerAccountId) {
    await leave(deps, claimed, `${move.to} names another account than ${move.from}`)
    return
  }
  await insist(
    deps,
    { what: 'an exchanged grant', triesMax: STORE_TRIES_MAX },
    async () => await settle(deps, { move, claimed, connection, to }, outcome),
  )
  deps.wake.deliveries()
  deps.wake.revocations()
  deps.wake.providerTasks()
}

type Exchanged = Extract<GrantExchange, { type: 'exchanged' }>

/** One transaction: the old user out, the new one in, tokens, events, deliveries, the move's own record. */
async function settle(
  deps: ExchangeDeps,
  subject: {
    readonly move: ProviderMove
    readonly claimed: ClaimedMoveUser
    readonly connection: Connection
    readonly to: ProviderAccess
  },
  { tokenSet, scopes, providerAccountId }: Exchanged,
): Promise<void> {
  const { move, connection, to } = subject
  const { environmentId, lineageId } = connection
  const provider = move.to
  const tokens = toContent(deps, to.provider, tokenSet)
  await deps.store.transaction(async (tx) => {
    const atMs = deps.clock.nowMs()
    await tx.accountLocks.hold({ environmentId, provider, providerAccountId }, atMs)
    const before = await tx.connections.findForUpdate(lineageId)
    const environment = await tx.environments.find(environmentId)
    assert(environment !== undefined, 'every connection belongs to an environment')
    const isAsSeen =
      before?.state.status === 'active' &&
      before.state.user.userId === connection.state.user.userId &&
      before.state.tokenVersion === connection.state.tokenVersion
    if (!isAsSeen) {
      // Disconnected, or moved by another process: its outbox decides whether the new grant is anybody's.
      await giveBack(deps, tx, { connection, provider }, tokenSet)
      return
    }
    const { referenceId } = before.state.user
    const subjectOfMatch = { provider, referenceId, providerAccountId }
    const key = matchKey(environment.settings.matchPolicy, subjectOfMatch)
    const userId = deps.ids.uuid()
    const signal = { type: 'grant_exchanged', atMs, userId, provider, scopes } as const
    const decision = decide(before.state, signal, environment.settings)
    assert(decision.state.status === 'active', 'an active connection stays one')
    const by = { user: decision.state.user, providerAccountId }
    await absorbOther(deps, tx, { environment, lineageId, matchKey: key, by })
    const change = { environmentId, lineageId, matchKey: key, before, decision, tokens }
    await commitDecision(deps, tx, change)
    if (to.provider.subscription !== undefined) {
      await tx.providerTasks.add({
        id: deps.ids.ordered(),
        environmentId,
        provider,
        providerAccountId,
        type: 'subscribe',
        payload: {},
        createdAtMs: atMs,
      })
    }
    await tx.moveUsers.markConnected(lineageId, atMs)
  })
  deps.wake.refreshes(tokens.refreshAtMs)
}

async function giveBack(
  deps: ExchangeDeps,
  tx: Tables,
  { connection, provider }: { readonly connection: Connection; readonly provider: string },
  tokenSet: TokenSet,
): Promise<void> {
  await tx.revocations.add({
    id: deps.ids.ordered(),
    environmentId: connection.environmentId,
    provider,
    providerAccountId: connection.state.providerAccountId,
    lineageId: connection.lineageId,
    flowId: null,
    tokenSetJson: new Redacted(JSON.stringify(tokenSet)),
    createdAtMs: deps.clock.nowMs(),
  })
}

async function fail(
  deps: ExchangeDeps,
  claimed: ClaimedMoveUser,
  kind: 'refused' | 'transient',
  {
    detail,
    retryAfterMs = null,
  }: { readonly detail: string; readonly retryAfterMs?: number | null },
): Promise<void> {
  const atMs = deps.clock.nowMs()
  const againAtMs = exchangeAgainAtMs({
    kind,
    attempts: claimed.attempts + 1,
    nowMs: atMs,
    retryAfterMs,
    fraction: deps.random.fraction(),
  })
  const { moveId: move, lineageId: lineage } = claimed
  deps.log.warn({ move, lineage, detail }, 'an exchange failed')
  await deps.store.moveUsers.fail(claimed, { detail, againAtMs, atMs })
}

/** Nothing that trying again could change. */
async function leave(deps: ExchangeDeps, claimed: ClaimedMoveUser, detail: string): Promise<void> {
  await deps.store.moveUsers.fail(claimed, { detail, againAtMs: null, atMs: deps.clock.nowMs() })
}
