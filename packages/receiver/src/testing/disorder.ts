/** What networks do to deliveries, repeatably: the same seed makes the same disorder. */

/** A generator of numbers from 0 to 1 (mulberry32); good for tests, and for nothing else. */
function createRandom(seed: number): () => number {
  let state = Math.trunc(seed) % 4_294_967_296
  return () => {
    state = (state + 0x6d2b79f5) % 4_294_967_296
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The same items in another order. @param seed Any whole number. */
export function shuffle<T>(items: readonly T[], seed: number): T[] {
  const random = createRandom(seed)
  const shuffled = [...items]
  for (let i = shuffled.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1))
    const [moved] = shuffled.splice(j, 1)
    if (moved !== undefined) shuffled.splice(i, 0, moved)
  }
  return shuffled
}

/** The same items, each once to `copiesMax` times in a row; shuffle them to spread the repetitions. @param copiesMax 3 by default. */
export function duplicate<T>(items: readonly T[], seed: number, copiesMax = 3): T[] {
  const random = createRandom(seed)
  const repeated: T[] = []
  for (const item of items) {
    const copies = 1 + Math.floor(random() * copiesMax)
    for (let i = 0; i < copies; i += 1) repeated.push(item)
  }
  return repeated
}
