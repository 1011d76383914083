import type { Provider } from '../providers/provider.ts'

/** What the operator registered with a provider: the app's identity there. */
export interface ClientCredentials {
  readonly clientId: string
  readonly clientSecret: string
  /** What the provider issued beside them, by the names in the provider's `secrets`. Default none. */
  readonly secrets?: Readonly<Record<string, string>>
}

/** Tokens as a provider issued them. Secret: encrypted at rest, never logged. */
export interface TokenSet {
  readonly accessToken: string
  /** Absent where the provider has none. */
  readonly refreshToken?: string
  /** OAuth 1.0a: the secret that belongs to the access token. */
  readonly tokenSecret?: string
  /** Lower case, `bearer` with every provider so far (RFC 6749, section 7.1). */
  readonly tokenType: string
  /** When the answer arrived, in milliseconds since the epoch. */
  readonly obtainedAtMs: number
  /** When the access token ends; absent when it does not, or nobody knows. */
  readonly expiresAtMs?: number
  /** When the refresh token ends; absent when it does not, or nobody knows. */
  readonly refreshExpiresAtMs?: number
  /** Granted scopes as the answer spelled them; absent when it did not say. */
  readonly scope?: string
}

/**
 * How long a function of this folder may take in all, over every request it makes, in milliseconds.
 * A lease that guards a refresh must be longer.
 */
export const PROVIDER_TIMEOUT_MS = 10_000

/** Bytes of an answer that are read at most; a longer one counts as no answer. */
export const PROVIDER_BODY_BYTES_MAX = 1_048_576

/** What every call to a provider needs. */
export interface ProviderCall {
  readonly provider: Provider
  readonly credentials: ClientCredentials
  /** Default {@link PROVIDER_TIMEOUT_MS}. */
  readonly timeoutMs?: number
}
