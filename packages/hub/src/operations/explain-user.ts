/** Why a connection is in its state, what happened last, what comes next, and what the person must do. */
import {
  type Circumstances,
  type Explanation,
  type Permissions,
  explainReserved,
  explainState,
  explainUnconfirmed,
} from '../core/explanation.ts'
import type { ClockDep } from '../deps.ts'
import { findEntry } from '../providers/catalog.ts'
import type { Provider } from '../providers/provider.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { StoredEvent } from '../store/events.ts'
import type { StoreDep } from '../store/open.ts'
import type { RevocationRecord } from '../store/revocations.ts'
import type { StoredTokenSet } from '../store/token-sets.ts'
import { findReservation } from './find-user.ts'
import { userNotFound } from './not-found.ts'
import { toProvider } from './provider-access.ts'

/** Events and revocations that are shown. */
const LATEST_MAX = 10

export interface UserExplanation extends Explanation {
  readonly userId: string
  readonly provider: string
  readonly referenceId: string | null
  /** Null while it is only reserved. */
  readonly lineageId: string | null
  /** Another one where this `user_id` has been replaced. */
  readonly presentUserId: string
  readonly sinceMs: number
  readonly scopes: readonly string[]
  /** What is known of its tokens; null where there are none. */
  readonly tokens: StoredTokenSet | null
  /** Newest first. */
  readonly events: readonly Pick<StoredEvent, 'id' | 'type' | 'createdAtMs'>[]
  readonly revocations: readonly RevocationRecord[]
}

/**
 * Explains a user, also one that was replaced, disconnected or only reserved.
 *
 * @throws FirmaError `user_not_found`.
 */
export async function explainUser(
  deps: StoreDep & ClockDep,
  environment: Environment,
  userId: string,
): Promise<UserExplanation> {
  const { store } = deps
  const reservation = await findReservation(deps, environment, userId)
  if (reservation !== undefined) {
    const { provider, referenceId, createdAtMs } = reservation
    const held = await store.heldGrants.find(reservation.id)
    return {
      ...(held === undefined ? explainReserved : explainUnconfirmed)(nameOf(provider)),
      userId,
      provider,
      referenceId,
      lineageId: null,
      presentUserId: userId,
      sinceMs: held?.createdAtMs ?? createdAtMs,
      scopes: [],
      tokens: null,
      events: [],
      revocations: [],
    }
  }
  const connection = await store.connections.findByAlias(environment.id, userId)
  if (connection === undefined) throw userNotFound(userId)
  const { lineageId, state } = connection
  const tokens = await findTokens(deps, connection)
  const events = await store.events.list(environment.id, { lineageId }, { limit: LATEST_MAX })
  const { user } = state
  const degradedAtMs = state.status === 'active' ? state.degradedAtMs : null
  return {
    ...explainState(state, await findCircumstances(deps, connection, tokens)),
    userId,
    provider: user.provider,
    referenceId: user.referenceId,
    lineageId,
    presentUserId: user.userId,
    sinceMs: degradedAtMs ?? events[0]?.createdAtMs ?? user.createdAtMs,
    scopes: user.scopes,
    tokens,
    events,
    revocations: await store.revocations.list(environment.id, { limit: LATEST_MAX, lineageId }),
  }
}

/** Tokens, and the later of two limits that are still on: of this account, and of everybody at the provider. */
async function findTokens(
  { store, clock }: StoreDep & ClockDep,
  { environmentId, lineageId, state }: Connection,
): Promise<StoredTokenSet | null> {
  const tokens = await store.tokenSets.find(environmentId, lineageId)
  if (tokens === undefined) return null
  const app = await store.providerApps.find(environmentId, state.user.provider)
  const untilMs = Math.max(tokens.limitedUntilMs ?? 0, app?.pausedUntilMs ?? 0)
  return { ...tokens, limitedUntilMs: untilMs > clock.nowMs() ? untilMs : null }
}

async function findCircumstances(
  { store, clock }: StoreDep & ClockDep,
  { environmentId, lineageId, state }: Connection,
  tokens: StoredTokenSet | null,
): Promise<Circumstances> {
  const { provider: resource, scopes } = state.user
  const entry = findEntry(resource)
  const app = await store.providerApps.find(environmentId, resource)
  const provider = entry && app && toProvider(entry, app)
  const move = await store.moveUsers.findPending(lineageId)
  // The code of an answer ends the sentence about it.
  const code = tokens?.lastFailure?.split(' ').at(-1) ?? ''
  return {
    provider: nameOf(resource),
    nowMs: clock.nowMs(),
    refreshes: tokens && {
      lastFailure: tokens.lastFailure,
      rejections: tokens.rejections,
      isOurFault: provider?.failures.config.includes(code) ?? false,
      expiresAtMs: tokens.times.expiresAtMs,
      retryAtMs: tokens.retryAtMs,
    },
    permissions: judgePermissions(provider, scopes),
    limitedUntilMs: tokens?.limitedUntilMs ?? null,
    endsAtMs: endOf(tokens),
    move: move && { to: nameOf(move.to), isByItself: move.isByItself },
  }
}

function judgePermissions(provider: Provider | undefined, granted: readonly string[]): Permissions {
  if (provider === undefined) return { missing: [], areTooFew: false, areSwitchedThere: false }
  const { known, required, granted: from } = provider.scopes
  const areSwitchedThere = from.from === 'request'
  // Where nothing is asked for, people choose from all that there is.
  const asked = areSwitchedThere ? known : provider.authorization.scopes
  const missing = asked.filter((scope) => !granted.includes(scope))
  const isUseless = required.some((scope) => !granted.includes(scope))
  const areTooFew = isUseless || (asked.length > 0 && granted.length === 0)
  return { missing, areTooFew, areSwitchedThere }
}

/** When the connection ends by itself, where that has been announced: see `core/token.ts`. */
function endOf(tokens: StoredTokenSet | null): number | null {
  if (tokens === null || tokens.warnedAtMs === null) return null
  return tokens.times.refreshExpiresAtMs ?? tokens.times.expiresAtMs
}

function nameOf(resource: string): string {
  return findEntry(resource)?.displayName ?? resource
}
