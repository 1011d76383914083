import { SECOND_MS } from '../core/time.ts'
import type { LogDep, TimerDep } from '../deps.ts'

/**
 * Writes what a provider has given and nobody could give again: while the database fails, it is kept and
 * tried again, each time twice as long after the one before, from 1 s on.
 *
 * @param what For the log: what could not be stored.
 * @param write May have committed although it throws, so it must bear being run again.
 * @throws What `write` throws at the last try.
 */
export async function insist<T>(
  deps: TimerDep & LogDep,
  { what, triesMax }: { readonly what: string; readonly triesMax: number },
  write: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write()
    } catch (error) {
      if (tries >= triesMax) throw error
      deps.log.error({ error }, `${what} could not be stored; it is tried again`)
      const pauseMs = SECOND_MS * 2 ** (tries - 1)
      await new Promise<void>((resolve) => void deps.timer.after(pauseMs, resolve))
    }
  }
}
