/** Milliseconds since the machine started, with fractions: the same for all processes, and nobody sets it. */
export function readClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
