/** How the hub ends: what is under way is finished within a stated time, and the rest is handed on. */
import { MINUTE_MS, SECOND_MS } from './core/time.ts'
import type { LogDep, TimerDep } from './deps.ts'

/** What is under way when the hub is closed may take so long; after it, what is left is let go of. */
export const CLOSE_MS_MAX = 10 * SECOND_MS
/** What has been cut off ends by itself within this time; nobody waits longer for it. */
const CUT_OFF_MS_MAX = 2 * SECOND_MS
/**
 * Refreshes that providers have been sent are waited for so long: as long as an answer may take, and a minute to store
 * it. Whatever ends the process by force has to wait for longer.
 */
export const SENT_MS_MAX = 5 * MINUTE_MS

/**
 * Stops all workers at once, so that none takes new work while another finishes.
 *
 * @param letGo Makes what is still under way free for others, and cuts it off.
 * @returns False when something had to be let go of.
 */
export async function stopWorkers(
  deps: TimerDep & LogDep,
  workers: readonly { stop(): Promise<void> }[],
  letGo: () => Promise<void>,
): Promise<boolean> {
  const stopping = Promise.all(
    workers.map(async (worker) => await inAnyCase(deps, async () => await worker.stop())),
  )
  if (await endsWithin(deps, stopping, CLOSE_MS_MAX)) return true
  await inAnyCase(deps, letGo)
  await endsWithin(deps, stopping, CUT_OFF_MS_MAX)
  return false
}

/**
 * Waits for refreshes whose refresh token is spent: nothing could give their answers again, and a process that is
 * killed loses them. Where no provider is slow, none are left by now.
 */
export async function finishSent(
  deps: TimerDep & LogDep,
  running: ReadonlyMap<string, Promise<unknown>>,
): Promise<void> {
  if (running.size === 0) return
  const waiting = { refreshes: running.size, minutesMax: SENT_MS_MAX / MINUTE_MS }
  deps.log.info(waiting, 'the hub ends when providers have answered the refreshes that were sent')
  const answered = Promise.allSettled(running.values())
  if (await endsWithin(deps, answered, SENT_MS_MAX)) return
  const lost = { refreshes: running.size }
  deps.log.error(
    lost,
    'refreshes were cut off; where tokens are single use, people may have to connect again',
  )
}

/**
 * One step of closing, which goes on when it fails. The database may be down: what could not be written there is
 * taken up after its lease, but connections, timers and files must not stay open.
 */
export async function inAnyCase({ log }: LogDep, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    log.warn({ error }, 'something could not be ended in order; it ends with its lease')
  }
}

async function endsWithin(
  deps: TimerDep,
  ending: Promise<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  let cancel = (): void => {}
  const isLate = new Promise<false>((resolve) => {
    cancel = deps.timer.after(timeoutMs, () => resolve(false))
  })
  const hasEnded = await Promise.race([ending.then(() => true), isLate])
  cancel()
  return hasEnded
}
