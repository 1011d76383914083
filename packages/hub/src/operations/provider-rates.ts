/**
 * How often a provider may be asked, by everybody who asks it with one app. Each process counts its own calls and has an equal share of
 * what is allowed, so that all of them together keep it.
 */
import { CallWindow } from '../core/call-window.ts'
import { MINUTE_MS, SECOND_MS } from '../core/time.ts'
import type { ClockDep, RandomDep } from '../deps.ts'
import type { ProviderAccess } from './provider-access.ts'

/** Whose calls are counted at once; beyond it the longest unused is forgotten. */
const COUNTED_MAX = 20_000
/** The part of what is allowed that apps leave to the hub, so that connections stay alive however much they ask. */
const KEPT_FOR_HUB = 0.1

/** Those who have to wait come back spread over this time, so that they do not all ask again for each place. */
const SPREAD_MS = 5 * MINUTE_MS

/** Who asks: the app through the proxy, or the hub to look after a connection or to refresh its tokens. */
export type Caller = 'app' | 'hub' | 'refresh'

/** What is asked of whom. */
export interface RatedCall {
  readonly access: Pick<ProviderAccess, 'provider' | 'credentials'>
  readonly providerAccountId: string
  readonly caller: Caller
}

export interface ProviderRates {
  /**
   * Counts a call, where the provider's data leaves room for it.
   *
   * @returns 0, or in how many milliseconds there is room; then it is not counted.
   */
  take(call: RatedCall): number
}

export interface RatesDep {
  readonly rates: ProviderRates
}

/** @param countProcesses How many processes ask at present, this one too. */
export function createProviderRates(
  { clock }: ClockDep,
  countProcesses: () => number = () => 1,
): ProviderRates {
  const windows = new Map<string, CallWindow>()

  const windowOf = (name: string, perSeconds: number): CallWindow => {
    const window = windows.get(name) ?? new CallWindow(perSeconds * SECOND_MS)
    // At the end of the map, so that the first one in it is the longest unused.
    windows.delete(name)
    const [oldest] = windows.keys()
    if (windows.size >= COUNTED_MAX && oldest !== undefined) windows.delete(oldest)
    windows.set(name, window)
    return window
  }

  return {
    take: ({ access, providerAccountId, caller }) => {
      const { provider, credentials } = access
      const nowMs = clock.nowMs()
      const processes = countProcesses()
      const counted = (provider.limits?.rates ?? [])
        .filter(({ countsRefreshes }) => countsRefreshes || caller !== 'refresh')
        .map(({ requests, perSeconds, of }) => {
          const whose = of === 'account' ? [providerAccountId] : []
          const names = [provider.resource, perSeconds, credentials.clientId, ...whose]
          const window = windowOf(JSON.stringify(names), perSeconds)
          const share = requests / processes
          const kept = caller === 'app' ? Math.ceil(share * KEPT_FOR_HUB) : 0
          const max = Math.max(1, Math.floor(share) - kept)
          return { window, waitMs: window.waitMs(nowMs, max) }
        })
      const waitMs = Math.max(0, ...counted.map((one) => one.waitMs))
      if (waitMs === 0) for (const { window } of counted) window.add(nowMs)
      return waitMs
    },
  }
}

/** When the hub asks again for a place that it did not get. @param waitMs Until there is one at all. */
export function nextPlaceAtMs({ clock, random }: ClockDep & RandomDep, waitMs: number): number {
  return clock.nowMs() + waitMs + Math.floor(random.fraction() * SPREAD_MS)
}
