/** Destinations with their opened secrets, so that none is read and decrypted for each delivery. */
import type { Destination, DestinationState } from '../store/destinations.ts'
import type { StoreDep, Tables } from '../store/open.ts'

/** Destinations kept; beyond, the one unused for longest is forgotten. */
const KEPT_MAX = 1_000

export class DestinationCache {
  readonly #store: Tables
  readonly #kept = new Map<string, { version: number; destination: Destination }>()

  constructor({ store }: StoreDep) {
    this.#store = store
  }

  /** What is known without asking; possibly out of date. */
  peek(id: string): Destination | undefined {
    return this.#kept.get(id)?.destination
  }

  /** @returns Undefined where it has been removed meanwhile. */
  async get({ id, version }: DestinationState): Promise<Destination | undefined> {
    const kept = this.#kept.get(id)
    if (kept?.version === version) return kept.destination
    const destination = await this.#store.destinations.find(id)
    if (destination === undefined) return undefined
    this.#kept.delete(id)
    this.#kept.set(id, { version, destination })
    if (this.#kept.size > KEPT_MAX) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest)
        break
      }
    }
    return destination
  }
}
