/**
 * What Firma knows about a provider, as data: the shape of the files in `entries/`, checked at start. Each
 * way in which a provider deviates from OAuth is a field here and one `switch` in `oauth/`, never a
 * branch on the provider's name. What OAuth 2.0 itself says is the default and need not be repeated.
 *
 * Every URL is absolute https; every duration says its unit in its name. In URLs, headers and members of
 * requests the placeholders `{clientId}`, `{clientSecret}`, `{providerAccountId}`, `{refreshToken}`,
 * `{noticeUrl}`, `{noticeKey}`, `{timestamp}` (seconds), `{memberId}` and `{secret.NAME}` are filled in.
 */
import { z } from 'zod'
import { appSubscriptions, notices } from './notices.ts'
import { fieldPath, marker, request, seconds, someStrings, strings, texts, url } from './request.ts'
import { simulation } from './simulation.ts'

/**
 * How far a fact can be trusted: `verified` against the live provider, `documented` by the provider or
 * seen in code that runs against it, `third_party` from others' write-ups, `unverified` general knowledge.
 */
export const CONFIDENCES = ['verified', 'documented', 'third_party', 'unverified'] as const

/** The groups of fields of a {@link Provider} that every entry has to account for. */
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

/** Error codes of RFC 6749, sections 4.1.2.1 and 5.2, that the operator has to fix. */
export const CONFIG_ERROR_CODES: readonly string[] = [
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'redirect_uri_mismatch',
]

/** Minutes between two verdicts `dead` that are believed, where a provider's entry does not say. */
const DEAD_CONFIRM_MINUTES = 5

const authorization = z
  .strictObject({
    url,
    /** Requested scopes. Empty: the provider decides in its developer portal, and no `scope` is sent. */
    scopes: strings.default([]),
    /** Between scopes, in requests and answers. RFC 6749, section 3.3 says a space; not all agree. */
    scopeSeparator: z.enum([' ', ',']).default(' '),
    /** Name of the parameter with the scopes. */
    scopeParameter: z.string().default('scope'),
    /** `ask_new`: a scope that the account has granted before must not be asked for again. */
    grantedScopes: z.enum(['ask_all', 'ask_new']).default('ask_all'),
    /** Parameters this provider needs beyond the specification's, for example `prompt`. */
    extraParameters: texts.default({}),
    /**
     * `S256`: a code challenge is sent (RFC 7636), also where the provider is not known to check it: a
     * server that does not know the parameter ignores it. `refused`: the request fails when it is sent.
     */
    pkce: z.enum(['S256', 'refused']).default('S256'),
    /** The issuer that the answer's `iss` must equal (RFC 9207). Absent: `iss` is not looked at. */
    issuer: z.string().exactOptional(),
  })
  .readonly()

const token = z
  .strictObject({
    url,
    /** Where refreshing has an address of its own; default `url`. */
    refreshUrl: url.exactOptional(),
    /** OAuth 1.0a: where the request token comes from (RFC 5849, section 2.1). */
    requestTokenUrl: url.exactOptional(),
    method: z.enum(['POST', 'GET']).default('POST'),
    /** Where the parameters go; RFC 6749, section 3.2 says the body. */
    parametersIn: z.enum(['body', 'query']).default('body'),
    /** `basic`: `Authorization: Basic` with form-encoded halves (RFC 6749, section 2.3.1). `body`: among the parameters. */
    clientAuthentication: z.enum(['basic', 'body']).default('body'),
    /** Parameters to add to every exchange and refresh. */
    extraParameters: texts.default({}),
    /** Parameters to add to every refresh, for example a repeated `scope`. */
    refreshParameters: texts.default({}),
    /** Where an error answer keeps its code; `error` in the specification. */
    errorCodePath: fieldPath.default('error'),
    /**
     * Absent: answers are read as strictly as RFC 6749 asks. Present: members lie under `members`, by the
     * names in `names` where they differ; a missing `token_type` means `bearer`; any content type and a
     * life in a string are accepted. `success` must hold where its path is present.
     */
    answer: z
      .strictObject({
        members: fieldPath.default(''),
        names: texts.default({}),
        success: marker.exactOptional(),
      })
      .readonly()
      .exactOptional(),
  })
  .readonly()

const lifetimes = z
  .strictObject({
    /** Life of an access token where the answer does not say; null when it does not end, or nobody knows. */
    accessTokenSeconds: seconds.nullable().default(null),
    /** Seconds from issue; null when unknown or unlimited. */
    refreshTokenSeconds: seconds.nullable().default(null),
    /** Member of the token answer that tells the refresh token's life in seconds. */
    refreshExpiresInField: z.string().exactOptional(),
    /**
     * `single_use`: each refresh returns a new refresh token and the old one is dead. `at_first_use`: the
     * old pair dies when the new access token is first used. `may_change`: store what is returned.
     * `fixed`: never changes. `none`: there are no refresh tokens.
     */
    refreshRotation: z.enum(['single_use', 'at_first_use', 'may_change', 'fixed', 'none']),
    /**
     * What to do when the answer to a refresh was lost. Default `last_resort` where refresh tokens are
     * `single_use`, else `resend`.
     */
    lostAnswer: z.enum(['resend', 'last_resort']).exactOptional(),
    /** With `at_first_use`: the old refresh token dies after this time at the latest. */
    supersededSeconds: seconds.exactOptional(),
    /** Access tokens that may live at once for one account and app; asking for more fails. */
    liveTokensMax: z.int().positive().exactOptional(),
    /** Seconds within which the code must be exchanged, where that is tight. */
    codeSeconds: seconds.exactOptional(),
  })
  .readonly()

/**
 * When to refresh. `ahead`: this many seconds before expiry. `before_use`: only directly before a call
 * (for providers whose old token dies at the first use of the new one, or that cap live tokens).
 * `extend`: as `ahead`, but the answer prolongs the same access token. `never`: nothing to refresh.
 */
const refresh = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('ahead'), aheadSeconds: seconds }),
    z.strictObject({ kind: z.literal('before_use') }),
    z.strictObject({ kind: z.literal('extend'), aheadSeconds: seconds }),
    z.strictObject({ kind: z.literal('never') }),
  ])
  .readonly()

/**
 * Where the account's id at the provider is learnt. Strings and integers are accepted. `token_claim`: a
 * claim of the JWT that `member` of the token answer holds; it came straight from the token endpoint, so
 * its signature is not needed. `labels`: where the same answer has what people know the account by, the best first; it
 * is masked before it is stored.
 */
const identity = z
  .discriminatedUnion('from', [
    z.strictObject({
      from: z.literal('token_response'),
      field: fieldPath,
      /** The value gives access, so that a digest of it has to stand for the account. */
      isSecret: z.boolean().default(false),
    }),
    z.strictObject({
      from: z.literal('token_claim'),
      member: z.enum(['access_token', 'id_token']),
      claim: z.string(),
    }),
    z.strictObject({
      from: z.literal('request'),
      request,
      field: fieldPath,
      labels: strings.exactOptional(),
    }),
  ])
  .readonly()

/**
 * Where the granted scopes are learnt. `token_response`: its `scope` (RFC 6749, section 5.1).
 * `callback`: a parameter of the redirect. Both count as "granted as requested" when absent.
 * `request`: an API; the first of `fields` that holds an array of strings wins.
 */
const granted = z
  .discriminatedUnion('from', [
    z.strictObject({ from: z.literal('token_response') }),
    z.strictObject({ from: z.literal('callback'), parameter: z.string() }),
    z.strictObject({ from: z.literal('request'), request, fields: strings }),
  ])
  .readonly()

const scopes = z
  .strictObject({
    /** Every scope or permission the provider knows and Firma may meet. */
    known: strings.default([]),
    granted: granted.default({ from: 'token_response' }),
    /** Without these a connection is useless and the flow fails; may be empty. */
    required: strings.default([]),
  })
  .readonly()

/**
 * A request of its own that belongs to connecting. `registration`: part of connecting, which fails
 * without it. `subscription`: made afterwards for each connection, tried again until it succeeds.
 */
const step = z
  .strictObject({
    request,
    /** Statuses beside 2xx that mean it is done, for example 409 for "already there". */
    doneStatuses: z.array(z.int()).readonly().default([]),
  })
  .readonly()

/** The provider that takes the place of one that ends. */
const successor = z
  .strictObject({
    resource: z.string(),
    /**
     * Turns a grant into one of the successor without the person; the answer is a token answer of the
     * successor. Absent: everybody has to consent again.
     */
    exchange: request.exactOptional(),
  })
  .readonly()

const reach = z.enum(['account', 'token'])
const statuses = z.array(z.int()).readonly()

/**
 * How the app gives access back. `reach` says what dies with it: `account` ends every grant of that
 * account in the app, so an old token must never be revoked after the same account has connected
 * again; `token` ends the one token and its siblings.
 *
 * - `rfc7009`: the revocation endpoint, with the refresh token where there is one.
 * - `request`: an API call with the access token, which must not have expired.
 * - `unsupported`: only the person can do it.
 */
const revocation = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('rfc7009'), url, reach }),
    z.strictObject({
      kind: z.literal('request'),
      request,
      reach,
      /** Statuses that say there is nothing left to revoke; any 2xx is success. */
      goneStatuses: statuses.default([]),
    }),
    z.strictObject({ kind: z.literal('unsupported') }),
  ])
  .readonly()

/**
 * A request that tells whether a grant still lives: `goneStatuses`, or a 2xx with `gone` in its body, are
 * gone; any other 2xx is alive; all else is unknown.
 */
const liveness = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('request'),
      request,
      goneStatuses: statuses,
      gone: marker.exactOptional(),
      /** `gone` says that the person has withdrawn access, not only that the token is refused. */
      isRevocation: z.boolean().default(false),
      /**
       * How often to ask; absent where the provider tells by itself and refreshing finds out what a lost
       * notice would have told.
       */
      everySeconds: seconds.exactOptional(),
    }),
    z.strictObject({ kind: z.literal('unsupported') }),
  ])
  .readonly()

/** What the error codes of the token endpoint mean. Codes that are in neither list are transient. */
const failures = z
  .strictObject({
    /** The grant is gone; ask for confirmation before believing it. */
    dead: strings.default(['invalid_grant', 'invalid_token']),
    /** The operator's credentials or settings are wrong; no fault of the person who connected. */
    config: strings.default(CONFIG_ERROR_CODES),
    /**
     * How long a verdict `dead` is doubted before anybody is told; longer for providers that have called
     * healthy grants dead.
     */
    confirmAfterMinutes: z.int().positive().default(DEAD_CONFIRM_MINUTES),
  })
  .readonly()

const rate = z
  .strictObject({
    requests: z.int().positive(),
    /** The time in which there may be so many, in seconds: up to a day. */
    perSeconds: z.int().positive().max(86_400),
    /** Whose requests count together: all of the `app`, or those for one `account`. */
    of: z.enum(['app', 'account']).default('app'),
    /** Whether refreshing tokens counts too. */
    countsRefreshes: z.boolean().default(true),
  })
  .readonly()

const fact = z
  .strictObject({
    /** Groups of fields, or single fields as `lifetimes.refreshTokenSeconds`; the most specific wins. */
    about: someStrings,
    confidence: z.enum(CONFIDENCES),
    /** Page of the provider, or of whoever says so; absent only for what is `unverified`. */
    source: z.url().exactOptional(),
    /** What a reader has to know beyond the data. */
    note: z.string().exactOptional(),
  })
  .readonly()

/** Where some facts come from. */
export type Fact = z.infer<typeof fact>

/** A provider: everything that distinguishes it from the others. */
export const PROVIDER = z
  .strictObject({
    /** Upper case name in the API, for example `GARMIN`. */
    resource: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'expected an upper case name'),
    /** For people. */
    displayName: z.string().min(1),
    protocol: z.enum(['oauth2', 'oauth1']).default('oauth2'),
    /** The day this API ends or has ended, `YYYY-MM-DD`; absent while no end is announced. */
    retiresOn: z.iso.date().exactOptional(),
    /** Where its people go when it ends. */
    successor: successor.exactOptional(),
    /** What an operator must know before enabling it. */
    note: z.string().exactOptional(),
    authorization,
    token,
    lifetimes,
    refresh: refresh.default({ kind: 'ahead', aheadSeconds: 600 }),
    identity,
    scopes: scopes.prefault({}),
    registration: step.exactOptional(),
    subscription: step.exactOptional(),
    appSubscriptions: appSubscriptions.exactOptional(),
    revocation: revocation.default({ kind: 'unsupported' }),
    liveness: liveness.default({ kind: 'unsupported' }),
    notices: notices.default({ kind: 'none' }),
    failures: failures.prefault({}),
    /** How hard the provider may be called. Absent: with the hub's own bounds. */
    limits: z
      .strictObject({
        /** Refreshes that may run at once, per process. */
        concurrency: z.int().positive().exactOptional(),
        /** Whom a 429 is about: the `account` (default), or the whole `app`. */
        scope: z.enum(['account', 'app']).exactOptional(),
        /** How often it may be asked. All of them hold at once. */
        rates: z.array(rate).readonly().exactOptional(),
      })
      .readonly()
      .exactOptional(),
    /** Where data is read: the origins that the proxy may call, and headers of every call. */
    api: z
      .strictObject({ origins: strings.default([]), headers: texts.default({}) })
      .readonly()
      .prefault({}),
    /** Secrets beside the client's that the operator gets from the provider, by name: what they are. */
    secrets: texts.default({}),
    /** Names that `secrets` had once. Whoever still gives them is not refused. */
    formerSecrets: z.array(z.string()).readonly().default([]),
    simulation: simulation.prefault({}),
    facts: z.array(fact).readonly(),
  })
  .readonly()

/** A provider, checked and complete. */
export type Provider = z.infer<typeof PROVIDER>

export type IdentitySource = Provider['identity']
export type ScopeSource = Provider['scopes']['granted']
export type RevocationFacts = Provider['revocation']
export type NoticeFacts = Provider['notices']
