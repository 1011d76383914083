/** The part of docs/providers.md that is made from the catalog: what Firma knows of each provider, and how well. */
import { CATALOG, completeProvider, givenBy } from '../../packages/hub/src/providers/catalog.ts'
import { findFact } from '../../packages/hub/src/providers/provider-faults.ts'
import type { NoticeAuthentication } from '../../packages/hub/src/providers/notices.ts'
import { FACT_GROUPS, type Provider } from '../../packages/hub/src/providers/provider.ts'

/** A table of all, then each with its facts. */
export function renderProviders(): string {
  const entries = [...CATALOG.values()].map((entry) => ({
    entry,
    provider: completeProvider(entry, givenBy(entry)),
  }))
  const summary = entries.map(({ entry, provider }) =>
    toRow([
      `[${provider.displayName}](#${entry.resource.toLowerCase()})`,
      `\`${entry.resource}\``,
      provider.protocol === 'oauth1' ? '1.0a' : '2.0',
      provider.authorization.pkce === 'S256' ? 'S256' : '—',
      provider.lifetimes.refreshRotation,
      provider.revocation.kind === 'unsupported' ? '—' : provider.revocation.reach,
      describeNotices(provider),
      describeTrust(provider),
    ]),
  )
  return [
    toRow([
      'provider',
      'resource',
      'OAuth',
      'PKCE',
      'refresh tokens',
      'revoking',
      'notices',
      'least sure of',
    ]),
    toRow(Array.from({ length: 8 }, () => '---')),
    ...summary,
    '',
    ...entries.flatMap(({ entry, provider }) => [
      `## ${entry.resource}`,
      '',
      `${provider.displayName}.${provider.retiresOn === undefined ? '' : ` This API ends on ${provider.retiresOn}.`}${provider.note === undefined ? '' : ` ${provider.note}`}`,
      '',
      ...(entry.operatorGives.length === 0
        ? []
        : [`The operator has to give: ${entry.operatorGives.map(toCode).join(', ')}.`, '']),
      ...Object.entries(entry.variants).flatMap(([name, { note }]) => [
        `Variant \`${name}\`: ${note}`,
        '',
      ]),
      ...(Object.keys(provider.secrets).length === 0
        ? []
        : [
            'Secrets beside the client’s:',
            '',
            ...Object.entries(provider.secrets).map(([name, what]) => `- \`${name}\`: ${what}`),
            '',
          ]),
      toRow(['fact', 'value', 'confidence']),
      toRow(['---', '---', '---']),
      ...describeFacts(entry.operatorGives, provider),
      '',
      ...provider.facts
        .filter(({ note, about }) => note !== undefined || about.some((path) => path.includes('.')))
        .map(
          ({ about, confidence, note = '' }) =>
            `- ${about.map(toCode).join(', ')} (${confidence})${note === '' ? '' : `: ${note}`}`,
        ),
      '',
    ]),
  ].join('\n')
}

function describeFacts(missing: readonly string[], provider: Provider): string[] {
  const groups = FACT_GROUPS.map((group) =>
    toRow([group, describeGroup(missing, provider, group), showConfidence(provider, group)]),
  )
  return [...groups, ...describeLimits(provider)]
}

function describeGroup(
  missing: readonly string[],
  provider: Provider,
  group: (typeof FACT_GROUPS)[number],
): string {
  if (missing.some((path) => path.split('.')[0] === group)) return 'given by the operator'
  switch (group) {
    case 'authorization': {
      const { url, scopes } = provider.authorization
      return `${toCode(url)}${scopes.length === 0 ? '' : ` asks for ${scopes.map(toCode).join(' ')}`}`
    }
    case 'token': {
      const { url, clientAuthentication } = provider.token
      return `${toCode(url)}, client authentication ${clientAuthentication}`
    }
    case 'lifetimes': {
      const { accessTokenSeconds, refreshTokenSeconds, refreshRotation } = provider.lifetimes
      const access = accessTokenSeconds === null ? 'not stated' : `${accessTokenSeconds} s`
      const refresh = refreshTokenSeconds === null ? '' : ` for ${refreshTokenSeconds} s`
      return `access ${access}; refresh tokens ${refreshRotation}${refresh}; refreshed: ${provider.refresh.kind}`
    }
    case 'identity': {
      const { identity } = provider
      if (identity.from === 'token_claim')
        return `claim ${toCode(identity.claim)} of ${identity.member}`
      return identity.from === 'request'
        ? `${toCode(identity.field)} of ${toCode(identity.request.url)}`
        : `${toCode(identity.field)} of the token answer`
    }
    case 'scopes': {
      const { granted, required } = provider.scopes
      const needs = required.length === 0 ? '' : `; required: ${required.map(toCode).join(' ')}`
      return `granted ones from ${granted.from}${needs}`
    }
    case 'revocation': {
      const { revocation } = provider
      if (revocation.kind === 'unsupported') return 'not offered'
      return revocation.kind === 'rfc7009'
        ? `RFC 7009 at ${toCode(revocation.url)}, ends the ${revocation.reach}`
        : `${revocation.request.method} ${toCode(revocation.request.url)}, ends the ${revocation.reach}`
    }
    case 'liveness':
      return provider.liveness.kind === 'unsupported'
        ? 'cannot be asked'
        : `${provider.liveness.request.method} ${toCode(provider.liveness.request.url)}`
    case 'notices':
      return describeNotices(provider)
    case 'failures':
      return `gone: ${provider.failures.dead.map(toCode).join(', ') || 'no code'}`
  }
}

/** How often the provider may be asked, as a row of its facts; none where nothing is known. */
function describeLimits(provider: Provider): string[] {
  const rates = provider.limits?.rates ?? []
  if (rates.length === 0) return []
  const shown = rates.map(
    ({ requests, perSeconds, of, countsRefreshes }) =>
      `${requests} in ${perSeconds} s for the ${of}${countsRefreshes ? '' : ' without refreshes'}`,
  )
  return [toRow(['limits', shown.join('; '), showConfidence(provider, 'limits')])]
}

function showConfidence(provider: Provider, path: string): string {
  const fact = findFact(provider, path)
  const confidence = fact?.confidence ?? 'unverified'
  return fact?.source === undefined ? confidence : `[${confidence}](${fact.source})`
}

function describeNotices({ notices }: Provider): string {
  if (notices.kind === 'none') return 'none'
  const { authentication, patterns } = notices
  const proof = describeProof(authentication)
  const types = [...new Set(patterns.map(({ type }) => type))].join(', ') || 'data only'
  return `${types} (${proof})`
}

function describeProof(authentication: NoticeAuthentication): string {
  switch (authentication.kind) {
    case 'hmac':
      return `HMAC-${authentication.hash.toUpperCase()}`
    case 'keyset':
      return 'ECDSA or secret'
    case 'secret':
    case 'unsigned':
      return authentication.kind
  }
}

/** The weakest confidence of an entry, and how often. */
function describeTrust({ facts }: Provider): string {
  const weak = facts
    .filter(({ confidence }) => confidence === 'unverified')
    .flatMap(({ about }) => about)
  return weak.length === 0 ? '—' : weak.map(toCode).join(', ')
}

function toCode(text: string): string {
  return `\`${text}\``
}

function toRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
