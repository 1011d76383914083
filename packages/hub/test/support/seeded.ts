/** Chance that can be repeated: tests that need it print their seed, and take it from `FIRMA_SEED`. */
import { givenSeed } from '../../../../scripts/given-seed.ts'

export interface Chance {
  /** From 0 inclusive to 1 exclusive. */
  fraction(): number
  /** A whole number from `min` to `max`, both inclusive. */
  integer(min: number, max: number): number
  pick<T>(items: readonly T[]): T
}

/** The seed that was asked for, else a new one. */
export function chooseSeed(): number {
  return givenSeed() ?? Math.floor(Math.random() * 2 ** 31)
}

/** Mulberry32: small, fast, and good enough to choose faults by. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x6d_2b_79_f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    fraction,
    integer: (min, max) => min + Math.floor(fraction() * (max - min + 1)),
    pick: (items) => {
      const item = items[Math.floor(fraction() * items.length)]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
  }
}
