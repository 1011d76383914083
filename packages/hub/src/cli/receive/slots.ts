/** Lets so many run at once; the others wait, first come, first served. */
export class Slots {
  #free: number
  #isClosed = false
  readonly #waiting: { start: () => void; refuse: (error: Error) => void }[] = []

  constructor(max: number) {
    this.#free = max
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#take()
    try {
      return await work()
    } finally {
      this.#free += 1
      this.#startNext()
    }
  }

  /** Whoever waits is refused, and whoever comes from now on. */
  close(): void {
    this.#isClosed = true
    for (const { refuse } of this.#waiting.splice(0)) refuse(new SlotsClosedError())
  }

  async #take(): Promise<void> {
    if (this.#isClosed) throw new SlotsClosedError()
    await new Promise<void>((start, refuse) => {
      this.#waiting.push({ start, refuse })
      this.#startNext()
    })
  }

  #startNext(): void {
    if (this.#free === 0) return
    const next = this.#waiting.shift()
    if (next === undefined) return
    this.#free -= 1
    next.start()
  }
}

/** The process is about to end. */
class SlotsClosedError extends Error {
  override readonly name = 'SlotsClosedError'

  constructor() {
    super('not sent: the service was stopping')
  }
}
