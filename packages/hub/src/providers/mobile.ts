/** Sources of data that live on a phone: an SDK connects them, and there is no login at a provider. */
export const MOBILE_PROVIDERS: ReadonlyMap<string, string> = new Map([
  ['APPLE', 'Apple Health'],
  ['HEALTH_CONNECT', 'Health Connect'],
  ['SAMSUNG', 'Samsung Health'],
])
