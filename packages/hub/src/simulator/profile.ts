/** A simulated provider: the provider's own data, and what follows from it for its server's side. */
import { CATALOG, completeProvider, givenBy } from '../providers/catalog.ts'
import type { Provider } from '../providers/provider.ts'

/** An account at a simulated provider. */
export interface Account {
  /** In the provider's own form; derived from `login`, so it survives a restart. */
  readonly accountId: string
  /** The name it was made with, as typed first. */
  readonly login: string
}

/** A simulated provider. */
export interface Profile {
  readonly provider: Provider
}

/** Every provider of the catalog, by resource; what operators have to give is made up. */
export const PROFILES: ReadonlyMap<string, Profile> = new Map(
  [...CATALOG].map(([resource, entry]) => [
    resource,
    { provider: completeProvider(entry, givenBy(entry)) },
  ]),
)

/** Characters of an account id in the form `code`. */
const CODE_ALPHABET = '23456789BCDFGHJKLMNPQRSTVWXYZ'

/** An account id from 32 bytes that depend on the login alone. */
export function toAccountId(form: Provider['simulation']['accountId'], digest: Buffer): string {
  switch (form) {
    case 'uuid':
      return toUuid(digest)
    case 'digits':
      return String(digest.readUIntBE(0, 5))
    case 'code':
      return [...digest.subarray(0, 6)]
        .map((byte) => CODE_ALPHABET.charAt(byte % CODE_ALPHABET.length))
        .join('')
  }
}

/** Whether people can change later what they have granted. */
export function isSwitchable({ provider }: Profile): boolean {
  return provider.simulation.notices.scopes_changed !== undefined
}

/** The host under whose path a profile's pages are. */
export function pageHost(profile: Profile): string {
  return new URL(profile.provider.authorization.url).host
}

/** Path of the page with the apps that are connected to an account. */
export function settingsPath(profile: Profile): string {
  return `/${pageHost(profile)}/settings/apps`
}

/** Path in the simulator of one of the provider's real addresses. */
export function simulatedPath(url: string): string {
  const { host, pathname } = new URL(url)
  return `/${host}${pathname}`
}

function toUuid(digest: Buffer): string {
  const hex = digest.toString('hex')
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
  ]
  return [...parts, hex.slice(20, 32)].join('-')
}
