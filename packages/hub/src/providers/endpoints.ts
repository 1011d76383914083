/**
 * The addresses of a provider, and how an environment points them elsewhere. That is all there is to a
 * simulated provider: nothing else in the hub knows whether it talks to one.
 */
import type {
  IdentitySource,
  LivenessFacts,
  Provider,
  ProviderRequest,
  RevocationFacts,
  ScopeSource,
} from './provider.ts'

/**
 * Every address of a provider that Firma or a browser calls. The issuer is not among them: it is a name.
 */
export function providerUrls(provider: Provider): string[] {
  const urls: string[] = []
  mapUrls(provider, (url) => {
    urls.push(url)
    return url
  })
  return [...new Set(urls)]
}

/** Every origin of a provider, for example `https://connect.garmin.com`. */
export function providerOrigins(provider: Provider): string[] {
  return [...new Set(providerUrls(provider).map((url) => new URL(url).origin))]
}

/**
 * The same provider at other addresses.
 *
 * @param originOverrides Real origin → base to use instead. A base may have a path, which then precedes
 *   the real one: with `https://connect.garmin.com` → `http://127.0.0.1:4010/connect.garmin.com` the
 *   authorization page is at `http://127.0.0.1:4010/connect.garmin.com/oauth2Confirm`. A slash at the
 *   end of a base is ignored, as are overrides for origins the provider does not use.
 */
export function withEndpoints(
  provider: Provider,
  originOverrides: Readonly<Record<string, string>>,
): Provider {
  const overrides = new Map(
    Object.entries(originOverrides).map(([from, to]) => [new URL(from).origin, trimSlash(to)]),
  )
  return mapUrls(provider, (url) => {
    const base = overrides.get(new URL(url).origin)
    // Cut, not resolved: a URL may hold `{placeholders}`, which URL would percent-encode.
    return base === undefined ? url : base + url.replace(/^[a-z]+:\/\/[^/?#]*/i, '')
  })
}

function mapUrls(provider: Provider, map: (url: string) => string): Provider {
  const { authorization, token } = provider
  return {
    ...provider,
    authorization: { ...authorization, url: map(authorization.url) },
    token: {
      ...token,
      url: map(token.url),
      ...(token.refreshUrl === undefined ? {} : { refreshUrl: map(token.refreshUrl) }),
    },
    identity: mapIdentity(provider.identity, map),
    scopes: { ...provider.scopes, granted: mapScopeSource(provider.scopes.granted, map) },
    revocation: mapRevocation(provider.revocation, map),
    liveness: mapLiveness(provider.liveness, map),
  }
}

function mapRequest(request: ProviderRequest, map: (url: string) => string): ProviderRequest {
  return { ...request, url: map(request.url) }
}

function mapIdentity(source: IdentitySource, map: (url: string) => string): IdentitySource {
  switch (source.from) {
    case 'token_response':
      return source
    case 'request':
      return { ...source, request: mapRequest(source.request, map) }
  }
}

function mapScopeSource(source: ScopeSource, map: (url: string) => string): ScopeSource {
  switch (source.from) {
    case 'token_response':
    case 'callback':
      return source
    case 'request':
      return { ...source, request: mapRequest(source.request, map) }
  }
}

function mapRevocation(facts: RevocationFacts, map: (url: string) => string): RevocationFacts {
  switch (facts.kind) {
    case 'rfc7009':
      return { ...facts, url: map(facts.url) }
    case 'request':
      return { ...facts, request: mapRequest(facts.request, map) }
    case 'unsupported':
      return facts
  }
}

function mapLiveness(facts: LivenessFacts, map: (url: string) => string): LivenessFacts {
  switch (facts.kind) {
    case 'request':
      return { ...facts, request: mapRequest(facts.request, map) }
    case 'unsupported':
      return facts
  }
}

function trimSlash(base: string): string {
  return base.endsWith('/') ? base.slice(0, -1) : base
}
