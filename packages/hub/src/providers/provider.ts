/**
 * What Firma knows about a provider, as data. Each way in which a provider deviates from OAuth 2.0 is
 * a field here and one `switch` in `oauth/`, never a branch on the provider's name.
 *
 * Units: every URL is absolute https; every duration says its unit in its name. `{providerAccountId}`
 * and `{clientId}` inside a URL are replaced, percent-encoded, when the request is made.
 */

import type { LostAnswer, RefreshStrategy } from '../core/token.ts'

/**
 * How far a fact can be trusted: `verified` against the live provider, `documented` by the provider or
 * seen in code that runs against it, `third_party` from others' write-ups, `unverified` general knowledge.
 */
export type Confidence = 'verified' | 'documented' | 'third_party' | 'unverified'

/** Where a group of facts comes from. */
export interface Fact {
  readonly confidence: Confidence
  /** A URL, or a short name of the source. */
  readonly source: string
  /** What a reader has to know beyond the data, in one sentence. */
  readonly note?: string
}

/** The groups of fields of a {@link Provider} that share one {@link Fact}. */
export const FACT_GROUPS = [
  'authorization',
  'token',
  'lifetimes',
  'identity',
  'scopes',
  'revocation',
  'liveness',
  'notices',
  'failures',
] as const

/** One of {@link FACT_GROUPS}. */
export type FactGroup = (typeof FACT_GROUPS)[number]

/**
 * A request to the provider's API. The token goes where `token` says: in the `Authorization` header
 * (RFC 6750, section 2.1), in a query parameter or in a form field.
 */
export interface ProviderRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly token:
    | { readonly in: 'bearer' }
    | { readonly in: 'query'; readonly name: string }
    | { readonly in: 'form'; readonly name: string }
}

/**
 * A path into a JSON body: member names and array indexes joined by dots, for example
 * `errors.0.errorType`. The empty path is the body itself.
 */
export type FieldPath = string

/** The authorization request (RFC 6749, section 4.1.1). */
export interface AuthorizationFacts {
  readonly url: string
  /** Requested scopes. Empty: the provider decides in its developer portal, and no `scope` is sent. */
  readonly scopes: readonly string[]
  /** Between scopes, in requests and answers. RFC 6749, section 3.3 says a space; not all agree. */
  readonly scopeSeparator: ' ' | ','
  /** Parameters this provider needs beyond the specification's, for example `prompt`. */
  readonly extraParameters: Readonly<Record<string, string>>
  /**
   * `S256`: a code challenge is sent (RFC 7636), also where the provider is not known to check it: a
   * server that does not know the parameter ignores it. `refused`: the request fails when it is sent.
   */
  readonly pkce: 'S256' | 'refused'
  /** The issuer that the answer's `iss` must equal (RFC 9207). Absent: `iss` is not looked at. */
  readonly issuer?: string
}

/** The token endpoint (RFC 6749, section 3.2). */
export interface TokenFacts {
  readonly url: string
  /** Where refreshing has an address of its own; default {@link url}. */
  readonly refreshUrl?: string
  /** `basic`: `Authorization: Basic` with form-encoded halves (RFC 6749, section 2.3.1). `body`: form fields. */
  readonly clientAuthentication: 'basic' | 'body'
  /** Form fields to add to every refresh, for example a repeated `scope`. */
  readonly refreshParameters: Readonly<Record<string, string>>
  /** Where an error answer keeps its code; `error` in the specification. */
  readonly errorCodePath: FieldPath
}

/** How long things live. Used where an answer does not say, and by simulated providers. */
export interface LifetimeFacts {
  /** Seconds; null when access tokens do not expire. */
  readonly accessTokenSeconds: number | null
  /** Seconds from issue; null when unknown or unlimited. */
  readonly refreshTokenSeconds: number | null
  /** Member of the token answer that tells the refresh token's life in seconds. */
  readonly refreshExpiresInField?: string
  /**
   * `single_use`: each refresh returns a new refresh token and the old one is dead. `may_change`: store
   * what is returned. `fixed`: never changes. `none`: there are no refresh tokens.
   */
  readonly refreshRotation: 'single_use' | 'may_change' | 'fixed' | 'none'
  /**
   * What to do when the answer to a refresh was lost. Default `last_resort` where refresh tokens are
   * `single_use`, else `resend`. Say `resend` for providers that take the old one until the new one is used.
   */
  readonly lostAnswer?: LostAnswer
}

/** Where the account's id at the provider is learnt. Strings and integers are accepted. */
export type IdentitySource =
  | { readonly from: 'token_response'; readonly field: FieldPath }
  | { readonly from: 'request'; readonly request: ProviderRequest; readonly field: FieldPath }

/**
 * Where the granted scopes are learnt. `token_response`: its `scope` (RFC 6749, section 5.1).
 * `callback`: a parameter of the redirect. Both count as "granted as requested" when absent.
 * `request`: an API; the first of `fields` that holds an array of strings wins.
 */
export type ScopeSource =
  | { readonly from: 'token_response' }
  | { readonly from: 'callback'; readonly parameter: string }
  | {
      readonly from: 'request'
      readonly request: ProviderRequest
      readonly fields: readonly FieldPath[]
    }

/** Scopes that people can grant. */
export interface ScopeFacts {
  /** Every scope or permission the provider knows and Firma may meet. */
  readonly known: readonly string[]
  readonly granted: ScopeSource
  /** Without these a connection is useless and the flow fails; may be empty. */
  readonly required: readonly string[]
}

/**
 * How the app gives access back. `reach` says what dies with it: `account` ends every grant of that
 * account in the app, so an old token must never be revoked after the same account has connected
 * again; `token` ends the one token and its siblings.
 *
 * - `rfc7009`: the revocation endpoint, with the refresh token where there is one.
 * - `request`: an API call with the access token, which must not have expired.
 * - `unsupported`: only the person can do it.
 */
export type RevocationFacts =
  | { readonly kind: 'rfc7009'; readonly url: string; readonly reach: 'account' | 'token' }
  | {
      readonly kind: 'request'
      readonly request: ProviderRequest
      readonly reach: 'account' | 'token'
      /** Statuses that say there is nothing left to revoke; any 2xx is success. */
      readonly goneStatuses: readonly number[]
    }
  | { readonly kind: 'unsupported' }

/** A request that tells whether a grant still lives: 2xx is alive, `goneStatuses` are gone, all else unknown. */
export type LivenessFacts =
  | {
      readonly kind: 'request'
      readonly request: ProviderRequest
      readonly goneStatuses: readonly number[]
    }
  | { readonly kind: 'unsupported' }

/**
 * One kind of item in a notice.
 */
export type NoticePattern = NoticeItem &
  (
    | { readonly type: 'access_revoked' }
    | { readonly type: 'scopes_changed'; readonly scopes: FieldPath }
  )

/** Which items of a notice a {@link NoticePattern} matches. */
export interface NoticeItem {
  /** Where the array of items, or the single item, is; empty when the body itself is it. */
  readonly items: FieldPath
  /** Fields that an item must have with exactly these values, else it is something else. */
  readonly where: Readonly<Record<FieldPath, string>>
  /** Where an item names the account. */
  readonly accountId: FieldPath
}

/** How a notice proves where it comes from. */
export type NoticeAuthentication =
  | {
      readonly kind: 'unsigned'
      /** A header that carries the app's client id. Proves nothing; a wrong one is refused. */
      readonly clientIdHeader?: string
    }
  | {
      readonly kind: 'hmac'
      readonly header: string
      readonly hash: 'sha1' | 'sha256'
      readonly encoding: 'base64' | 'hex'
      /** Appended to the client secret to make the key; may be empty. */
      readonly keySuffix: string
    }

/** Notices that the provider sends to the app by itself. */
export type NoticeFacts =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'json'
      readonly authentication: NoticeAuthentication
      readonly patterns: readonly NoticePattern[]
      /** Answer to a notice that was accepted. */
      readonly replyStatus: number
      /** Answer to a notice with a wrong signature. */
      readonly rejectStatus: number
      /** Verification of the address before the first notice. */
      readonly handshake:
        | { readonly kind: 'none' }
        | {
            /** GET with a code that must equal the configured one. */
            readonly kind: 'query_code'
            readonly parameter: string
            readonly rightStatus: number
            readonly wrongStatus: number
          }
      /** Seconds within which the provider wants its answer. */
      readonly answerWithinSeconds: number
      /** `account`: the app must subscribe for each connected account, or nothing is sent. */
      readonly subscription: 'none' | 'account'
    }

/** What the error codes of the token endpoint mean. Codes that are in neither list are transient. */
export interface FailureFacts {
  /** The grant is gone; ask for confirmation before believing it. */
  readonly dead: readonly string[]
  /** The operator's credentials or settings are wrong; no fault of the person who connected. */
  readonly config: readonly string[]
  /**
   * How long a verdict `dead` is doubted before anybody is told, in minutes; default
   * {@link DEAD_CONFIRM_MINUTES}. Longer for providers that have called healthy grants dead.
   */
  readonly confirmAfterMinutes?: number
}

/** Minutes between two verdicts `dead` that are believed. */
export const DEAD_CONFIRM_MINUTES = 5

/** How hard the provider may be called. Absent: with the hub's own bounds. */
export interface LimitFacts {
  /** Refreshes that may run at once, per process. */
  readonly concurrency?: number
}

/** A provider: everything that distinguishes it from the others. */
export interface Provider {
  /** Upper case name in the API, for example `GARMIN`. */
  readonly resource: string
  /** For people. */
  readonly displayName: string
  /** The day this API ends or has ended, `YYYY-MM-DD`; absent while no end is announced. */
  readonly retiresOn?: string
  readonly authorization: AuthorizationFacts
  readonly token: TokenFacts
  readonly lifetimes: LifetimeFacts
  readonly refresh: RefreshStrategy
  readonly identity: IdentitySource
  readonly scopes: ScopeFacts
  readonly revocation: RevocationFacts
  readonly liveness: LivenessFacts
  readonly notices: NoticeFacts
  readonly failures: FailureFacts
  readonly limits?: LimitFacts
  /** Source and confidence, per group of fields. */
  readonly facts: Readonly<Record<FactGroup, Fact>>
}

/** Error codes of RFC 6749, sections 4.1.2.1 and 5.2, that the operator has to fix. */
export const CONFIG_ERROR_CODES: readonly string[] = [
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'redirect_uri_mismatch',
]
