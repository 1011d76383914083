/** What many ask for again and again, and what takes long to read. */
import type { ClockDep } from '../deps.ts'
import type { Store, StoreDep } from '../store/open.ts'

interface Known<T> {
  readonly value: Promise<T>
  /** Infinity while it is read: who asks meanwhile waits for the same. */
  untilMs: number
}

/** Reads, or gives what was read under the same key not long ago. */
export type SharedRead<T> = (
  deps: ClockDep & StoreDep,
  key: string,
  read: () => Promise<T>,
) => Promise<T>

/**
 * Reads once for all who ask, and for each key at most one part in `share` of the time: what took a millisecond is read
 * anew after `share` of them.
 */
export function shareReads<T>(share: number): SharedRead<T> {
  /** What is too old goes with the next read, and all of it with the store. */
  const known = new WeakMap<Store, Map<string, Known<T>>>()
  return async ({ store, clock }, key, read) => {
    const ofStore = known.get(store) ?? new Map<string, Known<T>>()
    known.set(store, ofStore)
    const begunAtMs = clock.nowMs()
    const last = ofStore.get(key)
    if (last !== undefined && begunAtMs < last.untilMs) return await last.value
    for (const [old, { untilMs }] of ofStore) if (untilMs <= begunAtMs) ofStore.delete(old)
    const value = read()
    const now: Known<T> = { value, untilMs: Number.POSITIVE_INFINITY }
    ofStore.set(key, now)
    try {
      await value
      const endedAtMs = clock.nowMs()
      now.untilMs = endedAtMs + (endedAtMs - begunAtMs) * share
    } catch (error) {
      ofStore.delete(key)
      throw error
    }
    return await value
  }
}
