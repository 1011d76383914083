/** How many calls were made lately, without remembering each. */

/** Parts of a window that are counted for themselves; a call counts for at most one of them too long. */
const SLOTS = 60

/**
 * Counts calls in a window that moves along with time: in no stretch of its length are there more than it says, wherever the
 * stretch begins.
 */
export class CallWindow {
  readonly #slotMs: number
  /** Calls by the number of their slot since the epoch, the oldest first. */
  readonly #slots = new Map<number, number>()
  #used = 0

  /** @param windowMs Its length, in milliseconds. */
  constructor(windowMs: number) {
    this.#slotMs = windowMs / SLOTS
  }

  add(nowMs: number): void {
    const slot = Math.floor(nowMs / this.#slotMs)
    this.#slots.set(slot, (this.#slots.get(slot) ?? 0) + 1)
    this.#used += 1
  }

  /**
   * How long until there are fewer than so many calls in the window.
   *
   * @param max At least 1.
   * @returns Milliseconds; 0 when there is room now.
   */
  waitMs(nowMs: number, max: number): number {
    this.#forget(nowMs)
    let left = this.#used
    for (const [slot, count] of this.#slots) {
      if (left < max) break
      left -= count
      if (left < max) return this.#leavesAtMs(slot) - nowMs
    }
    return 0
  }

  #forget(nowMs: number): void {
    for (const [slot, count] of this.#slots) {
      if (this.#leavesAtMs(slot) > nowMs) break
      this.#slots.delete(slot)
      this.#used -= count
    }
  }

  /** A call at the end of its slot has been in the window for all of its length by then. */
  #leavesAtMs(slot: number): number {
    return Math.ceil((slot + 1 + SLOTS) * this.#slotMs)
  }
}
