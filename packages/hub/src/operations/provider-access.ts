/** A provider as one environment uses it: the catalog's facts at the environment's addresses, and its credentials. */
import type { ClientCredentials } from '../oauth/types.ts'
import { completeProvider, findEntry } from '../providers/catalog.ts'
import type { CatalogEntry } from '../providers/catalog-entry.ts'
import { withEndpoints } from '../providers/endpoints.ts'
import type { Provider } from '../providers/provider.ts'
import { digest } from '../secret.ts'
import type { ProviderApp } from '../store/provider-apps.ts'
import type { StoreDep } from '../store/open.ts'

export interface ProviderAccess {
  readonly provider: Provider
  readonly credentials: ClientCredentials
  readonly app: ProviderApp
}

/** Providers are checked when they are put together, which takes too long for every call. */
const KEPT_MAX = 500
const kept = new Map<string, Provider>()

/** The catalog's facts as an app of the operator has them. */
export function toProvider(
  entry: CatalogEntry,
  { overrides, originOverrides }: Pick<ProviderApp, 'overrides' | 'originOverrides'>,
): Provider {
  const key = JSON.stringify([entry.resource, overrides, originOverrides])
  const known = kept.get(key)
  if (known !== undefined) return known
  const provider = withEndpoints(completeProvider(entry, overrides), originOverrides)
  if (kept.size >= KEPT_MAX) kept.clear()
  kept.set(key, provider)
  return provider
}

/** @returns Undefined when notices come to an address that is known by its digest only. */
export function noticeKeyOf({
  secrets,
  noticeKeyHash,
}: Pick<ProviderApp, 'secrets' | 'noticeKeyHash'>): string | undefined {
  const noticeKey = secrets?.reveal().noticeKey
  // An earlier version could keep another key beside the digest.
  if (noticeKey === undefined || digest(noticeKey) !== noticeKeyHash) return undefined
  return noticeKey
}

/** @returns Undefined when the catalog or the environment does not have the provider. */
export async function findProviderAccess(
  { store }: StoreDep,
  environmentId: string,
  resource: string,
): Promise<ProviderAccess | undefined> {
  const entry = findEntry(resource)
  const app = await store.providerApps.find(environmentId, resource)
  if (entry === undefined || app === undefined) return undefined
  return {
    provider: toProvider(entry, app),
    credentials: {
      clientId: app.clientId,
      clientSecret: app.clientSecret.reveal(),
      ...(app.secrets !== null && { secrets: app.secrets.reveal().named }),
    },
    app,
  }
}
