import { FITBIT } from './fitbit.ts'
import { GARMIN } from './garmin.ts'
import { OURA } from './oura.ts'
import type { Provider } from './provider.ts'

/** Every provider Firma can connect to, by its upper case resource name. */
export const PROVIDERS: ReadonlyMap<string, Provider> = new Map(
  [FITBIT, GARMIN, OURA].map((provider) => [provider.resource, provider]),
)

/**
 * The provider of a resource name.
 *
 * @param resource As the API takes it; upper or lower case.
 * @returns Undefined when there is none.
 */
export function findProvider(resource: string): Provider | undefined {
  return PROVIDERS.get(resource.toUpperCase())
}
