import type { Clock, Timer } from '../../src/deps.ts'

/** The time of the published example event. */
export const EPOCH_MS = Date.UTC(2024, 9, 7, 3, 45)

/** A clock that stands still until a test moves it, and fires the timers that it passes. */
export class TestClock implements Clock, Timer {
  #nowMs: number
  #timers: { atMs: number; run: () => void }[] = []

  constructor(startMs = EPOCH_MS) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** When the next timer fires; undefined when none is set. */
  get nextTimerMs(): number | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map((t) => t.atMs))
  }

  /** Moves to a time and fires what is due by then, in order, without waiting for what it starts. */
  moveTo(atMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, atMs)
    const due = this.#timers.filter((timer) => timer.atMs <= this.#nowMs)
    this.#timers = this.#timers.filter((timer) => timer.atMs > this.#nowMs)
    for (const { run } of due.toSorted((a, b) => a.atMs - b.atMs)) run()
  }
}

/** Each look at it, another 5 ms have passed: what is done between two takes so long. */
export class SlowClock extends TestClock {
  override nowMs(): number {
    this.moveTo(super.nowMs() + 5)
    return super.nowMs()
  }
}
