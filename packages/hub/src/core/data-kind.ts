/** What a provider's scopes mean to the person who grants them. */

/** A kind of data that people know by name. `plans` goes the other way: from the app to the device. */
export const DATA_KINDS = [
  'activity',
  'sleep',
  'heart',
  'body',
  'nutrition',
  'glucose',
  'breathing',
  'temperature',
  'cycle',
  'mind',
  'location',
  'profile',
  'plans',
] as const

export type DataKind = (typeof DATA_KINDS)[number]

/** Looked for in a scope's lower-case name; a scope can mean several. */
const PATTERNS: Readonly<Record<DataKind, RegExp>> = {
  activity: /activit|workout|exercise|fitness|daily|steps|training(?!.*write)|metrics|cycles/,
  sleep: /sleep|metrics|health_export/,
  heart: /heart|ecg|electrocardio|rhythm|blood.?pressure|recovery|health_export|\bhrv?\b/,
  body: /weight|body|anthropo|measurement|metrics/,
  nutrition: /nutrition|food|hydration|meal/,
  glucose: /glucose|\begv\b|offline_access.*dexcom/,
  breathing: /oxygen|spo2|respirat|cardio_fitness|vo2/,
  temperature: /temperature/,
  cycle: /menstr|reproductive|\bcycle_?tracking/,
  mind: /stress|mindful|resilience/,
  location: /location|gps|route/,
  profile: /profile|personal|email|user\.?info|social|settings/,
  plans: /import$|workout.?write|:write$|\.write$/,
}

/**
 * The kinds of data behind scopes, in the order of {@link DATA_KINDS}.
 *
 * @returns Empty when no scope says anything: the provider asks by itself.
 */
export function dataKindsOf(scopes: readonly string[]): DataKind[] {
  const names = scopes.map((scope) => scope.toLowerCase())
  return DATA_KINDS.filter((kind) =>
    names.some((name) => {
      // What the app may write is not what it gets to read.
      const isWritten = PATTERNS.plans.test(name)
      return kind === 'plans' ? isWritten : !isWritten && PATTERNS[kind].test(name)
    }),
  )
}
