/** Numbers as people read them. */

export function toCount(value: number): string {
  return value.toLocaleString('en')
}

/** `100 %`, `99.9 %`; what is not quite all is never called all. @param rate Of 1. */
export function toPercent(rate: number): string {
  const percent = Math.round(rate * 1_000) / 10
  return `${rate < 1 ? Math.min(percent, 99.9) : percent} %`
}

/** `42 ms`, `1.3 s`, `4 min`. */
export function toDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  return `${(ms / 3_600_000).toFixed(1)} h`
}

/** Who did something, as the audit log names them; of a session of these pages, that it was one. */
export function toActorName(actor: string): string {
  return actor.startsWith('session:') ? 'dashboard' : actor
}
