/** Token sets as they are stored, and what refreshing them needs. */
import {
  type LookPlan,
  type RefreshStrategy,
  type TokenTimes,
  endsAtMs,
  nextLookAtMs,
} from '../core/token.ts'
import { MINUTE_MS, SECOND_MS } from '../core/time.ts'
import type { ClockDep, FetchDep, IdsDep, LogDep, RandomDep, TimerDep, WakeDep } from '../deps.ts'
import type { TokenSet } from '../oauth/types.ts'
import type { Provider } from '../providers/provider.ts'
import { Redacted } from '../secret.ts'
import type { Connection } from '../store/connections.ts'
import type { StoreDep } from '../store/open.ts'
import type { StoredTokenSet, TokenSetContent } from '../store/token-sets.ts'
import type { ProviderAccess } from './provider-access.ts'
import type { RatesDep } from './provider-rates.ts'

/** How long refreshing may take, in milliseconds. */
export interface RefreshTimes {
  /** A claim ends this long after it was taken or renewed; it is renewed three times in that time. */
  readonly leaseMs: number
  /**
   * After this an answer counts as lost. Far more than any provider takes: a refresh token that rotates
   * is used up when it is sent, so an answer that comes late must still be stored.
   */
  readonly answerMs: number
  /**
   * For so long after sending, whoever sent may still get the answer or be storing it, also when it did not
   * renew its claim: it may be held up, or the database may be down. Nobody else sends until then.
   */
  readonly doubtMs: number
  /** Callers wait this long for a refresh that is under way; it goes on without them. */
  readonly waitMs: number
}

export const REFRESH_TIMES: RefreshTimes = {
  leaseMs: MINUTE_MS,
  answerMs: 4 * MINUTE_MS,
  // The answer, and nine minutes of trying to store it.
  doubtMs: 14 * MINUTE_MS,
  waitMs: 15 * SECOND_MS,
}

export type FreshTokens =
  | { readonly type: 'fresh'; readonly tokenSet: TokenSet; readonly version: number }
  /** The provider says that the grant is gone. */
  | { readonly type: 'grant_rejected'; readonly version: number }
  /** Nothing usable now; asking again later may help. Says nothing about the grant. */
  | { readonly type: 'unavailable' }

/** Refreshes that run in this process, by lineage. */
export type RunningRefreshes = Map<string, Promise<FreshTokens>>

export interface RefreshDep {
  readonly refreshes: {
    readonly running: RunningRefreshes
    readonly times: RefreshTimes
    /** The process ends: no refresh token is sent any more. */
    readonly ending: AbortController
  }
}

export type RefreshDeps = ClockDep &
  TimerDep &
  IdsDep &
  RandomDep &
  FetchDep &
  LogDep &
  StoreDep &
  WakeDep &
  RatesDep &
  RefreshDep

/** What a refresh is about. */
export interface RefreshSubject {
  readonly connection: Connection
  readonly access: ProviderAccess
}

/** Reads a stored token set. */
export function parseTokenSet(json: Redacted<string>): TokenSet {
  // Written by us from a TokenSet.
  return JSON.parse(json.reveal()) as TokenSet
}

/** A token set as it is stored, with when the worker will look at it. */
export function toContent(
  { random }: RandomDep,
  provider: Provider,
  tokenSet: TokenSet,
  before: Pick<StoredTokenSet, 'checkedAtMs' | 'warnedAtMs'> = NEVER_LOOKED_AT,
): TokenSetContent {
  const times = timesOf(tokenSet)
  const plan = planOf(provider, tokenSet, before)
  return {
    json: new Redacted(JSON.stringify(tokenSet)),
    times,
    refreshAtMs: nextLookAtMs(strategyOf(provider, tokenSet), times, plan, random.fraction()),
  }
}

const NEVER_LOOKED_AT = { checkedAtMs: null, warnedAtMs: null }

/** What the worker does with a token set beside refreshing it. */
export function planOf(
  provider: Provider,
  tokenSet: TokenSet,
  { checkedAtMs, warnedAtMs }: Pick<StoredTokenSet, 'checkedAtMs' | 'warnedAtMs'>,
): LookPlan {
  const { liveness, lifetimes } = provider
  const everySeconds = liveness.kind === 'request' ? liveness.everySeconds : undefined
  const isRenewed = lifetimes.refreshRotation !== 'fixed'
  return {
    checkEveryMs: everySeconds === undefined ? null : everySeconds * SECOND_MS,
    checkedAtMs,
    endsAtMs: endsAtMs(strategyOf(provider, tokenSet), timesOf(tokenSet), isRenewed),
    warnedAtMs,
  }
}

/** Without a refresh token there is nothing to refresh, whatever the provider usually does. */
export function strategyOf(provider: Provider, tokenSet: TokenSet): RefreshStrategy {
  return tokenSet.refreshToken === undefined ? { kind: 'never' } : provider.refresh
}

export function timesOf(tokenSet: TokenSet): TokenTimes {
  return {
    obtainedAtMs: tokenSet.obtainedAtMs,
    expiresAtMs: tokenSet.expiresAtMs ?? null,
    refreshExpiresAtMs: tokenSet.refreshExpiresAtMs ?? null,
  }
}
