/** What an answer of a token endpoint means. */
import type { TokenEndpointResponse } from 'oauth4webapi'
import { findField } from '../providers/json-path.ts'
import type { Provider } from '../providers/provider.ts'
import { readJson } from './call.ts'
import type { TokenSet } from './types.ts'

/** Lifetimes longer than this are taken for "does not expire" (100 years, in seconds). */
const LIFETIME_SECONDS_MAX = 3_155_760_000

/** Whose fault a refusal of the token endpoint is. */
export interface TokenRefusal {
  readonly kind: 'dead' | 'config' | 'transient'
  /** The error code, reduced to what is safe to repeat. */
  readonly code: string
  readonly status: number
  /** When the provider wants to be asked again, in milliseconds from now. */
  readonly retryAfterMs: number | null
}

/**
 * What a refusal means, by the provider's own table.
 *
 * @param response An answer with a status other than 200.
 * @returns `transient` for everything that the provider data does not call dead or config, for 429 and
 *   for every 5xx: a healthy connection must not die of an error nobody has understood.
 */
export async function readRefusal(provider: Provider, response: Response): Promise<TokenRefusal> {
  const { status } = response
  const found = findField(
    await readJson(response, provider.token.answer === undefined ? 'json' : 'any'),
    provider.token.errorCodePath,
  )
  const code = sanitizeCode(found)
  const said = { code, status, retryAfterMs: readRetryAfterMs(response) }
  if (status < 400 || status >= 500 || status === 429) return { kind: 'transient', ...said }
  if (provider.failures.config.includes(code)) return { kind: 'config', ...said }
  if (provider.failures.dead.includes(code)) return { kind: 'dead', ...said }
  return { kind: 'transient', ...said }
}

/** Only the form in seconds (RFC 9110, section 10.2.3): a date would need a clock that agrees. */
export function readRetryAfterMs(response: Response): number | null {
  const seconds = response.headers.get('retry-after') ?? ''
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : null
}

/**
 * An error code that is safe in a message, a log and a URL.
 *
 * @returns The code where it looks like one (lower case letters and underscores, at most 40, or a number
 *   of at most 6 digits), else `unknown_error`: what a provider sends may repeat a token.
 */
export function sanitizeCode(code: unknown): string {
  const text = typeof code === 'number' ? String(code) : code
  return typeof text === 'string' && /^(?:[a-z_]{1,40}|\d{1,6})$/.test(text)
    ? text
    : 'unknown_error'
}

/** A sentence about a refusal. */
export function describeRefusal(provider: Provider, refusal: TokenRefusal): string {
  return `the token endpoint of ${provider.resource} answered ${refusal.status} ${refusal.code}`
}

/**
 * The token set of a successful answer.
 *
 * @param previous The token set that was refreshed; its refresh token is kept when the answer has none.
 */
export function toTokenSet(
  provider: Provider,
  answer: TokenEndpointResponse,
  nowMs: number,
  previous?: TokenSet,
): TokenSet {
  const { lifetimes } = provider
  const seconds = answer.expires_in ?? lifetimes.accessTokenSeconds
  const refreshToken = answer.refresh_token ?? previous?.refreshToken
  const refreshExpiresAtMs =
    findRefreshExpiry(provider, answer, nowMs) ?? previous?.refreshExpiresAtMs
  const scope = answer.scope ?? previous?.scope
  return {
    accessToken: answer.access_token,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    tokenType: answer.token_type,
    obtainedAtMs: nowMs,
    ...(isLifetime(seconds) ? { expiresAtMs: nowMs + seconds * 1000 } : {}),
    ...(refreshExpiresAtMs === undefined ? {} : { refreshExpiresAtMs }),
    ...(scope === undefined ? {} : { scope }),
  }
}

/** Scopes as a list. */
export function splitScopes(provider: Provider, scope: string): string[] {
  const parts = scope.split(provider.authorization.scopeSeparator).map((part) => part.trim())
  return [...new Set(parts.filter((part) => part !== ''))]
}

function findRefreshExpiry(
  provider: Provider,
  answer: TokenEndpointResponse,
  nowMs: number,
): number | undefined {
  if (answer.refresh_token === undefined) return undefined
  const { refreshExpiresInField, refreshTokenSeconds } = provider.lifetimes
  const said =
    refreshExpiresInField === undefined ? undefined : Number(answer[refreshExpiresInField])
  if (isLifetime(said)) return nowMs + said * 1000
  return refreshTokenSeconds === null ? undefined : nowMs + refreshTokenSeconds * 1000
}

function isLifetime(seconds: number | null | undefined): seconds is number {
  return typeof seconds === 'number' && seconds >= 0 && seconds <= LIFETIME_SECONDS_MAX
}
