/** A worker's loop: takes a turn when it is woken or when the next one is due, one turn at a time. */
import type { ClockDep, LogDep, TimerDep } from './deps.ts'
import { MINUTE_MS, SECOND_MS } from './core/time.ts'

export interface Loop {
  /** Something may be due: take a turn as soon as the present one has ended. */
  wake(): void
  /** Nothing runs, and nothing is due now. */
  readonly isIdle: boolean
  /**
   * Resolves when it {@link isIdle}. Whatever is to be repeated in a moment, a turn that failed for one, is
   * repeated at once, so that nobody has to wait for a clock that may stand still.
   */
  idle(): Promise<void>
  /** Ends after the present turn. */
  stop(): Promise<void>
}

/** A turn that failed is tried again after this. */
const FAILURE_PAUSE_MS = 5 * SECOND_MS
/** After so many failures in a row, whoever waits for the loop to be idle waits for no better one. */
const REPEATED_FAILURES_MAX = 3
/** Another process may have left work behind, so nobody sleeps for longer than this. */
const SLEEP_MS_MAX = MINUTE_MS

/**
 * Starts a loop.
 *
 * @param turn Returns when the next turn is due in epoch milliseconds, undefined when nothing waits.
 */
export function startLoop(
  deps: ClockDep & TimerDep & LogDep,
  name: string,
  turn: () => Promise<number | undefined>,
): Loop {
  const state: {
    isStopped: boolean
    isAsked: boolean
    /** The last turn said that the next one is due already. */
    isDue: boolean
    /** Turns in a row that failed. */
    failures: number
    running: Promise<void> | undefined
  } = { isStopped: false, isAsked: false, isDue: false, failures: 0, running: undefined }
  let cancelTimer = (): void => {}

  const run = async (): Promise<void> => {
    while (state.isAsked && !state.isStopped) {
      state.isAsked = false
      const nextAtMs = await takeTurn()
      cancelTimer()
      const untilNextMs = nextAtMs - deps.clock.nowMs()
      state.isDue = untilNextMs <= 0
      cancelTimer = deps.timer.after(Math.min(Math.max(0, untilNextMs), SLEEP_MS_MAX), wake)
    }
    state.running = undefined
  }

  const takeTurn = async (): Promise<number> => {
    try {
      const nextAtMs = (await turn()) ?? Number.POSITIVE_INFINITY
      state.failures = 0
      return nextAtMs
    } catch (error) {
      state.failures += 1
      deps.log.error({ worker: name, error }, 'a worker turn failed; it is tried again')
      return deps.clock.nowMs() + FAILURE_PAUSE_MS
    }
  }

  function wake(): void {
    state.isAsked = true
    if (!state.isStopped) state.running ??= run()
  }

  const ended = async (): Promise<void> => {
    while (state.running !== undefined) await state.running
  }

  const isIdle = (): boolean => {
    if (state.running !== undefined) return false
    if (state.isStopped) return true
    const mayDoBetter = state.failures > 0 && state.failures < REPEATED_FAILURES_MAX
    return !state.isDue && !mayDoBetter
  }

  return {
    wake,
    get isIdle() {
      return isIdle()
    },
    idle: async () => {
      for (;;) {
        await ended()
        if (isIdle()) return
        wake()
      }
    },
    stop: async () => {
      state.isStopped = true
      await ended()
      cancelTimer()
    },
  }
}
