/**
 * What one simulated provider knows: apps, accounts, codes, tokens and grants, with the rules of RFC 6749
 * and RFC 9700 about them. No I/O; every change is complete when the call returns.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { ClockDep, RandomDep } from '../deps.ts'
import type { Account, Profile } from './profile.ts'

/** How long an authorization code may be exchanged, in milliseconds. */
export const CODE_LIFE_MS = 60_000

/** Codes and tokens kept; the oldest go first. A simulator runs for days, not for years. */
const SECRETS_MAX = 100_000

/** An app that is registered with a simulated provider. */
export interface App {
  readonly clientId: string
  readonly clientSecret: string
  /** For people, on the consent page. */
  readonly name: string
  readonly redirectUris: readonly string[]
  readonly noticeUrl?: string | undefined
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

/** A fresh pair of tokens. */
export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly grant: Grant
}

interface Code extends Consent {
  readonly expiresAtMs: number
  /** The tokens it was exchanged for; a second exchange ends them (RFC 6749, section 4.1.2). */
  family?: Family
}

/** All tokens that descend from one authorization. */
interface Family {
  readonly grant: Grant
  isAlive: boolean
}

interface Token {
  readonly kind: 'access' | 'refresh'
  readonly family: Family
  readonly expiresAtMs: number
  isUsed: boolean
}

/** The state of one simulated provider. */
export class World {
  readonly profile: Profile
  readonly apps = new Map<string, App>()
  readonly #deps: ClockDep & RandomDep
  readonly #accounts = new Map<string, Account>()
  readonly #codes = new Map<string, Code>()
  readonly #tokens = new Map<string, Token>()
  readonly #families = new Map<string, Set<Family>>()
  readonly #grants = new Map<string, Grant>()

  constructor(deps: ClockDep & RandomDep, profile: Profile) {
    this.#deps = deps
    this.profile = profile
  }

  /** The account with this login, made at first sight. Upper and lower case are the same person. */
  openAccount(login: string): Account {
    const key = login.trim().toLowerCase()
    const known = this.#accounts.get(key)
    if (known !== undefined) return known
    const digest = createHash('sha256').update(`${this.profile.provider.resource}:${key}`).digest()
    const account = { accountId: this.profile.toAccountId(digest), login: login.trim() }
    this.#accounts.set(key, account)
    return account
  }

  listAccounts(): Account[] {
    return [...this.#accounts.values()]
  }

  /** What an account has granted, newest last. */
  listGrants(accountId: string): Grant[] {
    return [...this.#grants.values()].filter((grant) => grant.account.accountId === accountId)
  }

  findGrant(clientId: string, accountId: string): Grant | undefined {
    return this.#grants.get(grantKey(clientId, accountId))
  }

  /** A code for a consent; single use, {@link CODE_LIFE_MS}. */
  issueCode(consent: Consent): string {
    const code = this.#secret()
    this.#codes.set(code, { ...consent, expiresAtMs: this.#deps.clock.nowMs() + CODE_LIFE_MS })
    dropOldest(this.#codes)
    return code
  }

  /** Exchanges a code; undefined when anything about it is wrong. */
  redeemCode(redemption: Redemption): IssuedTokens | undefined {
    const code = this.#codes.get(redemption.code)
    if (code === undefined || code.app.clientId !== redemption.app.clientId) return undefined
    if (code.family !== undefined) {
      this.#endFamily(code.family)
      return undefined
    }
    if (code.expiresAtMs <= this.#deps.clock.nowMs()) return undefined
    if (code.redirectUri !== redemption.redirectUri) return undefined
    if (!isVerified(code.codeChallenge, redemption.codeVerifier)) return undefined
    const family = { grant: this.#beginGrant(code), isAlive: true }
    code.family = family
    const key = grantKey(code.app.clientId, code.account.accountId)
    this.#families.set(key, (this.#families.get(key) ?? new Set()).add(family))
    return this.#issueTokens(family)
  }

  /**
   * Exchanges a refresh token for a new pair. A token that was used before ends its whole family
   * (RFC 9700, section 4.14.2): nobody can tell the thief from the owner.
   */
  refresh(app: App, refreshToken: string): IssuedTokens | undefined {
    const token = this.#tokens.get(refreshToken)
    if (token?.kind !== 'refresh' || !this.#isLive(token)) return undefined
    if (token.family.grant.app.clientId !== app.clientId) return undefined
    if (token.isUsed) {
      this.#endFamily(token.family)
      return undefined
    }
    token.isUsed = true
    return this.#issueTokens(token.family)
  }

  /** The grant behind an access token that is valid now. */
  findByAccessToken(accessToken: string): Grant | undefined {
    const token = this.#tokens.get(accessToken)
    return token?.kind === 'access' && this.#isLive(token) ? token.family.grant : undefined
  }

  /**
   * Revokes by either token, as far as the provider's revocation reaches.
   *
   * @returns The grant that was hit; undefined when the token was already worthless.
   */
  revokeToken(value: string): Grant | undefined {
    const token = this.#tokens.get(value)
    if (token === undefined || !this.#isLive(token)) return undefined
    const { revocation } = this.profile.provider
    if (revocation.kind !== 'unsupported' && revocation.reach === 'token') {
      this.#endFamily(token.family)
    } else {
      this.endGrant(token.family.grant)
    }
    return token.family.grant
  }

  /** Ends a grant with every token of it. */
  endGrant(grant: Grant): void {
    const key = grantKey(grant.app.clientId, grant.account.accountId)
    for (const family of this.#families.get(key) ?? []) family.isAlive = false
    this.#families.delete(key)
    this.#grants.delete(key)
  }

  #beginGrant(consent: Consent): Grant {
    const key = grantKey(consent.app.clientId, consent.account.accountId)
    const grant = this.#grants.get(key) ?? {
      app: consent.app,
      account: consent.account,
      grantedAtMs: this.#deps.clock.nowMs(),
      scopes: [],
    }
    grant.scopes = consent.scopes
    this.#grants.set(key, grant)
    return grant
  }

  #endFamily(family: Family): void {
    const { app, account } = family.grant
    const siblings = this.#families.get(grantKey(app.clientId, account.accountId))
    family.isAlive = false
    siblings?.delete(family)
    if (siblings?.size === 0) this.endGrant(family.grant)
  }

  #issueTokens(family: Family): IssuedTokens {
    const { accessTokenSeconds, refreshTokenSeconds } = this.profile.provider.lifetimes
    const accessToken = this.#issue('access', family, accessTokenSeconds)
    const refreshToken = this.#issue('refresh', family, refreshTokenSeconds)
    return { accessToken, refreshToken, grant: family.grant }
  }

  #issue(kind: Token['kind'], family: Family, lifeSeconds: number | null): string {
    const value = this.#secret()
    const expiresAtMs =
      lifeSeconds === null ? Infinity : this.#deps.clock.nowMs() + lifeSeconds * 1000
    this.#tokens.set(value, { kind, family, expiresAtMs, isUsed: false })
    dropOldest(this.#tokens)
    return value
  }

  #isLive(token: Token): boolean {
    return token.family.isAlive && token.expiresAtMs > this.#deps.clock.nowMs()
  }

  #secret(): string {
    return Buffer.from(this.#deps.random.bytes(32)).toString('base64url')
  }
}

/** RFC 7636, section 4.6; a verifier without a challenge is refused as well (RFC 9700, section 4.8.2). */
function isVerified(codeChallenge: string | undefined, codeVerifier: string | null): boolean {
  if (codeChallenge === undefined || codeVerifier === null) {
    return codeChallenge === undefined && codeVerifier === null
  }
  const expected = Buffer.from(codeChallenge)
  const found = Buffer.from(createHash('sha256').update(codeVerifier).digest('base64url'))
  return expected.length === found.length && timingSafeEqual(expected, found)
}

function grantKey(clientId: string, accountId: string): string {
  return `${clientId} ${accountId}`
}

function dropOldest(secrets: Map<string, unknown>): void {
  if (secrets.size <= SECRETS_MAX) return
  for (const oldest of secrets.keys()) {
    secrets.delete(oldest)
    return
  }
}
