import type { ReconcileOptions, ReconcileReport } from './reconcile.ts'
import type { RecoverOptions, RecoverReport } from './recover.ts'
import { hostTimers, type Timers } from './retry-loop.ts'

/** When to repair, and who is told. */
export interface RepairScheduleOptions<Report> {
  /** Pause after each repair, in milliseconds, at least 1,000; hourly is plenty where webhooks arrive. */
  everyMs: number
  /** Timers; the host's by default. */
  timer?: Timers
  /** Told of every report, failures of the API included. */
  onReport?: (report: Report) => void
  /** Told when our own store failed; the schedule goes on. */
  onError?: (error: unknown) => void
}

/** Settings of `startReconciling`. */
export interface ReconcileScheduleOptions
  extends ReconcileOptions, RepairScheduleOptions<ReconcileReport> {}

/** Settings of `startRecovering`. */
export interface RecoverScheduleOptions
  extends RecoverOptions, RepairScheduleOptions<RecoverReport> {}

/** A running schedule. */
export interface RepairSchedule {
  /** Stops it; resolves when a repair that is under way has ended. */
  stop(): Promise<void>
}

const EVERY_MS_MIN = 1_000
/** What the timers of JavaScript can hold. */
const EVERY_MS_MAX = 2_147_483_647

/** Repairs now and then again after each pause; never two at a time. */
export function scheduleRepairs<Options, Report>(
  run: (options: Options) => Promise<Report>,
  schedule: Options & RepairScheduleOptions<Report>,
): RepairSchedule {
  const { everyMs, timer = hostTimers, onReport, onError } = schedule
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
      const report = await run(schedule)
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
