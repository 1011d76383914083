/**
 * A time as Terra's events carry it: microseconds and an explicit offset, always UTC.
 *
 * @param atMs Milliseconds since the Unix epoch.
 * @returns For example `2024-10-07T03:45:00.000000+00:00`.
 */
export function toTimestamp(atMs: number): string {
  // Formatting a given moment is pure; what core must not do is ask for the current one.
  // eslint-disable-next-line no-restricted-globals
  return new Date(atMs).toISOString().replace('Z', '000+00:00')
}

/** As {@link toTimestamp}, with null for "never". */
export function toTimestampOrNull(atMs: number | null): string | null {
  return atMs === null ? null : toTimestamp(atMs)
}

export const SECOND_MS = 1_000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS
