/**
 * What one simulated provider knows: apps, accounts, codes, tokens and grants, with the rules of RFC 6749
 * and RFC 9700 about them. No I/O; every change is complete when the call returns.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { ClockDep, RandomDep } from '../deps.ts'
import type {
  App,
  Code,
  Consent,
  Family,
  Grant,
  IssuedTokens,
  Redemption,
  RequestToken,
  Token,
} from './grant.ts'
import { type Account, type Profile, toAccountId } from './profile.ts'
import type { WorldState } from './world-state.ts'

/** How long an authorization code may be exchanged, in milliseconds. */
export const CODE_LIFE_MS = 60_000

/** How long a request token of OAuth 1.0a may be used, in milliseconds. */
const REQUEST_TOKEN_LIFE_MS = 900_000

/** Codes and tokens kept; the oldest go first. A simulator runs for days, not for years. */
const SECRETS_MAX = 100_000

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
  readonly #requestTokens = new Map<string, RequestToken>()

  constructor(deps: ClockDep & RandomDep, profile: Profile) {
    this.#deps = deps
    this.profile = profile
  }

  /** The account with this login, made at first sight. Upper and lower case are the same person. */
  openAccount(login: string): Account {
    const key = login.trim().toLowerCase()
    const known = this.#accounts.get(key)
    if (known !== undefined) return known
    const { resource, successor } = this.profile.provider
    // What a provider exchanges for tokens of another is about the same account.
    const owner = successor?.exchange === undefined ? resource : successor.resource
    const digest = createHash('sha256').update(`${owner}:${key}`).digest()
    const account = {
      accountId: toAccountId(this.profile.provider.simulation.accountId, digest),
      login: login.trim(),
    }
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

  /** A code for a consent; single use, {@link CODE_LIFE_MS} where the provider does not say. */
  issueCode(consent: Consent): string {
    const code = this.#secret()
    const { codeSeconds } = this.profile.provider.lifetimes
    const lifeMs = codeSeconds === undefined ? CODE_LIFE_MS : codeSeconds * 1000
    this.#codes.set(code, { ...consent, expiresAtMs: this.#deps.clock.nowMs() + lifeMs })
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
    code.family = this.#beginFamily(code)
    return this.#issueTokens(code.family)
  }

  #beginFamily(consent: Consent): Family {
    const family = { grant: this.#beginGrant(consent), isAlive: true }
    const key = grantKey(consent.app.clientId, consent.account.accountId)
    this.#families.set(key, (this.#families.get(key) ?? new Set()).add(family))
    return family
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
    return this.#rotate(refreshToken, token)
  }

  /** What a refresh does, by the provider's rule. */
  #rotate(value: string, token: Token): IssuedTokens | undefined {
    const { refresh, lifetimes } = this.profile.provider
    const { family } = token
    if (refresh.kind === 'extend') {
      const lifeMs = (lifetimes.accessTokenSeconds ?? 0) * 1000
      for (const other of this.#tokens.values()) {
        const isTheirs = other.kind === 'access' && other.family === family
        if (isTheirs) other.expiresAtMs = this.#deps.clock.nowMs() + lifeMs
      }
      return { grant: family.grant }
    }
    switch (lifetimes.refreshRotation) {
      case 'none':
        return undefined
      case 'single_use':
        token.isUsed = true
        return this.#issueTokens(family)
      case 'fixed': {
        const accessToken = this.#issue('access', family, lifetimes.accessTokenSeconds)
        const isRepeated = !this.profile.provider.simulation.omitsRefreshToken
        return { accessToken, grant: family.grant, ...(isRepeated && { refreshToken: value }) }
      }
      case 'at_first_use':
      case 'may_change':
        return this.#supersede(value, family)
    }
  }

  /** The old pair lives until the new one is used, or a little longer than that. */
  #supersede(value: string, family: Family): IssuedTokens | undefined {
    const { lifetimes } = this.profile.provider
    const live = [...this.#tokens].filter(
      ([, token]) => token.family === family && token.kind === 'access' && this.#isLive(token),
    )
    if (live.length >= (lifetimes.liveTokensMax ?? Infinity)) return undefined
    const issued = this.#issueTokens(family)
    const superseded = [value, ...live.map(([accessToken]) => accessToken)]
    const fresh = this.#tokens.get(issued.accessToken ?? '')
    if (fresh !== undefined) fresh.supersedes = superseded
    const old = this.#tokens.get(value)
    if (old !== undefined && lifetimes.supersededSeconds !== undefined) {
      const endsAtMs = this.#deps.clock.nowMs() + lifetimes.supersededSeconds * 1000
      old.expiresAtMs = Math.min(old.expiresAtMs, endsAtMs)
    }
    return issued
  }

  /** The grant behind an access token that is valid now; using it ends what it supersedes. */
  findByAccessToken(accessToken: string): Grant | undefined {
    const token = this.#tokens.get(accessToken)
    if (token?.kind !== 'access' || !this.#isLive(token)) return undefined
    for (const old of token.supersedes ?? []) this.#tokens.delete(old)
    delete token.supersedes
    return token.family.grant
  }

  /** Tokens for what another world has granted to the app's former self. */
  adopt(app: App, grant: Grant): IssuedTokens {
    const account = this.openAccount(grant.account.login)
    const { scopes } = grant
    return this.#issueTokens(this.#beginFamily({ app, account, scopes, redirectUri: '' }))
  }

  /** The secret of an OAuth 1.0a access token. */
  findTokenSecret(accessToken: string): string | undefined {
    return this.#tokens.get(accessToken)?.secret
  }

  /** OAuth 1.0a: a request token for one login. */
  issueRequestToken(app: App, callbackUrl: string): { token: string; secret: string } {
    const token = this.#secret()
    const secret = this.#secret()
    const expiresAtMs = this.#deps.clock.nowMs() + REQUEST_TOKEN_LIFE_MS
    this.#requestTokens.set(token, { secret, app, callbackUrl, expiresAtMs })
    dropOldest(this.#requestTokens)
    return { token, secret }
  }

  findRequestToken(token: string): RequestToken | undefined {
    const found = this.#requestTokens.get(token)
    return found !== undefined && found.expiresAtMs > this.#deps.clock.nowMs() ? found : undefined
  }

  /** OAuth 1.0a: a person has consented. @returns The verifier for the callback. */
  grantRequestToken(token: RequestToken, consent: Consent): string {
    const verifier = this.#secret()
    token.granted = { verifier, consent }
    return verifier
  }

  /** OAuth 1.0a: exchanges a request token, once. */
  redeemRequestToken(
    token: string,
    verifier: string,
  ): { token: string; secret: string; grant: Grant } | undefined {
    const granted = this.findRequestToken(token)?.granted
    if (granted === undefined || granted.verifier !== verifier) return undefined
    this.#requestTokens.delete(token)
    const family = this.#beginFamily(granted.consent)
    const value = this.#secret()
    const secret = this.#secret()
    this.#tokens.set(value, {
      kind: 'access',
      family,
      expiresAtMs: Infinity,
      isUsed: false,
      secret,
    })
    return { token: value, secret, grant: family.grant }
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

  /** What is to be kept. */
  toState(): WorldState {
    const grants = [...this.#grants.values()]
    const families = [...this.#families.values()].flatMap((all) => [...all])
    return {
      accounts: this.listAccounts(),
      grants: grants.map(({ app, account, grantedAtMs, scopes }) => ({
        clientId: app.clientId,
        accountId: account.accountId,
        grantedAtMs,
        scopes: [...scopes],
      })),
      families: families.map((family) => ({
        grant: grants.indexOf(family.grant),
        tokens: [...this.#tokens]
          .filter(([, token]) => token.family === family)
          .map(([value, { kind, expiresAtMs, isUsed, secret, supersedes }]) => ({
            value,
            kind,
            expiresAtMs: expiresAtMs === Infinity ? null : expiresAtMs,
            isUsed,
            ...(secret === undefined ? {} : { secret }),
            ...(supersedes === undefined ? {} : { supersedes: [...supersedes] }),
          })),
      })),
    }
  }

  /** Takes up what was kept; apps are registered again afterwards, under the same client ids. */
  restore(state: WorldState): void {
    for (const account of state.accounts) {
      this.#accounts.set(account.login.toLowerCase(), account)
    }
    const grants = state.grants.map(({ clientId, accountId, grantedAtMs, scopes }) => {
      const account = state.accounts.find((one) => one.accountId === accountId)
      const app: App = { clientId, clientSecret: '', name: clientId, redirectUris: [], secrets: {} }
      const grant = {
        app,
        account: account ?? { accountId, login: accountId },
        grantedAtMs,
        scopes,
      }
      this.#grants.set(grantKey(clientId, accountId), grant)
      return grant
    })
    for (const { grant: index, tokens } of state.families) {
      const grant = grants[index]
      if (grant === undefined) continue
      const family = { grant, isAlive: true }
      const key = grantKey(grant.app.clientId, grant.account.accountId)
      this.#families.set(key, (this.#families.get(key) ?? new Set()).add(family))
      for (const { value, expiresAtMs, ...token } of tokens) {
        this.#tokens.set(value, { ...token, family, expiresAtMs: expiresAtMs ?? Infinity })
      }
    }
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
    const { lifetimes } = this.profile.provider
    const accessToken = this.#issue('access', family, lifetimes.accessTokenSeconds)
    if (lifetimes.refreshRotation === 'none') return { accessToken, grant: family.grant }
    const refreshToken = this.#issue('refresh', family, lifetimes.refreshTokenSeconds)
    return { accessToken, refreshToken, grant: family.grant }
  }

  #issue(kind: Token['kind'], family: Family, lifeSeconds: number | null): string {
    const { identity } = this.profile.provider
    const isJwt =
      kind === 'access' && identity.from === 'token_claim' && identity.member === 'access_token'
    const value = isJwt
      ? toJwt({ [identity.claim]: family.grant.account.accountId, jti: this.#secret() })
      : this.#secret()
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

/** A JWT as far as clients read it; nobody checks the signature of a simulated one. */
export function toJwt(claims: Readonly<Record<string, unknown>>): string {
  const parts = [{ alg: 'none', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  return `${parts.join('.')}.`
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
