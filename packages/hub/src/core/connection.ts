/**
 * The connection state machine: a signal comes in, the next state, the events to announce and the
 * effects to carry out come out. Pure: the caller commits all three in one transaction, so nothing
 * is announced that is not stored and nothing is stored without being announced.
 *
 * A *connection* is one lineage: it keeps its identity while its `userId` changes with every
 * re-authentication.
 */
import type {
  AccountPolicy,
  ConnectPolicy,
  ConnectionState,
  Decision,
  Degradation,
  EventDraft,
  Known,
  Policy,
  Signal,
  User,
} from './connection-state.ts'
import { DAY_MS } from './time.ts'

export type * from './connection-state.ts'

/** At most one `connection_error` per user in this time. */
export const CONNECTION_ERROR_INTERVAL_MS = DAY_MS

/** Decides what a signal does to a connection. Total: every signal is answered in every state. */
export function decide(state: ConnectionState, signal: Signal, policy: Policy): Decision {
  switch (signal.type) {
    case 'flow_succeeded':
      return connectIfAllowed(state, signal, policy.connect)
    case 'flow_failed':
      return { state, events: [failedAuth(signal, policy)], effects: [] }
    case 'disconnect_requested':
      return disconnect(state)
    case 'account_moved':
      if (state.status !== 'active') return unchanged(state)
      return {
        state: { ...known(state), status: 'deleted', endedBy: 'account_moved' },
        events: [{ type: 'deauth', user: state.user }],
        // The account keeps one grant, which is the new owner's now.
        effects: [],
      }
    case 'access_revoked':
      // Not active: an echo of our own revocation, or a notice sent twice. Nobody needs to hear it.
      if (state.status !== 'active') return unchanged(state)
      return {
        state: { ...known(state), status: 'inactive' },
        events: [{ type: signal.announcedAs ?? 'access_revoked', user: state.user }],
        effects: [],
      }
    case 'grant_rejected':
      return degrade(state, signal, 'grant_rejected')
    case 'data_call_rejected':
      return degrade(state, signal, `http_${signal.httpStatus}`)
    case 'connection_worked':
      return recover(state, signal.by)
    case 'scopes_changed':
      return changeScopes(state, signal.scopes)
    case 'grant_exchanged':
      return exchange(state, signal)
    case 'absorbed':
      return absorb(state, signal.by)
    case 'end_foreseen':
      if (state.status !== 'active') return unchanged(state)
      return {
        state,
        events: [{ type: 'expiry_warning', user: state.user, endsAtMs: signal.endsAtMs }],
        effects: [],
      }
  }
}

type Success = Extract<Signal, { type: 'flow_succeeded' }>

function connectIfAllowed(
  state: ConnectionState,
  signal: Success,
  policy: ConnectPolicy,
): Decision {
  const { accountPolicy } = policy
  const withheld =
    (accountPolicy === 'reject' ? findStranger(state, signal) : undefined) ??
    (policy.confirmation === 'required' && !signal.isConfirmed ? 'unconfirmed' : undefined)
  return withheld === undefined
    ? connect(state, signal, accountPolicy)
    : { ...unchanged(state), withheld }
}

/** What is unexpected about the account; undefined where nothing is. */
function findStranger(
  state: ConnectionState,
  { flow, providerAccountId, isAccountTaken }: Success,
): 'account_in_use' | 'other_account' | undefined {
  if (isAccountTaken) return 'account_in_use'
  // The account at another provider is another one by nature.
  if (state.status !== 'active' || state.user.provider !== flow.provider) return undefined
  if (state.providerAccountId !== providerAccountId) return 'other_account'
  // Where accounts alone are matched, the connection that would be continued can be somebody else's.
  return state.user.referenceId === flow.referenceId ? undefined : 'account_in_use'
}

function connect(state: ConnectionState, signal: Success, accountPolicy: AccountPolicy): Decision {
  const { flow, providerAccountId } = signal
  const user: User = {
    userId: flow.reservedUserId,
    referenceId: flow.referenceId,
    provider: flow.provider,
    scopes: withoutRepetition(signal.scopes),
    createdAtMs: signal.atMs,
    lastWebhookUpdateMs: null,
  }
  const next: ConnectionState = {
    status: 'active',
    user,
    providerAccountId,
    tokenVersion: state.status === 'absent' ? 1 : state.tokenVersion + 1,
    degradedAtMs: null,
    degradedBy: null,
    errorAnnouncedAtMs: null,
  }
  const auth: EventDraft = { type: 'auth', user, widgetSessionId: flow.widgetSessionId }
  if (state.status === 'absent' || state.status === 'deleted') {
    return { state: next, events: [auth], effects: [] }
  }
  const isMove = state.user.provider !== flow.provider
  const reauth: EventDraft = { type: 'user_reauth', oldUser: state.user, newUser: user }
  if (state.status === 'inactive') {
    // At another provider nothing but this tells the app whose connection it continues.
    return { state: next, events: isMove ? [reauth, auth] : [auth], effects: [] }
  }
  if (!isMove && state.providerAccountId === providerAccountId) {
    // The same account keeps one grant: revoking the old token there would end the new one too.
    return { state: next, events: [reauth, auth], effects: [] }
  }
  const replaced: EventDraft =
    accountPolicy === 'move' && !isMove
      ? // Not the same connection under a new id: data of two accounts must not become one history.
        { type: 'deauth', user: state.user }
      : reauth
  return {
    state: next,
    events: [replaced, auth],
    effects: [{ type: 'revoke_grant', providerAccountId: state.providerAccountId }],
  }
}

function exchange(
  state: ConnectionState,
  signal: Extract<Signal, { type: 'grant_exchanged' }>,
): Decision {
  if (state.status !== 'active') return unchanged(state)
  const user: User = {
    ...state.user,
    userId: signal.userId,
    provider: signal.provider,
    scopes: withoutRepetition(signal.scopes),
    createdAtMs: signal.atMs,
    lastWebhookUpdateMs: null,
  }
  return {
    state: {
      ...state,
      user,
      tokenVersion: state.tokenVersion + 1,
      degradedAtMs: null,
      degradedBy: null,
      errorAnnouncedAtMs: null,
    },
    events: [
      { type: 'user_reauth', oldUser: state.user, newUser: user },
      { type: 'auth', user, widgetSessionId: null },
    ],
    effects: [],
  }
}

function absorb(state: ConnectionState, by: Extract<Signal, { type: 'absorbed' }>['by']): Decision {
  if (state.status === 'absent' || state.status === 'deleted') return unchanged(state)
  const isSameGrant = state.providerAccountId === by.providerAccountId
  return {
    state: { ...known(state), status: 'deleted', endedBy: 'absorbed' },
    events: [{ type: 'user_reauth', oldUser: state.user, newUser: by.user }],
    effects:
      state.status === 'inactive' || isSameGrant
        ? []
        : [{ type: 'revoke_grant', providerAccountId: state.providerAccountId }],
  }
}

function failedAuth(signal: Extract<Signal, { type: 'flow_failed' }>, policy: Policy): EventDraft {
  const { flow, reason, atMs } = signal
  if (policy.failedAuthShape === 'legacy') return { type: 'auth_failed_legacy', flow, reason, atMs }
  return { type: 'auth_cancelled', flow, reason }
}

function disconnect(state: ConnectionState): Decision {
  switch (state.status) {
    case 'absent':
    case 'deleted':
      return unchanged(state)
    case 'inactive':
      // The provider has already withdrawn the grant: there is nothing left to revoke.
      return {
        state: { ...known(state), status: 'deleted', endedBy: 'disconnect' },
        events: [{ type: 'deauth', user: state.user }],
        effects: [],
      }
    case 'active':
      return {
        state: { ...known(state), status: 'deleted', endedBy: 'disconnect' },
        events: [{ type: 'deauth', user: state.user }],
        effects: [{ type: 'revoke_grant', providerAccountId: state.providerAccountId }],
      }
  }
}

function degrade(
  state: ConnectionState,
  { atMs, fromVersion }: { readonly atMs: number; readonly fromVersion: number },
  by: Degradation,
): Decision {
  if (state.status !== 'active' || isErrorAnnounced(state)) return unchanged(state)
  // A loser reports the token that the winner has already replaced. It must not degrade the winner.
  if (fromVersion !== state.tokenVersion) return unchanged(state)
  const announcedAtMs = state.errorAnnouncedAtMs
  if (announcedAtMs !== null && atMs - announcedAtMs < CONNECTION_ERROR_INTERVAL_MS) {
    if (state.degradedAtMs !== null) return unchanged(state)
    // Later than the announcement, also when the clock stepped back: see `isErrorAnnounced`.
    const degradedAtMs = Math.max(atMs, announcedAtMs + 1)
    return { state: { ...state, degradedAtMs, degradedBy: by }, events: [], effects: [] }
  }
  return {
    state: {
      ...state,
      degradedAtMs: state.degradedAtMs ?? atMs,
      degradedBy: state.degradedBy ?? by,
      errorAnnouncedAtMs: atMs,
    },
    events: [{ type: 'connection_error', user: state.user }],
    effects: [],
  }
}

function recover(state: ConnectionState, by: 'refresh' | 'data_call'): Decision {
  if (state.status !== 'active' || state.degradedAtMs === null) return unchanged(state)
  if (by === 'refresh' && state.degradedBy !== 'grant_rejected') return unchanged(state)
  return {
    state: { ...state, degradedAtMs: null, degradedBy: null },
    // Whoever was not told of the error would only wonder what has recovered.
    events: isErrorAnnounced(state) ? [{ type: 'connection_recovered', user: state.user }] : [],
    effects: [],
  }
}

/**
 * Whether the present degradation has been announced. One that came within the interval was not, and
 * must be when the interval is over: otherwise the last that the app heard is that all is well.
 */
function isErrorAnnounced(state: Extract<ConnectionState, { status: 'active' }>): boolean {
  const { degradedAtMs, errorAnnouncedAtMs } = state
  if (degradedAtMs === null || errorAnnouncedAtMs === null) return false
  return errorAnnouncedAtMs >= degradedAtMs
}

function changeScopes(state: ConnectionState, granted: readonly string[]): Decision {
  if (state.status !== 'active') return unchanged(state)
  const scopes = withoutRepetition(granted)
  const before = state.user.scopes
  const scopesAdded = scopes.filter((scope) => !before.includes(scope))
  const scopesRemoved = before.filter((scope) => !scopes.includes(scope))
  if (scopesAdded.length === 0 && scopesRemoved.length === 0) return unchanged(state)
  const user = { ...state.user, scopes }
  return {
    state: { ...state, user },
    events: [{ type: 'permission_change', user, scopesAdded, scopesRemoved }],
    effects: [],
  }
}

/** Providers' lists are passed on as they come, and some name a scope twice. */
function withoutRepetition(scopes: readonly string[]): string[] {
  return [...new Set(scopes)]
}

function known(state: Exclude<ConnectionState, { status: 'absent' }>): Known {
  return {
    user: state.user,
    providerAccountId: state.providerAccountId,
    tokenVersion: state.tokenVersion,
  }
}

function unchanged(state: ConnectionState): Decision {
  return { state, events: [], effects: [] }
}
