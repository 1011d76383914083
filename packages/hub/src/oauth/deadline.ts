import { clearTimeout, setTimeout } from 'node:timers'

/**
 * A deadline whose timer ends with the call. That of `AbortSignal.timeout` lives for its whole time, and with it all
 * that listens to the signal: minutes after ten thousand refreshes that took a moment each.
 */
export function startDeadline(timeoutMs: number): { readonly signal: AbortSignal; end(): void } {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(), timeoutMs)
  return { signal: limit.signal, end: () => clearTimeout(timer) }
}
