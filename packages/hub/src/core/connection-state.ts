/**
 * What the connection state machine speaks of: connections, the signals that come in, the app's policies, and
 * what is decided.
 */

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
export interface Known {
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
