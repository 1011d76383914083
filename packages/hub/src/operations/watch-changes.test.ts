import { expect, it } from 'vitest'
import { createBell } from './watch-changes.ts'

it('forgets who has waited long enough, also where nothing happens', async () => {
  let cancelled = 0
  const due: (() => void)[] = []
  const after = (_ms: number, run: () => void) => {
    due.push(run)
    return () => {
      cancelled += 1
    }
  }
  const bell = createBell({ timer: { after } })
  for (let waits = 0; waits < 3; waits += 1) {
    const waiting = bell.wait()
    due.pop()?.()
    await waiting
  }
  cancelled = 0
  bell.ring()
  expect(cancelled).toBe(0)
})
