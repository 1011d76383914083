/** Calls the handler again for what is due, as long as the process lives. */

/** The host's timers; the global ones by default. */
export interface Timers {
  /** Calls `fn` once, after `delayMs` milliseconds; returns what {@link Timers.clear} needs. */
  set(fn: () => void, delayMs: number): unknown
  /** Does not call it. */
  clear(timer: unknown): void
}

/** Settings of `receiver.start()`. */
export interface StartOptions {
  /** Milliseconds between looks for what is due, where there was little; 1,000 by default. */
  pollMs?: number
  /** Told when the store fails; the loop goes on with the next look. `ReceiverOptions.onError` by default. */
  onError?: (error: unknown) => void
}

const POLL_MS = 1_000

/** Timers of the host. They do not keep a process alive that has nothing else to do. */
export const hostTimers: Timers = {
  set(fn, delayMs) {
    const timer = setTimeout(fn, delayMs)
    // Absent outside Node, where a timer is a number.
    if (typeof timer === 'object') timer.unref()
    return timer
  },
  clear(timer) {
    // Its own `set` made it.
    if (isTimer(timer)) clearTimeout(timer)
  },
}

function isTimer(timer: unknown): timer is ReturnType<typeof setTimeout> {
  return typeof timer === 'object' || typeof timer === 'number'
}

/** Runs turns one after the other, with a pause after a turn that found no more to do. */
export class RetryLoop {
  readonly #turn: () => Promise<boolean>
  readonly #timers: Timers
  #running: { options: StartOptions; timer: unknown; turn: Promise<void> } | undefined

  /** @param turn Does what is due; resolves with whether there is more. */
  constructor(turn: () => Promise<boolean>, timers: Timers) {
    this.#turn = turn
    this.#timers = timers
  }

  /** Begins with a turn at once. Does nothing when it runs already. */
  start(options: StartOptions): void {
    if (this.#running !== undefined) return
    this.#running = { options, timer: undefined, turn: Promise.resolve() }
    this.#next(0)
  }

  /** Begins no further turn; resolves when the present one has ended. */
  async stop(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    this.#timers.clear(running.timer)
    await running.turn
  }

  #next(delayMs: number): void {
    const running = this.#running
    if (running === undefined) return
    running.timer = this.#timers.set(() => {
      running.turn = this.#takeTurn(running.options)
    }, delayMs)
  }

  async #takeTurn({ pollMs = POLL_MS, onError }: StartOptions): Promise<void> {
    let isMore = false
    try {
      isMore = await this.#turn()
    } catch (error) {
      onError?.(error)
    }
    this.#next(isMore ? 0 : pollMs)
  }
}
