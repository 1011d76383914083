/**
 * What a simulated provider adds to the provider's own data: how it looks, and how its server behaves
 * where the hub's data has only the client's side.
 */
import { PROVIDERS } from '../providers/catalog.ts'
import type { Provider } from '../providers/provider.ts'

/** An account at a simulated provider. */
export interface Account {
  /** In the provider's own form; derived from `login`, so it survives a restart. */
  readonly accountId: string
  /** The name it was made with, as typed first. */
  readonly login: string
}

/** A notice that a provider sends to the app: its JSON body before signing. */
export type NoticeBody = Record<string, unknown> | readonly Record<string, unknown>[]

/** A simulated provider. */
export interface Profile {
  readonly provider: Provider
  /** CSS colour of buttons and edges; with white text it must have a contrast of 4.5 at least. */
  readonly accent: string
  /** Whether an authorization request without a code challenge is refused. */
  readonly isPkceRequired: boolean
  /** Whether people may allow access without ticking a single scope. */
  readonly mayGrantNothing: boolean
  /** What a refused refresh says. */
  readonly refusedRefreshCode: string
  /** Scope that the account endpoint wants; without it the answer is 403. */
  readonly accountScope?: string
  /** An account id from 32 bytes that depend on the login alone. */
  toAccountId(digest: Buffer): string
  /** Answer of the account endpoint. */
  toAccountBody(account: Account): Record<string, unknown>
  /** Sent when a person removes the app; absent where the provider stays silent. */
  toRevokedNotice?(account: Account): NoticeBody
  /** Whether the same is sent after the app itself has revoked. */
  readonly echoesOwnRevocation: boolean
  /** Sent when a person changes permissions later; absent where they cannot. */
  toPermissionsNotice?(account: Account, scopes: readonly string[], atMs: number): NoticeBody
}

/** Characters of a Fitbit account id. */
const FITBIT_ALPHABET = '23456789BCDFGHJKLMNPQRSTVWXYZ'

type Behaviour = Omit<Profile, 'provider'>

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  GARMIN: {
    accent: '#1b5e8c',
    isPkceRequired: true,
    mayGrantNothing: true,
    refusedRefreshCode: 'invalid_grant',
    toAccountId: toUuid,
    toAccountBody: (account) => ({ userId: account.accountId }),
    toRevokedNotice: (account) => ({ deregistrations: [{ userId: account.accountId }] }),
    echoesOwnRevocation: true,
    toPermissionsNotice: (account, scopes, atMs) => ({
      userPermissionsChange: [
        {
          userId: account.accountId,
          permissions: scopes,
          changeTimeInSeconds: Math.floor(atMs / 1000),
        },
      ],
    }),
  },
  FITBIT: {
    accent: '#00707a',
    isPkceRequired: false,
    mayGrantNothing: false,
    refusedRefreshCode: 'invalid_grant',
    accountScope: 'profile',
    toAccountId: (digest) =>
      [...digest.subarray(0, 6)]
        .map((byte) => FITBIT_ALPHABET.charAt(byte % FITBIT_ALPHABET.length))
        .join(''),
    toAccountBody: (account) => ({
      user: { encodedId: account.accountId, displayName: account.login },
    }),
    toRevokedNotice: (account) => [
      {
        collectionType: 'userRevokedAccess',
        ownerId: account.accountId,
        ownerType: 'user',
        subscriptionId: account.accountId,
      },
    ],
    echoesOwnRevocation: false,
  },
  OURA: {
    accent: '#5b4b8a',
    isPkceRequired: false,
    mayGrantNothing: false,
    refusedRefreshCode: 'invalid_request',
    accountScope: 'personal',
    toAccountId: toUuid,
    toAccountBody: (account) => ({
      id: account.accountId,
      email: `${account.login.toLowerCase().replaceAll(/[^a-z0-9]+/g, '.')}@example.org`,
    }),
    echoesOwnRevocation: false,
  },
}

/** Every provider that can be simulated, by resource. */
export const PROFILES: ReadonlyMap<string, Profile> = new Map(
  [...PROVIDERS.values()].flatMap((provider) => {
    const behaviour = BEHAVIOURS[provider.resource]
    return behaviour === undefined ? [] : [[provider.resource, { ...behaviour, provider }] as const]
  }),
)

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
