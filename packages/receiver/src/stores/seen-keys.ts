/**
 * Which events an inbox has, answered from memory for nearly all that are new.
 *
 * A unique index over random keys makes each insert write to a page of its own, and the more there are the slower: ingest falls to a half within a
 * million rows. So keys are indexed in buckets of numbers that are given out together, where inserts meet on few pages, and these filters say
 * in which buckets a key can be at all. They err on one side only: what they do not know was never inserted.
 */

/** Events in one bucket of the indexes: 2 to the power of this. The migrations repeat it. */
export const BUCKET_BITS = 10
/** Events in one range, of which a filter says whether a key can be there: 2 to the power of this. */
const RANGE_BITS = 18
/**
 * Bits of one filter, 24 for each event: each full one has one new event in 24,000 looked up in vain. With 16 it was one in 1,000, and at five million
 * events a quarter of all that an event cost.
 */
const FILTER_BITS = 24 * 2 ** RANGE_BITS
const PROBES = 8
/** Filters that share an array, one bit of each byte for each of them: a probe then asks all of them with one access to memory, which is what probes cost. */
const RANGES_TOGETHER = 8

/** A key's hash: 53 bits, as many as a number holds exactly. The same for ever: it is stored. */
export function hashKey(environment: string, key: string): number {
  const [high, low] = hash(`${environment}\n${key}`)
  return (high >>> 11) * 2 ** 32 + low
}

/** Two rounds of 32 bits side by side (cyrb53, a public-domain mixer); not for secrets: equal hashes are told apart by the whole key. */
function hash(text: string): [high: number, low: number] {
  let a = 0xde_ad_be_ef
  let b = 0x41_c6_ce_57
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ unit, 2_654_435_761)
    b = Math.imul(b ^ unit, 1_597_334_677)
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909)
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909)
  return [b >>> 0, a >>> 0]
}

/** Buckets that follow one another. */
export interface BucketRange {
  /** Number of the first one. */
  first: number
  /** Number of the last one. */
  last: number
}

/** Filters over the hashes of all events that were added; 3 bytes of memory for each, taken for two million at once. */
export class SeenKeys {
  readonly #groups = new Map<number, Uint8Array>()
  /** Number of the first range that is not forgotten. */
  #firstRange = 0

  /** Notes that the event with this number has this hash. */
  add(seq: number, keyHash: number): void {
    const range = Math.floor(seq / 2 ** RANGE_BITS)
    const group = Math.floor(range / RANGES_TOGETHER)
    const bit = 1 << (range % RANGES_TOGETHER)
    let filters = this.#groups.get(group)
    if (filters === undefined) {
      filters = new Uint8Array(FILTER_BITS)
      this.#groups.set(group, filters)
    }
    const { start, step } = toProbes(keyHash)
    for (let probe = 0; probe < PROBES; probe += 1) {
      const at = ((start + Math.imul(probe, step)) >>> 0) % FILTER_BITS
      filters[at] = (filters[at] ?? 0) | bit
    }
  }

  /** Buckets in which an event with this hash may be, the newest first; nearly always none when it is new. */
  findRanges(keyHash: number): BucketRange[] {
    const { start, step } = toProbes(keyHash)
    const ranges: BucketRange[] = []
    for (const [group, filters] of this.#groups) {
      let found = 2 ** RANGES_TOGETHER - 1
      for (let probe = 0; probe < PROBES && found !== 0; probe += 1) {
        found &= filters[((start + Math.imul(probe, step)) >>> 0) % FILTER_BITS] ?? 0
      }
      for (let n = 0; found >> n !== 0; n += 1) {
        if (((found >> n) & 1) === 1) ranges.push(toBuckets(group * RANGES_TOGETHER + n))
      }
    }
    return ranges.sort((x, y) => y.first - x.first)
  }

  /** Forgets what is about events with smaller numbers than this one, as far as no others are with them. */
  forgetBefore(seq: number): void {
    const first = Math.floor(seq / 2 ** RANGE_BITS)
    // Walks through megabytes, and is asked often.
    if (first <= this.#firstRange) return
    this.#firstRange = first
    for (const [group, filters] of this.#groups) {
      const gone = first - group * RANGES_TOGETHER
      if (gone >= RANGES_TOGETHER) this.#groups.delete(group)
      else if (gone > 0) {
        const kept = (2 ** RANGES_TOGETHER - 1) & ~(2 ** gone - 1)
        for (let i = 0; i < filters.length; i += 1) filters[i] = (filters[i] ?? 0) & kept
      }
    }
  }
}

function toBuckets(range: number): BucketRange {
  const first = range * 2 ** (RANGE_BITS - BUCKET_BITS)
  return { first, last: first + 2 ** (RANGE_BITS - BUCKET_BITS) - 1 }
}

/** Double hashing: two independent parts of the hash give as many places as are needed. */
function toProbes(keyHash: number): { start: number; step: number } {
  const high = Math.floor(keyHash / 2 ** 32) | 1
  return { start: keyHash >>> 0, step: Math.imul(high, 0x9e_37_79_b1) }
}
