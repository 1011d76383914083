/** What a simulated provider has granted and issued, and to whom. */
import type { Account } from './profile.ts'

/** An app that is registered with a simulated provider. */
export interface App {
  readonly clientId: string
  readonly clientSecret: string
  /** For people, on the consent page. */
  readonly name: string
  readonly redirectUris: readonly string[]
  readonly noticeUrl?: string | undefined
  /** What the provider issues beside the client's secret, by name. */
  readonly secrets: Readonly<Record<string, string>>
}

/** What one account has granted to one app. */
export interface Grant {
  readonly app: App
  readonly account: Account
  readonly grantedAtMs: number
  scopes: readonly string[]
}

/** An authorization that a person has just given. */
export interface Consent {
  readonly app: App
  readonly account: Account
  readonly scopes: readonly string[]
  readonly redirectUri: string
  readonly codeChallenge?: string | undefined
}

/** What the app brings to exchange a code. */
export interface Redemption {
  readonly app: App
  readonly code: string
  readonly redirectUri: string | null
  readonly codeVerifier: string | null
}

/** What a token endpoint answers with. */
export interface IssuedTokens {
  /** Absent where a refresh only prolongs the token that the app has. */
  readonly accessToken?: string
  /** Absent where there is none, or this answer does not repeat it. */
  readonly refreshToken?: string
  readonly grant: Grant
}

/** A request token of OAuth 1.0a, from its first call to the access token (RFC 5849, section 2). */
export interface RequestToken {
  readonly secret: string
  readonly app: App
  readonly callbackUrl: string
  readonly expiresAtMs: number
  granted?: { readonly verifier: string; readonly consent: Consent }
}

export interface Code extends Consent {
  readonly expiresAtMs: number
  /** The tokens it was exchanged for; a second exchange ends them (RFC 6749, section 4.1.2). */
  family?: Family
}

/** All tokens that descend from one authorization. */
export interface Family {
  readonly grant: Grant
  isAlive: boolean
}

export interface Token {
  readonly kind: 'access' | 'refresh'
  readonly family: Family
  expiresAtMs: number
  isUsed: boolean
  /** OAuth 1.0a: the secret that signs with it. */
  readonly secret?: string
  /** Tokens that end when this one is first used. */
  supersedes?: readonly string[]
}
