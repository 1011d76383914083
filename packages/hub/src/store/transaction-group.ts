/** Transactions that may share a commit: on SQLite each commit waits for the disk, and one wait serves many. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** How many share one at most, so that nobody waits long. */
const GROUP_MAX = 64

interface Waiting<Tx> {
  /** Runs it and keeps what came of it. */
  run(tx: Tx): Promise<void>
  /** Tells the caller what was kept. */
  finish(): void
  reject(error: unknown): void
}

/** Collects what one turn of the event loop brings, and what comes while others commit, and commits it together. */
export class TransactionGroup<Tx> {
  readonly #transact: (run: (tx: Tx) => Promise<void>) => Promise<void>
  readonly #waiting: Waiting<Tx>[] = []
  #isCommitting = false

  /** @param transact Runs one transaction. */
  constructor(transact: (run: (tx: Tx) => Promise<void>) => Promise<void>) {
    this.#transact = transact
  }

  /** Resolves when what `run` wrote is committed, alone or with others; one that fails takes nobody with it. */
  add<T>(run: (tx: Tx) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let kept: T
      this.#waiting.push({
        run: async (tx) => {
          kept = await run(tx)
        },
        finish: () => resolve(kept),
        reject,
      })
      if (!this.#isCommitting) void this.#commitAll()
    })
  }

  async #commitAll(): Promise<void> {
    this.#isCommitting = true
    while (this.#waiting.length > 0) {
      // What came in while the last group held the event loop up has its turn first, and so joins this one; and what
      // that brings in turn, such as the next step of whoever has just been answered.
      await nextTurn()
      await nextTurn()
      await this.#commitGroup(this.#waiting.splice(0, GROUP_MAX))
    }
    this.#isCommitting = false
  }

  async #commitGroup(group: readonly Waiting<Tx>[]): Promise<void> {
    try {
      await this.#transact(async (tx) => {
        for (const one of group) await one.run(tx)
      })
      for (const one of group) one.finish()
    } catch (error) {
      if (group.length === 1) group[0]?.reject(error)
      // Whose fault it is shows when each goes alone.
      else for (const one of group) await this.#commitGroup([one])
    }
  }
}
