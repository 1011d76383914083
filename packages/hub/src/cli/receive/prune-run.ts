import { hostTimers, type Receiver, type Timers } from 'firma-receiver'
import type { Log } from '../../deps.ts'
import { toErrorText } from './error-text.ts'

/** Pause between two, in milliseconds. */
const EVERY_MS = 3_600_000

/** Deletes old events now and every hour. */
export function startPruning(
  receiver: Pick<Receiver, 'prune'>,
  { retentionMs, timers = hostTimers, log }: PruneSettings,
): { stop(): Promise<void> } {
  if (retentionMs === undefined) return { stop: async () => undefined }
  let isStopped = false
  let timer: unknown
  let underWay: Promise<void> = Promise.resolve()
  const once = async (): Promise<void> => {
    try {
      const count = await receiver.prune({ olderThanMs: retentionMs })
      if (count > 0) log.info({ count }, 'old events were deleted')
    } catch (error) {
      log.error({ reason: toErrorText(error) }, 'old events could not be deleted')
    }
    if (!isStopped) timer = timers.set(begin, EVERY_MS)
  }
  const begin = (): void => {
    underWay = once()
  }
  begin()
  return {
    async stop() {
      isStopped = true
      timers.clear(timer)
      await underWay
    },
  }
}

export interface PruneSettings {
  /** `undefined`: nothing is deleted. */
  readonly retentionMs: number | undefined
  readonly timers?: Timers | undefined
  readonly log: Log
}
