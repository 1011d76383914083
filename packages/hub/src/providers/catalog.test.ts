import { describe, expect, it } from 'vitest'
import { findProvider, PROVIDERS } from './catalog.ts'
import { providerUrls } from './endpoints.ts'
import { GARMIN } from './garmin.ts'
import { CONFIG_ERROR_CODES, FACT_GROUPS, type Provider } from './provider.ts'

/** What is wrong with a catalog entry, in sentences; empty when it is sound. */
function findFaults(provider: Provider): string[] {
  const { authorization, lifetimes, notices, refresh, scopes } = provider
  const faults: string[] = []
  const must = (condition: boolean, fault: string): void => {
    if (!condition) faults.push(fault)
  }
  must(/^[A-Z][A-Z0-9_]*$/.test(provider.resource), 'resource is upper case')
  must(provider.displayName !== '', 'there is a display name')
  must(/^\d{4}-\d\d-\d\d$/.test(provider.retiresOn ?? '2026-01-01'), 'retiresOn is a day')
  for (const url of providerUrls(provider)) {
    const { protocol, username, password, hash, pathname } = new URL(url)
    must(protocol === 'https:', `${url} is https`)
    must(username + password + hash === '' && pathname !== '/', `${url} is an endpoint`)
  }
  must(
    authorization.pkce === 'S256' || provider.facts.authorization.note !== undefined,
    'a note says why there is no PKCE',
  )
  must(new Set(scopes.known).size === scopes.known.length, 'no scope is listed twice')
  for (const scope of [...authorization.scopes, ...scopes.required]) {
    must(scopes.known.includes(scope), `${scope} is a known scope`)
  }
  for (const scope of scopes.known) {
    // Terra's events join scopes with commas.
    must(!/[\s,]/.test(scope), `${scope} has no separator inside`)
  }
  for (const scope of scopes.required) {
    must(
      authorization.scopes.length === 0 || authorization.scopes.includes(scope),
      `required ${scope} is asked for`,
    )
  }
  must(
    (refresh.kind === 'never') === (lifetimes.refreshRotation === 'none'),
    'it refreshes exactly if there are refresh tokens',
  )
  if (refresh.kind === 'ahead' || refresh.kind === 'extend') {
    must(refresh.aheadSeconds > 0, 'it refreshes before expiry')
    must(
      refresh.aheadSeconds < (lifetimes.accessTokenSeconds ?? Infinity),
      'a new token is not due at once',
    )
  }
  const { dead, config } = provider.failures
  must(dead.includes('invalid_grant'), 'invalid_grant is dead')
  must(
    CONFIG_ERROR_CODES.every((code) => config.includes(code)),
    'configuration errors are known',
  )
  must(!dead.some((code) => config.includes(code)), 'no code is both dead and config')
  if (notices.kind === 'json') {
    must(notices.patterns.length > 0, 'notices say something')
    must(
      notices.authentication.kind === 'hmac' || provider.liveness.kind === 'request',
      'unsigned notices can be confirmed',
    )
  }
  must(
    FACT_GROUPS.every((group) => provider.facts[group].source !== ''),
    'each group of facts has a source',
  )
  return faults
}

describe('PROVIDERS', () => {
  it.each([...PROVIDERS.values()])('has a sound entry for $resource', (provider) => {
    expect(findFaults(provider)).toEqual([])
  })

  it('lists each resource once, under its own name', () => {
    const providers = [...PROVIDERS.values()]
    expect([...PROVIDERS.keys()]).toEqual(providers.map((provider) => provider.resource))
    expect(new Set(providers.map((provider) => provider.displayName)).size).toBe(providers.length)
  })

  it('would notice an unsound entry', () => {
    const unsound: Provider = {
      ...GARMIN,
      resource: 'garmin',
      authorization: {
        ...GARMIN.authorization,
        url: 'http://connect.garmin.com/',
        pkce: 'refused',
      },
      refresh: { kind: 'never' },
      failures: { dead: ['invalid_client'], config: CONFIG_ERROR_CODES },
    }
    expect(findFaults(unsound)).toHaveLength(7)
  })
})

describe('findProvider', () => {
  it('finds a resource in any case', () => {
    expect(findProvider('garmin')).toBe(PROVIDERS.get('GARMIN'))
    expect(findProvider('FITBIT')?.displayName).toBe('Fitbit')
  })

  it('gives undefined for anything else', () => {
    expect(findProvider('NOBODY')).toBeUndefined()
    expect(findProvider('constructor')).toBeUndefined()
  })
})
