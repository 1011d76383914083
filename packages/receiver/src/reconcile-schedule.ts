import type { ReconcileOptions, ReconcileReport } from './reconcile.ts'
import { hostTimers, type Timers } from './retry-loop.ts'

/** Settings of `startReconciling`. */
export interface ReconcileScheduleOptions extends ReconcileOptions {
  /** Pause after each reconciliation, in milliseconds, at least 1,000; hourly is plenty where webhooks arrive. */
  everyMs: number
  /** Timers; the host's by default. */
  timer?: Timers
  /** Told of every report, failures of the API included. */
  onReport?: (report: ReconcileReport) => void
  /** Told when our own store failed; the schedule goes on. */
  onError?: (error: unknown) => void
}

/** A running schedule. */
export interface ReconcileSchedule {
  /** Stops it; resolves when a reconciliation that is under way has ended. */
  stop(): Promise<void>
}

const EVERY_MS_MIN = 1_000
/** What the timers of JavaScript can hold. */
const EVERY_MS_MAX = 2_147_483_647

/** Reconciles now and then again after each pause; never two at a time. */
export function scheduleReconciling(
  run: (options: ReconcileOptions) => Promise<ReconcileReport>,
  schedule: ReconcileScheduleOptions,
): ReconcileSchedule {
  const { everyMs, timer = hostTimers, onReport, onError, ...options } = schedule
  if (!Number.isSafeInteger(everyMs) || everyMs < EVERY_MS_MIN || everyMs > EVERY_MS_MAX) {
    throw new RangeError(
      `everyMs must be a whole number from ${EVERY_MS_MIN} to ${EVERY_MS_MAX}, found ${everyMs}`,
    )
  }
  let isStopped = false
  let handle: unknown
  let underWay: Promise<void> = Promise.resolve()
  const reportError = (error: unknown): void => {
    try {
      onError?.(error)
    } catch {
      // Whoever is told must not end the schedule.
    }
  }
  const once = async (): Promise<void> => {
    try {
      const report = await run(options)
      onReport?.(report)
    } catch (error) {
      reportError(error)
    }
    if (!isStopped) handle = timer.set(start, everyMs)
  }
  const start = (): void => {
    underWay = once()
  }
  start()
  return {
    async stop() {
      isStopped = true
      timer.clear(handle)
      await underWay
    },
  }
}
