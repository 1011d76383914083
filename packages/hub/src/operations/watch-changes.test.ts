import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import { ENVIRONMENT_ID, addEnvironments, eventRow } from '../../test/support/store-rows.ts'
import { createBell, watchChanges } from './watch-changes.ts'
import { parseTopics } from './watch-topics.ts'

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

describeStore('watching an environment', (open) => {
  it('goes on at the present when more happens than is taken, and says that it does', async () => {
    const store = await open()
    await addEnvironments(store)
    const add = async (name: string, count: number): Promise<void> =>
      await store.events.addMany(
        Array.from({ length: count }, (_, i) => eventRow({ id: `${name} ${i}`, lineageId: null })),
      )
    const { look } = await watchChanges({ store, clock: { nowMs: () => 0 } }, ENVIRONMENT_ID, {
      after: 0,
      topics: parseTopics(''),
    })
    await add('first', 1_500)
    for (let looks = 0; looks < 10; looks += 1) {
      const { events, hasMore, hasGap } = await look()
      expect([events.length, hasMore, hasGap]).toEqual([100, true, false])
    }
    expect(await look()).toMatchObject({ events: [], hasMore: false, hasGap: true })
    await add('second', 1)
    const next = await look()
    expect(next.events.map(({ id }) => id)).toEqual(['second 0'])
    expect(next.hasGap).toBe(false)
  })
})
