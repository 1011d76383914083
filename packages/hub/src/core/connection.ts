/**
 * The connection state machine: a signal comes in, the next state, the events to announce and the
 * effects to carry out come out. Pure: the caller commits all three in one transaction, so nothing
 * is announced that is not stored and nothing is stored without being announced.
 *
 * A *connection* is one lineage: it keeps its identity while its `userId` changes with every
 * re-authentication.
 */
import { DAY_MS } from './time.ts'

/** One connection of one end user to one provider, as the API calls it. */
export interface User {
  readonly userId: string
  /** The app's own name for the person; null where the app gave none. */
  readonly referenceId: string | null
  /** Upper case, for example `GARMIN`. */
  readonly provider: string
  /** Scopes in force, in the provider's own words. */
  readonly scopes: readonly string[]
  readonly createdAtMs: number
  /** When an event with data of this user was last announced; null before the first. */
  readonly lastWebhookUpdateMs: number | null
}

/** What every existing connection knows, whatever its status. */
interface Known {
  readonly user: User
  /** The account at the provider. */
  readonly providerAccountId: string
  /** Counts the token sets stored, so that a verdict on an older one can be told apart. */
  readonly tokenVersion: number
}

/**
 * - `absent`: nothing has connected yet.
 * - `active`: connected. With `degradedAtMs` the provider refuses our calls since then.
 * - `inactive`: the person removed the access at the provider.
 * - `deleted`: disconnected through Firma; the user is gone from the users list.
 */
export type ConnectionState =
  | { readonly status: 'absent' }
  | (Known & {
      readonly status: 'active'
      readonly degradedAtMs: number | null
      /** What the provider refused; null exactly if `degradedAtMs` is. */
      readonly degradedBy: Degradation | null
      /**
       * When `connection_error` was last announced; null if never for this user. Earlier than
       * `degradedAtMs`: the present degradation has not been announced.
       */
      readonly errorAnnouncedAtMs: number | null
    })
  | (Known & { readonly status: 'inactive' })
  | (Known & { readonly status: 'deleted'; readonly endedBy: Disconnection })

/**
 * What ended a connection here: somebody asked for it, its account went to another end user, or another
 * connection of its person goes on in its place.
 */
export type Disconnection = 'disconnect' | 'account_moved' | 'absorbed'

/** What showed that a connection does not work: a refused refresh, or the status of a refused data call. */
export type Degradation = 'grant_rejected' | 'http_401' | 'http_403' | 'http_412'

/** The flow that a signal ended. */
export interface EndedFlow {
  readonly flowId: string
  /** The widget session it was started from; null when `authenticateUser` started it. */
  readonly widgetSessionId: string | null
  readonly referenceId: string | null
  readonly provider: string
  /** The `user_id` promised by `authenticateUser`, or chosen when the flow began. */
  readonly reservedUserId: string
}

/** Something observed about a connection. Each carries its time, so a history can be replayed. */
export type Signal =
  | {
      readonly type: 'flow_succeeded'
      readonly atMs: number
      readonly flow: EndedFlow
      readonly providerAccountId: string
      readonly scopes: readonly string[]
      /** Whether another end user of the environment is connected through this account. */
      readonly isAccountTaken: boolean
      /** Whether the app has said, in the session of its own user, that it was them. */
      readonly isConfirmed: boolean
    }
  | {
      readonly type: 'flow_failed'
      readonly atMs: number
      readonly flow: EndedFlow
      /** Machine-readable, for example `access_denied`; see `flow.ts`. */
      readonly reason: string
    }
  | { readonly type: 'disconnect_requested'; readonly atMs: number }
  /** The account of this connection has been connected by another end user, who gets it. */
  | { readonly type: 'account_moved'; readonly atMs: number }
  | {
      readonly type: 'access_revoked'
      readonly atMs: number
      /** Default `access_revoked`. */
      readonly announcedAs?: 'access_revoked' | 'deauth'
    }
  | {
      readonly type: 'grant_rejected'
      readonly atMs: number
      /** The token version that the provider rejected. */
      readonly fromVersion: number
    }
  | {
      readonly type: 'data_call_rejected'
      readonly atMs: number
      readonly httpStatus: 401 | 403 | 412
      readonly fromVersion: number
    }
  | {
      readonly type: 'connection_worked'
      readonly atMs: number
      /** A refresh proves that the grant lives, and not that data calls are answered. */
      readonly by: 'refresh' | 'data_call'
    }
  | { readonly type: 'scopes_changed'; readonly atMs: number; readonly scopes: readonly string[] }
  /**
   * The provider has turned the grant into one of the provider that takes its place, without the person:
   * one grant in two forms, so nothing is to be revoked.
   */
  | {
      readonly type: 'grant_exchanged'
      readonly atMs: number
      readonly userId: string
      readonly provider: string
      readonly scopes: readonly string[]
    }
  /** Another lineage of the same person has become this connection. */
  | {
      readonly type: 'absorbed'
      readonly atMs: number
      readonly by: { readonly user: User; readonly providerAccountId: string }
    }
  /** The connection will end by itself, whatever the hub does. */
  | { readonly type: 'end_foreseen'; readonly atMs: number; readonly endsAtMs: number }

/**
 * What becomes of a login with an account that is not the expected one: it is another end user's already,
 * or the connection that it would continue has another account.
 *
 * - `allow`: connect it. Another end user keeps theirs; an earlier account of this one is replaced.
 * - `reject`: nothing changes, and the flow fails.
 * - `move`: connect it, and end with `deauth` whatever was connected before in its place.
 */
export type AccountPolicy = 'allow' | 'reject' | 'move'

/** How an environment makes sure that the right person connects the right account. */
export interface ConnectPolicy {
  /** `required`: nothing is connected until the app confirms who came back; see `flow.ts`. */
  readonly confirmation: 'off' | 'required'
  readonly accountPolicy: AccountPolicy
}

/** Settings of an environment that change what is announced. */
export interface Policy {
  /** `auth_cancelled` (2026 schema), or the older `auth` with status `error`. */
  readonly failedAuthShape: 'auth_cancelled' | 'legacy'
  readonly connect: ConnectPolicy
}

/** An event to announce; `event-body.ts` writes its bytes. */
export type EventDraft =
  | { readonly type: 'auth'; readonly user: User; readonly widgetSessionId: string | null }
  | { readonly type: 'auth_cancelled'; readonly flow: EndedFlow; readonly reason: string }
  | {
      readonly type: 'auth_failed_legacy'
      readonly flow: EndedFlow
      readonly reason: string
      readonly atMs: number
    }
  | { readonly type: 'user_reauth'; readonly oldUser: User; readonly newUser: User }
  | { readonly type: 'deauth'; readonly user: User }
  | { readonly type: 'access_revoked'; readonly user: User }
  | { readonly type: 'connection_error'; readonly user: User }
  | { readonly type: 'connection_recovered'; readonly user: User }
  | { readonly type: 'expiry_warning'; readonly user: User; readonly endsAtMs: number }
  | {
      readonly type: 'permission_change'
      readonly user: User
      readonly scopesAdded: readonly string[]
      readonly scopesRemoved: readonly string[]
    }

/** Work at the provider that must survive a crash: a row of the same transaction. */
export interface Effect {
  readonly type: 'revoke_grant'
  /** Whose grant: the account that the connection had *before* the decision. */
  readonly providerAccountId: string
}

/** A flow that got its grant and connects nothing, or nothing yet. */
export type Withheld =
  /** Until the app confirms it. */
  | 'unconfirmed'
  /** For good, with this as its reason; see `FLOW_FAILURES`. */
  | 'account_in_use'
  | 'other_account'

export interface Decision {
  readonly state: ConnectionState
  /** In the order in which every destination must see them. */
  readonly events: readonly EventDraft[]
  readonly effects: readonly Effect[]
  /** Why a flow that succeeded connects nothing; absent where it connects, and for every other signal. */
  readonly withheld?: Withheld
}

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
