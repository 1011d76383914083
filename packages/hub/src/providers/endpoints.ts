/**
 * The addresses of a provider, and how an environment points them elsewhere. That is all there is to a
 * simulated provider: nothing else in the hub knows whether it talks to one.
 */
import { FirmaError } from '../errors.ts'
import type { Provider } from './provider.ts'

/** Members that hold an address; `issuer` is a name, and a fact's `source` is for people. */
const ADDRESS_MEMBERS = new Set(['url', 'refreshUrl', 'requestTokenUrl', 'keysetUrl'])

/** Every address of a provider that Firma or a browser calls. */
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
  const origins = providerUrls(provider).map((url) => new URL(url).origin)
  return [...new Set([...origins, ...provider.api.origins])]
}

/**
 * The same provider at other addresses.
 *
 * @param originOverrides Real origin → base to use instead. A base may have a path, which then precedes
 *   the real one: with `https://connect.garmin.com` → `http://127.0.0.1:4010/connect.garmin.com` the
 *   authorization page is at `http://127.0.0.1:4010/connect.garmin.com/oauth2Confirm`. A slash at the
 *   end of a base is ignored, as are overrides for origins the provider does not use.
 * @throws FirmaError `configuration_invalid` when a base is no http(s) URL.
 */
export function withEndpoints(
  provider: Provider,
  originOverrides: Readonly<Record<string, string>>,
): Provider {
  const overrides = new Map(
    Object.entries(originOverrides).map(([from, to]) => [toOrigin(from), trimSlash(to)]),
  )
  const move = (url: string): string => {
    const base = overrides.get(new URL(url).origin)
    // Cut, not resolved: a URL may hold `{placeholders}`, which URL would percent-encode.
    return base === undefined ? url : base + url.replace(/^[a-z]+:\/\/[^/?#]*/i, '')
  }
  const moved = mapUrls(provider, move)
  const origins = provider.api.origins.map((origin) => move(origin))
  return { ...moved, api: { ...moved.api, origins } }
}

function mapUrls(provider: Provider, map: (url: string) => string): Provider {
  // The shape stays: only the texts of members that hold an address are replaced.
  return mapMembers(provider, map) as Provider
}

function mapMembers(value: unknown, map: (url: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => mapMembers(item, map))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]: [string, unknown]) => [
      name,
      typeof member === 'string' && ADDRESS_MEMBERS.has(name)
        ? map(member)
        : mapMembers(member, map),
    ]),
  )
}

function toOrigin(text: string): string {
  if (URL.canParse(text)) return new URL(text).origin
  throw new FirmaError('configuration_invalid', `"${text}" is no origin; expected https://host`)
}

function trimSlash(base: string): string {
  return base.endsWith('/') ? base.slice(0, -1) : base
}
