/** Every provider of the catalog, connected for real at its simulated server: nobody is special-cased. */
import { randomBytes } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { withEndpoints } from '../providers/endpoints.ts'
import { createPerson } from '../simulator/person.ts'
import { PROFILES } from '../simulator/profile.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { createAuthorization } from './authorize.ts'
import { checkGrant } from './check.ts'
import { exchangeCode } from './exchange.ts'
import { refreshTokenSet } from './refresh.ts'
import { revokeGrant } from './revoke.ts'

const REDIRECT_URI = 'https://hub.test/callback'
const time = { nowMs: Date.UTC(2026, 10, 1) }
const clock = { nowMs: () => time.nowMs }
const deps = { fetch, clock, random: { bytes: randomBytes, fraction: Math.random } }
const simulator = await startSimulator({ clock })

afterAll(async () => {
  await simulator.close()
})

async function connect(resource: string) {
  const { provider: real } = PROFILES.get(resource)!
  const provider = withEndpoints(real, simulator.originOverrides)
  const credentials = simulator.registerApp({ resource, redirectUris: [REDIRECT_URI] })
  const call = { provider, credentials }
  const basics = { ...call, redirectUri: REDIRECT_URI, state: 'the-state' }
  const { url, codeVerifier } = await createAuthorization(deps, basics)
  const { searchParams } = await createPerson({ login: 'tony' }).authorize(url)
  const outcome = await exchangeCode(deps, { ...basics, parameters: searchParams, codeVerifier })
  if (outcome.type !== 'granted') throw new TypeError(`not granted: ${JSON.stringify(outcome)}`)
  return { ...outcome, call, credentials }
}

describe.each([...PROFILES.keys()])('%s', (resource) => {
  const { provider } = PROFILES.get(resource)!

  it('connects, and tells whose account it is', async () => {
    const { providerAccountId, scopes, tokenSet } = await connect(resource)
    const isSecret = provider.identity.from === 'token_response' && provider.identity.isSecret
    const [account] = simulator.accounts(resource)
    expect(providerAccountId).toMatch(isSecret ? /^[0-9a-f]{64}$/ : `${account?.accountId}`)
    expect(providerAccountId).not.toContain(tokenSet.accessToken)
    const { authorization } = provider
    const asked = authorization.scopes.length > 0 ? authorization.scopes : provider.scopes.known
    const canTell =
      provider.scopes.granted.from !== 'token_response' || authorization.scopes.length > 0
    expect(scopes.toSorted()).toEqual(canTell ? asked.toSorted() : [])
  })

  it('is alive until it is given back', async () => {
    const { tokenSet, providerAccountId, call, credentials } = await connect(resource)
    const { clientId } = credentials
    const options = { ...call, tokenSet, providerAccountId }
    const isAsked = provider.liveness.kind === 'request'
    expect(await checkGrant(deps, options)).toBe(isAsked ? 'alive' : 'unknown')
    const isOffered = provider.revocation.kind !== 'unsupported'
    expect(await revokeGrant(deps, options)).toEqual({
      type: isOffered ? 'revoked' : 'unsupported',
    })
    const [account] = simulator.accounts(resource)
    const target = { clientId, accountId: account?.accountId ?? '' }
    if (!isOffered) await simulator.removeApp(resource, target)
    expect(simulator.isGrantActive(resource, target.accountId, clientId)).toBe(false)
    expect(await checkGrant(deps, options)).toBe(isAsked ? 'gone' : 'unknown')
  })
})

const REFRESHING = [...PROFILES].filter(([, { provider }]) => provider.refresh.kind !== 'never')

describe.each(REFRESHING)('%s', (resource, { provider }) => {
  it('refreshes, and again', async () => {
    const { tokenSet, call } = await connect(resource)
    const first = await refreshTokenSet(deps, { ...call, tokenSet })
    if (first.type !== 'refreshed') throw new TypeError(JSON.stringify(first))
    const isSame = first.tokenSet.accessToken === tokenSet.accessToken
    expect(isSame).toBe(provider.refresh.kind === 'extend')
    time.nowMs += 60_000
    const second = await refreshTokenSet(deps, { ...call, tokenSet: first.tokenSet })
    if (second.type !== 'refreshed') throw new TypeError(JSON.stringify(second))
    expect(second.tokenSet.refreshToken).toBeDefined()
    expect(second.tokenSet.expiresAtMs ?? Infinity).toBeGreaterThan(first.tokenSet.expiresAtMs ?? 0)
  })
})
