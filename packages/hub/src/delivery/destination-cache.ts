/** Destinations with their opened secrets, so that none is read and decrypted for each delivery. */
import type { Destination, DestinationState } from '../store/destinations.ts'
import type { StoreDep, Tables } from '../store/open.ts'

/** Destinations kept; beyond, the one unused for longest is forgotten. */
const KEPT_MAX = 1_000

export class DestinationCache {
  readonly #store: Tables
  readonly #kept = new Map<string, { version: number; destination: Destination }>()
  readonly #concurrency = new Map<string, number>()

  constructor({ store }: StoreDep) {
    this.#store = store
  }

  /** What is known without asking; possibly out of date. */
  concurrencyOf(id: string): number | undefined {
    return this.#concurrency.get(id)
  }

  /** Known from the claim on: the destination itself is still being read while more is planned. */
  note({ id, concurrency }: DestinationState): void {
    this.#concurrency.delete(id)
    this.#concurrency.set(id, concurrency)
    forgetOldest(this.#concurrency)
  }

  /** @returns Undefined where it has been removed meanwhile. */
  async get({ id, version }: DestinationState): Promise<Destination | undefined> {
    const kept = this.#kept.get(id)
    if (kept?.version === version) return kept.destination
    const destination = await this.#store.destinations.find(id)
    if (destination === undefined) return undefined
    this.#kept.delete(id)
    this.#kept.set(id, { version, destination })
    forgetOldest(this.#kept)
    return destination
  }
}

function forgetOldest(kept: Map<string, unknown>): void {
  if (kept.size <= KEPT_MAX) return
  for (const oldest of kept.keys()) {
    kept.delete(oldest)
    break
  }
}
