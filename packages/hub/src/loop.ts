/** A worker's loop: takes a turn when it is woken or when the next one is due, one turn at a time. */
import type { ClockDep, LogDep, TimerDep } from './deps.ts'
import { MINUTE_MS, SECOND_MS } from './core/time.ts'

export interface Loop {
  /** Something may be due: take a turn as soon as the present one has ended. */
  wake(): void
  /** Resolves when no turn runs and none was asked for. */
  idle(): Promise<void>
  /** Ends after the present turn. */
  stop(): Promise<void>
}

/** A turn that failed is tried again after this. */
const FAILURE_PAUSE_MS = 5 * SECOND_MS
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
  const state: { isStopped: boolean; isAsked: boolean; running: Promise<void> | undefined } = {
    isStopped: false,
    isAsked: false,
    running: undefined,
  }
  let cancelTimer = (): void => {}

  const run = async (): Promise<void> => {
    while (state.isAsked && !state.isStopped) {
      state.isAsked = false
      const nextAtMs = await takeTurn()
      cancelTimer()
      const untilNextMs = nextAtMs - deps.clock.nowMs()
      cancelTimer = deps.timer.after(Math.min(Math.max(0, untilNextMs), SLEEP_MS_MAX), wake)
    }
    state.running = undefined
  }

  const takeTurn = async (): Promise<number> => {
    try {
      return (await turn()) ?? Number.POSITIVE_INFINITY
    } catch (error) {
      deps.log.error({ worker: name, error }, 'a worker turn failed; it is tried again')
      return deps.clock.nowMs() + FAILURE_PAUSE_MS
    }
  }

  function wake(): void {
    state.isAsked = true
    if (!state.isStopped) state.running ??= run()
  }

  const idle = async (): Promise<void> => {
    while (state.running !== undefined) await state.running
  }

  return {
    wake,
    idle,
    stop: async () => {
      state.isStopped = true
      await idle()
      cancelTimer()
    },
  }
}
