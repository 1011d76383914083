/** A provider as one environment uses it: the catalog's facts at the environment's addresses, and its credentials. */
import type { ClientCredentials } from '../oauth/types.ts'
import { findProvider } from '../providers/catalog.ts'
import { withEndpoints } from '../providers/endpoints.ts'
import type { Provider } from '../providers/provider.ts'
import type { ProviderApp } from '../store/provider-apps.ts'
import type { StoreDep } from '../store/open.ts'

export interface ProviderAccess {
  readonly provider: Provider
  readonly credentials: ClientCredentials
  readonly app: ProviderApp
}

/** @returns Undefined when the catalog or the environment does not have the provider. */
export async function findProviderAccess(
  { store }: StoreDep,
  environmentId: string,
  resource: string,
): Promise<ProviderAccess | undefined> {
  const provider = findProvider(resource)
  const app = await store.providerApps.find(environmentId, resource)
  if (provider === undefined || app === undefined) return undefined
  return {
    provider: withEndpoints(provider, app.originOverrides),
    credentials: { clientId: app.clientId, clientSecret: app.clientSecret.reveal() },
    app,
  }
}
