/** Virtual time: timers follow a clock that only goes forward, and what the hub reads can be set wrong. */
import type { Clock, Timer } from '../../src/deps.ts'
import { EPOCH_MS } from '../support/test-clock.ts'

interface Pending {
  readonly atMs: number
  readonly run: () => void
}

export class SimTime {
  /** Since the beginning; only goes forward. */
  #elapsedMs = 0
  /** By how much the clock on the wall is wrong. */
  #offsetMs = 0
  #pending: Pending[] = []

  get elapsedMs(): number {
    return this.#elapsedMs
  }

  readonly clock: Clock = { nowMs: () => EPOCH_MS + this.#elapsedMs + this.#offsetMs }

  readonly timer: Timer = {
    after: (delayMs, run) => {
      const pending = { atMs: this.#elapsedMs + Math.max(0, delayMs), run }
      this.#pending.push(pending)
      return () => {
        this.#pending = this.#pending.filter((other) => other !== pending)
      }
    },
  }

  /** Somebody sets the clock on the wall. */
  step(ms: number): void {
    this.#offsetMs += ms
  }

  /** Lets time pass; whatever a timer starts comes to rest before the next one fires. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#elapsedMs + ms
    for (;;) {
      const next = this.#next(endMs)
      if (next === undefined) break
      this.#elapsedMs = next.atMs
      this.#pending = this.#pending.filter((other) => other !== next)
      next.run()
      await rest()
    }
    this.#elapsedMs = endMs
  }

  #next(endMs: number): Pending | undefined {
    let first: Pending | undefined
    for (const one of this.#pending) {
      if (one.atMs <= endMs && (first === undefined || one.atMs < first.atMs)) first = one
    }
    return first
  }
}

/** Rounds of the event loop in which the hub comes to rest: its worker waits one before each turn, and turns follow one another. */
const ROUNDS = 8

/** Resolves when everything that can go on without time passing has done so: nothing here waits for the system. */
export async function rest(): Promise<void> {
  for (let i = 0; i < ROUNDS; i += 1) await new Promise((resolve) => setImmediate(resolve))
}
