/**
 * Which destinations have something to be sent, and when: what a worker knows without asking the database.
 * Serves them by turns.
 */

/** A destination that work was added for is due at once. */
const AT_ONCE_MS = 0

export class Agenda {
  /** When the first delivery is due, by destination; in the order in which they were served. */
  readonly #dueAtMs = new Map<string, number>()
  /** Heard of since {@link take}: what the database says about them may be older. */
  readonly #woken = new Set<string>()

  /** There may be something to be sent to them now. */
  wake(destinationIds: readonly string[]): void {
    for (const id of destinationIds) this.#woken.add(id)
  }

  /** Begins a turn: what was heard of counts from now on. */
  takeWoken(): void {
    for (const id of this.#woken) this.#dueAtMs.set(id, AT_ONCE_MS)
    this.#woken.clear()
  }

  /** Replaces everything by what the database says. */
  replace(due: readonly { destinationId: string; dueAtMs: number }[]): void {
    const known = new Set(due.map(({ destinationId }) => destinationId))
    for (const id of this.#dueAtMs.keys()) if (!known.has(id)) this.#dueAtMs.delete(id)
    for (const { destinationId, dueAtMs } of due) this.#dueAtMs.set(destinationId, dueAtMs)
  }

  /** Something is to be sent then, or earlier. */
  expect(destinationId: string, dueAtMs: number): void {
    const known = this.#dueAtMs.get(destinationId)
    if (known === undefined || dueAtMs < known) this.#dueAtMs.set(destinationId, dueAtMs)
  }

  /** What the database says after a claim that took all that was due; undefined when there is nothing. */
  settle(destinationId: string, dueAtMs: number | undefined): void {
    this.#dueAtMs.delete(destinationId)
    if (dueAtMs !== undefined) this.#dueAtMs.set(destinationId, dueAtMs)
  }

  /** It was served: the others come first next time. */
  moveBack(destinationId: string): void {
    const dueAtMs = this.#dueAtMs.get(destinationId)
    if (dueAtMs === undefined) return
    this.#dueAtMs.delete(destinationId)
    this.#dueAtMs.set(destinationId, dueAtMs)
  }

  /** Destinations that are due, the one that was served longest ago first. */
  *due(nowMs: number): IterableIterator<string> {
    for (const [id, dueAtMs] of this.#dueAtMs) if (dueAtMs <= nowMs) yield id
  }

  /** Whether something waits to be sent to it already, as far as is known. */
  isDue(destinationId: string, nowMs: number): boolean {
    const dueAtMs = this.#dueAtMs.get(destinationId)
    return this.#woken.has(destinationId) || (dueAtMs !== undefined && dueAtMs <= nowMs)
  }

  /** When the next one is due that is not due yet. */
  nextAfterMs(nowMs: number): number | undefined {
    let next = Infinity
    for (const dueAtMs of this.#dueAtMs.values()) {
      if (dueAtMs > nowMs && dueAtMs < next) next = dueAtMs
    }
    return next === Infinity ? undefined : next
  }
}
