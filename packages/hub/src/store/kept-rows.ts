import type { Sealer } from '../seal.ts'

/** Rows that are remembered; beyond it all are forgotten. */
const KEPT_MAX = 1_000

/**
 * What was made of rows that everything reads and hardly anybody changes: opening their secrets and parsing their JSON
 * costs more than reading them. The row is read each time; while it is as it was, so is what was made of it.
 */
export class KeptRows<Row extends object, Value> {
  /** By hub, whose keys have opened the secrets. */
  readonly #kept = new WeakMap<Sealer, Map<string, { readonly row: Row; readonly value: Value }>>()
  readonly #make: (row: Row, sealer: Sealer) => Value

  constructor(make: (row: Row, sealer: Sealer) => Value) {
    this.#make = make
  }

  /** @param key Names the row in its table. */
  get(sealer: Sealer, key: string, row: Row): Value {
    let kept = this.#kept.get(sealer)
    if (kept === undefined) this.#kept.set(sealer, (kept = new Map()))
    const known = kept.get(key)
    if (known !== undefined && isSame(known.row, row)) return known.value
    const value = this.#make(row, sealer)
    if (kept.size >= KEPT_MAX) kept.clear()
    kept.set(key, { row, value })
    return value
  }
}

function isSame<Row extends object>(a: Row, b: Row): boolean {
  for (const name in a) if (a[name] !== b[name]) return false
  return true
}
