import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import { ENVIRONMENT_ID, addEnvironments, connectionRow } from '../../test/support/store-rows.ts'
import { EPOCH_MS, SlowClock, TestClock } from '../../test/support/test-clock.ts'
import { countConnections } from './count-connections.ts'

describeStore('counting connections', (open) => {
  it('is done once for all who ask, and anew when the time it took has passed 20 times', async () => {
    const store = await open()
    await addEnvironments(store)
    const clock = new SlowClock()
    const deps = { store, clock }
    const count = async () =>
      (await countConnections(deps, ENVIRONMENT_ID)).map((one) => `${one.state} ${one.count}`)
    expect(await Promise.all([count(), count()])).toEqual([[], []])
    await store.connections.save(connectionRow(), EPOCH_MS)
    expect(await count()).toEqual([])
    clock.moveTo(clock.nowMs() + 400)
    expect(await count()).toEqual(['active 1'])
  })

  it('is exact where the clock says that it took no time', async () => {
    const store = await open()
    await addEnvironments(store)
    const deps = { store, clock: new TestClock() }
    expect(await countConnections(deps, ENVIRONMENT_ID)).toEqual([])
    await store.connections.save(connectionRow(), EPOCH_MS)
    expect(await countConnections(deps, ENVIRONMENT_ID)).toHaveLength(1)
  })
})
