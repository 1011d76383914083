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

/** A loop that may be told when something will be due. */
export interface TimedLoop extends Loop {
  /** Sleep no longer than until this time, in epoch milliseconds. */
  wakeBy(atMs: number): void
}

/** The default of what a turn that failed is tried again after. */
const FAILURE_PAUSE_MS = 5 * SECOND_MS
/** After so many failures in a row, whoever waits for the loop to be idle waits for no better one. */
const REPEATED_FAILURES_MAX = 3
/** Another process may have left work behind, so nobody sleeps for longer than this. */
const SLEEP_MS_MAX = MINUTE_MS

interface LoopState {
  isStopped: boolean
  isAsked: boolean
  /** The earliest time that was named since the present turn began. */
  byMs: number
  /** When the timer fires. */
  timerAtMs: number
  /** The last turn said that the next one is due already. */
  isDue: boolean
  /** Turns in a row that failed. */
  failures: number
  running: Promise<void> | undefined
}

const NEW: LoopState = {
  isStopped: false,
  isAsked: false,
  byMs: Number.POSITIVE_INFINITY,
  timerAtMs: Number.POSITIVE_INFINITY,
  isDue: false,
  failures: 0,
  running: undefined,
}

/**
 * Starts a loop.
 *
 * @param turn Returns when the next turn is due in epoch milliseconds, undefined when nothing waits.
 * @param failurePauseMs A turn that failed is tried again after this.
 */
export function startLoop(
  deps: ClockDep & TimerDep & LogDep,
  name: string,
  turn: () => Promise<number | undefined>,
  failurePauseMs = FAILURE_PAUSE_MS,
): TimedLoop {
  const state: LoopState = { ...NEW }
  let cancelTimer = (): void => {}

  const run = async (): Promise<void> => {
    while (state.isAsked && !state.isStopped) {
      state.isAsked = false
      state.byMs = Number.POSITIVE_INFINITY
      const nextAtMs = await takeTurn(deps, { name, turn, state, failurePauseMs })
      setTimer(Math.min(nextAtMs, state.byMs))
    }
    state.running = undefined
  }

  const setTimer = (atMs: number): void => {
    cancelTimer()
    const nowMs = deps.clock.nowMs()
    state.isDue = atMs <= nowMs
    const pauseMs = Math.min(Math.max(0, atMs - nowMs), SLEEP_MS_MAX)
    state.timerAtMs = nowMs + pauseMs
    cancelTimer = deps.timer.after(pauseMs, wake)
  }

  function wake(): void {
    state.isAsked = true
    if (!state.isStopped) state.running ??= run()
  }

  const wakeBy = (atMs: number): void => {
    state.byMs = Math.min(state.byMs, atMs)
    const isAwake = state.running !== undefined || state.isStopped
    if (!isAwake && atMs < state.timerAtMs) setTimer(atMs)
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
    wakeBy,
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

/** @returns When the next turn is due, in epoch milliseconds. */
async function takeTurn(
  deps: ClockDep & LogDep,
  loop: {
    name: string
    turn: () => Promise<number | undefined>
    state: LoopState
    failurePauseMs: number
  },
): Promise<number> {
  const { name, turn, state, failurePauseMs } = loop
  try {
    const nextAtMs = (await turn()) ?? Number.POSITIVE_INFINITY
    state.failures = 0
    return nextAtMs
  } catch (error) {
    state.failures += 1
    deps.log.error({ worker: name, error }, 'a worker turn failed; it is tried again')
    return deps.clock.nowMs() + failurePauseMs
  }
}
