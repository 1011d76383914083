/**
 * Data that was claimed although its destination has all its places taken: a place that becomes free is taken at once, and not
 * after the commit of a claim. It has its lease, and counts as claimed everywhere; only that nothing has been sent yet.
 */
import type { ClaimedDelivery } from '../store/delivery-claims.ts'
import type { DestinationState } from '../store/destinations.ts'

/** It waits so long at most, and is let go then. A lease outlives the longest attempt by far more. */
export const AHEAD_MS_MAX = 250

/** One that waits, and how its destination stood when it was last looked at. */
export interface Waiting {
  readonly delivery: ClaimedDelivery
  readonly state: DestinationState
}

interface Line {
  state: DestinationState
  /** In the order in which they were claimed. */
  readonly waiting: { readonly delivery: ClaimedDelivery; readonly untilMs: number }[]
}

export class Ahead {
  readonly #lines = new Map<string, Line>()
  #total = 0

  /** How many wait, whatever for. */
  get total(): number {
    return this.#total
  }

  countOf(destinationId: string): number {
    return this.#lines.get(destinationId)?.waiting.length ?? 0
  }

  add({ delivery, state }: Waiting, nowMs: number): void {
    const line = this.#lines.get(delivery.destinationId) ?? { state, waiting: [] }
    line.state = state
    line.waiting.push({ delivery, untilMs: nowMs + AHEAD_MS_MAX })
    this.#lines.set(delivery.destinationId, line)
    this.#total += 1
  }

  /** The destination has been looked at. */
  note(state: DestinationState): void {
    const line = this.#lines.get(state.id)
    // Whoever looked first may tell last.
    if (line !== undefined && line.state.version <= state.version) line.state = state
  }

  /** The next one; none that has waited for too long. */
  take(destinationId: string, nowMs: number): Waiting | undefined {
    const line = this.#lines.get(destinationId)
    const [first] = line?.waiting ?? []
    if (line === undefined || first === undefined || first.untilMs <= nowMs) return undefined
    this.#remove(destinationId, line, 1)
    return { delivery: first.delivery, state: line.state }
  }

  /** Takes all out that wait for a destination. */
  clear(destinationId: string): ClaimedDelivery[] {
    const line = this.#lines.get(destinationId)
    return line === undefined ? [] : this.#remove(destinationId, line, line.waiting.length)
  }

  /** Takes out what has waited for too long; everything where no time is given. */
  clearOld(nowMs = Infinity): ClaimedDelivery[] {
    return [...this.#lines].flatMap(([id, line]) => {
      const fresh = line.waiting.findIndex(({ untilMs }) => untilMs > nowMs)
      return this.#remove(id, line, fresh === -1 ? line.waiting.length : fresh)
    })
  }

  /** When the first will have waited for too long. */
  get endsAtMs(): number {
    const ends = [...this.#lines.values()].map(({ waiting: [first] }) => first?.untilMs ?? Infinity)
    return Math.min(...ends)
  }

  #remove(destinationId: string, { waiting }: Line, count: number): ClaimedDelivery[] {
    const removed = waiting.splice(0, count)
    this.#total -= removed.length
    if (waiting.length === 0) this.#lines.delete(destinationId)
    return removed.map(({ delivery }) => delivery)
  }
}
