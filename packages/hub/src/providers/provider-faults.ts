/** What a schema cannot say about a provider: rules between its fields. */
import { providerUrls } from './endpoints.ts'
import { findField } from './json-path.ts'
import { CONFIG_ERROR_CODES, FACT_GROUPS, type Fact, type Provider } from './provider.ts'
import { secretNames } from './template.ts'

/** What an operator may take out of an entry, although the catalog says where it knows it from. */
const OPTIONAL_PARTS = ['registration', 'subscription', 'appSubscriptions', 'successor', 'limits']

/** Subscriptions that an app may have at a provider. */
const APP_SUBSCRIPTIONS_MAX = 100

/** What is wrong with a provider, in sentences; empty when it is sound. */
export function findFaults(provider: Provider): string[] {
  return [
    ...findUrlFaults(provider),
    ...findScopeFaults(provider),
    ...findTokenFaults(provider),
    ...findNoticeFaults(provider),
    ...findSubscriptionFaults(provider),
    ...findRateFaults(provider),
    ...findFactFaults(provider),
  ]
}

function findUrlFaults(provider: Provider): string[] {
  return providerUrls(provider).flatMap((text) => {
    const { username, password, hash } = new URL(text)
    return username + password + hash === '' ? [] : [`${text} has a user, a password or a fragment`]
  })
}

function findScopeFaults({ authorization, scopes }: Provider): string[] {
  const asked = new Set(authorization.scopes)
  return [
    ...[...authorization.scopes, ...scopes.required]
      .filter((scope) => !scopes.known.includes(scope))
      .map((scope) => `scopes.known lacks ${scope}`),
    ...(new Set(scopes.known).size === scopes.known.length ? [] : ['scopes.known repeats a scope']),
    // Terra's events join scopes with commas.
    ...scopes.known
      .filter((scope) => /[\s,]/.test(scope))
      .map((scope) => `the scope "${scope}" has a separator inside`),
    ...scopes.required
      .filter((scope) => asked.size > 0 && !asked.has(scope))
      .map((scope) => `${scope} is required but not asked for`),
  ]
}

function findTokenFaults(provider: Provider): string[] {
  const { protocol, token, lifetimes, refresh, failures } = provider
  const faults: string[] = []
  const must = (condition: boolean, fault: string): void => {
    if (!condition) faults.push(fault)
  }
  must(
    (protocol === 'oauth1') === (token.requestTokenUrl !== undefined),
    'token.requestTokenUrl belongs to OAuth 1.0a, which needs it',
  )
  must(
    protocol === 'oauth2' || refresh.kind === 'never',
    'OAuth 1.0a has nothing to refresh: refresh.kind must be never',
  )
  must(
    (refresh.kind === 'never') === (lifetimes.refreshRotation === 'none'),
    'refresh.kind is never exactly where lifetimes.refreshRotation is none',
  )
  if (refresh.kind === 'ahead' || refresh.kind === 'extend') {
    must(
      refresh.aheadSeconds < (lifetimes.accessTokenSeconds ?? Infinity),
      'refresh.aheadSeconds is longer than the token lives',
    )
  }
  must(
    CONFIG_ERROR_CODES.every((code) => failures.config.includes(code)) ||
      token.errorCodePath !== 'error',
    'failures.config lacks a code of RFC 6749',
  )
  must(
    !failures.dead.some((code) => failures.config.includes(code)),
    'a code is in failures.dead and in failures.config',
  )
  return faults
}

function findNoticeFaults(provider: Provider): string[] {
  const { notices, liveness, secrets } = provider
  const unknown = secretNames(provider).filter((name) => !Object.hasOwn(secrets, name))
  const faults = unknown.map((name) => `secrets lacks ${name}, which a placeholder names`)
  if (notices.kind === 'none') return faults
  for (const { type, scopes } of notices.patterns) {
    if ((type === 'scopes_changed') !== (scopes !== undefined)) {
      faults.push('notices.patterns: scopes belongs to scopes_changed, which needs it')
    }
  }
  const needsAsking =
    notices.authentication.kind === 'unsigned' &&
    notices.patterns.some(({ type }) => type === 'access_revoked')
  if (needsAsking && liveness.kind !== 'request') {
    faults.push('unsigned notices of a revocation need liveness, to ask before believing them')
  }
  return faults
}

function findSubscriptionFaults({ appSubscriptions, notices }: Provider): string[] {
  if (appSubscriptions === undefined) return []
  const { endsAtPath, renew, topics } = appSubscriptions
  const count = Object.values(topics).reduce((product, values) => product * values.length, 1)
  return [
    ...(notices.kind === 'push'
      ? []
      : ['appSubscriptions ask for notices, which there are none of']),
    ...((endsAtPath === undefined) === (renew === undefined)
      ? []
      : ['appSubscriptions.renew belongs to endsAtPath, which needs it']),
    ...(count <= APP_SUBSCRIPTIONS_MAX
      ? []
      : [`appSubscriptions.topics makes ${count}; at most ${APP_SUBSCRIPTIONS_MAX} are kept`]),
  ]
}

function findRateFaults({ limits }: Provider): string[] {
  const rates = limits?.rates ?? []
  const windows = new Set(rates.map(({ perSeconds, of }) => `${perSeconds} ${of}`))
  return windows.size === rates.length ? [] : ['limits.rates has two for the same time and scope']
}

function findFactFaults(provider: Provider): string[] {
  const faults: string[] = []
  for (const group of FACT_GROUPS) {
    if (findFact(provider, group) === undefined) faults.push(`facts say nothing about ${group}`)
  }
  for (const { about, confidence, source } of provider.facts) {
    if (confidence !== 'unverified' && source === undefined) {
      faults.push(`facts about ${about.join(', ')} are ${confidence}, but name no source`)
    }
    for (const path of about) {
      const isGroup = FACT_GROUPS.some((group) => group === path)
      if (!isGroup && !OPTIONAL_PARTS.includes(path) && findField(provider, path) === undefined) {
        faults.push(`facts are about ${path}, which the provider does not have`)
      }
    }
  }
  return faults
}

/**
 * Where a field's value comes from: the fact that names it, or the nearest group around it.
 *
 * @param path For example `lifetimes.refreshTokenSeconds`.
 */
export function findFact(provider: Provider, path: string): Fact | undefined {
  for (let rest = path; rest !== ''; rest = rest.slice(0, Math.max(0, rest.lastIndexOf('.')))) {
    const fact = provider.facts.find(({ about }) => about.includes(rest))
    if (fact !== undefined) return fact
  }
  return undefined
}
