import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  OTHER_ENVIRONMENT_ID,
  addEnvironments,
  flowRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS, TestClock } from '../../test/support/test-clock.ts'
import { MINUTE_MS } from '../core/time.ts'
import { createIds, systemRandom } from '../system.ts'
import { sweepFlows } from './sweep-flows.ts'

const nothing = (): void => undefined

describeStore('sweepFlows', (open) => {
  it('ends what is overdue behind many that cannot be ended, and says so once', async () => {
    const store = await open()
    await addEnvironments(store)
    await store.transaction(async (tx) => {
      for (let index = 0; index < 100; index += 1) {
        const environmentId = OTHER_ENVIRONMENT_ID
        await tx.flows.add(flowRow({ id: `stuck ${index}`, environmentId, deadlineMs: 1 }), null)
      }
      await tx.flows.add(flowRow({ id: 'behind', deadlineMs: 2 }), null)
    })
    const find = store.environments.find.bind(store.environments)
    store.environments.find = async (id) => {
      if (id === ENVIRONMENT_ID) return await find(id)
      throw new TypeError('as with a grant that does not open')
    }
    const clock = new TestClock()
    const wake = { deliveries: nothing, revocations: nothing, resends: nothing, flows: nothing }
    const rest = { jobs: nothing, refreshes: nothing, providerTasks: nothing, keys: nothing }
    const errors: unknown[] = []
    const nextAtMs = await sweepFlows({
      clock,
      store,
      ids: createIds(clock, systemRandom),
      wake: { ...wake, ...rest },
      log: { info: nothing, warn: nothing, error: (fields) => void errors.push(fields) },
    })
    expect(nextAtMs).toBe(EPOCH_MS + MINUTE_MS)
    expect(await store.flows.find('behind')).toMatchObject({ status: 'failed' })
    expect(await store.flows.find('stuck 0')).toMatchObject({ endedAtMs: null })
    expect(errors).toMatchObject([{ failed: 100, flow: expect.stringContaining('stuck') }])
  })
})
