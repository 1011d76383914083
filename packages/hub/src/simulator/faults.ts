/** Failures on demand. */

/** The endpoints of a simulated provider that can fail. */
export type FaultyEndpoint = 'tokenEndpoint' | 'revokeEndpoint' | 'accountEndpoint'

/** What an endpoint does instead of, or before, its work. */
export interface Fault {
  /** HTTP status to answer with. Default 400 with `error`; without both, the endpoint does its work. */
  readonly status?: number
  /** Error code to answer with, in the provider's own shape; default an HTML page. */
  readonly error?: string
  /** Milliseconds to wait first; default 0. */
  readonly hangMs?: number
  /** Requests that meet the fault; default all, until `heal`. */
  readonly times?: number
}

/** Faults by endpoint; endpoints that are not named stay as they are. */
export type Faults = { readonly [endpoint in FaultyEndpoint]?: Fault }

/** The faults of one simulated provider. */
export class FaultBox {
  readonly #left = new Map<FaultyEndpoint, { fault: Fault; times: number }>()
  readonly #waiting = new Set<() => void>()

  set(faults: Faults): void {
    for (const endpoint of ['tokenEndpoint', 'revokeEndpoint', 'accountEndpoint'] as const) {
      const fault = faults[endpoint]
      if (fault !== undefined) this.#left.set(endpoint, { fault, times: fault.times ?? Infinity })
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
   * @returns What to answer; undefined to go on normally.
   */
  async take(endpoint: FaultyEndpoint): Promise<{ status: number; error?: string } | undefined> {
    const entry = this.#left.get(endpoint)
    if (entry === undefined || entry.times <= 0) return undefined
    entry.times -= 1
    const { hangMs, status, error } = entry.fault
    if (hangMs !== undefined) await this.#wait(hangMs)
    if (error !== undefined) return { status: status ?? 400, error }
    return status === undefined ? undefined : { status }
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
