/** Failures on demand. */
import type { ClockDep } from '../deps.ts'

/** The endpoints of a simulated provider that can fail. */
export const FAULTY_ENDPOINTS = [
  'tokenEndpoint',
  'revokeEndpoint',
  'accountEndpoint',
  'exchangeEndpoint',
  'subscriptionEndpoint',
] as const

/** One of {@link FAULTY_ENDPOINTS}. */
export type FaultyEndpoint = (typeof FAULTY_ENDPOINTS)[number]

/** What an endpoint does instead of, before, or after its work. */
export interface Fault {
  /** HTTP status to answer with. Default 400 with `error`; without both, the endpoint does its work. */
  readonly status?: number
  /** Error code to answer with, in the provider's own shape; default an HTML page. */
  readonly error?: string
  /** Milliseconds to wait first; default 0. */
  readonly hangMs?: number
  /** Requests that meet the fault; default all, until `heal`. */
  readonly times?: number
  /** Milliseconds from now in which requests meet the fault; default without end. */
  readonly forMs?: number
  /** Does its work, and then breaks the connection instead of answering. */
  readonly isAnswerLost?: boolean
  /** Does its work, and leaves the refresh token out of the answer. */
  readonly isRefreshTokenDropped?: boolean
}

/** Faults by endpoint; endpoints that are not named stay as they are. */
export type Faults = { readonly [endpoint in FaultyEndpoint]?: Fault }

/** What a request meets. */
export type MetFault = Omit<Fault, 'hangMs' | 'times' | 'forMs'>

/** The faults of one simulated provider. */
export class FaultBox {
  readonly #deps: ClockDep
  readonly #left = new Map<FaultyEndpoint, { fault: Fault; times: number; untilMs: number }>()
  readonly #waiting = new Set<() => void>()

  constructor(deps: ClockDep) {
    this.#deps = deps
  }

  set(faults: Faults): void {
    for (const endpoint of FAULTY_ENDPOINTS) {
      const fault = faults[endpoint]
      if (fault === undefined) continue
      const untilMs = this.#deps.clock.nowMs() + (fault.forMs ?? Infinity)
      this.#left.set(endpoint, { fault, times: fault.times ?? Infinity, untilMs })
    }
  }

  /** Removes every fault and lets waiting requests go on. */
  clear(): void {
    this.#left.clear()
    for (const release of this.#waiting) release()
  }

  /**
   * Takes one use of an endpoint's fault, and waits where it says so.
   *
   * @returns What the request meets; undefined to go on normally.
   */
  async take(endpoint: FaultyEndpoint): Promise<MetFault | undefined> {
    const entry = this.#left.get(endpoint)
    if (entry === undefined || entry.times <= 0) return undefined
    if (this.#deps.clock.nowMs() >= entry.untilMs) return undefined
    entry.times -= 1
    const { hangMs, times: _times, forMs: _forMs, ...met } = entry.fault
    if (hangMs !== undefined) await this.#wait(hangMs)
    if (met.error !== undefined && met.status === undefined) return { ...met, status: 400 }
    return Object.keys(met).length === 0 ? undefined : met
  }

  async #wait(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(release, delayMs)
      const waiting = this.#waiting
      waiting.add(release)
      function release(): void {
        clearTimeout(timer)
        waiting.delete(release)
        resolve()
      }
    })
  }
}
